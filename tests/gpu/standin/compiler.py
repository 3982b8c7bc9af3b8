"""The text of a .cu file to a library of kernels that run on the CPU."""

import ctypes
import hashlib
import os
import re
import subprocess
import tempfile
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
KERNEL = re.compile(r"__global__\s+void\s+(?:__launch_bounds__\s*\([^)]*\)\s*)?(\w+)\s*\(")
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
WARNINGS = ["-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas"]
FLAGS = ["g++", "-std=c++20", "-O1", "-g", "-fPIC", "-fvisibility=hidden", "-ffp-contract=off"]


class CompileException(Exception):  # noqa: N818 - CuPy's word
    """What the compiler said of a kernel it refused."""


def sanitizers() -> str:
    """Return g++'s names of the sanitizers that kernels are compiled with, as the environment says; "" for none."""
    return os.environ.get("TINYCONV_STANDIN_SANITIZE", "")


def _flags() -> list[str]:
    chosen = sanitizers()
    if not chosen:
        return [*FLAGS, *WARNINGS]
    return [*FLAGS, *WARNINGS, f"-fsanitize={chosen}", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]


def _folder() -> Path:
    """Return the folder of this user's compiled kernels; nobody else can have written there."""
    folder = Path(tempfile.gettempdir()) / f"tinyconv-cuda-on-cpu-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if status.st_uid != os.getuid() or status.st_mode & 0o077 or folder.is_symlink():
        raise PermissionError(f"{folder} must be a folder that its owner alone can use; remove it")
    return folder


def _made(parts: list[str], suffix: str, command: list[str], text: str | None = None) -> Path:
    """Return the file that `command -o file` makes, running it unless a file of the same `parts` exists.

    `text`, if given, is compiled: it is written beside the file, for debuggers and for the sanitizers' reports.
    """
    key = hashlib.sha256("\0".join([_version(), *parts]).encode()).hexdigest()[:32]
    target = _folder() / f"{key}{suffix}"
    if target.exists():
        return target
    if text is not None:
        source = target.with_suffix(".cu")
        draft = target.with_suffix(f".{os.getpid()}.cu")
        draft.write_text(text, encoding="utf-8")
        draft.replace(source)  # in one go: another process may be compiling it
        command = [*command, "-x", "c++", str(source), "-x", "none"]
    unfinished = target.with_suffix(f".{os.getpid()}")
    done = subprocess.run([*command, "-o", str(unfinished)], capture_output=True, text=True)
    if done.returncode:
        raise CompileException(f"g++ refused a kernel:\n{done.stderr}\n{text or ''}")
    unfinished.replace(target)
    return target


@cache
def _version() -> str:
    return subprocess.run(
        ["g++", "-dumpfullversion", "-dumpmachine"], capture_output=True, text=True, check=True
    ).stdout


@cache
def _runtime(sanitizers: str) -> tuple[str, Path]:
    """Return the texts behind every kernel, in one, and the compiled part of them."""
    text = "".join((HERE / name).read_text(encoding="utf-8") for name in ("cuda_on_cpu.h", "runtime.cpp"))
    flags = [*FLAGS, *(["-DWATCHED"] if sanitizers == "thread" else [])]
    return text, _made([text, *flags], ".o", [*flags, "-c", str(HERE / "runtime.cpp")])


@cache
def load(code: str, defines: tuple[str, ...]) -> tuple[ctypes.CDLL, list[str]]:
    """Return the library made of a .cu file's text, and the names of its kernels; `defines` are options such as -Dx=y.

    Raises CompileException with the compiler's words; every warning is an error.
    """
    bare = COMMENT.sub("", code)
    names = KERNEL.findall(bare)
    takes_turns = str("__syncthreads" in bare).lower()
    shares_memory = str("__shared__" in bare).lower()
    text = code + "\n" + "".join(f"ON_CPU_KERNEL({name}, {takes_turns}, {shares_memory})\n" for name in names)
    behind, runtime = _runtime(sanitizers())
    command = [*_flags(), *defines, "-include", str(HERE / "cuda_on_cpu.h"), "-shared", "-Wl,-Bsymbolic", str(runtime)]
    return ctypes.CDLL(str(_made([text, behind, *command], ".so", command, text))), names
