"""Everything there is to know about one GPU: `python -m benchmarks.gpu_report`, some minutes on a machine that has one.

In parts, each of which prints what it found and writes it to a file of its own, `gpu-PART.json`, before the next
begins, so that nothing is lost when time runs out; the quickest and the most wanted come first:

    device       what it is, and its peaks, in products and in copies
    quick        the tests that try each kernel once
    repeats      the same steps twice: the same bits
    losses       50 steps on the CPU and on the GPU
    training     a training step of every network, against PyTorch, eager, in two layouts, as a chart, too
    kernels      every kernel on CPU and GPU, as a chart, too (`benchmarks.kernels`)
    sanitizer    a training step under compute-sanitizer's memcheck and racecheck, where that is installed
    compiled     a training step of some networks, against PyTorch compiled
    tests        all tests marked `gpu`
    cpu          `benchmarks.training` on 1, 2, 4 … threads of the machine's own cores

A part that fails says so, and the next begins. Exit code 0 when all was right, 1 when not, 2 where there is no GPU.
"""

import argparse
import json
import subprocess
import sys
import time
import traceback
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from tinyconv import kernels

from . import gpu_checks, gpu_training, machine, report
from . import kernels as kernel_benchmark
from .networks import MODELS

COMPARED = ("mnist", "cifar10")  # for what one or two networks can show
SCALED = ("mnist", "cifar10", "intel")

Found = tuple[dict[str, Any], bool]  # what is written, and whether it is right


def _compared(options: Namespace) -> list[str]:
    return [name for name in options.models if name in COMPARED] or options.models[:1]


def device(options: Namespace, console: Console) -> Found:
    """Ask what the GPU is."""
    found = gpu_checks.device(options.seconds)
    console.print(", ".join(f"{name} {value}" for name, value in found.items()), markup=False)
    return found, True


def quick(options: Namespace, console: Console) -> Found:
    """Try each kernel once."""
    return _tests(console, "-k", gpu_checks.USUAL)


def tests(options: Namespace, console: Console) -> Found:
    """Run all tests."""
    return _tests(console)


def _tests(console: Console, *selection: str) -> Found:
    found = gpu_checks.run_tests(*selection)
    console.print(*found["failed"], *found["last"], sep="\n", markup=False)
    return found, found["exit_code"] == 0


def repeats(options: Namespace, console: Console) -> Found:
    """Train twice."""
    found = {name: gpu_checks.repeats(name) for name in _compared(options)}
    console.print(f"the same bits twice: {found}", markup=False)
    return found, all(found.values())


def losses(options: Namespace, console: Console) -> Found:
    """Train on both devices."""
    found = {name: gpu_checks.losses(name) for name in _compared(options)}
    for name, each in found.items():
        apart = f"{each['early']:.1e} apart in {gpu_checks.EARLY} steps, {each['worst']:.1e} in {gpu_checks.STEPS}"
        console.print(f"{name}: losses of CPU and GPU are {apart}, relative", markup=False)
    return found, all(each["early"] < gpu_checks.CLOSE for each in found.values())


def training(options: Namespace, console: Console) -> Found:
    """Race against PyTorch, eager."""
    return _race("training", options.models, gpu_training.EAGER, options, console)


def compiled(options: Namespace, console: Console) -> Found:
    """Race against PyTorch, compiled."""
    return _race("compiled", _compared(options), gpu_training.COMPILED, options, console)


def _race(part: str, names: Sequence[str], engines: Sequence[str], options: Namespace, console: Console) -> Found:
    found = []
    for name in names:
        model = MODELS[name]
        found.append(gpu_training.race(model, model.batch, options.rounds, options.seconds, console, engines))
        write(part, options, {"results": found})
        gpu_training.draw(found, options.output / f"gpu-{part}.png")
    console.print(gpu_training.table(found))
    drops = {name for name in names if any(type(each).__name__ == "Dropout" for each in MODELS[name].layers)}
    lines = gpu_training.disagreements(found, drops.__contains__)
    for line in lines:
        console.print(line, style="red")
    return {"results": found}, not lines


def kernels_of_both(options: Namespace, console: Console) -> Found:
    """Time every kernel."""
    file = options.output / "gpu-kernels-rows.json"
    file.unlink(missing_ok=True)
    wrong = kernel_benchmark.main(["--seconds", str(options.seconds), "--json", str(file)])
    found = json.loads(file.read_text(encoding="utf-8"))
    file.unlink()
    draw_kernels(found["rows"], options.output / "gpu-kernels.png")
    return {name: found[name] for name in ("peaks", "rows")}, not wrong


def sanitizer(options: Namespace, console: Console) -> Found:
    """Watch a step."""
    found = gpu_checks.sanitized(_compared(options)[0])
    console.print(f"compute-sanitizer: {found or 'not installed, left out'}", markup=False)
    return found, not any(found.values())


def cpu(options: Namespace, console: Console) -> Found:
    """Train on more and more of the machine's cores."""
    cores, found, good = len(machine.usable_cores()), {}, True
    for threads in [each for each in (1, 2, 4, 8, 16) if each <= cores]:
        file = options.output / f"gpu-cpu-{threads}.json"
        file.unlink(missing_ok=True)
        models = [name for name in options.models if name in SCALED] or options.models[:1]
        own = ["--models", *models, "--threads", str(threads), "--rounds", "2", "--json", str(file)]
        done = subprocess.run([sys.executable, "-m", "benchmarks.training", *own], check=False)
        good = good and done.returncode == 0 and file.exists()
        if file.exists():
            found[str(threads)] = json.loads(file.read_text(encoding="utf-8"))["results"]
            file.unlink()
    return found, good


PARTS: dict[str, Callable[[Namespace, Console], Found]] = {
    "device": device,
    "quick": quick,
    "repeats": repeats,
    "losses": losses,
    "training": training,
    "kernels": kernels_of_both,
    "sanitizer": sanitizer,
    "compiled": compiled,
    "tests": tests,
    "cpu": cpu,
}


def draw_kernels(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Write a PNG: the part of its device's peak, product or copy, that each kernel reaches."""
    from matplotlib.figure import Figure

    names = list(dict.fromkeys((row["kernel"], row["direction"]) for row in rows))
    devices = {
        "CPU, best algorithm": lambda row: row["algorithm"] != "GPU",
        "GPU": lambda row: row["algorithm"] == "GPU",
    }
    figure = Figure(figsize=(8, 1.4 + 0.36 * len(names)), layout="constrained")
    panel = figure.subplots()
    for place, (label, belongs) in enumerate(devices.items()):
        parts = dict.fromkeys(names, 0.0)
        for row in filter(belongs, rows):
            name = row["kernel"], row["direction"]
            parts[name] = max(parts[name], 100 * row["part"])
        bars = panel.barh([at + 0.4 * place - 0.2 for at in range(len(names))], list(parts.values()), 0.38, label=label)
        panel.bar_label(bars, [f"{part:.0f} %" for part in parts.values()], padding=3, fontsize=7)
    panel.set_yticks(range(len(names)), [f"{kernel}, {direction}" for kernel, direction in names], fontsize=8)
    panel.invert_yaxis()
    panel.margins(x=0.1)
    panel.set_title(
        "Percent of the device's peak: product for convolutions, copy for the others", loc="left", fontsize=9
    )
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    figure.savefig(path, dpi=150)


def write(name: str, options: Namespace, found: Any, good: bool | None = None, seconds: float | None = None) -> None:
    """Write what a part has found; `good` and `seconds` are null until it is done."""
    document = {**report.heading(f"gpu-{name}"), "seconds": seconds, "good": good, "found": found}
    report.write_json(options.output / f"gpu-{name}.json", document)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; see the module for its exit codes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu_report", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results"), help="folder for the files")
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS), metavar="PART", help="(all)")
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS), metavar="NAME")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each engine (5)")
    parser.add_argument("--seconds", type=float, default=0.1, help="of a turn, and of a kernel's timing (0.1)")
    options = parser.parse_args(argv)
    console = Console() if sys.stdout.isatty() else Console(width=120)
    try:
        kernels.move(np.zeros(1), "gpu")
    except kernels.DeviceError as error:
        print(f"benchmarks.gpu_report: {error}", file=sys.stderr)
        return 2
    options.output.mkdir(parents=True, exist_ok=True)
    wrong = []
    for name in options.parts:
        console.rule(name)
        began = time.perf_counter()
        try:
            found, good = PARTS[name](options, console)
        except Exception:
            console.print(traceback.format_exc(), style="red", markup=False)
            found, good = {"failed": traceback.format_exc()}, False
        seconds = time.perf_counter() - began
        write(name, options, found, good, seconds)
        console.print(f"{name}: {seconds:.0f} s{'' if good else ', and not all is right'}", markup=False)
        wrong += [] if good else [name]
    if wrong:
        console.print(f"not right: {', '.join(wrong)}", style="red")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
