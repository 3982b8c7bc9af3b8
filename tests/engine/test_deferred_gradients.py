"""Gradients that are not computed at once, of large weights and penalties: the same bits, and whole if looked at."""

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
    monkeypatch.setattr(dense_module, "TIMES_COPIED", 0)


def network(optimizer, shared=False, **dense):
    tc.utils.set_random_seed(7)
    x = tc.Input((40,))
    wide = L.Dense(40, activation="relu", **dense)
    y = wide(wide(x)) if shared else wide(x)
    model = tc.Model(x, L.Dense(3, activation="softmax")(L.Dropout(0.2)(y)))
    model.compile(optimizer, loss="sparse_categorical_crossentropy")
    return model


def trained(model, whole=False):
    """Return the losses of two epochs, and the weights after them."""
    rng = np.random.default_rng(3)
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
    assert len(seen) == 6 * (1 if shared else 2)  # not the wide layer's, where one gradient is added to another


@pytest.mark.parametrize("shape", [(), (3,), (2, 5)], ids=str)
@pytest.mark.parametrize("relu", [False, True])
def test_pieces_are_the_gradient(shape, relu, small_pieces, rng):
    """Their sizes follow from the weight's, and together they are what NumPy computes in double."""
    x = rng.standard_normal((*shape, 100)).astype(np.float32)
    w = tc.Tensor(rng.standard_normal((100, 48)).astype(np.float32), requires_grad=True)
    y = F.dense(tc.Tensor(x), w, relu=relu)
    dy = rng.standard_normal(y.shape).astype(np.float32)
    active = np.where(y.data > 0, dy, 0) if relu else dy
    y.backward(dy, in_pieces=[w])
    assert isinstance(w.grad, Pieces)
    wanted = x.reshape(-1, 100).T.astype(np.float64) @ active.reshape(-1, 48)
    places = []
    for place, numbers in w.grad:
        np.testing.assert_allclose(numbers, wanted.reshape(-1)[place], rtol=1e-4, atol=1e-5)
        places.append((place.start, place.stop))
    rows = [0, 32, 64, 100]
    assert places == [(48 * first, 48 * last) for first, last in pairwise(rows)]


def test_small_gradients_stay_whole(rng):
    w = tc.Tensor(rng.standard_normal((100, 48)).astype(np.float32), requires_grad=True)
    F.dense(tc.Tensor(rng.standard_normal((3, 100)).astype(np.float32)), w).sum().backward(in_pieces=[w])
    assert isinstance(w.grad, np.ndarray)


def test_a_large_gradient_never_exists_whole(rng):
    w = tc.Tensor(rng.standard_normal((5000, 1000)).astype(np.float32), requires_grad=True)
    F.dense(tc.Tensor(rng.standard_normal((3, 5000)).astype(np.float32)), w).sum().backward(in_pieces=[w])
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
        F.dense(x, w).backward(dy, in_pieces=[w] if first else [])
        F.dense(x, w).backward(dy, in_pieces=[] if first else [w])
        np.testing.assert_array_equal(w.grad, once + once)
    w.grad = None
    (F.dense(x, w) + F.dense(x, w)).backward(dy, in_pieces=[w])
    np.testing.assert_array_equal(w.grad, once + once)


def test_a_product_of_two_weights(small_pieces, rng):
    """The first is changed before the second's gradient, which is computed from it, is asked for."""
    start = [rng.standard_normal(shape).astype(np.float32) for shape in ((5, 40), (40, 40))]

    def step(in_pieces):
        a, b = (tc.Tensor(array.copy(), requires_grad=True) for array in start)
        F.dense(a, b).backward(np.ones((5, 40), np.float32), in_pieces=[a, b] if in_pieces else [])
        assert isinstance(b.grad, Pieces) == in_pieces
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
    model = network(tc.optimizers.SGD(0.1))
    model.reduce_gradients = lambda gradients, samples: [gradient.copy() for gradient in gradients]
    trained(model)
    assert seen == []

    w = tc.Tensor(np.ones((40, 4), np.float32), requires_grad=True)
    given = []
    loss = F.dense(tc.Tensor(np.ones((5, 40), np.float32)), w).sum()
    loss.backward(observe=lambda function, inputs, dy, found: given.extend(found), in_pieces=[w])
    assert isinstance(w.grad, np.ndarray)
    assert any(found is w.grad for found in given)


def penalized(order, rng):
    """Return leaves u and w, dy, and a scalar of (u + w)·dy and penalties of w, in an order of its terms."""
    u, w = (tc.Tensor(rng.standard_normal((6, 4)), requires_grad=True) for _ in range(2))
    dy = rng.standard_normal((6, 4))
    terms = {"data": ((u + w) * tc.Tensor(dy)).sum(), "l2": 0.3 * F.sum_squares(w), "more": 0.2 * F.sum_squares(w)}
    total = terms[order[0]]
    for name in order[1:]:
        total = total + terms[name]
    return u, w, dy, total


@pytest.mark.parametrize(
    "order",
    [("data", "l2"), ("l2", "data"), ("l2", "data", "more"), ("more", "l2", "data"), ("l2",), ("l2", "more")],
    ids=" ".join,
)
def test_a_penalty_is_added_to_the_gradient_of_the_rest(order, rng):
    u, w, dy, total = penalized(order, rng)
    decay = 2 * (0.3 + (0.2 if "more" in order else 0.0))
    total.backward()
    np.testing.assert_allclose(w.grad, decay * w.data + (dy if "data" in order else 0.0), rtol=1e-12)
    if "data" in order:
        np.testing.assert_array_equal(u.grad, dy)  # not the array that the penalty was added to


def test_a_penalty_does_not_write_into_what_others_hold(rng):
    """Into the dy that backward was given, which reaches a leaf as it is, and another leaf's gradient."""
    u, w = (tc.Tensor(rng.standard_normal((6, 4)), requires_grad=True) for _ in range(2))
    dy = rng.standard_normal((6, 4))
    given = dy.copy()
    (u + w + F.sum_squares(w)).backward(given)
    np.testing.assert_array_equal(given, dy)
    np.testing.assert_array_equal(u.grad, dy)
    np.testing.assert_allclose(w.grad, dy + 2 * dy.sum() * w.data, rtol=1e-12)
    w.grad, before = None, w.data.copy()
    F.sum_squares(w).backward()
    w.grad += 1.0
    np.testing.assert_array_equal(w.data, before)


def test_gradients_that_share_an_array(rng):
    """A function that sends the same array to a weight with a penalty and to another tensor."""
    w, v = (tc.Tensor(rng.uniform(1, 2, (6, 4)), requires_grad=True) for _ in range(2))
    (F.sum_squares(w) + F.add(w, v * 1.0, relu=True).sum()).backward()
    np.testing.assert_allclose(w.grad, 1 + 2 * w.data, rtol=1e-12)
    np.testing.assert_array_equal(v.grad, np.ones((6, 4)))
    w.grad = None
    (F.sum_squares(w) + F.add(w, w, relu=True).sum()).backward()
    np.testing.assert_allclose(w.grad, 2 + 2 * w.data, rtol=1e-12)


def test_a_penalty_of_a_single_number():
    w = tc.Tensor(np.float64(3.0), requires_grad=True)
    (w * 2.0 + w * 5.0 + F.sum_squares(w)).backward()
    assert w.grad == 13.0


def test_rules_of_ones_own_are_asked(small_pieces, rng):
    """Subclasses that compute their gradients otherwise."""

    class Half(dense_module.Dense):
        def gradients(self, dy, needs):
            return tuple(dx if dx is None else dx / 2 for dx in super().gradients(dy, needs))

    class Steeper(sys.modules["tinyconv.functions.reduction"].SumSquares):
        def backward(self, dy):
            return (4 * dy * self.x,)

    x, w = (tc.Tensor(rng.standard_normal((6, 6)), requires_grad=True) for _ in range(2))
    (Half()(x, w).sum() + Steeper()(w)).backward(in_pieces=[w])
    np.testing.assert_allclose(w.grad, x.data.sum(axis=0)[:, None] / 2 + 4 * w.data, rtol=1e-12)


def test_weights_that_lie_otherwise_in_memory(small_pieces, monkeypatch):
    """What an update of a flat copy would miss."""
    seen = piecewise(monkeypatch)
    model = network(tc.optimizers.SGD(0.1))
    kernel = model.layers[1].kernel
    kernel.data = np.asfortranarray(kernel.data)
    before = kernel.numpy().copy()
    with tc.backend("reference"):
        trained(model)
    assert not np.array_equal(kernel.numpy(), before)
    assert len(seen) == 6  # the last layer's


def test_only_what_the_optimizer_gets_waits(small_pieces, rng):
    """A leaf that nobody asked to be left in pieces has an array, and so has every weight after a mistake."""
    x, w = (tc.Tensor(rng.standard_normal((40, 40)).astype(np.float32), requires_grad=True) for _ in range(2))
    F.dense(x, w).sum().backward(in_pieces=[x])
    assert isinstance(w.grad, np.ndarray)

    class Broken(tc.optimizers.SGD, elementwise=True):
        def update(self, w, g, slots, learning_rate):
            raise ArithmeticError("broken")

    model = network(Broken(0.1))
    with pytest.raises(ArithmeticError, match="broken"):
        trained(model)
    assert all(weight.grad is None for weight in model.trainable_weights)


def test_copies_stay_small(monkeypatch, rng):
    """Where x and dy are as large as the gradient, nothing is gained."""
    monkeypatch.setattr(dense_module, "IN_PIECES", 1)
    w = tc.Tensor(rng.standard_normal((64, 32)), requires_grad=True)
    for samples, kind in ((5, Pieces), (6, np.ndarray)):
        w.grad = None
        F.dense(tc.Tensor(rng.standard_normal((samples, 64))), w).sum().backward(in_pieces=[w])
        assert type(w.grad) is kind


@pytest.mark.parametrize("columns", [1, 300, 16384, 100_000])
@pytest.mark.parametrize("rows", [1, 15, 16, 17, 257, 1000, 40_000])
def test_no_piece_is_small(rows, columns):
    shares = dense_module._shares((rows, columns), 4)
    assert [first for first, _ in shares] == [0, *(end for _, end in shares[:-1])]
    assert shares[-1][1] == rows
    sizes = [end - first for first, end in shares]
    assert 2 * min(sizes) >= max(sizes) - 16
    assert max(sizes) * columns * 4 < 1.5 * dense_module.PIECE + 24 * columns * 4
