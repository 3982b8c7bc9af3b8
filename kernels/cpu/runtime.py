"""Numba's runtime, which allocates arrays in kernels: loaded from disk, too, once it is compiled.

Numba compiles these few functions in every process that runs a kernel. For them alone LLVM's whole code generator is
read into memory: 20 MiB, and 0.05 s. Each folder that a kernel is kept in has them, too, so that any kernel can be the
first.

This is inside Numba, as `on_disk.py` is: tried with 0.61 to 0.68. Where a name is missing or something fails, Numba
compiles them as ever.
"""

import os
import pickle
from contextlib import suppress
from pathlib import Path
from typing import Any
from zlib import crc32

import llvmlite
import numba
from numba.core import config
from numba.core.codegen import CPUCodegen, CPUCodeLibrary
from numba.core.compiler_lock import global_compiler_lock
from numba.core.runtime import nrtdynmod, rtsys

NAME = "numba_runtime.machine_code"
CHECKSUM = 4  # bytes, before the rest of the file


_content = b""  # of the file, once this process has read or compiled it


@global_compiler_lock
def start(folder: Path, context: Any) -> None:
    """Initialize Numba's runtime by the machine code in `folder`, or else by what is compiled, and then kept there."""
    if rtsys._init:
        return
    as_ever, path = nrtdynmod.compile_nrt_functions, folder / NAME
    if not config.DEBUG_NRT:  # with which other functions are compiled
        nrtdynmod.compile_nrt_functions = lambda context: found(path, context) or _made(path, context)
    try:
        rtsys.initialize(context)
    except Exception:
        nrtdynmod.compile_nrt_functions = as_ever  # this Numba is made otherwise than those that were tried
        rtsys.initialize(context)
    finally:
        nrtdynmod.compile_nrt_functions = as_ever


def keep_beside(folder: Path) -> None:
    """Keep the runtime in a folder that a kernel is kept in, if it is not there."""
    if _content and not (folder / NAME).exists():
        keep(folder / NAME, _content)


def found(path: Path, context: Any) -> Any:
    """Return the library on disk; None if there is none for this processor and these versions, or it is damaged."""
    global _content
    try:
        content = path.read_bytes()
    except OSError:
        return None
    if len(content) <= CHECKSUM or crc32(content[CHECKSUM:]) != int.from_bytes(content[:CHECKSUM], "little"):
        return None
    made_for, library = pickle.loads(content[CHECKSUM:])
    if made_for != _made_for(context):
        return None
    _content = content
    return context.codegen().unserialize_library(library)


def packed(library: Any, context: Any) -> bytes:
    """Return what is written to the file for a library's machine code."""
    content = pickle.dumps((_made_for(context), library))
    return crc32(content).to_bytes(CHECKSUM, "little") + content


def keep(path: Path, content: bytes) -> None:
    """Write the file, where the folder can be written; no reader ever takes a part of it for the whole."""
    written = path.with_name(f"{NAME}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        written.write_bytes(content)
        written.replace(path)
    except OSError:  # the kernels' own files, which are kept in the same folder, report it
        with suppress(OSError):
            written.unlink(missing_ok=True)


def _made_for(context: Any) -> Any:
    """Return what machine code depends on: versions, and the processor."""
    return numba.__version__, llvmlite.__version__, context.codegen().magic_tuple()


def _made(path: Path, context: Any) -> Any:
    """Compile the library, and keep it."""
    global _content
    module, library = nrtdynmod.create_nrt_module(context)
    library.enable_object_caching()
    library.add_ir_module(module)
    library.finalize()
    _content = packed(library.serialize_using_object_code(), context)
    keep(path, _content)
    return library


# An AttributeError here says that this Numba is made otherwise.
for _owner, _names in (
    (nrtdynmod, ("compile_nrt_functions", "create_nrt_module")),
    (rtsys, ("_init", "initialize")),
    (CPUCodegen, ("magic_tuple", "unserialize_library")),
    (CPUCodeLibrary, ("add_ir_module", "enable_object_caching", "finalize", "serialize_using_object_code")),
):
    for _name in _names:
        getattr(_owner, _name)
