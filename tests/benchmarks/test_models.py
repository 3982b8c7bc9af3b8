"""The layer lists are the documents' networks."""

import numpy as np
import pytest

from benchmarks.inputs import SEED, initial_weights, prepare
from benchmarks.models import (
    MODELS,
    SGD,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    MaxPool2D,
    Model,
    RMSprop,
    parameter_count,
    shapes,
    weights,
    without_dropout,
)


@pytest.mark.parametrize(
    ("name", "count", "batch"),
    [
        ("mnist", 1_199_882, 200),
        ("mnist-cnn5", 924_374, 200),
        ("mnist-fc", 199_210, 200),
        ("mnist-sgd", 814_090, 256),
        ("cifar10", 477_994, 128),
        ("cats-dogs", 5_046_369, 32),
        ("practicum", 9_494_561, 20),
        ("intel", 6_454_534, 16),
        ("vgg16-cats-dogs", 33_605_442, 64),
    ],
)
def test_documents_parameters(name, count, batch):
    assert parameter_count(MODELS[name]) == count
    assert MODELS[name].batch == batch


def test_documents_sums_of_each_layer():
    def sums(name):
        sizes = [int(np.prod(weight.shape)) for weight in weights(MODELS[name])]
        return [kernel + bias for kernel, bias in zip(sizes[::2], sizes[1::2], strict=True)]

    assert sums("cats-dogs") == [896, 9_248, 18_496, 5_017_664, 65]
    assert sums("practicum") == [448, 4_640, 18_496, 9_470_464, 513]
    assert len(sums("vgg16-cats-dogs")) == 13 + 3


def test_intel_learns_all_but_its_moving_averages():
    found = weights(MODELS["intel"])
    assert sum(int(np.prod(weight.shape)) for weight in found if weight.learnt) == 6_454_406
    averages = [(weight.name, weight.shape, weight.start) for weight in found if not weight.learnt]
    label = "layer 11 (BatchNorm) moving"
    assert averages == [(f"{label} mean", (64,), 0.0), (f"{label} variance", (64,), 1.0)]
    start = initial_weights(MODELS["intel"], np.random.default_rng(SEED))
    by_name = {weight.name: values for weight, values in zip(found, start, strict=True)}
    assert (by_name["layer 11 (BatchNorm) gamma"] == 1).all()
    assert (by_name["layer 11 (BatchNorm) moving variance"] == 1).all()
    assert not by_name["layer 11 (BatchNorm) beta"].any()


def test_vgg16_flattens_to_512():
    model = MODELS["vgg16-cats-dogs"]
    assert shapes(model)[1 + model.layers.index(Flatten())] == (512,)


def test_shapes_on_the_way_through_mnist():
    assert [shape[0] for shape in shapes(MODELS["mnist"])] == [28, 26, 24, 12, 12, 9216, 128, 128, 10]


def test_same_padding_keeps_the_image_and_pooling_drops_a_ragged_border():
    layers = (Conv2D(4, 3, padding="same"), MaxPool2D(2), Flatten())
    model = Model("odd", (7, 9, 3), layers, batch=1, optimizer=SGD(1.0))
    assert shapes(model) == [(7, 9, 3), (7, 9, 4), (3, 4, 4), (48,)]


def test_penalty_is_on_kernels_only():
    assert [weight.l2 for weight in weights(MODELS["mnist-sgd"])] == [0.05, 0.0, 0.05, 0.0]


def test_without_dropout_changes_rates_and_nothing_else():
    model = MODELS["mnist"]
    plain = without_dropout(model)
    assert [layer.rate for layer in plain.layers if isinstance(layer, Dropout)] == [0.0, 0.0]
    kept = [layer for layer in plain.layers if not isinstance(layer, Dropout)]
    assert kept == [layer for layer in model.layers if not isinstance(layer, Dropout)]


def test_initial_weights_follow_the_initializer():
    def draw(name):
        return initial_weights(MODELS[name], np.random.default_rng(SEED))

    kernel, bias, *_ = draw("mnist")
    limit = np.sqrt(6 / (9 * (1 + 32)))
    assert 0.95 * limit < np.abs(kernel).max() <= limit
    assert not bias.any()
    normal = draw("mnist-sgd")[0]
    assert 1.99 < np.abs(normal).max() <= 2
    assert normal.std() == pytest.approx(0.8796, abs=0.005)  # of a normal cut at 2σ
    for first, second in zip(draw("mnist-fc"), draw("mnist-fc"), strict=True):
        np.testing.assert_array_equal(first, second)


def test_last_layer_decides_what_the_outputs_are():
    assert [(MODELS[name].outputs, MODELS[name].classes) for name in ("mnist", "mnist-sgd", "practicum")] == [
        ("softmax", 10),
        ("logits", 10),
        ("sigmoid", 2),
    ]
    assert MODELS["mnist-cnn5"].layers[-1] == Dense(10, "softmax")


def test_labels_of_two_classes_are_both_drawn():
    model = Model("binary", (2, 2, 1), (Flatten(), Dense(1, "sigmoid")), batch=8, optimizer=RMSprop())
    assert set(prepare(model, 8).labels.ravel()) == {0, 1}
