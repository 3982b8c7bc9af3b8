"""The parent's end of a worker process."""

import os
import pickle
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .machine import usable_cores

ROOT = Path(__file__).resolve().parents[1]
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)


class WorkerError(Exception):
    """An engine failed: one line, with what it said."""


def environment(threads: int) -> dict[str, str]:
    """This environment, with every library told its number of threads before it is imported."""
    settings = dict.fromkeys(THREAD_VARIABLES, str(threads))
    return {**os.environ, **settings, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}


class Worker:
    """A context: a fresh Python process that runs one engine, and is dead when the context ends, however it ends.

    With fewer threads than cores the process is also bound to that many cores (where the system can), since the
    frameworks keep helper threads beside those they are allowed.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def __enter__(self) -> Self:
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker"],
            cwd=ROOT,
            env=environment(self.threads),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
        )
        cores = usable_cores()
        if self.threads < len(cores) and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(self.process.pid, cores[: self.threads])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream:
                with suppress(BrokenPipeError):  # an unsent request dies with the worker it was for
                    stream.close()
        self.errors.close()

    def call(self, method: str, *arguments: object) -> Any:
        """What `worker.Tasks` returns for `method`; `WorkerError` where it raised, or the process died."""
        assert self.process.stdin
        assert self.process.stdout
        try:
            pickle.dump((method, arguments), self.process.stdin, protocol=pickle.HIGHEST_PROTOCOL)
            self.process.stdin.flush()
            succeeded, result = pickle.load(self.process.stdout)
        except (EOFError, BrokenPipeError, pickle.UnpicklingError) as error:
            raise WorkerError(self._last_words()) from error
        if not succeeded:
            raise WorkerError(str(result).splitlines()[0])
        return result

    def _last_words(self) -> str:
        """How the process ended, and the last line it wrote."""
        code = self.process.wait()
        self.errors.seek(0)
        lines = self.errors.read().decode(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "it wrote nothing")
        return f"its process ended with code {code}: {last}"
