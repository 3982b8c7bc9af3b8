"""Lean graphs: they hold no numbers but those that the backward pass needs, and give the same gradients."""

import gc
import weakref

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import functions as F
from tinyconv import layers as L
from tinyconv.autograd import gradients as gradients_of
from tinyconv.autograd import is_lean, lean, users_last
from tinyconv.functions import recomputed


def leaf(rng, *shape):
    return tc.Tensor(rng.standard_normal(shape), requires_grad=True)


def test_results_are_gone_once_the_last_function_has_used_them(rng):
    x = leaf(rng, 5, 3)
    seen = []

    def total():
        moved = x + 1.0
        seen.append(weakref.ref(moved.data))
        return (moved + 2.0).sum()

    kept = total()
    gc.collect()
    assert seen[0]() is not None
    with lean():
        loss = total()
    gc.collect()
    assert seen[1]() is None
    loss.backward()
    np.testing.assert_array_equal(x.grad, np.ones((5, 3)))
    kept.backward()
    np.testing.assert_array_equal(x.grad, np.full((5, 3), 2.0))


def test_a_result_with_several_users_gets_what_all_of_them_send(rng):
    x = leaf(rng, 4)
    weight = rng.standard_normal(4)
    with lean():
        y = x * x
        z = (y * weight).sum() + (y * y).sum() + y.sum()
        del y
    z.backward()
    np.testing.assert_allclose(x.grad, 2 * x.data * (weight + 2 * x.data**2 + 1), rtol=1e-12)


def test_whoever_asks_for_numbers_that_are_gone_is_told(rng):
    class Square(tc.Function):
        def forward(self, x):
            return x * x

        def backward(self, dy):
            return (2 * self.inputs[0].data * dy,)

    x = leaf(rng, 3)
    Square()(x + 1.0).sum().backward()
    with lean():
        loss = Square()(x + 1.0).sum()
    with pytest.raises(RuntimeError, match=r"does not keep what Add computed.* saves on itself"):
        loss.backward()


def test_the_shape_is_kept(rng):
    class Flat(tc.Function):
        def forward(self, x):
            return x.reshape(-1)

        def backward(self, dy):
            (x,) = self.inputs
            assert (x.ndim, x.size, x.dtype, x.device) == (2, 6, np.float64, "cpu")
            assert repr(x) == "Tensor(not kept, shape=(2, 3), dtype=float64, from=Add)"
            return (dy.reshape(x.shape),)

    x = leaf(rng, 2, 3)
    with lean():
        loss = Flat()(x + 1.0).sum()
    loss.backward()
    np.testing.assert_array_equal(x.grad, np.ones((2, 3)))


def test_one_tensor_may_have_users_in_a_lean_graph_and_in_another(rng):
    x = leaf(rng, 4)
    with lean():
        y = x * x
        first = (y * y).sum()
    ((y * 3.0).sum() + first).backward()
    np.testing.assert_allclose(x.grad, 6 * x.data + 4 * x.data**3, rtol=1e-12)


def test_gradients_of_what_lies_between_can_be_asked_for(rng):
    x = leaf(rng, 4)
    with lean():
        y = x * x
        loss = (y * y).sum()
    for _ in range(2):
        (dy,) = gradients_of([loss], [y])
        np.testing.assert_allclose(dy, 2 * y.data, rtol=1e-12)
    loss.backward()
    np.testing.assert_allclose(x.grad, 4 * x.data**3, rtol=1e-12)


def test_layers_of_both_orders_of_axes_may_use_one_result(rng):
    """Channels first: a layer that takes them so has the tensor behind, (n,h,w,c), and others its view."""
    first = {"data_format": "channels_first"}
    inputs = L.Input((3, 8, 8))
    a = L.Conv2D(4, 3, **first, activation="relu")(inputs)
    squeezed = L.Reshape((4, 1, 1))(L.Dense(4, activation="sigmoid")(L.GlobalAveragePooling2D(**first)(a)))
    scaled = L.Multiply()([a, squeezed])
    b = L.Conv2D(4, 3, **first)(a)
    outputs = L.Dense(2)(L.Concatenate()([L.Flatten()(scaled), L.Flatten()(b)]))
    model = tc.Model(inputs, outputs)
    model.compile(optimizer=tc.optimizers.SGD(0.1), loss="mse")
    x, y = rng.standard_normal((5, 3, 8, 8)).astype(np.float32), rng.standard_normal((5, 2)).astype(np.float32)
    leaves = model.trainable_weights
    loss = ((model(x, training=True) - y) ** 2).mean()
    loss.backward()
    wanted = [each.data - np.float32(0.1) * each.grad for each in leaves]
    model.train_on_batch(x, y)
    for each, expected in zip(leaves, wanted, strict=True):
        np.testing.assert_allclose(each.data, expected, rtol=1e-5, atol=1e-6)


def test_a_second_backward_pass_is_refused_as_ever(rng):
    with lean():
        loss = (leaf(rng, 3) + 1.0).sum()
    loss.backward()
    with pytest.raises(RuntimeError, match="freed"):
        loss.backward()


def test_a_training_step_records_a_lean_graph_and_nobody_else(rng):
    seen = []

    class Look(L.Layer):
        def call(self, x):
            seen.append(is_lean())
            return x

    model = tc.Sequential([L.Input((3,)), Look(), L.Dense(2)])
    model.compile(optimizer="sgd", loss="mse")
    x, y = rng.standard_normal((4, 3)), rng.standard_normal((4, 2))
    seen.clear()
    model.train_on_batch(x, y)
    model.test_on_batch(x, y)
    model(x, training=True)
    tc.profile(model, x, y, repeats=1)
    assert seen[0] is True
    assert not any(seen[1:])


@pytest.fixture
def small(monkeypatch):
    """Has first convolutions of any size computed again, in parts of two images and fewer."""
    monkeypatch.setattr(recomputed, "LARGE", 1)
    monkeypatch.setattr(recomputed, "PART", 2 * 8 * 9 * 6 * 8)


def first_and_second(rng, pooled, biases):
    """Images, the weights of two convolutions, and what computes Σ cotangent·y from them."""
    images = tc.Tensor(rng.standard_normal((5, 10, 11, 2)))
    weights = [leaf(rng, 3, 3, 2, 6), leaf(rng, 3, 3, 6, 4)]
    bias = [leaf(rng, 6), leaf(rng, 4)] if biases else [None, None]
    cotangent = rng.standard_normal((5, 3, 3, 4) if pooled else (5, 6, 7, 4))

    def total(also=None, seen=None):
        y = F.conv2d(images, weights[0], bias[0], relu=True)
        if seen is not None:
            seen.append(weakref.ref(y.data))
        z = F.conv2d(y, weights[1], bias[1], relu=True, pooled=pooled)
        loss = (z * cotangent).sum()
        return loss if also is None else loss + also(y)

    return total, [each for each in [*weights, *bias] if each is not None]


def gradients(leaves):
    found = [each.grad for each in leaves]
    for each in leaves:
        each.grad = None
    return found


@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize("pooled", [True, False])
def test_a_first_convolution_is_computed_again_in_parts(rng, small, pooled, biases):
    total, leaves = first_and_second(rng, pooled, biases)
    total().backward()
    wanted = gradients(leaves)
    seen = []
    with lean():
        loss = total(seen=seen)
    gc.collect()
    assert seen[0]() is None
    (both,) = [t.creator for t in users_last([loss]) if isinstance(t.creator, recomputed.TwoConvolutions)]
    assert both.parts == 3
    loss.backward()
    for found, each in zip(gradients(leaves), wanted, strict=True):
        np.testing.assert_allclose(found, each, rtol=1e-12, atol=1e-12)


def test_parts_may_be_asked_for_again_and_know_the_weights_that_were(rng, small):
    total, leaves = first_and_second(rng, True, True)
    total().backward()
    wanted = gradients(leaves)
    with lean():
        loss = total()
    leaves[0].data[...] = -leaves[0].data  # the first kernel
    leaves[2].data[...] += 1.0  # and its bias
    for _ in range(2):
        for found, each in zip(gradients_of([loss], leaves), wanted, strict=True):
            np.testing.assert_allclose(found, each, rtol=1e-12, atol=1e-12)
    loss.backward()
    for found, each in zip(gradients(leaves), wanted, strict=True):
        np.testing.assert_allclose(found, each, rtol=1e-12, atol=1e-12)


def test_a_first_convolution_that_others_use_too_gets_all_that_is_sent(rng, small):
    total, leaves = first_and_second(rng, True, True)
    weight = rng.standard_normal((5, 8, 9, 6))

    def also(y):
        return (y * weight).sum()

    total(also).backward()
    wanted = gradients(leaves)
    with lean():
        loss = total(also)
    loss.backward()
    for found, each in zip(gradients(leaves), wanted, strict=True):
        np.testing.assert_allclose(found, each, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("frozen", [(0,), (1,), (1, 2), (0, 3), (2, 3)])
def test_weights_that_are_not_trained_get_no_gradient(rng, small, frozen):
    total, leaves = first_and_second(rng, False, True)
    for place in frozen:
        leaves[place].requires_grad = False
    total().backward()
    wanted = gradients(leaves)
    with lean():
        loss = total()
    loss.backward()
    for place, (found, each) in enumerate(zip(gradients(leaves), wanted, strict=True)):
        if place in frozen:
            assert found is None
        else:
            np.testing.assert_allclose(found, each, rtol=1e-12, atol=1e-12)


def test_images_that_need_a_gradient_get_it(rng, small):
    images = leaf(rng, 3, 8, 8, 2)
    first, second = leaf(rng, 3, 3, 2, 4), leaf(rng, 3, 3, 4, 4)

    def total():
        return (F.conv2d(F.conv2d(images, first, relu=True), second) ** 2).sum()

    total().backward()
    (wanted,) = gradients([images])
    with lean():
        loss = total()
    loss.backward()
    np.testing.assert_array_equal(images.grad, wanted)


def test_it_trains_as_with_everything_kept(rng, monkeypatch):
    x = rng.random((6, 16, 16, 3)).astype(np.float32)
    y = rng.integers(0, 4, 6)

    def trained():
        tc.set_seed(3)
        parts = [L.Input((16, 16, 3)), L.Conv2D(8, 3, activation="relu"), L.Conv2D(8, 3, activation="relu")]
        parts += [L.MaxPooling2D(), L.BatchNormalization(), L.Flatten(), L.Dropout(0.3), L.Dense(4)]
        model = tc.Sequential(parts)
        loss = tc.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer=tc.optimizers.SGD(0.1), loss=loss)
        return [model.train_on_batch(x, y) for _ in range(5)], model.get_weights()

    losses, weights = trained()
    monkeypatch.setattr(recomputed, "LARGE", 1)
    monkeypatch.setattr(recomputed, "PART", 1)
    found_losses, found = trained()
    np.testing.assert_allclose(found_losses, losses, rtol=1e-5)
    for each, wanted in zip(found, weights, strict=True):
        np.testing.assert_allclose(each, wanted, rtol=1e-4, atol=1e-5)
