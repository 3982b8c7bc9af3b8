"""Folders of small photographs, and the recipes on them with a small network, so that a run takes a second.

`python photographs.py MOMENT COUNT SIGNAL ARGUMENT…` is `dying_run.py` with that network.
"""

import sys
from dataclasses import replace
from functools import partial

import dying_run
import numpy as np
from PIL import Image

import tinyconv as tc
from tinyconv.recipes import BY_NAME
from tinyconv.recipes.photographs import PARTS


def make(folder, classes, train=8, validation=5, size=(40, 30)):
    """Write photographs of a brightness for each class, and noise."""
    rng = np.random.default_rng(7)
    for part, count in zip(PARTS, (train, validation), strict=True):
        for number, name in enumerate(classes):
            place = folder / part / name
            place.mkdir(parents=True)
            for index in range(count):
                pixels = 50 + 40 * number + rng.integers(0, 30, (size[1], size[0], 3))
                Image.fromarray(pixels.astype(np.uint8)).save(place / f"{name}.{index}.png")
    return folder


def small(recipe):
    """The recipe with a network that looks at few pixels, and that lowers its rate after one epoch without progress."""
    outputs = 1 if "binary" in str(recipe.loss.name) else len(recipe.class_names)
    side = recipe.image_shape[0]

    def build():
        return tc.Sequential(
            [
                tc.Input((side, side, 3)),
                tc.layers.Conv2D(4, 3, strides=5, activation="relu"),
                tc.layers.GlobalAveragePooling2D(),
                tc.layers.Dropout(0.3),
                tc.layers.Dense(outputs, activation="sigmoid" if outputs == 1 else "softmax"),
            ]
        )

    impatient = tuple(partial(watch, patience=1, factor=0.5, min_delta=1) for watch in recipe.watching)
    return replace(recipe, build=build, watching=impatient, variants={})


def main():
    for name in ("cats-dogs", "intel"):
        BY_NAME[name] = small(BY_NAME[name])
    return dying_run.main()


if __name__ == "__main__":
    sys.exit(main())
