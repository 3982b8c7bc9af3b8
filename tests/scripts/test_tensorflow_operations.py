"""What scripts call of TensorFlow, against live TensorFlow: the same words, values, shapes, types and gradients."""

import numpy as np
import pytest

from tinyconv.keras import era
from tinyconv.offered import NotOfferedError

# Of a float tensor x (2,3,4) in 0.1 … 0.9, each with its gradient.
FLOATS = """
tf.square(x)
tf.sqrt(x)
tf.exp(x)
tf.math.log(x)
tf.abs(x - 0.5)
tf.pow(x, 3)
x ** 2.0
tf.pow(x, x)
tf.maximum(x, 0.5)
tf.minimum(x, 1 - x)
tf.clip_by_value(x, 0.3, 0.6)
tf.sin(x)
tf.cos(x)
tf.tan(x)
tf.math.sinh(x)
tf.math.cosh(x)
tf.math.asin(x)
tf.math.acos(x)
tf.math.atan(x)
tf.math.log1p(x)
tf.math.expm1(x)
tf.math.rsqrt(x)
tf.math.reciprocal(x)
tf.math.sigmoid(x)
tf.math.tanh(x)
tf.math.softplus(x)
tf.math.log_sigmoid(x)
tf.math.divide_no_nan(x, x - x + 2)
tf.math.squared_difference(x, 0.25)
tf.nn.compute_average_loss(x[0, 0], global_batch_size=7)
tf.nn.compute_average_loss(x[0, 0], sample_weight=x[0, 1])
tf.losses.MeanSquaredError(reduction=tf.keras.losses.Reduction.SUM)(np.full((2, 3, 4), 0.5, "float32"), x)
tf.losses.MeanSquaredError()(x ** 2, x)
tf.losses.CosineSimilarity()(x ** 2, x)
tf.keras.losses.MAE(x ** 2, x)
tf.losses.Huber(0.1)(x ** 2, x)
tf.losses.LogCosh()(x ** 2, x)
tf.losses.KLDivergence()(x ** 2, x)
tf.clip_by_norm(x, 0.7)
tf.clip_by_norm(x, 9.0)
tf.clip_by_norm(x, 0.7, axes=[1])
tf.clip_by_global_norm([x, None, 2 * x], 1.5)[0][2]
tf.linalg.global_norm([x, x])
tf.nn.local_response_normalization(x[None], 2, bias=2.0, alpha=1e-1, beta=0.75)
tf.nn.lrn(x[None])
tf.add(x, 1)
tf.subtract(1.0, x)
tf.multiply(x, x)
tf.divide(x, 2)
tf.negative(x)
tf.add_n([x, x, x])
tf.reduce_mean(x)
tf.reduce_mean(x, axis=1)
tf.reduce_mean(x, axis=[1, 2], keepdims=True)
tf.reduce_mean(input_tensor=x, axis=-1)
tf.reduce_sum(x, axis=(0, 1))
tf.reduce_sum(x, 2)
tf.reduce_max(x, axis=-1)
tf.reduce_min(x)
tf.reduce_prod(x, axis=1)
tf.reduce_prod(x)
tf.reduce_logsumexp(x, axis=1)
tf.math.reduce_std(x, axis=1)
tf.math.reduce_variance(x)
tf.norm(x)
tf.norm(x, axis=-1)
tf.norm(x, ord=1, axis=-1)
tf.cumsum(x, axis=1)
tf.sort(x, axis=-1)
tf.math.l2_normalize(x, axis=-1)
tf.nn.moments(x, axes=[0, 1])[0]
tf.nn.moments(x, axes=[0, 1])[1]
tf.nn.top_k(x, 2)[0]
tf.reshape(x, (-1, 4))
tf.reshape(x, [tf.shape(x)[0], -1])
tf.expand_dims(x, 0)
tf.expand_dims(x, axis=-1)
tf.squeeze(tf.expand_dims(x, 1))
tf.squeeze(x[:, :1], axis=1)
tf.transpose(x)
tf.transpose(x, [0, 2, 1])
tf.transpose(x, perm=(2, 0, 1))
tf.concat([x, x * 2], axis=1)
tf.concat([x, x * 2], -1)
tf.stack([x, x], axis=1)
tf.unstack(x, axis=1)[1]
tf.split(x, 2, axis=2)[1]
tf.split(x, [1, -1], axis=1)[1]
tf.tile(x, [1, 2, 3])
tf.repeat(x, 2, axis=1)
tf.reverse(x, axis=[-1])
tf.roll(x, shift=1, axis=1)
tf.broadcast_to(x[:, :1], (2, 3, 4))
tf.gather(x, [2, 0, 0], axis=1)
tf.gather(x, 1, axis=2)
tf.gather(x, [[0], [2]], axis=1, batch_dims=1)
tf.gather_nd(x, [[0, 1], [1, 2]])
tf.boolean_mask(x, x[:, :, 0] > 0.4)
tf.slice(x, [0, 1, 0], [2, -1, 3])
tf.pad(x, [[0, 0], [1, 2], [0, 1]])
tf.pad(x, [[0, 0], [1, 2], [0, 1]], "REFLECT")
tf.pad(x, [[0, 0], [1, 2], [0, 1]], mode="SYMMETRIC")
tf.pad(x, [[0, 0], [1, 2], [0, 1]], constant_values=3)
tf.where(x > 0.5, x, 0.0)
tf.where(x > 0.5, 2 * x, tf.zeros_like(x))
tf.identity(x)
tf.cast(x, tf.float64)
tf.matmul(x, x, transpose_b=True)
tf.matmul(x, x, transpose_a=True)
x @ tf.transpose(x, (0, 2, 1))
tf.tensordot(x, x, axes=[[1, 2], [1, 2]])
tf.tensordot(x, tf.transpose(x[0]), axes=1)
tf.einsum("bij,bkj->bik", x, x)
tf.linalg.einsum("bij,bik->bjk", x, x)
tf.linalg.matrix_transpose(x)
tf.nn.relu(x - 0.5)
tf.nn.relu6(x * 10)
tf.nn.leaky_relu(x - 0.5)
tf.nn.leaky_relu(x - 0.5, alpha=0.1)
tf.nn.elu(x - 0.5)
tf.nn.selu(x - 0.5)
tf.nn.gelu(x)
tf.nn.swish(x)
tf.nn.softplus(x)
tf.nn.softsign(x)
tf.nn.softmax(x)
tf.nn.softmax(x, axis=1)
tf.nn.log_softmax(x)
tf.nn.l2_loss(x)
tf.nn.l2_normalize(x, axis=1)
tf.nn.bias_add(x, [1.0, 2.0, 3.0, 4.0])
tf.nn.softmax_cross_entropy_with_logits(labels=[[0.2, 0.8]], logits=x[0, :1, :2])
tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[0, 3, 1], logits=x[0])
tf.nn.sigmoid_cross_entropy_with_logits(labels=tf.ones_like(x), logits=x)
tf.nn.batch_normalization(x, 0.5, 2.0, 0.1, 3.0, 0.001)
tf.stop_gradient(x) * x
tf.map_fn(lambda row: row * 2, x)
tf.cond(tf.reduce_sum(x) > 0, lambda: x, lambda: -x)
x[..., tf.newaxis]
x[:, ::2, -1]
x + np.ones((2, 3, 4))
tf.convert_to_tensor([x[0, 0], x[1, 2]])
tf.image.total_variation(x)
"""
# Without a gradient: of whole numbers i (3,), truth values, words, shapes.
OTHERS = """
tf.argmax(x, axis=1)
tf.argmax(x, axis=-1, output_type=tf.int32)
tf.argmin(x, 2)
tf.argsort(x, axis=-1, direction="DESCENDING")
tf.equal(i, 2)
tf.equal(tf.argmax(x, 1), tf.argmin(x, 1))
tf.not_equal(i, [1, 2, 4])
tf.greater(x, 0.5)
tf.less_equal(x, x)
x > 0.5
tf.logical_and(x > 0.2, x < 0.6)
tf.logical_not(x > 0.2)
tf.reduce_any(x > 0.8, axis=1)
tf.reduce_all(x > 0.2)
tf.cast(x > 0.5, tf.float32)
tf.cast(x * 10, tf.int32)
tf.cast(i, tf.float32)
tf.cast(i, "float64") / 2
tf.cast(x * 10, "uint8")
tf.reduce_mean(tf.cast(tf.equal(i, [1, 2, 4]), tf.float32))
tf.reduce_sum(i)
tf.reduce_max(i)
tf.reduce_prod(i)
i + 1
i * i
i // 2
i / 2
-i
tf.add(i, 2)
tf.maximum(i, 2)
tf.square(i)
tf.abs(-i)
tf.one_hot(i, 4)
tf.one_hot([[0, 2]], depth=3, axis=1)
tf.one_hot(i, 4, on_value=5.0, off_value=1.0)
tf.one_hot(i, 4, dtype=tf.int32)
tf.constant(3)
tf.constant(3.5)
tf.constant([1, 2])
tf.constant([[1.0, 2], [3, 4]])
tf.constant(np.arange(3))
tf.constant(np.arange(3.0))
tf.constant(2, shape=(2, 2))
tf.constant([1, 2, 3], dtype=tf.float32)
tf.constant(True)
tf.constant("word")
tf.constant(["one", "two"])
tf.zeros((2, 3))
tf.zeros(3, tf.int32)
tf.ones([2, 2], dtype=tf.float64)
tf.zeros_like(x)
tf.ones_like(i)
tf.fill([2, 2], 7)
tf.fill([2, 2], 0.5)
tf.eye(3)
tf.eye(2, 3)
tf.range(5)
tf.range(2, 10, 3)
tf.range(0.0, 1.0, 0.25)
tf.linspace(0.0, 1.0, 5)
tf.shape(x)
tf.shape(x)[0]
tf.size(x)
tf.rank(x)
tf.floor(x * 3)
tf.round(x * 3)
tf.math.ceil(x * 3)
tf.sign(x - 0.5)
tf.math.floormod(i, 2)
tf.math.floordiv(i, 2)
tf.math.is_nan(x)
tf.math.confusion_matrix([0, 1, 2], [0, 2, 2])
tf.math.in_top_k([0, 1], x[:, 0], 2)
tf.math.bincount(i)
tf.concat([i, i], 0)
tf.stack([i, i])
tf.reshape(i, (3, 1))
tf.gather(i, [2, 0])
tf.where(x[0] > 0.5)
tf.where(i > 1, i, 0)
tf.unique([3, 1, 3])[0]
tf.unique([3, 1, 3])[1]
tf.tensor_scatter_nd_update(i, [[1]], [9])
tf.meshgrid(tf.range(3), tf.range(2))[0]
tf.strings.split("a/b/c.png", "/")[-1]
tf.strings.join(["a", "b"], separator="-")
tf.strings.lower("ABC")
tf.strings.regex_full_match("cat.1.jpg", "cat.*")
tf.strings.to_number("3.5")
tf.strings.length("four")
tf.py_function(lambda a: a + 1, [i], tf.int32)
tf.numpy_function(lambda a: a * 2, [x], tf.float32)
tf.while_loop(lambda n: n < 10, lambda n: [n * 3], [tf.constant(1)])[0]
tf.Variable([1, 2]).assign_add([1, 1])
tf.Variable(x).assign_sub(x)
tf.as_dtype("float32").name == tf.float32.name
tf.float32.max
tf.uint8.as_numpy_dtype(3)
np.sqrt(x)
np.exp(x)
np.log(x)
np.abs(x - 0.5)
np.maximum(x, 0.5)
np.minimum(0.5, x)
np.isnan(x)
np.sign(x - 0.5)
np.add.reduce(x)
np.ones((2, 3, 4)) * x
np.ones((2, 3, 4), "float32") > x
np.float64(2) - x
x.shape[1]
len(i)
[int(each) for each in i]
float(x[0, 0, 0])
f"{tf.constant(0.5):.3f}"
bool(tf.constant(1) > 0)
"""


def of_both(compute):
    """Return what a function of a TensorFlow computes with the live one and with ours."""
    import tensorflow as theirs

    wanted = compute(theirs)
    with era("tf2"):
        import tensorflow as ours

        assert ours is not theirs
        return wanted, compute(ours)


def lines(text):
    return [line for line in text.strip().splitlines() if line]


def plain(value):
    """Return a result as an array of NumPy's, and its type."""
    array = np.asarray(value.numpy() if hasattr(value, "numpy") else value)
    return array, ("float" if isinstance(value, float) else array.dtype.name)


def values(tf):
    rng = np.random.default_rng(3)
    numbers = rng.permutation(np.linspace(0.1, 0.9, 24)).reshape(2, 3, 4).astype(np.float32)
    return {"tf": tf, "np": np, "x": tf.constant(numbers), "i": tf.constant([1, 2, 3])}


def faults(one, other, bound):
    """Return in what two results differ, None if in nothing."""
    (a, kind), (b, own) = one, other
    if a.shape != b.shape or kind != own:
        return f"{a.shape} {kind}, got {b.shape} {own}"
    if a.dtype.kind in "fiub" and not np.allclose(a, b, rtol=bound, atol=bound):
        return f"{a.ravel()[:5]}, got {b.ravel()[:5]}"
    return None if a.dtype.kind in "fiub" or (a == b).all() else f"{a}, got {b}"


def test_values_and_gradients(keras):
    def compute(tf):
        found = []
        for line in lines(FLOATS):
            known = values(tf)
            with tf.GradientTape() as tape:
                tape.watch(known["x"])
                y = eval(line, known)
                weights = np.cos(np.arange(np.prod(y.shape, dtype=int))).reshape(y.shape)
                total = tf.reduce_sum(y * tf.constant(weights, y.dtype))
            found.append((plain(y), plain(tape.gradient(total, known["x"]))))
        return found

    found = {}
    for line, (y, dy), (own, own_dy) in zip(lines(FLOATS), *of_both(compute), strict=True):
        fault = faults(y, own, 2e-6) or faults(dy, own_dy, 2e-5)
        if fault:
            found[line] = fault
    assert not found, "\n".join(f"{line}: {fault}" for line, fault in found.items())


def test_values_without_gradients(keras):
    def compute(tf):
        return [plain(eval(line, values(tf))) for line in lines(OTHERS)]

    found = {}
    for line, one, other in zip(lines(OTHERS), *of_both(compute), strict=True):
        fault = faults(one, other, 1e-6)
        if fault:
            found[line] = fault
    assert not found, "\n".join(f"{line}: {fault}" for line, fault in found.items())


@pytest.mark.parametrize(
    "line",
    ["tf.distribute.MirroredStrategy()", "tf.lite.TFLiteConverter", "tf.placeholder(tf.float32)", "tf.math.nothing"],
)
def test_what_lacks_is_one_line(line):
    with era("tf2"):
        import tensorflow as tf

        with pytest.raises(NotOfferedError, match=r"tinyconv\.keras does not offer tensorflow\."):
            eval(line, {"tf": tf})
