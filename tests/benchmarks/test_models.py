"""The layer lists are the documents' networks."""

from collections import Counter

import numpy as np
import pytest

import tinyconv as tc
from benchmarks.inputs import SEED, initial_weights, prepare
from benchmarks.models import (
    SGD,
    BatchNorm,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GlobalAveragePool2D,
    MaxPool2D,
    Model,
    ReLU,
    Residual,
    RMSprop,
    Step,
    parameter_count,
    steps,
    weights,
    without_dropout,
)
from benchmarks.networks import MODELS


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
        ("vgg16", 138_357_544, 8),
        ("resnet50", 25_636_712, 16),
        ("mobilenet", 4_253_864, 16),
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
    assert steps(model)[model.layers.index(Flatten())].after == (512,)


def test_shapes_on_the_way_through_mnist():
    assert [step.after[0] for step in steps(MODELS["mnist"])] == [26, 24, 12, 12, 9216, 128, 128, 10]


def test_same_padding_keeps_the_image_and_pooling_drops_a_ragged_border():
    layers = (Conv2D(4, 3, padding="same"), MaxPool2D(2), Flatten())
    model = Model("odd", (7, 9, 3), layers, batch=1, optimizer=SGD(1.0))
    assert [step.after for step in steps(model)] == [(7, 9, 4), (3, 4, 4), (48,)]


def test_windows_with_strides_and_zeros_around():
    layers = (Conv2D(4, 3, "same", 2), Conv2D(5, 7, 3, 2), DepthwiseConv2D(3, 2), MaxPool2D(3, 2, 1))
    model = Model("windows", (45, 32, 3), (*layers, GlobalAveragePool2D()), batch=1, optimizer=SGD(1.0))
    assert [step.after for step in steps(model)] == [(23, 16, 4), (12, 8, 5), (6, 4, 5), (3, 2, 5), (5,)]
    assert model.is_mirrored
    assert not MODELS["resnet50"].is_mirrored


def test_a_residual_comes_behind_its_two_paths():
    inner, shortcut = Conv2D(6, 1, "valid", 2, relu=False), (Conv2D(6, 1, "valid", 2, relu=False), BatchNorm())
    block = Residual((inner, BatchNorm(), ReLU()), shortcut)
    model = Model("block", (4, 4, 3), (block, GlobalAveragePool2D(), Dense(2)), batch=1, optimizer=SGD(1.0))
    assert [step.layer for step in steps(model)] == [*shortcut, *block.main, *model.layers]
    assert steps(model)[5] == Step(block, (4, 4, 3), (2, 2, 6))
    biases = [weight for weight in weights(model) if weight.name.endswith("bias")]
    assert [weight.taken_back for weight in biases] == [True, True, False]


def test_resnet50_and_mobilenet_are_the_zoos():
    """Layer by layer: the sizes of the images that each convolution, pooling and dense layer makes."""
    kinds = {"Conv2D": Conv2D, "DepthwiseConv2D": DepthwiseConv2D, "MaxPooling2D": MaxPool2D, "Dense": Dense}
    for name, build in (("resnet50", tc.zoo.ResNet50), ("mobilenet", tc.zoo.MobileNet), ("vgg16", tc.zoo.VGG16)):
        found = Counter((type(step.layer), step.after) for step in steps(MODELS[name]))
        with tc.initializers.blank():
            layers = build().layers
        expected = Counter(
            (kinds[type(layer).__name__], tuple(layer.output.shape[1:]))
            for layer in layers
            if type(layer).__name__ in kinds
        )
        if name == "mobilenet":  # its classifier is a 1×1 convolution of one pixel there
            expected[Dense, (1000,)] = expected.pop((Conv2D, (1, 1, 1000)))
        assert {key: count for key, count in found.items() if key[0] in kinds.values()} == expected


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
