"""How fast folders of photographs are read, and whether training waits for them: `python -m benchmarks.loading DIR`.

DIR has a folder of photographs for each class. First, images a second, decoded and resized to 150×150, by tinyconv's
and by Keras's `image_dataset_from_directory` and by a plain loop of Pillow, each on the same number of threads: medians
of rounds in turns. Then `cats-dogs` trains on the folder, and what is reported is the share of the time in which its
step waited for a batch.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import tinyconv as tc
from tinyconv import zoo
from tinyconv.data import Batch, Dataset
from tinyconv.preprocessing.image import ImageDataGenerator

from . import arguments, machine, report

SIZE = (150, 150)
BATCH = 32
MOVES: dict[str, Any] = {
    **{"rotation_range": 40, "width_shift_range": 0.2, "height_shift_range": 0.2},
    **{"shear_range": 0.2, "zoom_range": 0.2, "horizontal_flip": True},
}
UNEQUAL = 3.0  # of 255: TensorFlow decodes JPEGs by a faster transform, which is off by about one on average


@dataclass(frozen=True)
class Reading:
    """How long one reader took for all images, in each round, and how much of the cores' time it used for them."""

    reader: str
    images: int
    seconds: list[float]
    cpu_seconds: list[float]

    @property
    def rate(self) -> float:
        """Images a second, in the median round."""
        return self.images / median(self.seconds)

    @property
    def work(self) -> float:
        """Milliseconds of one core for an image, which other processes change less than the rate."""
        return 1000 * median(self.cpu_seconds) / self.images


@dataclass(frozen=True)
class Waiting:
    """One epoch of training: its seconds, and those in which no batch was there."""

    what: str
    steps: int
    seconds: float
    waited: float

    @property
    def share(self) -> float:
        """Of the epoch's time, what was spent waiting."""
        return self.waited / self.seconds


class Watched(Dataset):
    """A dataset that is timed: `waited` counts the seconds until each of its batches came."""

    def __init__(self, data: Dataset) -> None:
        self.data, self.waited = data, 0.0

    def __len__(self) -> int:
        return len(self.data)

    def epoch(self, number: int) -> Iterator[Batch]:
        """Yield the batches of epoch `number`."""
        batches = iter(self.data.epoch(number))
        while True:
            start = time.perf_counter()
            batch = next(batches, None)
            self.waited += time.perf_counter() - start
            if batch is None:
                return
            yield batch


Reader = Callable[[], Iterator[tuple[np.ndarray, np.ndarray]]]


def ours(directory: Path, threads: int) -> Reader:
    """tinyconv's reader."""
    given: dict[str, Any] = {"image_size": SIZE, "batch_size": BATCH, "shuffle": False, "verbose": False}
    data = tc.utils.image_dataset_from_directory(directory, workers=threads, **given)
    return lambda: iter(data)


def keras(directory: Path, threads: int) -> Reader:
    """Keras's reader, TensorFlow's pool of threads held to the same number."""
    os.environ.update({"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"})
    import keras
    import tensorflow as tf

    given: dict[str, Any] = {"image_size": SIZE, "batch_size": BATCH, "shuffle": False, "verbose": False}
    data = keras.utils.image_dataset_from_directory(directory, **given)
    options = tf.data.Options()
    options.threading.private_threadpool_size = threads
    data = data.with_options(options)
    return lambda: ((x.numpy(), y.numpy()) for x, y in data)


def pillow(directory: Path, threads: int) -> Reader:
    """Pillow alone: open, convert, resize by its own bilinear filter, in batches."""
    from PIL import Image

    given: dict[str, Any] = {"image_size": SIZE, "shuffle": False, "verbose": False}
    listed = tc.utils.image_dataset_from_directory(directory, **given)

    def image(path: str) -> np.ndarray:
        with Image.open(path) as opened:
            resized = opened.convert("RGB").resize(SIZE[::-1], Image.Resampling.BILINEAR)
            return np.asarray(resized, dtype=np.float32)

    def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        with ThreadPoolExecutor(threads) as pool:
            images = pool.map(image, listed.file_paths)
            for start in range(0, listed.samples, BATCH):
                labels = listed.targets[start : start + BATCH]
                yield np.stack([next(images) for _ in labels]), labels

    return batches


READERS: dict[str, Callable[[Path, int], Reader]] = {"tinyconv": ours, "Keras": keras, "Pillow alone": pillow}


def check(readers: dict[str, Reader]) -> float:
    """Return how far the first batches of tinyconv and Keras lie apart on average; raise if they are not the same."""
    (x, y), (images, labels) = (next(iter(readers[name]())) for name in ("tinyconv", "Keras"))
    apart = float(np.abs(x - images).mean())
    if not np.array_equal(y, labels) or apart > UNEQUAL:
        raise ValueError(f"tinyconv and Keras read other images: {apart:.1f} of 255 apart on average")
    return apart


def measure(readers: dict[str, Reader], rounds: int) -> list[Reading]:
    """Time every reader over the whole folder, in turns."""
    seconds: dict[str, list[float]] = {name: [] for name in readers}
    cpu: dict[str, list[float]] = {name: [] for name in readers}
    images = 0
    for _ in range(rounds):
        for name, reader in readers.items():
            start, used = time.perf_counter(), time.process_time()
            images = sum(len(x) for x, _ in reader())
            seconds[name].append(time.perf_counter() - start)
            cpu[name].append(time.process_time() - used)
    return [Reading(name, images, taken, cpu[name]) for name, taken in seconds.items()]


def train(directory: Path, augmented: bool) -> Waiting:
    """Train `cats-dogs` for an epoch, after one to warm up, and time how long it waits."""
    generator = ImageDataGenerator(rescale=1 / 255, **(MOVES if augmented else {}))
    folder = generator.flow_from_directory(directory, SIZE, class_mode="binary", batch_size=BATCH, seed=0)
    model = zoo.cats_dogs()
    model.compile("rmsprop", "binary_crossentropy", metrics=["accuracy"])
    model.fit(folder, steps_per_epoch=1, verbose=0)
    watched = Watched(folder)
    start = time.perf_counter()
    model.fit(watched, verbose=0)
    taken = time.perf_counter() - start
    return Waiting("with augmentation" if augmented else "as they are", len(folder), taken, watched.waited)


def tables(readings: Sequence[Reading], waitings: Sequence[Waiting], apart: float) -> Iterator[Table]:
    """Both tables."""
    made = Table(title="Photographs decoded and resized to 150×150", title_justify="left", caption_justify="left")
    made.caption = f"tinyconv's and Keras's pixels are {apart:.2f} of 255 apart on average"
    made.add_column("reader")
    for heading in ("images a second", "ms of one core an image"):
        made.add_column(heading, justify="right")
    for reading in readings:
        made.add_row(reading.reader, f"{reading.rate:,.0f}", f"{reading.work:.1f}")
    yield made
    made = Table(title="cats-dogs trains on the folder", title_justify="left")
    made.add_column("images")
    for heading in ("ms a step", "of that waiting for data"):
        made.add_column(heading, justify="right")
    for waiting in waitings:
        made.add_row(waiting.what, f"{1000 * waiting.seconds / waiting.steps:,.0f}", f"{waiting.share:.1%}")
    yield made


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and write a file if asked; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.loading", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("directory", metavar="DIR", type=Path, help="two folders of photographs, one for each class")
    parser.add_argument("--threads", type=arguments.threads, default=len(machine.usable_cores()), metavar="N")
    parser.add_argument("--rounds", type=arguments.at_least_one, default=3, metavar="N")
    parser.add_argument("--json", type=arguments.new_file(".json"), metavar="FILE", help="write the figures here, too")
    options = parser.parse_args(argv)
    before = tc.threads()
    try:
        tc.set_threads(options.threads)
        readers = {name: make(options.directory, options.threads) for name, make in READERS.items()}
        apart = check(readers)
        readings = measure(readers, options.rounds)
        waitings = [train(options.directory, augmented) for augmented in (False, True)]
    except (ValueError, OSError) as error:
        print(f"benchmarks.loading: {error}", file=sys.stderr)
        return 2
    finally:
        tc.set_threads(before)
    for table in tables(readings, waitings, apart):
        Console(width=100).print(table)
    if options.json:
        rows = [{**asdict(row), "rate": row.rate, "work": row.work} for row in readings]
        rows += [{**asdict(row), "share": row.share} for row in waitings]
        report.write_json(options.json, {**report.heading("loading"), "threads": options.threads, "results": rows})
    return 0


if __name__ == "__main__":
    sys.exit(main())
