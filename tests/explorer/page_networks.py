"""The networks and samples whose pages are walked, and Debian's Chromium to walk them in."""

from shutil import which

import numpy as np

import tinyconv as tc
from tinyconv import layers as L

CHROMIUM = which("chromium")


def picture(height, width, channels):
    """A ring with a stem, dark outside: zeros, ones and what lies between."""
    y, x = np.mgrid[0:height, 0:width]
    ring = np.exp(-((np.hypot(y - height / 2 + 0.5, x - width / 2 + 0.5) - height / 4) ** 2) / 2)
    stem = 0.7 * np.exp(-((x - width / 2) ** 2) / 2) * (y > height / 2)
    weights = np.linspace(1, 0.4, channels)
    return (np.clip(ring + stem, 0, 1)[None, :, :, None] * weights).astype(np.float32)


def digits():
    """A small network like `mnist`'s: padding, strides, max pooling with overlap, dropout, Adam."""
    model = tc.Sequential(
        [
            L.Input((14, 14, 1)),
            L.Conv2D(4, 3, padding="same", activation="relu", name="first"),
            L.MaxPooling2D(3, 2, name="pool"),
            L.Conv2D(6, 3, strides=2, dilation_rate=1, groups=2, padding="same", activation="relu", name="second"),
            L.Flatten(name="flatten"),
            L.Dropout(0.25, name="dropout"),
            L.Dense(5, activation="softmax", name="dense"),
        ],
        name="digits",
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model, picture(14, 14, 1), np.array([3])


def residual():
    """Batch normalization and a residual sum, two samples, SGD with Nesterov's momentum."""
    image = tc.Input((8, 8, 3))
    x = L.Conv2D(4, 3, padding="same", use_bias=False, name="stem")(image)
    x = L.ReLU(name="stem_relu")(L.BatchNormalization(name="stem_norm")(x))
    branch = L.Conv2D(4, 3, padding="same", dilation_rate=2, use_bias=False, name="branch")(x)
    branch = L.BatchNormalization(name="branch_norm")(branch)
    x = L.ReLU(name="relu")(L.Add(name="sum")([branch, x]))
    x = L.Concatenate(name="side_by_side")([x, L.Conv2D(2, 1, name="pointwise")(x)])
    x = L.GlobalAveragePooling2D(name="average")(x)
    model = tc.Model(image, L.Dense(3, activation="softmax", name="dense")(x), name="residual")
    model.compile(tc.optimizers.SGD(0.1, 0.9, nesterov=True), "categorical_crossentropy")
    noise = np.random.default_rng(0).random((1, 8, 8, 3)).astype(np.float32)
    return model, np.concatenate([picture(8, 8, 3), noise]), np.eye(3, dtype=np.float32)[[1, 2]]


def depthwise():
    """Depthwise and transposed convolution, average pooling, smooth activations, a penalty, RMSprop."""
    model = tc.Sequential(
        [
            L.Input((10, 10, 2)),
            L.DepthwiseConv2D(3, 2, "same", depth_multiplier=2, activation="relu6", name="depthwise"),
            L.Conv2D(3, 1, activation="silu", name="pointwise"),
            L.AveragePooling2D(2, padding="same", name="average"),
            L.Conv2DTranspose(2, 3, strides=2, padding="same", activation="sigmoid", name="transposed"),
            L.Flatten(name="flatten"),
            L.Dense(2, activation="sigmoid", kernel_regularizer=tc.regularizers.L2(0.01), name="dense"),
        ],
        name="depthwise",
    )
    model.compile(tc.optimizers.RMSprop(0.01, momentum=0.5), "binary_crossentropy")
    return model, picture(10, 10, 2), np.array([[0.0, 1.0]], np.float32)


NETWORKS = {"digits": digits, "residual": residual, "depthwise": depthwise}
STEPS = (0, 3)
