"""Each kernel on its own: `python -m benchmarks.kernels`.

The documents' convolutions, forward and backward, by every algorithm that can do them, and the kernels around them; on
a GPU too when there is one. Each result is checked against float64 before it is timed. Convolutions are counted in the
multiplications of their definition, whatever an algorithm really does, and set against the matrix product measured in
the same run; the others in bytes read and written, against the copy measured in the same run.

Exit code 0 when every result was right, 1 when one was not, 2 for bad arguments.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from statistics import median
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from tinyconv import kernels
from tinyconv.kernels import Window, reference
from tinyconv.kernels import cpu as cpu_kernels
from tinyconv.kernels.cpu.convolution.dispatch import choose_algorithm

from . import arguments, machine, report

BOUND = 1e-5  # of the error in float32, relative in norm
IMAGES = 200  # in a batch of `mnist`


@dataclass(frozen=True)
class Layer:
    """A convolution of the documents: n images of side×side with c channels, k filters."""

    name: str
    n: int
    side: int
    c: int
    k: int
    size: int = 3
    padding: str = "valid"

    @property
    def window(self) -> Window:
        """Its window."""
        return Window((self.size, self.size), padding=self.padding)

    @property
    def multiplications(self) -> int:
        """Of one forward pass by the definition."""
        oh, ow = self.window.output(self.side, self.side)
        return self.n * oh * ow * self.k * self.c * self.size**2


LAYERS = (
    Layer("mnist, first", 200, 28, 1, 32),
    Layer("mnist, second", 200, 26, 32, 64),
    Layer("mnist-cnn5", 200, 28, 1, 64, 5),
    Layer("cifar10, first", 128, 32, 3, 32, padding="same"),
    Layer("cifar10, second", 128, 32, 32, 32),
    Layer("cifar10, fourth", 128, 13, 64, 64),
    Layer("practicum", 20, 72, 32, 64),
    Layer("intel, second", 16, 150, 64, 64, padding="same"),
    Layer("intel, fourth", 16, 75, 128, 128, padding="same"),
    Layer("intel, sixth", 16, 37, 256, 256, padding="same"),
    Layer("ResNet, 1×1", 16, 28, 128, 512, 1),
)


@dataclass
class Row:
    """One measurement."""

    kernel: str
    direction: str
    algorithm: str
    milliseconds: float
    rate: float  # GFLOP/s of the definition, or GB/s
    part: float  # of the measured peak
    error: float  # against float64, relative in norm


# Sides of the matrices whose product is timed for a device's peak, and numbers in the array that is copied.
SIDES = {"cpu": 2048, "gpu": 8192}
COPIED = 1 << 25


class Bench:
    """Times calls on one device, and knows that device's peaks."""

    def __init__(self, device: str, seconds: float) -> None:
        self.device, self.seconds = device, seconds
        side = SIDES[device]
        a = self.put(np.random.default_rng(0).standard_normal((side, side), np.float32))
        self.product = 2 * side**3 / self.time(lambda: a @ a) / 1e9
        source = self.put(np.ones(COPIED, np.float32))
        target = source.copy()
        self.copy = 2 * source.nbytes / self.time(lambda: np.copyto(target, source)) / 1e9

    def put(self, array: Any) -> Any:
        """Return the array on this device."""
        return kernels.move(array, self.device)

    def time(self, call: Callable[[], Any]) -> float:
        """Return the median seconds of a call, over a while; the first, which may compile, does not count."""
        call()
        self.wait()
        taken: list[float] = []
        while sum(taken) < self.seconds or len(taken) < 3:
            start = time.perf_counter()
            call()
            self.wait()
            taken.append(time.perf_counter() - start)
        return median(taken)

    def wait(self) -> None:
        """Wait until a GPU has done all it was asked to."""
        if self.device == "gpu":
            import cupy

            cupy.cuda.get_current_stream().synchronize()


Algorithm = tuple[Callable[..., Any], Callable[..., Any]]


def algorithms(layer: Layer, slow: bool) -> Iterator[tuple[str, Algorithm]]:
    """Yield name, forward(x, w, b) and backward(dy, x, w, y) of each way to do the layer on the CPU, with ReLU."""
    window, needs = layer.window, (layer.c > 3, True, True)  # the first layer's images need no gradient
    asked = np.dtype(np.float32), (layer.size, layer.size, layer.c, layer.k), window, 1, (layer.side, layer.side)

    def forward(name: str, x: Any, w: Any, b: Any) -> Any:
        with kernels.conv_algorithm(name):
            return cpu_kernels.conv2d(x, w, b, window, 1, True)

    def backward(name: str, dy: Any, x: Any, w: Any, y: Any) -> tuple[Any, ...]:
        with kernels.conv_algorithm(name):
            return cpu_kernels.conv2d_backward(dy, x, w, y, window, 1, needs)

    if slow:
        yield (
            "reference",
            (
                lambda x, w, b: reference.conv2d(x, w, b, window, 1, True),
                lambda dy, x, w, y: reference.conv2d_backward(dy, x, w, y, window, 1, needs),
            ),
        )
    for name in kernels.ALGORITHMS[1:]:
        with kernels.conv_algorithm(name):
            does = choose_algorithm(*asked) == name or (name == "im2col" and choose_algorithm(*asked) == "pointwise")
            if does and (name != "direct" or not needs[0]):  # direct has no gradient of the images
                yield name, (partial(forward, name), partial(backward, name))


def on_gpu(layer: Layer) -> tuple[str, Algorithm]:
    """Return the GPU's way to do the layer."""
    from tinyconv.kernels import gpu

    window, needs = layer.window, (layer.c > 3, True, True)
    return "GPU", (
        lambda x, w, b: gpu.conv2d(x, w, b, window, 1, True),
        lambda dy, x, w, y: gpu.conv2d_backward(dy, x, w, y, window, 1, needs),
    )


def convolutions(layer: Layer, benches: Sequence[Bench], slow: bool) -> Iterator[Row]:
    """Yield the rows of one layer."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((layer.n, layer.side, layer.side, layer.c), np.float32)
    w = rng.standard_normal((layer.size, layer.size, layer.c, layer.k), np.float32) / np.float32(layer.size)
    b = rng.standard_normal(layer.k, np.float32)
    exact = [array.astype(np.float64) for array in (x, w, b)]
    with kernels.conv_algorithm("im2col"):
        y64 = cpu_kernels.conv2d(*exact, layer.window, 1, True)
    y = y64.astype(np.float32)
    dy = rng.standard_normal(y.shape, np.float32)
    needs = (layer.c > 3, True, True)
    wanted = reference.conv2d_backward(
        dy.astype(np.float64), exact[0], exact[1], y.astype(np.float64), layer.window, 1, needs
    )
    for bench in benches:
        ways = algorithms(layer, slow) if bench.device == "cpu" else [on_gpu(layer)]
        arrays = [bench.put(array) for array in (x, w, b, dy, y)]
        for name, (forward, backward) in ways:
            calls = [
                ("forward", partial(forward, *arrays[:3]), (y64,), 2),
                ("backward", partial(backward, arrays[3], *arrays[:2], arrays[4]), wanted, 4 if needs[0] else 2),
            ]
            for direction, call, right, factor in calls:
                results = call()
                results = results if isinstance(results, tuple) else (results,)
                error = max(_error(got, want) for got, want in zip(results, right, strict=True) if want is not None)
                seconds = bench.time(call)
                rate = factor * layer.multiplications / seconds / 1e9
                yield Row(layer.name, direction, name, seconds * 1e3, rate, rate / bench.product, error)


def others(benches: Sequence[Bench]) -> Iterator[Row]:
    """Yield the rows of the kernels that are bound by memory, on arrays of training steps of `mnist` and MobileNet."""
    rng = np.random.default_rng(0)
    x, window = rng.standard_normal((IMAGES, 24, 24, 64), np.float32), Window((2, 2), (2, 2))
    pooled, index = reference.max_pool2d(x, window)
    weights = [rng.random((9216, 128), np.float32) for _ in range(4)]
    gamma, beta = rng.standard_normal((2, 64), np.float32)
    _, mean, inverse, _ = reference.batch_norm(x, gamma, beta, 1e-3, True)
    normalized = x[::-1].copy(), x, gamma, beta, mean, inverse, True, (True, True, True)
    cases: list[tuple[str, str, tuple[Any, ...], float]] = [
        ("relu", "forward", (x,), 2 * x.nbytes),
        ("relu_backward", "backward", (x, x), 3 * x.nbytes),
        ("batch_norm", "forward", (x, gamma, beta, 1e-3, True), 3 * x.nbytes),
        ("batch_norm_backward", "backward", normalized, 5 * x.nbytes),
        ("max_pool2d", "forward", (x, window), x.nbytes + pooled.nbytes + index.nbytes),
        ("max_pool2d_backward", "backward", (pooled, index, window, (24, 24)), x.nbytes + pooled.nbytes + index.nbytes),
        ("dropout", "forward", (pooled, 0.25, 1, 2, 3), 2.25 * pooled.nbytes),
        ("adam_inplace", "update", (*weights, None, 1e-3, 0.9, 0.999, 1e-7), 7 * weights[0].nbytes),
    ]
    images = rng.random((-(-IMAGES // 25), 56, 56, 128), np.float32)
    layer = images, rng.random((3, 3, 128, 1), np.float32), None, Window((3, 3), padding="same")
    cases += [
        ("depthwise_conv2d", "forward", (*layer, False), 2 * images.nbytes),
        ("depthwise_conv2d_backward", "backward", (images, *layer, (True, True, False)), 4 * images.nbytes),
    ]
    for name, direction, given, count in cases:
        right = _results(getattr(reference, name), [a.astype(np.float64) if _real(a) else a for a in given])
        for bench in benches:
            kernel = getattr(kernels.of(bench.put(np.zeros(1))), name)
            put = [bench.put(a.copy()) if isinstance(a, np.ndarray) else a for a in given]
            error = max(_error(got, want) for got, want in zip(_results(kernel, put), right, strict=True))
            seconds = bench.time(partial(kernel, *put))
            rate = count / seconds / 1e9
            yield Row(name, direction, bench.device.upper(), seconds * 1e3, rate, rate / bench.copy, error)


def _real(argument: Any) -> bool:
    return isinstance(argument, np.ndarray) and argument.dtype == np.float32


def _results(kernel: Callable[..., Any], given: Sequence[Any]) -> list[Any]:
    """Return the first result of a kernel, or for one that works in place what has become of its first argument."""
    result = kernel(*given)
    return [given[0] if result is None else result[0] if isinstance(result, tuple) else result]


def _error(got: Any, wanted: np.ndarray) -> float:
    return float(np.linalg.norm(kernels.move(got, "cpu") - wanted) / np.linalg.norm(wanted))


def table(title: str, unit: str, peak: str) -> Table:
    """Return an empty table."""
    made = Table(title=title, title_justify="left")
    for heading in ("kernel", "direction", "by"):
        made.add_column(heading)
    for heading in ("ms", unit, f"% of {peak}", "error"):
        made.add_column(heading, justify="right")
    return made


def add(made: Table, row: Row) -> None:
    """Add a row."""
    figures = f"{row.milliseconds:.2f}", f"{row.rate:,.0f}", f"{100 * row.part:.0f}", f"{row.error:.0e}"
    made.add_row(row.kernel, row.direction, row.algorithm, *figures)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; see the module for its exit codes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kernels", description=(__doc__ or "").split("\n")[0])
    cores = len(machine.usable_cores())
    parser.add_argument("--threads", type=arguments.threads, default=cores, help=f"of the CPU (all {cores} cores)")
    parser.add_argument("--seconds", type=float, default=0.3, help="to time each kernel for (0.3)")
    parser.add_argument("--reference", action="store_true", help="time the textbook kernels too: slow")
    parser.add_argument("--json", type=arguments.new_file(".json"), metavar="FILE", help="write every figure there")
    options = parser.parse_args(argv)
    kernels.set_threads(options.threads)
    console = Console() if sys.stdout.isatty() else Console(width=110)
    benches = [Bench("cpu", options.seconds)]
    try:
        benches.append(Bench("gpu", options.seconds))
    except kernels.DeviceError as error:
        console.print(f"CPU only: {error}", markup=False)
    for bench in benches:
        console.print(
            f"{bench.device.upper()}: {bench.product:,.0f} GFLOP/s in products, {bench.copy:,.0f} GB/s copied"
        )
    rows: list[Row] = []
    for title, unit, peak, found in (
        (
            "Convolution with ReLU, float32",
            "GFLOP/s",
            "product",
            (convolutions(x, benches, options.reference) for x in LAYERS),
        ),
        ("Around it", "GB/s", "copy", [others(benches)]),
    ):
        made = table(title, unit, peak)
        for group in found:
            for row in group:
                rows.append(row)
                add(made, row)
            made.add_section()
        console.print(made)
    if options.json:
        peaks = {b.device: {"product_gflops": b.product, "copy_gbs": b.copy} for b in benches}
        report.write_json(
            options.json, {**report.heading("kernels"), "peaks": peaks, "rows": [asdict(r) for r in rows]}
        )
    wrong = [row for row in rows if row.error > BOUND]
    for row in wrong:
        console.print(f"{row.kernel} {row.direction} by {row.algorithm}: error {row.error:.1e}", style="red")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
