"""Deep networks learn 64 small images by heart: a check that all their layers' gradients work together.

    python examples/overfit.py                      # MobileNet, then ResNet50, on images drawn at random
    python examples/overfit.py --data cifar10.npz   # on the first images of CIFAR-10: a file of x_train and y_train

A network that cannot do this is broken somewhere; one that can need not have learnt anything of use. All 64 images are
one batch. In training, batch normalization goes by the batch's own mean and variance, otherwise by moving averages,
which take hundreds of steps to arrive. So the loss in training is small long before the loss in prediction is, and that
one counts here: each network trains until it is under 0.01 with every image right.
"""

import sys
import time
from argparse import ArgumentParser
from pathlib import Path

import numpy as np

import tinyconv as tc

IMAGES, CLASSES, SIDE, SEED = 64, 10, 32, 1
LOSS = 0.01


def synthetic() -> tuple[np.ndarray, np.ndarray]:
    """Return coarse random patterns (n, 32, 32, 3), pixels 0 to 255, and random classes, which only memory can know."""
    rng = np.random.default_rng(SEED)
    coarse = rng.integers(0, 256, (IMAGES, 8, 8, 3))
    return coarse.repeat(4, axis=1).repeat(4, axis=2), rng.integers(0, CLASSES, IMAGES)


def from_file(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the first images of a file and their classes."""
    with np.load(path) as data:
        return data["x_train"][:IMAGES], data["y_train"][:IMAGES].reshape(-1)


def learn(model: tc.Model, x: np.ndarray, y: np.ndarray, steps: int) -> bool:
    """Train for at most `steps` steps, print how it goes, and return whether the network knows all images."""
    model.compile(tc.optimizers.Adam(0.001), "sparse_categorical_crossentropy", metrics=["accuracy"])
    print(f"{model.name}: {model.count_params():,} parameters, {len(x)} images")
    started = time.perf_counter()
    for step in range(1, steps + 1):
        in_training, _ = model.train_on_batch(x, y)
        if step % 20 == 0 or step == steps:
            loss, accuracy = model.test_on_batch(x, y)
            knows = accuracy == 1 and loss < LOSS
            print(
                f"    step {step}: loss {in_training:.2e} in training, {loss:.2e} in prediction, {accuracy:.1%} right, "
                f"{time.perf_counter() - started:.0f} s",
                flush=True,
            )
            if knows:
                return True
    return False


def main() -> int:
    """Train the networks asked for and return the exit code, 1 if one of them did not learn."""
    parser = ArgumentParser(description="Let deep networks learn 64 images by heart.")
    parser.add_argument("--data", type=Path, help="an .npz file with x_train and y_train (default: random images)")
    parser.add_argument("--network", choices=("MobileNet", "ResNet50"), help="one of the two (default: both)")
    parser.add_argument("--alpha", type=float, default=1.0, help="width of MobileNet (default: 1)")
    parser.add_argument("--steps", type=int, default=1000, help="when to give up (default: 1000)")
    options = parser.parse_args()

    images, y = synthetic() if options.data is None else from_file(options.data)
    shape = (SIDE, SIDE, 3)
    learnt = True
    for name in ("MobileNet", "ResNet50"):
        if options.network not in (None, name):
            continue
        tc.set_seed(SEED)
        if name == "MobileNet":
            x = tc.zoo.mobilenet.preprocess_input(images)
            model = tc.zoo.MobileNet(shape, alpha=options.alpha, dropout=0, classes=CLASSES)
        else:
            x = tc.zoo.resnet50.preprocess_input(images)
            model = tc.zoo.ResNet50(input_shape=shape, classes=CLASSES)
        learnt = learn(model, x, y, options.steps) and learnt
    return 0 if learnt else 1


if __name__ == "__main__":
    sys.exit(main())
