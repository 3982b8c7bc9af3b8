"""The gradient checks of layers, on inputs that keep away from kinks and ties."""

from collections.abc import Iterator

import numpy as np

from .. import initializers, layers
from ..tensor import Tensor
from .drawing import Check, Draw


def layer_checks(draw: Draw) -> Iterator[Check]:
    """Yield the checks of every layer."""

    def check(layer: layers.Layer, case: str, *shape: int) -> Check:
        return Check("layer", type(layer).__name__, case, layer, (draw.distinct(*shape),))

    yield check(layers.InputLayer((4,)), "", 3, 4)
    yield check(layers.Dense(5, activation="softmax", bias_initializer="random_normal"), "softmax", 3, 4)
    yield check(layers.Dense(5, use_bias=False), "images, no bias", 2, 3, 4)
    yield check(layers.Conv2D(3, 3, padding="same", activation="relu"), "same, relu", 2, 5, 6, 2)
    yield check(layers.Conv2D(4, (3, 2), 2, groups=2, activation="tanh"), "strides, groups, tanh", 2, 6, 5, 4)
    first = "channels_first"
    yield check(layers.Conv2D(3, 3, data_format=first, activation="tanh"), "channels first", 2, 2, 5, 6)
    yield check(layers.MaxPooling2D(data_format=first), "channels first", 2, 3, 5, 6)
    yield check(layers.MaxPooling2D(), "", 2, 5, 6, 3)
    yield check(layers.AveragePooling2D(3, 2, "same"), "same", 2, 5, 6, 3)
    yield check(layers.GlobalAveragePooling2D(), "", 2, 5, 6, 3)
    yield check(layers.GlobalAveragePooling2D(keepdims=True), "kept axes", 2, 5, 6, 3)
    yield check(layers.DepthwiseConv2D(3, activation="relu"), "relu", 2, 5, 6, 3)
    yield check(layers.DepthwiseConv2D((2, 3), 2, "same", 2, activation="tanh"), "strides, multiplier", 2, 6, 5, 3)
    yield check(layers.SeparableConv2D(4, 3, padding="same", activation="tanh"), "same, tanh", 2, 5, 6, 3)
    yield check(layers.Conv2DTranspose(3, 3, 2, "same", activation="tanh"), "same, strides, tanh", 2, 4, 3, 2)
    yield check(layers.ZeroPadding2D(((0, 1), (2, 0))), "uneven", 2, 3, 4, 2)
    yield check(layers.Cropping2D(((0, 1), (2, 0))), "uneven", 2, 3, 4, 2)
    yield check(layers.UpSampling2D((2, 3), interpolation="bilinear"), "bilinear", 2, 3, 4, 2)
    yield check(layers.UpSampling2D(2, interpolation="bicubic"), "bicubic", 2, 3, 4, 2)
    yield check(layers.GlobalMaxPooling2D(), "", 2, 5, 6, 3)
    yield check(layers.CenterCrop(3, 4), "", 2, 5, 6, 3)
    yield check(layers.CenterCrop(6, 4), "smaller images", 2, 5, 6, 3)
    yield check(layers.Resizing(4, 7, "lanczos3"), "lanczos3", 2, 5, 6, 3)
    yield check(layers.Resizing(4, 7, pad_to_aspect_ratio=True), "padded", 2, 5, 6, 3)
    yield check(layers.RandomCrop(4, 3), "outside training", 2, 5, 6, 3)
    yield check(layers.Flatten(), "", 2, 3, 4, 2)
    yield check(layers.Reshape((4, -1)), "", 2, 3, 4, 2)
    yield check(layers.Activation("sigmoid"), "sigmoid", 3, 4)
    yield check(layers.ReLU(), "", 3, 4)
    yield check(layers.ReLU(negative_slope=0.1), "negative slope", 3, 4)
    yield check(layers.ReLU(0.5, 0.2, 0.1), "all arguments", 3, 4)
    yield check(layers.LeakyReLU(), "", 3, 4)
    yield check(layers.PReLU("random_normal"), "", 3, 4)
    yield check(layers.PReLU("random_normal", shared_axes=[1, 2]), "shared slopes", 2, 5, 6, 3)
    yield check(layers.ELU(0.5), "alpha 0.5", 3, 4)
    yield check(layers.Softmax(), "", 3, 4)
    yield check(layers.Softmax([1, 2]), "two axes", 2, 3, 4, 2)
    saturation = layers.RandomSaturation(0.4, (0, 9))

    def saturated(x: Tensor) -> Tensor:
        return saturation(x + 2.0, training=True)

    yield Check("layer", "RandomSaturation", "in training", saturated, (draw.distinct(3, 4, 5, 3),))
    yield from _merges(draw)
    yield check(layers.LayerNormalization(gamma_initializer="random_normal"), "", 3, 4)
    yield check(layers.LayerNormalization([1, 2, 3]), "images", 3, 4, 2, 3)
    yield check(layers.LayerNormalization([1, 3]), "axes apart", 3, 4, 2, 3)
    yield check(layers.LayerNormalization(1, rms_scaling=True), "by the deviation only", 3, 4, 2)
    yield check(layers.RepeatVector(3), "", 2, 4)
    yield check(layers.TimeDistributed(layers.Dense(2, activation="tanh")), "", 2, 3, 4)
    yield check(layers.SpectralNormalization(layers.Dense(3)), "outside training", 2, 4)
    yield check(layers.GroupNormalization(2, gamma_initializer="random_normal"), "two groups", 2, 3, 2, 4)
    yield check(layers.UnitNormalization([1, 2]), "two axes", 2, 3, 4, 2)
    yield check(layers.RMSNormalization([-2, -1]), "two axes", 2, 3, 4, 2)
    yield check(layers.Identity(), "", 3, 4)
    yield check(layers.Lambda(lambda x: x / (1 + abs(x))), "softsign", 3, 4)
    yield check(layers.ActivityRegularization(0.1, 0.2), "", 3, 4)
    yield check(layers.Normalization(mean=[0.1, 0.2], variance=[0.5, 3]), "", 2, 3, 2)
    yield check(layers.Normalization(1, invert=True), "another axis, the other way round", 2, 3, 2)
    yield check(layers.Rescaling(2, [0.1, -1]), "", 3, 4, 2)
    around_one = initializers.RandomNormal(1.0, 0.3)
    normal = layers.BatchNormalization(
        moving_mean_initializer=around_one, moving_variance_initializer=initializers.Constant(0.5)
    )
    yield check(normal, "outside training", 4, 3, 3, 2)
    for scale in (True, False):
        normal = layers.BatchNormalization(scale=scale, gamma_initializer=around_one, beta_initializer=around_one)
        normal.prepare((None, 3, 3, 2))

        def training(x: Tensor, *weights: Tensor, normal: layers.Layer = normal) -> Tensor:
            return normal(x, training=True)

        inputs = draw.normal(4, 3, 3, 2), *normal.trainable_weights
        yield Check("layer", "BatchNormalization", f"in training, scale={scale}", training, inputs)
    dropout = layers.Dropout(0.4)
    normal = layers.BatchNormalization(1, gamma_initializer=around_one)
    yield check(normal, "channels first, outside training", 4, 2, 3, 3)
    yield Check("layer", "Dropout", "in training", lambda x: dropout(x, training=True), (draw.distinct(6, 7),))
    yield check(layers.Permute((3, 1, 2)), "", 2, 3, 4, 2)
    for random_layer, shape in (
        (layers.Dropout(0.4), (6, 7)),
        (layers.Dropout(0.4, (None, 1, 4)), (6, 7, 4)),
        (layers.AlphaDropout(0.4), (6, 7)),
        (layers.GaussianDropout(0.4), (6, 7)),
        (layers.SpatialDropout2D(0.4), (3, 2, 4, 5)),
        (layers.GaussianNoise(0.4), (6, 7)),
        (layers.RandomFlip(), (3, 4, 5, 2)),
        (layers.RandomRotation(0.3, "constant"), (3, 4, 5, 2)),
        (layers.RandomZoom(0.4, 0.2, "nearest"), (3, 4, 5, 2)),
        (layers.RandomTranslation(0.4, 0.2, interpolation="nearest"), (3, 4, 5, 2)),
        (layers.RandomBrightness(0.01, (-9, 9)), (3, 4, 5, 2)),
        (layers.RandomContrast(0.5, (-9, 9)), (3, 4, 5, 2)),
        (layers.RandomGrayscale(), (3, 4, 5, 3)),
        (layers.RandomHue(0.5, (-9, 9)), (3, 4, 5, 3)),
        (layers.RandomInvert(), (3, 4, 5, 2)),
        (layers.RandomShear(0.3, 0.2), (3, 4, 5, 2)),
        (layers.RandomCrop(3, 2), (3, 4, 5, 2)),
    ):

        def in_training(x: Tensor, layer: layers.Layer = random_layer) -> Tensor:
            return layer(x, training=True)

        yield Check("layer", type(random_layer).__name__, "in training", in_training, (draw.distinct(*shape),))


def _merges(draw: Draw) -> Iterator[Check]:
    """Yield checks of layers that join tensors, of one shape and of shapes that broadcast."""

    def check(layer: layers.Layer, case: str, *shapes: tuple[int, ...]) -> Check:
        values = draw.distinct(sum(int(np.prod(shape)) for shape in shapes))
        parts = np.split(values, np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1])
        inputs = tuple(part.reshape(shape) for part, shape in zip(parts, shapes, strict=True))
        return Check("layer", type(layer).__name__, case, lambda *x: layer(x), inputs)

    three = (2, 3, 4), (2, 3, 4), (2, 3, 4)
    for kind in (layers.Add, layers.Multiply, layers.Average, layers.Maximum, layers.Minimum):
        yield check(kind(), "three tensors", *three)
        yield check(kind(), "broadcast", (2, 3, 1), (2, 1, 4))
    yield check(layers.Subtract(), "broadcast", (2, 3, 4), (2, 1, 4))
    yield check(layers.Dot((2, 1)), "last axis and first", (2, 3, 4), (2, 4, 2))
    yield check(layers.Dot(-1, normalize=True), "vectors of length 1", (2, 4), (2, 4))
    yield check(layers.Concatenate(), "last axis", (2, 3, 4), (2, 3, 1))
    yield check(layers.Concatenate(axis=1), "first axis", (2, 3, 4), (2, 1, 4), (2, 2, 4))
