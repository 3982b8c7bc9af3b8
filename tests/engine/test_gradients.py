"""`autograd.gradients`: gradients of tensors with respect to chosen others, as often as one likes."""

from itertools import takewhile

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import functions as F
from tinyconv import layers
from tinyconv.autograd import gradients
from tinyconv.gradcheck.checks import checks


def leaf(*values):
    return tc.Tensor(np.array(values), requires_grad=True)


def test_of_leaves_and_of_what_lies_between():
    x, w, other = leaf(2.0, 3.0), leaf(5.0, 7.0), leaf(1.0)
    product = x * w
    loss = (product**2).sum()
    for _ in range(2):  # the graph stays
        dx, dproduct, none, dloss = gradients([loss], [x, product, other, loss])
        np.testing.assert_allclose(dx, [2 * 10 * 5, 2 * 21 * 7])
        np.testing.assert_allclose(dproduct, [2 * 10, 2 * 21])
        assert none is None
        assert dloss == 1
    assert (x.grad, w.grad, product.grad) == (None, None, None)
    loss.backward()
    np.testing.assert_allclose(w.grad, [2 * 10 * 2, 2 * 21 * 3])
    with pytest.raises(RuntimeError, match="freed"):
        gradients([loss], [x])


def test_of_several_targets_the_sum():
    x = leaf(2.0, 3.0)
    (dx,) = gradients([x * x, F.sum(x), x, tc.Tensor(np.ones(2))], [x])
    np.testing.assert_allclose(dx, [2 * 2 + 1 + 1, 2 * 3 + 1 + 1])
    (dx,) = gradients([x * x, x], [x], [np.array([1.0, 10.0]), np.array([0.5, 0.0])])
    np.testing.assert_allclose(dx, [2 * 2 + 0.5, 10 * 2 * 3])
    assert gradients([tc.Tensor(np.ones(2))], [x]) == [None]


def test_what_comes_back_is_ones_own():
    x, y = leaf(2.0, 3.0), leaf(1.0, 1.0)
    z = x + y
    dx, dy, dz = gradients([z], [x, y, z])
    dx[:] = 7
    np.testing.assert_array_equal(dy, [1, 1])
    np.testing.assert_array_equal(dz, [1, 1])


def test_only_what_leads_to_a_source_is_computed():
    """The gradient of an image asks for none of the weights'."""
    asked = []

    class Watched(tc.Function):
        def forward(self, x, w):
            return x * w

        def backward(self, dy):
            asked.append(self.needs)
            return dy, dy

    class Refuses(tc.Function):
        def forward(self, x):
            return x

        def backward(self, dy):
            raise AssertionError

    x, w = leaf(1.0), leaf(2.0)
    y = Watched()(x, Refuses()(w))
    gradients([y], [x])
    assert asked == [(True, False)]
    assert y.creator.needs == (True, True)


def test_every_function_twice(rng):
    """A backward pass leaves what it needs for the next, and all give what `backward` gives, to the bit."""
    for check in takewhile(lambda check: check.kind == "function", checks()):
        given = [each.data if isinstance(each, tc.Tensor) else np.asarray(each) for each in check.inputs]
        inputs = [tc.Tensor(each.copy(), requires_grad=True) for each in given]
        y = check.f(*inputs)
        dy = rng.standard_normal(y.shape)
        found = [gradients([y], inputs, [dy]), gradients([y], inputs, [dy])]
        found.append([gradients([y], [each], [dy])[0] for each in inputs])
        y.backward(dy)
        for each in found:
            for one, x in zip(each, inputs, strict=True):
                np.testing.assert_array_equal(one, x.grad, f"{check.name} {check.case}")


def test_a_model_trained_by_pairs(rng):
    """`apply_gradients` on tensors makes the step that `fit` makes."""
    x, y = rng.standard_normal((8, 6, 6, 2)).astype(np.float32), rng.standard_normal((8, 3)).astype(np.float32)
    model = tc.Sequential([tc.Input((6, 6, 2)), layers.Conv2D(3, 3), layers.BatchNormalization(), layers.Flatten()])
    model.add(layers.Dense(3))
    twin = tc.models.clone_model(model)
    twin.set_weights(model.get_weights())
    for each in (model, twin):
        each.compile(tc.optimizers.Adam(0.01), "mse")
    for _ in range(3):
        model.train_on_batch(x, y)
        loss = twin.loss(y, twin(x, training=True))
        found = gradients([loss], twin.trainable_variables)
        twin.optimizer.apply_gradients(zip(map(tc.Tensor, found), twin.trainable_variables, strict=True))
    for one, other in zip(model.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
