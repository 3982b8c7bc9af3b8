"""NumPy's own sums, in double, for whatever the operations of the page's test networks compute and pass back."""

import numpy as np


def taps(window, image):
    """Which of an image's cells, in row-major order, each tap lies on: (oh,ow,kh,kw), −1 on padding."""
    (top, bottom), (left, right) = window.pads(*image)
    cells = np.pad(np.arange(image[0] * image[1]).reshape(image), ((top, bottom), (left, right)), constant_values=-1)
    views = np.lib.stride_tricks.sliding_window_view(cells, window.span)
    (down, across), (lower, wider) = window.strides, window.dilation
    return views[::down, ::across, ::lower, ::wider]


def gathered(x, places, padding=0.0):
    """The cells under the taps: (n,oh,ow,kh,kw,c)."""
    n, height, width, channels = x.shape
    found = x.reshape(n, height * width, channels)[:, places]
    return np.where((places < 0)[None, ..., None], padding, found)


def scattered(parts, places, shape):
    """The sums of parts (n,oh,ow,kh,kw,c) over the cells that their taps lie on: (n,h,w,c)."""
    n, height, width, channels = shape
    sums = np.zeros((n, height * width + 1, channels))  # the last row is the padding's
    np.add.at(sums, (np.arange(n)[:, None], places.reshape(1, -1)), parts.reshape(n, -1, channels))
    return sums[:, :-1].reshape(shape)


def convolution(function, dy, x, w, b=None):
    places = taps(function.window, x.shape[1:3])
    of_groups = []
    for x_g, w_g, dy_g in zip(*(np.split(each, function.groups, axis=-1) for each in (x, w, dy)), strict=True):
        cells = gathered(x_g, places)
        dx = scattered(np.einsum("npqk,ijck->npqijc", dy_g, w_g), places, x_g.shape)
        of_groups.append((np.einsum("npqijc,ijck->npqk", cells, w_g), dx, np.einsum("npqijc,npqk->ijck", cells, dy_g)))
    y, dx, dw = (np.concatenate(parts, axis=-1) for parts in zip(*of_groups, strict=True))
    return y if b is None else y + b, dx, dw, dy.sum(axis=(0, 1, 2))


def depthwise(function, dy, x, w, b=None):
    places = taps(function.window, x.shape[1:3])
    cells, dy_t = gathered(x, places), dy.reshape(*dy.shape[:3], *w.shape[2:])
    y = np.einsum("npqijc,ijct->npqct", cells, w).reshape(dy.shape)
    dx = scattered(np.einsum("npqct,ijct->npqijc", dy_t, w), places, x.shape)
    dw = np.einsum("npqijc,npqct->ijct", cells, dy_t)
    return y if b is None else y + b, dx, dw, dy.sum(axis=(0, 1, 2))


def transposed(function, dy, x, w, b=None):
    places = taps(function.window, dy.shape[1:3])
    y = scattered(np.einsum("npqc,ijkc->npqijk", x, w), places, dy.shape)
    cells = gathered(dy, places)
    dx, dw = np.einsum("npqijk,ijkc->npqc", cells, w), np.einsum("npqijk,npqc->ijkc", cells, x)
    return y if b is None else y + b, dx, dw, dy.sum(axis=(0, 1, 2))


def max_pooling(function, dy, x):
    places = taps(function.window, x.shape[1:3])
    cells = gathered(x, places, -np.inf)
    flat = cells.reshape(*cells.shape[:3], -1, cells.shape[-1])
    won = np.arange(flat.shape[3])[:, None] == flat.argmax(axis=3)[:, :, :, None]
    return flat.max(axis=3), scattered((won * dy[:, :, :, None]).reshape(cells.shape), places, x.shape)


def average_pooling(function, dy, x):
    places = taps(function.window, x.shape[1:3])
    count = (places >= 0).sum(axis=(2, 3))[None, :, :, None]
    parts = np.broadcast_to((dy / count)[:, :, :, None, None], (*dy.shape[:3], *places.shape[2:], dy.shape[3]))
    return gathered(x, places).sum(axis=(3, 4)) / count, scattered(parts, places, x.shape)


def global_average(function, dy, x):
    share = dy.reshape(len(x), 1, 1, -1) / (x.shape[1] * x.shape[2])
    return x.mean(axis=(1, 2)).reshape(dy.shape), np.broadcast_to(share, x.shape)


def dense(function, dy, x, w, b=None):
    return x @ w + (0 if b is None else b), dy @ w.T, x.T @ dy, dy.sum(axis=0)


def batch_norm(function, dy, x, *learnt):
    gamma, beta = learnt
    axes = 0, 1, 2
    mean, root = x.mean(axis=axes), np.sqrt(x.var(axis=axes) + function.epsilon)
    normalized = (x - mean) / root
    dx = gamma / root * (dy - dy.mean(axis=axes) - normalized * (dy * normalized).mean(axis=axes))
    return gamma * normalized + beta, dx, (dy * normalized).sum(axis=axes), dy.sum(axis=axes)


def softmax_of(x):
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def softmax(function, dy, x):
    y = softmax_of(x)
    return y, y * (dy - (dy * y).sum(axis=-1, keepdims=True))


def sparse_cross_entropy(function, dy, x):
    one_hot = np.eye(x.shape[-1])[function.labels]
    p = softmax_of(x)
    return -(one_hot * np.log(p)).sum(axis=-1), dy[..., None] * (p - one_hot)


def cross_entropy(function, dy, x):
    p, t = softmax_of(x), function.targets
    return -(t * np.log(p)).sum(axis=-1), dy[..., None] * (p * t.sum(axis=-1, keepdims=True) - t)


def sigmoid_cross_entropy(function, dy, x):
    p, t = 1 / (1 + np.exp(-x)), function.targets
    return -t * np.log(p) - (1 - t) * np.log(1 - p), dy * (p - t)


def silu(function, dy, x):
    p = 1 / (1 + np.exp(-x))
    return x * p, dy * p * (1 + x * (1 - p))


def dropout(function, dy, x):
    mask = np.asarray(function.keep, np.float64) / (1 - function.rate)
    return x * mask, dy * mask


def mean(function, dy, x):
    axes = tuple(range(x.ndim)) if function.axis is None else function.axis
    count = x.size / max(1, np.size(dy))
    return x.mean(axis=axes), np.broadcast_to(np.reshape(dy, function.reduced_shape) / count, x.shape)


SUMS = {
    "Conv2D": convolution,
    "DepthwiseConv2D": depthwise,
    "Conv2DTranspose": transposed,
    "MaxPool2D": max_pooling,
    "AveragePool2D": average_pooling,
    "GlobalAveragePool2D": global_average,
    "Dense": dense,
    "BatchNorm": batch_norm,
    "Softmax": softmax,
    "SparseSoftmaxCrossEntropy": sparse_cross_entropy,
    "SoftmaxCrossEntropy": cross_entropy,
    "SigmoidCrossEntropy": sigmoid_cross_entropy,
    "Relu": lambda function, dy, x: (np.maximum(x, 0), dy * (x > 0)),
    "Rectifier": lambda function, dy, x: (np.clip(x, 0, 6), dy * ((x > 0) & (x < 6))),
    "Silu": silu,
    "Sigmoid": lambda function, dy, x: (1 / (1 + np.exp(-x)), dy * np.exp(-x) / (1 + np.exp(-x)) ** 2),
    "Dropout": dropout,
    "Reshape": lambda function, dy, x: (x.reshape(dy.shape), dy.reshape(x.shape)),
    "Add": lambda function, dy, a, b: (a + b, dy, dy),
    "Multiply": lambda function, dy, a, b: (a * b, dy * b, dy * a),
    "SumSquares": lambda function, dy, x: ((x * x).sum(), 2 * x * dy),
    "Mean": mean,
    "Concatenate": lambda function, dy, *x: (
        np.concatenate(x, axis=function.axis),
        *np.split(dy, np.cumsum([each.shape[function.axis] for each in x])[:-1], axis=function.axis),
    ),
}


def sums_of(recording, operation):
    """What an operation should have computed and passed back: {"output": y, "d_input0": dx, …}, in double."""
    inputs = [recording.values[number].array.astype(np.float64) for number in operation.inputs]
    output = recording.values[operation.output]
    arrived = output.gradient is not None
    dy = output.gradient.astype(np.float64) if arrived else np.zeros(output.array.shape)
    y, *passed = SUMS[type(operation.function).__name__](operation.function, dy, *inputs)
    gradients = {f"d_input{place}": dx for place, dx in enumerate(passed[: len(inputs)]) if arrived}
    return {"output": y, **gradients}
