"""What a real GPU is asked besides speed: what it is, its tests, the CPU's losses, the same bits twice, the sanitizer.

python -m benchmarks.gpu_checks mnist        one small training step on the GPU, for compute-sanitizer to watch
"""

import copy
import shutil
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import inputs
from .engines import tinyconv as our_engine
from .kernels import Bench
from .networks import MODELS

STEPS = 50  # of a comparison of losses
EARLY = 5  # steps after which rounding may have grown beyond `CLOSE`
CLOSE = 1e-3  # relative, of the first losses by different algorithms in float32
REPEATED = 10  # steps that are made twice
USUAL = "promises and usual"  # the tests that try each kernel once
SMALL = 8  # images of the step that the sanitizer watches


def device(seconds: float) -> dict[str, Any]:
    """Return what the GPU is, and its measured peaks."""
    import cupy

    runtime, own = cupy.cuda.runtime, cupy.cuda.Device()
    bench = Bench("gpu", seconds)
    return {
        "name": runtime.getDeviceProperties(own.id)["name"].decode(),
        "memory_gib": own.mem_info[1] / 2**30,
        "compute_capability": own.compute_capability,
        "driver": runtime.driverGetVersion(),
        "runtime": runtime.runtimeGetVersion(),
        "cupy": cupy.__version__,
        "product_gflops": bench.product,
        "copy_gbs": bench.copy,
    }


def run_tests(*selection: str) -> dict[str, Any]:
    """Run the tests marked `gpu`, or some of them, and return their exit code and last line."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "tests/gpu", *selection]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    lines = (done.stdout + done.stderr).splitlines()
    return {"exit_code": done.returncode, "last": lines[-1:], "failed": [x for x in lines if x.startswith("FAILED")]}


def losses(name: str) -> dict[str, Any]:
    """Return the losses of some steps on the CPU and on the GPU, from the same weights, and how far they are apart."""
    engine = _engine(name)
    on_gpu = copy.deepcopy(engine.model).to("gpu")
    found: dict[str, list[float]] = {"cpu": [], "gpu": []}
    for step in range(STEPS):
        x, y = engine.batches[step % len(engine.batches)]
        found["cpu"].append(float(engine.model.train_on_batch(x, y)))
        found["gpu"].append(float(on_gpu.train_on_batch(x, y)))
    cpu, gpu = np.asarray(found["cpu"]), np.asarray(found["gpu"])
    apart = np.abs(cpu - gpu) / np.abs(cpu)
    return {**found, "early": float(apart[:EARLY].max()), "worst": float(apart.max())}


def repeats(name: str) -> bool:
    """Return whether the same steps, made twice on the GPU, give the same bits of all weights."""
    engine = _engine(name)
    weights = []
    for model in (copy.deepcopy(engine.model), copy.deepcopy(engine.model)):
        model.to("gpu")
        for step in range(REPEATED):
            model.train_on_batch(*engine.batches[step % len(engine.batches)])
        weights.append([weight.tobytes() for weight in model.get_weights()])
    return bool(weights[0] == weights[1])


def sanitized(name: str) -> dict[str, Any]:
    """Return the exit codes of a training step under compute-sanitizer's tools; {} where that is not installed."""
    program = shutil.which("compute-sanitizer")
    if program is None:
        return {}
    step = [sys.executable, "-m", "benchmarks.gpu_checks", name]
    tools = ("memcheck", "racecheck")
    return {
        tool: subprocess.run([program, "--tool", tool, "--error-exitcode", "1", *step], check=False).returncode
        for tool in tools
    }


def _engine(name: str, batch: int | None = None) -> our_engine.Engine:
    model = MODELS[name]
    return our_engine.Engine(model, inputs.prepare(model, batch or model.batch), 1)


def main(argv: Sequence[str] | None = None) -> int:
    """Make one training step of a network on the GPU."""
    (name,) = sys.argv[1:] if argv is None else argv
    engine = _engine(name, SMALL)
    engine.model.to("gpu")
    engine.model.train_on_batch(*engine.batches[0])
    return 0


if __name__ == "__main__":
    sys.exit(main())
