"""Python processes in which kernels run under g++'s sanitizers."""

import os
import platform
import subprocess
import sys
from functools import cache
from pathlib import Path

# The library that must be in the process before any other, for each choice of sanitizers.
LIBRARIES = {"address,undefined": "libasan.so", "thread": "libtsan.so"}
FOLDER = Path(__file__).parent.parent


@cache
def library(sanitizers: str) -> str | None:
    """Return the path of the sanitizers' library, or None if g++ came without it."""
    name = LIBRARIES[sanitizers]
    found = subprocess.run(["g++", f"-print-file-name={name}"], capture_output=True, text=True, check=True).stdout
    return found.strip() if Path(found.strip()).is_absolute() else None


def environment(sanitizers: str) -> dict[str, str]:
    """Return the environment for a process whose kernels are compiled with `sanitizers`, which end it at a finding.

    Python itself is not watched, nor does it give back all its memory at the end: leaks are not looked for.
    """
    return {
        **os.environ,
        "TINYCONV_STANDIN_SANITIZE": sanitizers,
        "LD_PRELOAD": library(sanitizers) or "",
        "ASAN_OPTIONS": "detect_leaks=0:detect_stack_use_after_return=0",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "TSAN_OPTIONS": "halt_on_error=1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, (str(FOLDER), os.environ.get("PYTHONPATH")))),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


@cache
def command(sanitizers: str) -> tuple[str, ...]:
    """Return how Python is started: by `setarch -R` where addresses are too random for the sanitizer."""
    plain = (sys.executable,)
    tried = subprocess.run([*plain, "-c", ""], env=environment(sanitizers), capture_output=True)
    return plain if tried.returncode == 0 else ("setarch", platform.machine(), "-R", *plain)


def start(sanitizers: str, *arguments: str) -> subprocess.Popen[str]:
    """Start Python with `arguments` where kernels are compiled with `sanitizers`; its two outputs come as one."""
    return subprocess.Popen(
        [*command(sanitizers), *arguments],
        env=environment(sanitizers),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
