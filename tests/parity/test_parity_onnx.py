"""ONNX files of random models and of the zoo: onnxruntime is the judge, and ONNX's own checker."""

import os

import numpy as np
import parity_checks
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_parity_random_models import graphs, kinds

import tinyconv as tc
from tinyconv.saving.onnx.table import LAYERS
from tinyconv.structure import flat, flat_shapes

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")

MODELS = int(os.environ.get("TINYCONV_RANDOM_GRAPHS", "200"))
BOUND = 1e-5
SMALL = {
    "ResNet50": lambda: tc.zoo.ResNet50(input_shape=(32, 32, 3), include_top=False, pooling="avg"),
    "MobileNet": lambda: tc.zoo.MobileNet(input_shape=(32, 32, 3), alpha=0.25, classes=5),
    "mnist": tc.zoo.mnist,
    "intel": lambda: tc.zoo.intel(normalizes_blocks=True),
}
LARGE = {
    name: getattr(tc.zoo, name)
    for name in ("AlexNet", "VGG16", "VGG19", "GoogLeNet", "InceptionV3", "ResNet50", "MobileNet")
}


def compare(model, path, rng, name):
    """Hold what onnxruntime computes to what the model does."""
    model.export(path)
    onnx.checker.check_model(str(path), full_check=True)
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    x = [rng.standard_normal((2, *shape[1:])).astype(np.float32) for shape in flat_shapes(model.input_shape)]
    found = session.run(None, {each.name: array for each, array in zip(session.get_inputs(), x, strict=True)})
    ours = flat(model(x if len(x) > 1 else x[0]))
    for theirs, mine in zip(found, ours, strict=True):
        parity_checks.close("ONNX", mine.numpy(), theirs, BOUND, name)


def draw_weights(model, rng):
    """Replace all weights by numbers away from 0, variances by positive ones."""
    drawn = [rng.uniform(0.2, 1, w.shape) * rng.choice([-1, 1], w.shape) for w in model.weights]
    model.set_weights([abs(v) if "variance" in w.path else v for w, v in zip(model.weights, drawn, strict=True)])


@pytest.mark.parametrize("count", [20, pytest.param(MODELS, marks=pytest.mark.slow)])
def test_random_models(tmp_path, count):
    @parity_checks.examples(count)
    @given(graphs(), st.integers(0, 2**32 - 1))
    def check(model, seed):
        if has_all(model):
            rng = np.random.default_rng(seed)
            draw_weights(model, rng)
            compare(model, tmp_path / "m.onnx", rng, kinds(model))

    check()


def has_all(model):
    """Whether each layer has a meaning in ONNX; some of Keras's have none."""
    within = [layer for layer in model.layers if not isinstance(layer, tc.layers.InputLayer)]
    return all(has_all(layer) if isinstance(layer, tc.Model) else is_exported(layer) for layer in within)


def is_exported(layer):
    """Whether a layer has a meaning in ONNX, along the axes that it has."""
    rank = len(flat_shapes(layer.input_shape)[0])
    if isinstance(layer, tc.layers.BatchNormalization | tc.layers.LayerNormalization):
        axis = layer.axis if isinstance(layer.axis, int) else layer.axis[0]
        return axis in (-1, rank - 1) or (axis == 1 and rank == 4)
    first = getattr(layer, "data_format", "channels_last") == "channels_first"
    return type(layer) in LAYERS and not (first and rank == 3)


@pytest.mark.parametrize("name", SMALL)
def test_small_networks_of_the_zoo(tmp_path, name):
    check_network(SMALL[name](), tmp_path / "m.onnx", name)


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE)
def test_large_networks_of_the_zoo(tmp_path, name):
    check_network(LARGE[name](), tmp_path / "m.onnx", name)


def check_network(model, path, name):
    """Hold a network to onnxruntime, whose images are transposed no more than once at either end."""
    rng = np.random.default_rng(3)
    for weight in model.weights:
        if weight.name in ("gamma", "moving_variance"):
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
    compare(model, path, rng, name)
    operators = [node.op_type for node in onnx.load(path).graph.node]
    assert operators.count("Transpose") <= 2
    assert operators.index("Transpose") == 0
