"""How long the weights of VGG16 take to load, and how much memory, beside h5py reading the same arrays bare.

`python benchmarks/loading_weights.py` makes the file of 138,357,544 weights in a temporary folder, in either layout,
and prints the medians of interleaved loadings, and the most memory that each took beside the arrays. Every loading is a
process of its own, the file is in the operating system's cache, and the weights are checked first.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import h5py
import numpy as np

import tinyconv as tc

REPEATS = 7
ARRAYS = 4 * 138_357_544  # bytes
NAMES = ("vgg16.weights.h5", "vgg16.h5")


def write(folder: Path) -> None:
    """Write the files: as Keras 3 does, without tinyconv's checksum, and as Keras 2 does."""
    model = tc.zoo.VGG16(weights=None)
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.data[...] = rng.random(weight.shape, np.float32)
    for name in NAMES:
        model.save_weights(str(folder / name))
        with h5py.File(folder / name, "r+") as file:
            file.attrs["written"] = "HDF5 cuts the checksum off when it changes a file"


def load_bare(path: Path) -> tuple[float, float]:
    """Read every array with h5py into memory that is there, as the network's is; return the seconds, and the memory."""
    found: list[h5py.Dataset] = []
    with h5py.File(path) as file:
        file.visititems(lambda _, each: found.append(each) if isinstance(each, h5py.Dataset) else None)
        arrays = [np.ones(each.shape, each.dtype) for each in found]
        before, start = peak(), time.perf_counter()
        for each, array in zip(found, arrays, strict=True):
            if array.size:
                each.read_direct(array)
        return time.perf_counter() - start, (peak() - before) / ARRAYS


def load(path: Path) -> tuple[float, float]:
    """Load the file into the network; return the seconds, and the memory beside the network in arrays' sizes."""
    model = tc.zoo.VGG16(weights=None)
    for weight in model.weights:
        weight.data[...] = 0  # so that its memory is there
    before, start = peak(), time.perf_counter()
    model.load_weights(str(path))
    taken = time.perf_counter() - start, (peak() - before) / ARRAYS
    with h5py.File(path) as file:
        place = "layers/dense_2/vars/0" if "layers" in file else "predictions/predictions/kernel"
        assert np.array_equal(model.weights[-2].data, file[place][()])
    return taken


def peak() -> int:
    """Return the most memory that this program has had, in bytes (`ru_maxrss` also counts that of its parent)."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) * 1024


def main() -> None:
    """Make the files, load them by turns, and print a row for each layout."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder))
        for name in NAMES:
            taken: dict[str, list[tuple[float, ...]]] = {"bare": [], "load": []}
            for _ in range(REPEATS):
                for how, found in taken.items():
                    command = [sys.executable, __file__, how, f"{folder}/{name}"]
                    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                    found.append(tuple(map(float, text.split())))
            (bare, bare_memory), (own, own_memory) = (
                [median(each) for each in zip(*found, strict=True)] for found in taken.values()
            )
            print(
                f"{name:18} h5py {bare:.2f} s, {bare_memory + 1:.2f} × the arrays' memory; "
                f"tinyconv {own:.2f} s ({own / bare:.2f} ×), {own_memory + 1:.2f} ×"
            )


if __name__ == "__main__":
    if sys.argv[1:]:
        print(*{"bare": load_bare, "load": load}[sys.argv[1]](Path(sys.argv[2])))
    else:
        main()
