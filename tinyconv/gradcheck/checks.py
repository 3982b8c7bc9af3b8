"""Every operation, layer, loss, penalty and a few whole models, each with inputs on which its gradient is defined.

Inputs keep away from kinks (0 of ReLU), ties (two largest values of a window) and poles (0 of the logarithm), where
central differences measure something else. All is float64 and drawn from one seed, so a check repeats exactly.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from math import inf

import numpy as np

from .. import config, layers, losses, randomness, regularizers
from .. import functions as F
from ..distributed import Alone, computing_share
from ..functions.elementwise import ToDevice
from ..models import Sequential
from ..symbol import on_symbols
from ..tensor import Tensor
from .drawing import SEED, Check, Draw
from .layer_checks import layer_checks


def checks() -> Iterator[Check]:
    """Yield every check of the engine, in the order in which the engine is built up."""
    with _float64():
        randomness.set_seed(SEED)
        draw = Draw()
        yield from _elementwise(draw)
        yield from _arithmetic(draw)
        yield from _reductions(draw)
        yield from _shapes(draw)
        yield from _network_functions(draw)
        yield from layer_checks(draw)
        yield from _losses(draw)
        yield from _models(draw)


@contextmanager
def _float64() -> Iterator[None]:
    """Build layers in float64 inside the `with` block."""
    before = config.floatx()
    config.set_floatx("float64")
    try:
        yield
    finally:
        config.set_floatx(before)


def _elementwise(draw: Draw) -> Iterator[Check]:
    def check(f: Callable[..., Tensor], x: np.ndarray, case: str = "") -> Check:
        return Check("function", f.__name__, case, f, (x,))

    yield check(F.negative, draw.normal(3, 4))
    yield check(F.exp, draw.normal(3, 4))
    yield check(F.log, draw.positive(3, 4))
    yield check(F.sqrt, draw.positive(3, 4))
    yield check(F.absolute, draw.nonzero(3, 4))
    yield Check("function", "clip", "both ends", lambda x: F.clip(x, -0.6, 0.7), (draw.distinct(5, 6),))
    yield Check("function", "cast", "to its own dtype", lambda x: F.cast(x, "float64"), (draw.normal(3, 4),))
    yield Check("function", "to_device", "where it is", lambda x: ToDevice("cpu")(x), (draw.normal(3, 4),))
    yield check(F.linear, draw.normal(3, 4))
    yield check(F.relu, draw.nonzero(3, 4))
    yield Check("function", "leaky_relu", "slope 0.3", lambda x: F.leaky_relu(x, 0.3), (draw.nonzero(3, 4),))
    yield check(F.relu6, 5 * draw.nonzero(3, 4))
    yield Check("function", "relu", "all arguments", lambda x: F.relu(x, 0.2, 0.7, 0.4), (draw.distinct(5, 6),))
    slopes = draw.normal(1, 4)
    yield Check("function", "prelu", "shared slopes", F.prelu, (draw.nonzero(2, 3, 4), slopes))
    yield Check("function", "elu", "alpha 0.3", lambda x: F.elu(x, 0.3), (draw.nonzero(3, 4),))
    yield check(F.selu, draw.nonzero(3, 4))
    yield check(F.gelu, 2 * draw.normal(3, 4))
    yield Check("function", "gelu", "by tanh", lambda x: F.gelu(x, True), (2 * draw.normal(3, 4),))
    for f in (F.silu, F.softplus, F.exponential, F.log_softmax):
        yield check(f, 2 * draw.normal(3, 4))
    yield check(F.softsign, draw.nonzero(3, 4))
    yield check(F.hard_sigmoid, 3 * draw.normal(3, 4))
    yield check(F.keras2_hard_sigmoid, 3 * draw.normal(3, 4))
    yield check(F.sigmoid, 3 * draw.normal(3, 4))
    for f in (F.celu, F.hard_shrink, F.hard_silu, F.hard_tanh, F.log_sigmoid, F.mish, F.soft_shrink, F.sparse_plus):
        yield check(f, draw.distinct(5, 6))
    for f in (F.glu, F.sparse_sigmoid, F.squareplus, F.tanh_shrink):
        yield check(f, draw.distinct(5, 6))
    yield Check("function", "threshold", "0.2", lambda x: F.threshold(x, 0.2, -1), (draw.distinct(5, 6),))
    apart = np.array([[0.1, 0.6, 0.5, -0.7], [0.2, 0.3, 0.4, 0.25], [2.0, -1.0, 0.5, 0.6]])
    yield check(F.sparsemax, apart)
    yield Check("function", "sparsemax", "axis 0", lambda x: F.sparsemax(x, axis=0), (apart.T.copy(),))
    for f in (F.softmax, F.log_softmax):
        yield Check("function", f.__name__, "axis 1", lambda x, f=f: f(x, axis=1), (draw.distinct(3, 4, 2),))
    yield check(F.tanh, draw.normal(3, 4))
    yield check(F.softmax, draw.normal(4, 5))
    yield check(F.softmax, draw.normal(2, 3, 4), "images")


def _arithmetic(draw: Draw) -> Iterator[Check]:
    def check(f: Callable[..., Tensor], a: np.ndarray, b: np.ndarray, case: str = "") -> Check:
        return Check("function", f.__name__, case, f, (a, b))

    for f in (F.add, F.subtract, F.multiply):
        yield check(f, draw.normal(3, 4), draw.normal(3, 4))
        yield check(f, draw.normal(3, 1, 4), draw.normal(5, 1), "broadcast")
    yield Check("function", "add", "relu", lambda a, b: F.add(a, b, relu=True), (draw.nonzero(3, 4), np.zeros((3, 4))))
    for f in (F.divide, F.power):
        yield check(f, draw.positive(3, 4), draw.positive(3, 4))
        yield check(f, draw.positive(4), draw.positive(2, 3, 1), "broadcast")
    for f in (F.maximum, F.minimum):
        both = draw.distinct(2, 3, 4)
        yield check(f, both[0], both[1])
        both = draw.distinct(5, 4)
        yield check(f, both[:1], both[1:], "broadcast")
    chosen = draw.normal(3, 4) > 0
    yield Check("function", "where", "", lambda a, b: F.where(chosen, a, b), (draw.normal(3, 4), draw.normal(3, 4)))
    yield Check("function", "where", "broadcast", lambda a, b: F.where(chosen, a, b), (draw.normal(4), draw.normal()))
    yield check(F.matmul, draw.normal(3, 4), draw.normal(4, 5))
    yield check(F.matmul, draw.normal(4), draw.normal(4), "vectors")
    yield check(F.matmul, draw.normal(4), draw.normal(2, 4, 3), "vector @ stack")
    yield check(F.matmul, draw.normal(2, 1, 3, 4), draw.normal(5, 4, 2), "broadcast stacks")


def _reductions(draw: Draw) -> Iterator[Check]:
    for f in (F.sum, F.mean, F.var, F.max, F.min):

        def over_middle(x: Tensor, f: Callable[..., Tensor] = f) -> Tensor:
            return f(x, axis=(0, -1), keepdims=True)

        yield Check("function", f.__name__, "all", f, (draw.distinct(3, 4),))
        yield Check("function", f.__name__, "two axes, kept", over_middle, (draw.distinct(2, 3, 4),))
    yield Check("function", "sum_squares", "", F.sum_squares, (draw.normal(3, 4),))


def _shapes(draw: Draw) -> Iterator[Check]:
    def check(name: str, case: str, f: Callable[..., Tensor], *inputs: np.ndarray) -> Check:
        return Check("function", name, case, f, inputs)

    x = draw.normal(3, 4, 2)
    mask = x > 0
    yield check("reshape", "", lambda x: F.reshape(x, 4, -1), x)
    yield check("transpose", "reversed", F.transpose, x)
    images = draw.normal(2, 3, 2, 4)
    yield check("channels_first", "", F.channels_first, images)
    yield check("channels_last", "", F.channels_last, images)
    yield check("by_elements", "in the order of memory", lambda x: F.by_elements(F.exp, F.channels_first(x)), images)
    yield check("to_last", "axis 2", lambda x: F.to_last(x, 2), images)
    yield check("from_last", "axis 2", lambda x: F.from_last(x, 2), images)
    yield check("transpose", "axes", lambda x: F.transpose(x, (1, -1, 0)), x)
    yield check("getitem", "slices", lambda x: F.getitem(x, (slice(None, None, 2), None, -1)), x)
    yield check("getitem", "element taken twice", lambda x: F.getitem(x, ([0, 2, 0], [1, 1, 1])), x)
    yield check("getitem", "mask", lambda x: F.getitem(x, mask), x)
    yield check("concatenate", "", lambda *xs: F.concatenate(xs, 1), x, draw.normal(3, 1, 2), draw.normal(3, 2, 2))
    yield check("stack", "", lambda *xs: F.stack(xs, -1), x, draw.normal(3, 4, 2))
    yield check("pad", "", lambda x: F.pad(x, ((1, 0), (0, 2), (3, 1)), 0.5), x)


def _network_functions(draw: Draw) -> Iterator[Check]:
    def check(name: str, case: str, f: Callable[..., Tensor], *inputs: np.ndarray) -> Check:
        return Check("function", name, case, f, inputs)

    x, w, b = draw.normal(2, 6, 5, 4), draw.normal(3, 2, 4, 3), draw.normal(3)
    yield check("dense", "", F.dense, draw.normal(3, 4), draw.normal(4, 5), draw.normal(5))
    yield check("dense", "images, no bias", F.dense, draw.normal(2, 3, 4), draw.normal(4, 5))
    matrices = draw.normal(3, 4), draw.normal(4, 5)
    yield check("dense", "relu", lambda x, w: F.dense(x, w, relu=True), *matrices)
    yield check("conv2d", "", F.conv2d, x, w, b)
    yield check("conv2d", "no bias", F.conv2d, x, w)
    yield check("conv2d", "relu, pooled", lambda x, w, b: F.conv2d(x, w, b, relu=True, pooled=True), x, w, b)
    yield check("conv2d", "same, strides", lambda x, w, b: F.conv2d(x, w, b, (2, 3), "same"), x, w, b)
    yield check("conv2d", "dilation", lambda x, w, b: F.conv2d(x, w, b, dilation=(2, 3)), x, w, b)
    yield check("conv2d", "groups", lambda x, w: F.conv2d(x, w, padding="same", groups=2), x, draw.normal(3, 3, 2, 6))
    yield check("conv2d", "depthwise", lambda x, w: F.conv2d(x, w, groups=4), x, draw.normal(3, 3, 1, 8))
    table = np.stack([draw.nonzero(6), draw.normal(6)])
    for case, ceiling in (("", None), ("relu", inf), ("ceiling", 0.9)):
        scaled = partial(F.conv2d_scaled, padding="same", groups=2, ceiling=ceiling)
        yield check("conv2d_scaled", case, scaled, x, draw.normal(3, 3, 2, 6), table)
    yield from _spatial_functions(draw)
    images = draw.distinct(2, 7, 6, 3)
    yield check("max_pool2d", "", F.max_pool2d, images)
    yield check("max_pool2d", "same, overlap", lambda x: F.max_pool2d(x, (3, 3), (2, 2), "same"), images)
    yield check("average_pool2d", "", F.average_pool2d, images)
    yield check("average_pool2d", "same, overlap", lambda x: F.average_pool2d(x, (3, 3), (2, 2), "same"), images)
    yield check("average_pool2d", "gaps", lambda x: F.average_pool2d(x, (2, 1), (3, 2)), images)
    yield check("global_average_pool2d", "", F.global_average_pool2d, images)
    yield check("dropout", "", lambda x: F.dropout(x, 0.4, SEED, 1, 2), draw.normal(6, 7))
    gamma, beta = draw.nonzero(4), draw.normal(4)
    yield check("batch_norm", "", lambda x, a, b: F.batch_norm(x, a, b)[0], x, gamma, beta)
    yield check("batch_norm", "ceiling", lambda x, a, b: F.batch_norm(x, a, b, ceiling=0.5)[0], x, gamma, beta)
    yield check("batch_norm", "features, no gamma", lambda x, b: F.batch_norm(x, None, b)[0], draw.normal(6, 4), beta)
    yield check("batch_norm", "no gamma, no beta", lambda x: F.batch_norm(x)[0], x)
    yield check("synchronized_batch_norm", "one rank", _synchronized, x, gamma, beta)
    yield check("layer_norm", "", F.layer_norm, x, gamma, beta)
    yield check("layer_norm", "features, no beta", F.layer_norm, draw.normal(6, 4), gamma)
    yield check("scale_shift", "", F.scale_shift, x, gamma, beta)
    mean, variance, bias = draw.normal(4), 0.5 + np.square(draw.normal(4)), draw.normal(4)
    yield check("fold_normalization", "", F.fold_normalization, mean, variance, gamma, beta, bias)
    yield check(
        "fold_normalization", "no gamma", lambda m, v, b: F.fold_normalization(m, v, beta=b), mean, variance, beta
    )
    yield check("scale_shift", "mean, ceiling", lambda x, a, b: F.scale_shift(x, a, b, mean, 0.5), x, gamma, beta)
    yield check("spatial_dropout2d", "", lambda x: F.spatial_dropout2d(x, 0.4, SEED, 1, 2), draw.normal(3, 2, 4, 5))
    yield check("gaussian_noise", "", lambda x: F.gaussian_noise(x, 0.4, SEED, 1, 2), draw.normal(6, 7))
    shares, labels, bits = draw.shares(4, 5), np.array([0, 4, 2, 2]), draw.generator.integers(0, 2, (4, 5))
    yield check("softmax_cross_entropy", "", lambda x: F.softmax_cross_entropy(x, shares), draw.normal(4, 5))
    yield check(
        "softmax_cross_entropy",
        "targets that sum to 2",
        lambda x: F.softmax_cross_entropy(x, 2 * shares),
        draw.normal(4, 5),
    )
    yield check(
        "sparse_softmax_cross_entropy", "", lambda x: F.sparse_softmax_cross_entropy(x, labels), draw.normal(4, 5)
    )
    yield check("sigmoid_cross_entropy", "", lambda x: F.sigmoid_cross_entropy(x, bits), 3 * draw.normal(4, 5))


@on_symbols
def _synchronized(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    """Return x normalized over the batches of all ranks, of which there is one."""
    with computing_share(Alone(), len(x)):
        return F.synchronized_batch_norm(x, gamma, beta)[0]


def _spatial_functions(draw: Draw) -> Iterator[Check]:
    def check(name: str, case: str, f: Callable[..., Tensor], *inputs: np.ndarray) -> Check:
        return Check("function", name, case, f, inputs)

    f, x, w, b = F.depthwise_conv2d, draw.normal(2, 7, 12, 4), draw.normal(3, 3, 4, 2), draw.normal(8)
    yield check("depthwise_conv2d", "", f, x, w, b)
    yield check("depthwise_conv2d", "relu", lambda x, w, b: f(x, w, b, relu=True), x, w, b)
    yield check("depthwise_conv2d", "same, strides", lambda x, w, b: f(x, w, b, (2, 3), "same"), x, w, b)
    yield check("depthwise_conv2d", "dilation", lambda x, w: f(x, w, dilation=(2, 3)), x, w)
    table = np.stack([draw.nonzero(8), draw.normal(8)])
    yield check("depthwise_conv2d_scaled", "", F.depthwise_conv2d_scaled, x, w, table)
    yield check("depthwise_conv2d_scaled", "ceiling", partial(F.depthwise_conv2d_scaled, ceiling=0.9), x, w, table)
    transpose, x, w, b = F.conv2d_transpose, draw.normal(2, 4, 5, 3), draw.normal(3, 2, 4, 3), draw.normal(4)
    yield check("conv2d_transpose", "", transpose, x, w, b)
    yield check("conv2d_transpose", "same, strides", lambda x, w, b: transpose(x, w, b, (2, 3), "same"), x, w, b)
    yield check("conv2d_transpose", "output padding", lambda x, w: transpose(x, w, None, (3, 2), "valid", (1, 0)), x, w)
    yield check("conv2d_transpose", "dilation", lambda x, w: transpose(x, w, dilation=(2, 3)), x, w)
    yield check("upsample2d", "nearest", lambda x: F.upsample2d(x, (3, 2)), x)
    yield check("upsample2d", "bilinear", lambda x: F.upsample2d(x, (3, 2), "bilinear"), x)
    yield check("resize", "bilinear", lambda x: F.resize(x, (5, 3)), x)
    yield check("resize", "bicubic, antialiased", lambda x: F.resize(x, (2, 7), "bicubic", antialias=True), x)
    maps = np.array([[[0.9, -0.3, 1.1], [0.4, 0.8, -0.7]]] * x.shape[0])
    yield check("warp", "bilinear, reflected", lambda x: F.warp(x, maps, (4, 3), "reflect"), x)
    yield check("warp", "nearest, constant", lambda x: F.warp(x, maps, None, "constant", 0.5, "nearest"), x)


def _losses(draw: Draw) -> Iterator[Check]:
    def check(loss: losses.Loss, case: str, y: np.ndarray, f: Callable[..., Tensor], x: np.ndarray) -> Check:
        weight = draw.positive(len(x))
        return Check("loss", type(loss).__name__, case, lambda x: loss(y, f(x), weight), (x,))

    shares, labels, bits = draw.shares(4, 5), np.array([0, 4, 2, 2]), draw.generator.integers(0, 2, (4, 5))
    categorical, sparse = losses.CategoricalCrossentropy, losses.SparseCategoricalCrossentropy
    binary = losses.BinaryCrossentropy
    yield check(categorical(), "softmax", shares, F.softmax, draw.normal(4, 5))
    yield check(categorical(True, 0.1), "logits, smoothed", shares, F.linear, draw.normal(4, 5))
    yield check(categorical(), "probabilities", shares, F.linear, draw.shares(4, 5))
    yield check(sparse(), "softmax", labels, F.softmax, draw.normal(4, 5))
    yield check(sparse(), "probabilities", labels, F.linear, draw.shares(4, 5))
    yield check(binary(), "sigmoid", bits, F.sigmoid, draw.normal(4, 5))
    yield check(binary(label_smoothing=0.1), "probabilities, smoothed", bits, F.linear, draw.shares(4, 5))
    yield check(losses.MeanSquaredError(), "", draw.normal(4, 5), F.linear, draw.normal(4, 5))
    loss: losses.Loss
    apart = draw.distinct(2, 4, 5)  # no target is met
    for loss in (
        losses.MeanAbsoluteError(),
        losses.MeanAbsolutePercentageError(),
        losses.Huber(10.0),
        losses.LogCosh(),
    ):
        yield check(loss, "", apart[0], F.linear, apart[1])
    yield check(losses.Huber(0.01), "absolute", apart[0], F.linear, apart[1])
    for loss in (losses.MeanSquaredLogarithmicError(), losses.Poisson()):
        yield check(loss, "", draw.positive(4, 5), F.linear, draw.positive(4, 5))
    for loss in (losses.CosineSimilarity(), losses.Hinge(), losses.SquaredHinge()):
        yield check(loss, "", bits, F.linear, draw.normal(4, 5))
    generalized = losses.CategoricalGeneralizedCrossEntropy()
    yield check(generalized, "probabilities", labels, F.linear, draw.shares(4, 5))
    yield check(losses.Circle(4.0), "", np.array([0, 0, 1, 1]), F.linear, 0.2 * draw.normal(4, 5))
    yield check(sparse(ignore_class=int(labels[0])), "class ignored", labels, F.softmax, draw.normal(4, 5))
    yield check(losses.CategoricalHinge(), "", np.eye(5)[labels], F.linear, draw.distinct(4, 5))
    yield check(losses.KLDivergence(), "", shares, F.softmax, draw.normal(4, 5))
    yield check(losses.Dice(axis=-1), "", bits, F.sigmoid, draw.normal(4, 5))
    yield check(losses.Tversky(0.3, 0.6), "", bits, F.sigmoid, draw.normal(4, 5))
    yield check(losses.BinaryFocalCrossentropy(True), "sigmoid, balanced", bits, F.sigmoid, draw.normal(4, 5))
    yield check(losses.BinaryFocalCrossentropy(), "probabilities", bits, F.linear, draw.shares(4, 5))
    yield check(losses.CategoricalFocalCrossentropy(), "softmax", shares, F.softmax, draw.normal(4, 5))
    for kind in (regularizers.L1, regularizers.L2, regularizers.L1L2, regularizers.OrthogonalRegularizer):
        penalty = kind(0.3)
        yield Check("penalty", kind.__name__, "", penalty, (draw.nonzero(3, 4),))


def _models(draw: Draw) -> Iterator[Check]:
    def check(name: str, stack: list[layers.Layer], loss: losses.Loss, y: np.ndarray, x: np.ndarray) -> Check:
        model = Sequential([layers.Input(x.shape[1:]), *stack])

        def total(x: Tensor, *weights: Tensor) -> Tensor:
            value = loss(y, model(x, training=True))
            for penalty in model.losses:
                value = value + penalty
            return value

        return Check("model", name, f"{model.count_params()} weights", total, (x, *model.trainable_weights))

    yield check(
        "convolutional net",
        [
            layers.Conv2D(4, 3, activation="relu", kernel_regularizer="l2"),
            layers.Conv2D(5, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Dropout(0.25),
            layers.Flatten(),
            layers.Dense(6, activation="relu", kernel_regularizer="l1_l2"),
            layers.Dropout(0.5),
            layers.Dense(3, activation="softmax"),
        ],
        losses.CategoricalCrossentropy(),
        np.eye(3)[[0, 2, 1, 1]],
        draw.normal(4, 8, 8, 2),
    )
    yield check(
        "all convolutions",
        [
            layers.Conv2D(4, 3, strides=2, padding="same", activation="tanh"),
            layers.Conv2D(4, 3, groups=2, dilation_rate=2, padding="same"),
            layers.ReLU(negative_slope=0.1),
            layers.AveragePooling2D(padding="same"),
            layers.Conv2D(3, 1),
            layers.GlobalAveragePooling2D(),
            layers.Softmax(),
        ],
        losses.SparseCategoricalCrossentropy(),
        np.array([2, 0, 1]),
        draw.normal(3, 9, 7, 2),
    )
    yield check(
        "normalized",
        [
            layers.Rescaling(0.5, [0.1, -0.2]),
            layers.Conv2D(4, 3, use_bias=False),
            layers.BatchNormalization(epsilon=0.1, gamma_regularizer="l2"),
            layers.ReLU(),
            layers.Conv2D(4, 3, use_bias=False),
            layers.BatchNormalization(epsilon=0.1, scale=False, beta_initializer="random_normal"),
            layers.Activation("tanh"),
            layers.Flatten(),
            layers.Dense(6, activation="relu"),
            layers.BatchNormalization(epsilon=0.1),
            layers.Dense(3, activation="softmax"),
        ],
        losses.CategoricalCrossentropy(),
        np.eye(3)[[0, 2, 1, 1, 0]],
        draw.normal(5, 6, 7, 2),
    )
    yield check(
        "two classes",
        [
            layers.Reshape((-1,)),
            layers.Dense(7, activation="tanh", bias_regularizer="l1", bias_initializer="random_normal"),
            layers.Dropout(0.3),
            layers.Dense(1, activation="sigmoid"),
        ],
        losses.BinaryCrossentropy(label_smoothing=0.1),
        np.array([0, 1, 1, 0, 1]),
        draw.normal(5, 3, 4),
    )
