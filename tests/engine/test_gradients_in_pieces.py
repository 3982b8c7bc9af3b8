"""Gradients of large weights piece by piece: the same training to the bit, and whole for whoever looks at them."""

import sys
from itertools import pairwise

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import functions as F
from tinyconv import layers as L
from tinyconv.autograd import Pieces

dense_module = sys.modules["tinyconv.functions.dense"]  # the function of the same name hides it


@pytest.fixture
def small_pieces(monkeypatch):
    """Take every dense gradient in pieces, some of them of 16 rows."""
    monkeypatch.setattr(dense_module, "IN_PIECES", 1)
    monkeypatch.setattr(dense_module, "PIECE", 4096)


def network(optimizer, shared=False, **dense):
    tc.utils.set_random_seed(7)
    x = tc.Input((40,))
    wide = L.Dense(40, activation="relu", **dense)
    y = wide(wide(x)) if shared else wide(x)
    model = tc.Model(x, L.Dense(3, activation="softmax")(L.Dropout(0.2)(y)))
    model.compile(optimizer, loss="sparse_categorical_crossentropy")
    return model


def trained(model, rng_seed=3, whole=False):
    """Return the losses of two epochs, and the weights after them."""
    rng = np.random.default_rng(rng_seed)
    x, y = rng.standard_normal((50, 40)).astype(np.float32), rng.integers(0, 3, 50)

    class Keep(tc.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.model.keeps_gradients = whole

    losses = model.fit(x, y, batch_size=20, epochs=2, verbose=0, callbacks=[Keep()]).history["loss"]
    return losses, model.get_weights()


def piecewise(monkeypatch):
    """Count the gradients that reach an optimizer in pieces."""
    seen = []
    apply = tc.optimizers.Optimizer.apply

    def counting(self, gradients, weights=None):
        seen.extend(gradient for gradient in gradients if isinstance(gradient, Pieces))
        return apply(self, gradients, weights)

    monkeypatch.setattr(tc.optimizers.Optimizer, "apply", counting)
    return seen


def assert_equal(found, wanted):
    assert found[0] == wanted[0]
    for a, b in zip(found[1], wanted[1], strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: tc.optimizers.SGD(0.1, momentum=0.9, nesterov=True),
        lambda: tc.optimizers.RMSprop(0.01),
        lambda: tc.optimizers.Adam(0.01),
        lambda: tc.optimizers.AdamW(0.01, weight_decay=0.1),
    ],
    ids=["sgd", "rmsprop", "adam", "adamw"],
)
@pytest.mark.parametrize("options", [{}, {"kernel_regularizer": "l2"}, {"kernel_constraint": "max_norm"}], ids=str)
@pytest.mark.parametrize("shared", [False, True], ids=["one call", "two calls"])
def test_the_same_bits(optimizer, options, shared, small_pieces, monkeypatch):
    wanted = trained(network(optimizer(), shared, **options), whole=True)
    seen = piecewise(monkeypatch)
    found = trained(network(optimizer(), shared, **options))
    assert_equal(found, wanted)
    # The last layer's always; the wide one's where nothing else is added to it.
    alone = not shared and "kernel_regularizer" not in options
    assert len(seen) == 6 * (2 if alone else 1)


@pytest.mark.parametrize("shape", [(), (3,), (2, 5)], ids=str)
@pytest.mark.parametrize("relu", [False, True])
def test_pieces_are_the_gradient(shape, relu, small_pieces, rng):
    """Their sizes follow from the weight's, and together they are what NumPy computes in double."""
    x = rng.standard_normal((*shape, 100)).astype(np.float32)
    w = tc.Tensor(rng.standard_normal((100, 48)).astype(np.float32), requires_grad=True)
    y = F.dense(tc.Tensor(x), w, relu=relu)
    dy = rng.standard_normal(y.shape).astype(np.float32)
    active = np.where(y.data > 0, dy, 0) if relu else dy
    y.backward(dy, in_pieces=True)
    assert isinstance(w.grad, Pieces)
    wanted = x.reshape(-1, 100).T.astype(np.float64) @ active.reshape(-1, 48)
    places = []
    for place, numbers in w.grad:
        np.testing.assert_allclose(numbers, wanted.reshape(-1)[place], rtol=1e-4, atol=1e-5)
        places.append((place.start, place.stop))
    rows = [0, 32, 64, 96, 100]
    assert places == [(48 * first, 48 * last) for first, last in pairwise(rows)]


def test_small_gradients_stay_whole(rng):
    w = tc.Tensor(rng.standard_normal((100, 48)).astype(np.float32), requires_grad=True)
    F.dense(tc.Tensor(rng.standard_normal((3, 100)).astype(np.float32)), w).sum().backward(in_pieces=True)
    assert isinstance(w.grad, np.ndarray)


def test_a_large_gradient_never_exists_whole(rng):
    w = tc.Tensor(rng.standard_normal((5000, 1000)).astype(np.float32), requires_grad=True)
    F.dense(tc.Tensor(rng.standard_normal((3, 5000)).astype(np.float32)), w).sum().backward(in_pieces=True)
    sizes = [numbers.nbytes for _, numbers in w.grad]
    assert sum(sizes) == w.data.nbytes
    assert max(sizes) < 1.02 * dense_module.PIECE


def test_gradients_are_added_to_what_is_there(small_pieces, rng):
    """Twice backward, whole and in pieces in either order, and a weight that two functions use."""
    x, w = (tc.Tensor(rng.standard_normal(shape).astype(np.float32)) for shape in ((5, 40), (40, 40)))
    w.requires_grad = True
    dy = rng.standard_normal((5, 40)).astype(np.float32)
    F.dense(x, w).backward(dy)
    once = w.grad
    for first in (False, True):
        w.grad = None
        F.dense(x, w).backward(dy, in_pieces=first)
        F.dense(x, w).backward(dy, in_pieces=not first)
        np.testing.assert_array_equal(w.grad, once + once)
    w.grad = None
    (F.dense(x, w) + F.dense(x, w)).backward(dy, in_pieces=True)
    np.testing.assert_array_equal(w.grad, once + once)


def test_a_product_of_two_weights(small_pieces, rng):
    """The first is changed before the second's gradient, which is computed from it, is asked for."""
    start = [rng.standard_normal(shape).astype(np.float32) for shape in ((5, 40), (40, 40))]

    def step(in_pieces):
        a, b = (tc.Tensor(array.copy(), requires_grad=True) for array in start)
        F.dense(a, b).backward(np.ones((5, 40), np.float32), in_pieces=in_pieces)
        tc.optimizers.SGD(0.5).apply([a.grad, b.grad], [a, b])
        return a.data, b.data

    for found, wanted in zip(step(True), step(False), strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_who_looks_at_gradients_gets_them_whole(small_pieces, monkeypatch):
    """An optimizer that clips by a norm, or says nothing about its rule; the user's own steps; an observer."""

    class Own(tc.optimizers.SGD):
        def update(self, w, g, slots, learning_rate):
            assert g.shape == w.shape
            super().update(w, g, slots, learning_rate)

    class Reducing(tc.Model):
        def reduce_gradients(self, gradients, samples):
            assert all(isinstance(gradient, np.ndarray) for gradient in gradients)
            return super().reduce_gradients(gradients, samples)

    class Stepping(tc.Model):
        def train_step(self, data):
            return super().train_step(data)

    seen = piecewise(monkeypatch)
    for optimizer in (tc.optimizers.SGD(0.1, clipnorm=1.0), tc.optimizers.SGD(0.1, global_clipnorm=1.0), Own(0.1)):
        trained(network(optimizer))
    for kind in (Reducing, Stepping):
        given = network(tc.optimizers.SGD(0.1))
        model = kind(given.inputs, given.outputs)
        model.compile("sgd", loss="sparse_categorical_crossentropy")
        trained(model)
    assert seen == []

    w = tc.Tensor(np.ones((40, 4), np.float32), requires_grad=True)
    given = []
    loss = F.dense(tc.Tensor(np.ones((5, 40), np.float32)), w).sum()
    loss.backward(observe=lambda function, inputs, dy, found: given.extend(found), in_pieces=True)
    assert isinstance(w.grad, np.ndarray)
    assert any(found is w.grad for found in given)
