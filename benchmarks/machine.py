"""What ran: processor, cores, versions; and a process's peak memory."""

import os
import platform
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

DISTRIBUTIONS = ("tinyconv", "numpy", "numba", "scipy", "keras", "tensorflow", "tensorflow-cpu", "torch")


def usable_cores() -> list[int]:
    """Numbers of the cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def describe() -> dict[str, str | int | float]:
    """The machine: `cpu`, `cores` (usable ones), `system`, `python`, and `load` where the system tells."""
    found: dict[str, str | int | float] = {
        "cpu": cpu_model(),
        "cores": len(usable_cores()),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }
    if hasattr(os, "getloadavg"):
        found["load"] = round(os.getloadavg()[0], 2)
    return found


def cpu_model() -> str:
    """The processor's own name for itself, with the widest vector instructions it has."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        text = info.read_text()
        name = re.search(r"model name\s*:\s*(.+)", text)
        flags = set(text.split())
        vectors = next((label for flag, label in (("avx512f", "AVX-512"), ("avx2", "AVX2")) if flag in flags), None)
        if name:
            return f"{name[1]} ({vectors})" if vectors else name[1]
    if sys.platform == "darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    return platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    """The version of each library that is installed."""
    found = {}
    for name in DISTRIBUTIONS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def peak_resident_mib() -> float | None:
    """The most memory this process has had resident, in MiB; None where the system does not tell (Windows).

    On Linux `VmHWM`: `ru_maxrss` survives `exec` there, so a child's figure would start at its parent's.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = re.search(r"VmHWM:\s*(\d+) kB", status.read_text())
        if line:
            return int(line[1]) / 1024
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 1024
