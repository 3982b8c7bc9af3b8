"""Multiply-adds and activations of a model: against numbers worked out by hand, and those that papers print."""

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import layers
from tinyconv.models import activation_values, multiply_adds

# Layer, shape of its input, multiply-adds, numbers that it computes; the input is (7, 6, 4) where none is given.
BY_HAND = [
    (layers.Conv2D(5, 3), 3 * 3 * 4 * 5 * (5 * 4), 5 * 4 * 5),
    (layers.Conv2D(5, (3, 2), padding="same", use_bias=False), 3 * 2 * 4 * 5 * (7 * 6), 7 * 6 * 5),
    (layers.Conv2D(6, 3, strides=2, groups=2), 3 * 3 * 2 * 6 * (3 * 2), 3 * 2 * 6),
    (layers.Conv2D(5, 3, dilation_rate=2), 3 * 3 * 4 * 5 * (3 * 2), 3 * 2 * 5),
    (layers.DepthwiseConv2D(3, depth_multiplier=2), 3 * 3 * 4 * 2 * (5 * 4), 5 * 4 * 8),
    (layers.SeparableConv2D(5, 3, depth_multiplier=2), (3 * 3 * 8 + 8 * 5) * (5 * 4), 5 * 4 * 5),
    (layers.Conv2DTranspose(5, 3, strides=2), 3 * 3 * 4 * 5 * (7 * 6), 15 * 13 * 5),
    (layers.Dense(5), 4 * 5 * (7 * 6), 7 * 6 * 5),
    (layers.MaxPooling2D(), 0, 3 * 3 * 4),
    (layers.BatchNormalization(), 0, 7 * 6 * 4),
    (layers.PReLU(), 0, 7 * 6 * 4),
    (layers.Flatten(), 0, 7 * 6 * 4),
]


@pytest.mark.parametrize(("layer", "products", "numbers"), BY_HAND, ids=lambda value: getattr(value, "name", ""))
def test_one_layer(layer, products, numbers):
    layer = type(layer).from_config(layer.get_config())
    model = tc.Sequential([tc.Input((7, 6, 4)), layer])
    assert multiply_adds(model) == products
    assert activation_values(model) == numbers


def test_products_are_those_of_the_kernel():
    """A convolution of ones with ones counts at each place what it multiplies; without padding that is all of it."""
    layer = layers.Conv2D(6, (3, 2), strides=(1, 2), groups=2, kernel_initializer="ones", use_bias=False)
    model = tc.Sequential([tc.Input((7, 6, 4)), layer])
    assert multiply_adds(model) == model(np.ones((1, 7, 6, 4))).numpy().sum()


def test_graph_with_a_layer_used_twice_and_a_model_within():
    shared = layers.Dense(3)
    inner_input = tc.Input((3,))
    inner = tc.Model(inner_input, layers.Dense(2)(layers.Dense(4)(inner_input)))
    a, b = tc.Input((5,)), tc.Input((5,))
    joined = layers.Concatenate()([shared(a), shared(b)])
    model = tc.Model([a, b], [inner(shared(a)), joined])
    stack = tc.Sequential([tc.Input((3,)), inner])
    assert multiply_adds(inner) == multiply_adds(stack) == 3 * 4 + 4 * 2
    assert multiply_adds(model) == 3 * (5 * 3) + 3 * 4 + 4 * 2
    assert activation_values(stack) == 4 + 2
    assert activation_values(model) == 3 * 3 + 6 + 4 + 2


def test_a_model_that_does_not_know_its_input():
    with pytest.raises(ValueError, match="does not know its input shape"):
        multiply_adds(tc.Sequential([layers.Dense(2)]))


# Billions of multiply-adds: Simonyan & Zisserman's networks as He et al. 2016 give them (table 1, with their own),
# Howard et al. 2017 (table 8, MobileNet and GoogLeNet), Szegedy et al. 2016 (5 billion, here counted more exactly).
PUBLISHED = [
    ("VGG16", 15.3, 15.5),
    ("VGG19", 19.6, 19.7),
    ("ResNet50", 3.8, 4.1),
    ("MobileNet", 0.565, 0.575),
    ("MobileNetV2", 0.295, 0.305),
    ("Xception", 8.3, 8.5),
    ("ResNet50V2", 3.4, 4.1),
    ("AlexNet", 0.71, 0.73),
    ("GoogLeNet", 1.5, 1.6),
    ("InceptionV3", 5.6, 5.8),
]


@pytest.mark.parametrize(("name", "least", "most"), PUBLISHED)
def test_published_figures(name, least, most):
    with tc.initializers.blank():
        assert least <= multiply_adds(getattr(tc.zoo, name)()) / 1e9 <= most


def test_blank_weights_are_zero_until_the_block_ends():
    def dense():
        layer = layers.Dense(3, bias_initializer="ones")
        layer.prepare((None, 2))
        return layer

    with tc.initializers.blank():
        blank = dense()
    assert [weight.numpy().any() for weight in blank.weights] == [False, False]
    assert [weight.shape for weight in blank.weights] == [(2, 3), (3,)]
    drawn = dense()
    assert drawn.kernel.numpy().all()
    assert (drawn.bias.numpy() == 1).all()
    with pytest.raises(ZeroDivisionError), tc.initializers.blank():
        raise ZeroDivisionError
    assert dense().kernel.numpy().all()
