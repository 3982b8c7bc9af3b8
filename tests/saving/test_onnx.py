"""`model.export`: what of each layer random models do not draw, the graph's shape, and what is refused."""

import os
import sys

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import layers as L

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")


def stack(*layers, shape=(8, 7, 3), dtype=None):
    return tc.Sequential([tc.Input(shape, name="image", dtype=dtype), *layers])


def exported(model, folder):
    path = folder / "m.onnx"
    model.export(path)
    onnx.checker.check_model(str(path), full_check=True)
    return onnx.load(path)


def operators(proto):
    return [node.op_type for node in proto.graph.node]


def check(model, folder, *shapes, bound=1e-5):
    """Hold what onnxruntime computes of images of some shapes to what the model does."""
    proto = exported(model, folder)
    session = runtime.InferenceSession(folder / "m.onnx", providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(4)
    for shape in shapes or [(2, *model.input_shape[1:])]:
        x = rng.standard_normal(shape).astype(np.float32)
        theirs = session.run(None, {"image": x})[0]
        ours = model(x.astype(model.dtype)).numpy()
        assert theirs.shape == ours.shape
        assert np.linalg.norm(theirs - ours) <= bound * np.linalg.norm(ours)
    return proto


def test_images_are_transposed_once_at_either_end(tmp_path):
    x = tc.Input((8, 8, 3), name="image")
    y = L.Conv2D(4, 3, padding="same", activation="relu")(x)
    y = L.ReLU()(L.BatchNormalization()(L.Add()([y, L.Conv2D(4, 1)(y)])))
    y = L.Concatenate()([y, L.MaxPooling2D(3, 1, "same")(y), L.Rescaling([1.0, 2.0, 3.0, 4.0], 0.5)(y)])
    y = L.PReLU()(L.ZeroPadding2D(1)(L.Softmax()(y)))
    proto = check(tc.Model(x, L.Dense(2, name="classes")(L.Flatten()(y))), tmp_path)
    assert operators(proto).count("Transpose") == 2
    assert operators(proto)[0] == "Transpose"
    assert operators(proto)[-3:] == ["Transpose", "Flatten", "Gemm"]
    assert [each.name for each in (*proto.graph.input, *proto.graph.output)] == ["image", "classes"]
    assert "conv2d/kernel" in [each.name for each in proto.graph.initializer]


@pytest.mark.parametrize("strides", [1, 2])
def test_batch_height_and_width_may_be_open(tmp_path, strides):
    model = stack(
        L.Resizing(9, 8, interpolation="nearest"),
        L.Conv2D(4, 3, strides=strides, padding="same", activation="silu"),
        shape=(None, None, 3),
    )
    check(model, tmp_path, (1, 5, 7, 3), (3, 20, 9, 3))
    model = stack(
        L.Conv2D(4, 3, strides=strides, padding="same"),
        L.DepthwiseConv2D(3, strides, "same", activation="relu"),
        L.AveragePooling2D(3, strides, "same"),
        L.Conv2DTranspose(3, 3, 2, "same"),
        L.Resizing(6, 5),
        L.UpSampling2D(2, interpolation="bilinear"),
        L.GlobalAveragePooling2D(),
        shape=(None, None, 3),
    )
    proto = check(model, tmp_path, (1, 6, 7, 3), (2, 16, 9, 3))
    assert [each.dim_param or each.dim_value for each in proto.graph.input[0].type.tensor_type.shape.dim] == [
        *("batch", "image_1", "image_2", 3)
    ]


LAYERS = {
    **{
        f"resizing {method}": lambda method=method: L.Resizing(5, 9, interpolation=method)
        for method in ("bilinear", "bicubic", "lanczos3", "area")
    },
    "resizing, antialias": lambda: L.Resizing(4, 3, antialias=True),
    "resizing, cropped": lambda: L.Resizing(4, 9, crop_to_aspect_ratio=True),
    "resizing, padded": lambda: L.Resizing(4, 9, pad_to_aspect_ratio=True, fill_value=0.5),
    "center crop": lambda: L.CenterCrop(5, 4),
    "center crop of less": lambda: L.CenterCrop(12, 4),
    "random crop": lambda: L.RandomCrop(5, 4),
    "augmentation": lambda: tc.Sequential([L.RandomFlip(), L.RandomRotation(0.2), L.RandomContrast(0.5)]),
    "transposed": lambda: L.Conv2DTranspose(4, 2, 3),
    "transposed, output padding": lambda: L.Conv2DTranspose(4, 3, 3, "same", output_padding=1),
    "dilated": lambda: L.Conv2D(4, 2, dilation_rate=2, padding="same"),
    "relu of all arguments": lambda: L.ReLU(1.5, 0.1, 0.5),
    "relu with a ceiling and a slope": lambda: L.ReLU(1.5, 0.1),
    "layer norm of images": lambda: L.LayerNormalization(axis=[1, 2, 3]),
    "softmax of rows": lambda: tc.Sequential([L.Conv2D(6, 3), L.Softmax(1)]),
    "softmax of images": lambda: tc.Sequential([L.Conv2D(6, 3), L.Softmax([1, 2])]),
    **{
        f"enlarged, {method}": lambda method=method: L.UpSampling2D((2, 3), interpolation=method)
        for method in ("bicubic", "lanczos3", "lanczos5")
    },
    "groups": lambda: L.GroupNormalization(3, gamma_initializer="random_normal", beta_initializer="ones"),
    "groups of an even number of channels": lambda: tc.Sequential([L.Conv2D(6, 3), L.GroupNormalization(2)]),
    "groups of sequences": lambda: tc.Sequential([L.Reshape((14, 12)), L.GroupNormalization(4, scale=False)]),
    "groups of vectors": lambda: tc.Sequential([L.Flatten(), L.GroupNormalization(8, center=False)]),
    "unit vectors": lambda: tc.Sequential([L.Conv2D(6, 3), L.UnitNormalization()]),
    "unit vectors of columns": lambda: tc.Sequential([L.Conv2D(6, 3), L.UnitNormalization([-3, 3])]),
    "root of the mean square": lambda: L.RMSNormalization([2, 3], 0.1),
    "what does nothing": lambda: tc.Sequential([L.Identity(), L.ActivityRegularization(0.5), L.AlphaDropout(0.5)]),
    "normalization of rows": lambda: L.Normalization(axis=1, mean=range(8), variance=range(1, 9)),
    "normalization, inverted": lambda: L.Normalization(mean=[1, 2, 3], variance=[4, 5, 6], invert=True),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_that_random_models_do_not_draw(tmp_path, name):
    check(stack(LAYERS[name]()), tmp_path)


@pytest.mark.parametrize("normalize", [False, True])
def test_dot(tmp_path, normalize):
    x = tc.Input((6, 5, 3), name="image")
    y = L.Dot((1, 2), normalize)([L.Reshape((10, 9))(x), L.Reshape((3, 10, 3))(x)])
    check(tc.Model(x, y), tmp_path)
    rows = L.Flatten()(L.Conv2D(2, 3)(x))
    check(tc.Model(x, L.Dot(1, normalize)([rows, rows])), tmp_path)


def test_every_activation(tmp_path):
    x = tc.Input((4, 3, 5), name="image")
    names = tc.activations.ACTIVATIONS.keys() - {"glu", "sparsemax", "threshold"}
    model = tc.Model(x, L.Concatenate()([L.Activation(name)(x) for name in sorted(names)]))
    check(model, tmp_path)
    model = stack(*(L.Conv2D(3, 1, activation=name) for name in ("softmax", "log_softmax", "gelu")))
    assert operators(check(model, tmp_path)).count("Transpose") == 2


def test_float64_becomes_float32(tmp_path):
    proto = check(stack(L.Conv2D(2, 3, dtype="float64"), dtype="float64"), tmp_path)
    assert {each.data_type for each in proto.graph.initializer} == {onnx.TensorProto.FLOAT}


def test_an_input_may_be_an_output_and_one_output_may_come_twice(tmp_path):
    x = tc.Input((4,), name="image")
    y = L.Dense(3, name="d")(x)
    model = tc.Model(x, [y, L.Dropout(0.5, name="same")(y), L.Dropout(0.5, name="passed")(x)])
    proto = exported(model, tmp_path)
    assert [each.name for each in proto.graph.output] == ["d", "same", "passed"]
    session = runtime.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
    given = np.ones((2, 4), np.float32)
    a, b, c = session.run(None, {"image": given})
    np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(c, given)


def test_a_shared_layer_has_its_weights_once(tmp_path):
    shared = L.Conv2D(3, 3, padding="same", name="twice")
    proto = check(stack(shared, L.ReLU(), shape=(6, 6, 3)), tmp_path)
    x = tc.Input((6, 6, 3), name="image")
    proto = check(tc.Model(x, shared(shared(x))), tmp_path)
    assert [each.name for each in proto.graph.initializer] == ["twice/kernel", "twice/bias"]


class Own(L.Layer):
    def call(self, x):
        return x


def test_all_that_has_no_meaning_is_named_at_once(tmp_path):
    inner = tc.Sequential([L.Activation(lambda x: x * 2.0), L.Resizing(4, 4, interpolation="bicubic")], name="inner")
    x = tc.Input((None, None, 3))
    y = L.Dropout(0.5, name="always")(inner(Own(name="mine")(L.Conv2D(3, 1)(x))), training=True)
    with pytest.raises(ValueError, match="cannot be exported to ONNX: ") as caught:
        tc.Model(x, y).export(tmp_path / "m.onnx")
    found = str(caught.value).split(": ", 1)[1].split("; ")
    assert [each.split(")")[0] for each in found] == [
        'layer "mine" (Own',
        'layer "inner/activation" (Activation',
        'layer "inner/resizing" (Resizing',
        'layer "always" (Dropout',
    ]
    assert os.listdir(tmp_path) == []


def test_models_without_a_graph_are_refused(tmp_path):
    class Model(tc.Model):
        def call(self, x):
            return x

    model = Model(name="free")
    model.build((None, 3))
    with pytest.raises(ValueError, match='model "free" calls its layers in Python of its own'):
        model.export(tmp_path / "m.onnx")
    with pytest.raises(ValueError, match="does not know its input shape"):
        tc.Sequential([L.Dense(1)]).export(tmp_path / "m.onnx")
    with pytest.raises(ValueError, match="format must be \"onnx\", got 'tf_saved_model'"):
        stack(L.Flatten()).export(tmp_path / "m.onnx", format="tf_saved_model")


def test_the_same_model_gives_the_same_bytes_and_a_failure_leaves_the_file(tmp_path):
    model = stack(L.Conv2D(2, 3))
    for name in "ab":
        model.export(tmp_path / name)
    before = (tmp_path / "a").read_bytes()
    assert before == (tmp_path / "b").read_bytes()
    with pytest.raises(ValueError, match="no meaning in ONNX"):
        stack(Own()).export(tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]
    with pytest.raises(FileNotFoundError, match="cannot write the file"):
        model.export(tmp_path / "none" / "m.onnx")


def test_without_the_package_one_line_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ModuleNotFoundError, match=r'needs the package onnx: pip install "tinyconv\[onnx\]"'):
        stack(L.Flatten()).export(tmp_path / "m.onnx")


def test_channels_first(tmp_path):
    """Nothing is transposed: ONNX has them first, too."""
    x, first = tc.Input((3, 8, 9), name="image"), {"data_format": "channels_first"}
    y = L.BatchNormalization(axis=1)(L.Conv2D(4, 3, padding="same", activation="relu", **first)(x))
    y = L.LeakyReLU()(L.MaxPooling2D(**first)(y))
    y = L.Concatenate(axis=1)(
        [L.ZeroPadding2D(**first)(y), L.SeparableConv2D(2, 3, padding="same", **first)(L.ZeroPadding2D(**first)(y))]
    )
    y = L.UpSampling2D(2, interpolation="bilinear", **first)(L.Conv2DTranspose(3, 2, 2, **first)(y))
    assert operators(check(tc.Model(x, y), tmp_path)).count("Transpose") == 0
    for end in (
        L.Flatten(),
        L.GlobalAveragePooling2D(keepdims=True, **first),
        L.Conv2D(2, 3, activation="softmax", **first),
    ):
        assert operators(check(tc.Model(x, end(y)), tmp_path)).count("Transpose") == 0
    for end in (
        L.Flatten(**first),
        L.LayerNormalization(1),
        L.GroupNormalization(3, axis=1),
        L.CenterCrop(3, 4, **first),
    ):
        check(tc.Model(x, end(y)), tmp_path)
    with pytest.raises(ValueError, match="works along axes that are exported only of images"):
        tc.Model(x, L.BatchNormalization(axis=2)(x)).export(tmp_path / "m.onnx")
