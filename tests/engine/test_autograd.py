"""The backward walk: what adds up, what is skipped, what is freed."""

import gc
import subprocess
import sys
import weakref
from functools import partial

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import functions as F
from tinyconv.autograd import calling
from tinyconv.kernels import cpu


def leaf(*values):
    return tc.Tensor(np.array(values), requires_grad=True)


def test_chain_rule_by_hand():
    x, w = leaf(2.0, 3.0), leaf(5.0, 7.0)
    ((x * w) ** 2).sum().backward()
    np.testing.assert_allclose(x.grad, [2 * 10 * 5, 2 * 21 * 7])
    np.testing.assert_allclose(w.grad, [2 * 10 * 2, 2 * 21 * 3])


def test_reuse_adds_up():
    x = leaf(3.0)
    (x * x * x + x).backward(np.ones(1))
    np.testing.assert_allclose(x.grad, [3 * 9 + 1])


def test_the_same_tensor_on_both_sides():
    x = leaf(3.0, 4.0)
    (x - x).sum().backward()
    np.testing.assert_array_equal(x.grad, [0, 0])


def test_diamonds():
    """Each of 40 diamonds doubles the number of paths: a walk that followed paths, not tensors, would never end."""
    x = leaf(1.0)
    y = x
    for _ in range(40):
        y = y * 0.5 + y * 0.25 * 2
    y.sum().backward()
    np.testing.assert_allclose(x.grad, [1.0])


def test_a_user_is_done_before_what_it_uses():
    """y reaches x directly and through z; x's gradient may go on only when both have arrived."""
    x = leaf(2.0)
    y = x * 3
    z = y * y
    (y + z + y * z).sum().backward()
    np.testing.assert_allclose(x.grad, [3 + 2 * 9 * 2 + 3 * 27 * 4])


CHAIN = """
import sys
assert sys.getrecursionlimit() == 1000
import numpy as np, tinyconv as tc
x = tc.Tensor(np.ones(3), requires_grad=True)
y = x
for _ in range(10_000):
    y = y + 1e-4 * y
if {backward}:
    y.sum().backward()
    np.testing.assert_allclose(x.grad, np.full(3, (1 + 1e-4) ** 10_000))
del y
print("deleted")
"""


@pytest.mark.parametrize("backward", [True, False], ids=["after backward", "unused"])
def test_long_chain_and_its_deletion(backward):
    """20,000 operations deep under Python's default recursion limit; in its own process, since a crash would be one."""
    run = subprocess.run([sys.executable, "-c", CHAIN.format(backward=backward)], capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (0, "deleted\n"), run.stderr


DEEP = """
import copy, pickle, sys
assert sys.getrecursionlimit() == 1000
import numpy as np, tinyconv as tc
F = tc.functions
y = tc.Tensor(np.ones((1, 1)), requires_grad=True)
for _ in range(17_000):
    y = F.softmax(F.concatenate([y.reshape(1), y[0]])[None, :1] * 1)
for again in (copy.deepcopy(y), copy.copy(y), pickle.loads(pickle.dumps(y))):
    np.testing.assert_array_equal(again, y)
    assert again.creator is None
del y
print("deleted")
"""


def test_a_graph_of_100_000_operations_is_copied_and_deleted():
    """Results of softmax also hold their logits, and a copy holds none of the graph; no recursion, no crash."""
    run = subprocess.run([sys.executable, "-c", DEEP], capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (0, "deleted\n"), run.stderr


def test_no_grad():
    x = leaf(1.0, 2.0)
    with tc.no_grad():
        y = (x * x).sum()
        with tc.no_grad():
            pass
        z = x * 2
    assert not y.requires_grad
    assert y.creator is None
    assert not z.requires_grad
    with pytest.raises(RuntimeError, match="requires_grad=True"):
        y.backward()
    assert (x * x).requires_grad


def test_no_grad_ends_with_an_exception():
    with pytest.raises(KeyError), tc.no_grad():
        raise KeyError
    assert (leaf(1.0) * 2).requires_grad


def test_detach_shares_the_array_and_stops_the_gradient():
    x = leaf(2.0)
    y = x * 3
    cut = y.detach()
    assert cut.data is y.data
    (y * cut).sum().backward()
    np.testing.assert_allclose(x.grad, [6 * 3])


def test_backward_with_a_cotangent(rng):
    x, dy = leaf(*rng.standard_normal(4)), rng.standard_normal(4)
    (x * x).backward(dy)
    np.testing.assert_allclose(x.grad, 2 * x.data * dy)
    x.grad = None
    (x * x).backward(tc.Tensor(dy))
    np.testing.assert_allclose(x.grad, 2 * x.data * dy)


def test_backward_of_a_leaf():
    x = leaf(2.0)
    x.backward()
    np.testing.assert_array_equal(x.grad, [1.0])


def test_backward_errors():
    x = leaf(1.0, 2.0)
    with pytest.raises(ValueError, match=r"shape \(2,\) needs dy"):
        (x * 2).backward()
    with pytest.raises(ValueError, match=r"shape \(2,\), got \(3,\)"):
        (x * 2).backward(np.ones(3))
    with pytest.raises(RuntimeError, match="requires_grad=True"):
        (tc.Tensor([1.0]) * 2).backward()
    assert x.grad is None


def test_two_backward_passes_add_into_grad():
    x = leaf(2.0)
    (x * 3).sum().backward()
    first = x.grad
    (x * x).sum().backward()
    np.testing.assert_allclose(x.grad, [3 + 4])
    np.testing.assert_allclose(first, [3])  # what a caller holds is not changed behind its back


def test_freed_buffers():
    x = leaf(2.0, 3.0)
    y = x * x
    z = y.sum()
    z.backward()
    before = x.grad.copy()
    with pytest.raises(RuntimeError, match="freed them; run the forward pass again"):
        z.backward()
    with pytest.raises(RuntimeError, match="Multiply saved"):
        (y * 2).sum().backward()
    np.testing.assert_array_equal(x.grad, before)


def test_saved_arrays_are_let_go_after_backward():
    x = leaf(*np.ones(10))
    y = x.exp()
    held = weakref.ref(y.data.base if y.data.base is not None else y.data)
    loss = (y * y).sum()
    del y
    loss.backward()
    gc.collect()
    assert held() is None


def test_nothing_is_saved_for_what_needs_no_gradient():
    assert (tc.Tensor([1.0]) * 2).creator is None


def test_needs_skips_what_nobody_asks_for(rng):
    asked = []

    class Probe(tc.Function):
        """y = a + b."""

        def forward(self, a, b):
            return a + b

        def backward(self, dy):
            asked.append(self.needs)
            return tuple(dy if needed else None for needed in self.needs)

    constant, weight = tc.Tensor(rng.standard_normal(3)), leaf(1.0, 2.0, 3.0)
    Probe()(constant, weight).sum().backward()
    Probe()(weight, weight).sum().backward()
    assert asked == [(False, True), (True, True)]
    assert constant.grad is None


def test_the_images_gradient_is_never_computed(rng, monkeypatch, network):
    """The first layer's input is data: its gradient, as costly as the kernel's, is left out."""
    calls = []

    def spy(original, *arguments):
        calls.append(arguments[-1])
        return original(*arguments)

    for name in ("conv2d_backward", "conv2d_pooled_backward"):
        monkeypatch.setattr(cpu, name, partial(spy, getattr(cpu, name)))
    model = network()
    model.train_on_batch(rng.random((4, 8, 8, 1)), np.array([0, 1, 2, 1]))
    assert calls == [(False, True, True)]

    x = tc.Tensor(rng.random((4, 8, 8, 1)).astype(np.float32), requires_grad=True)
    model(x).sum().backward()
    assert calls[1:] == [(True, True, True)]
    assert x.grad.shape == x.shape


def test_frozen_weights_get_no_gradient(rng):
    layer = tc.layers.Dense(2, trainable=False)
    above = tc.layers.Dense(2)
    F.sum(above(layer(rng.random((3, 4))))).backward()
    assert all(weight.grad is None for weight in layer.weights)
    assert all(weight.grad is not None for weight in above.weights)


def test_a_function_without_forward_or_backward_says_so():
    class Nothing(tc.Function):
        pass

    with pytest.raises(NotImplementedError, match="Nothing defines no forward"):
        Nothing()(leaf(1.0))
    with pytest.raises(NotImplementedError, match="Nothing defines no backward"):
        Nothing().backward(np.ones(1))


SHARING = {
    "sum of two": (lambda a, b: a + b, None),
    "difference": (lambda a, b: a - b, None),
    "sum of two, rectified": (lambda a, b: F.add(a, b, relu=True), None),
    "reshaped": (lambda a, b: a.reshape(2, 3) + b.reshape(2, 3), (2, 3)),
    "turned twice": (lambda a, b: a.transpose((0,)) + b.T, None),
    "joined": (lambda a, b: F.concatenate([a, b]), (12,)),
    "stacked": (lambda a, b: F.stack([a, b]), (2, 6)),
    "summed over": (lambda a, b: (a + b).sum(), ()),
    "mean over no axis": (lambda a, b: a.mean(axis=()) + b.sum(axis=()), None),
    "a leaf": (lambda a, b: a, None),
    "noise": (lambda a, b: F.gaussian_noise(a, 0.5, 1) + F.pad(b, [(0, 0)]), None),
}


@pytest.mark.parametrize("name", SHARING)
def test_a_leafs_gradient_is_its_own(name, rng):
    """Nothing shares its memory: not the caller's dy, not another leaf's gradient, not what a later pass adds."""
    call, shape = SHARING[name]
    a, b = leaf(*rng.random(6)), leaf(*rng.random(6))
    dy = rng.random((6,) if shape is None else shape)
    given = dy.copy()
    call(a, b).backward(dy)
    for mine, other in ((a, b), (b, a)):
        if mine.grad is not None:
            assert type(mine.grad) is np.ndarray
            assert mine.grad.flags.c_contiguous
            before = other.grad if other.grad is None else other.grad.copy()
            mine.grad += 1  # and it can be written
            np.testing.assert_array_equal(dy, given)
            if before is not None:
                np.testing.assert_array_equal(other.grad, before)


def test_a_number_as_a_leaf_has_an_array_for_its_gradient():
    a = tc.Tensor(np.array(2.0), requires_grad=True)
    (a * np.array([1.0, 2.0])).sum().backward()
    assert type(a.grad) is np.ndarray
    np.testing.assert_array_equal(a.grad, 3.0, strict=True)
    a.backward()
    np.testing.assert_array_equal(a.grad, 4.0, strict=True)


def test_what_the_kernels_make_for_a_weight_is_not_copied(rng, monkeypatch):
    """A copy of a large layer's gradient would cost as much as a pass over its weights."""
    made = []
    original = cpu.dense_backward_kernel
    monkeypatch.setattr(cpu, "dense_backward_kernel", lambda *given: made.append(original(*given)) or made[-1])
    x, w, b = rng.random((3, 4)), leaf(*rng.random((4, 5))), leaf(*rng.random(5))
    F.dense(x, w, b).backward(rng.random((3, 5)))
    assert w.grad is made[0]


def norms_by_layer(loss):
    """Backpropagate and sum, for each innermost call of a layer, the squares of what its functions pass on."""
    norms = {}

    def observe(function, inputs, dy, gradients):
        assert len(inputs) == len(gradients) == len(function.needs)
        for source, needed, dx in zip(inputs, function.needs, gradients, strict=True):
            assert (dx is not None) == needed
            if needed:
                assert dx.shape == source.shape
                call = function.calls[-1]
                norms[call] = norms.get(call, 0.0) + float((dx**2).sum())

    loss.backward(observe=observe)
    return norms


def test_the_walk_can_be_watched(rng):
    """By hand, for y = Σ (w·x)², with w·x and its square called by layers of their own: norms of the gradients."""
    x, w = tc.Tensor(rng.standard_normal(5)), leaf(*rng.standard_normal(5))
    inner, outer = object(), object()
    with calling(outer):
        with calling(inner):
            y = x * w
        loss = (y**2).sum()
    norms = norms_by_layer(loss)
    assert [call.layer for call in norms] == [outer, inner]
    product = x.data * w.data
    dy = 2 * product
    np.testing.assert_allclose(list(norms.values()), [5 + (dy**2).sum(), ((dy * x.data) ** 2).sum()])
    np.testing.assert_allclose(w.grad, dy * x.data)


def test_the_walk_is_watched_before_arrays_are_freed():
    x, seen = leaf(2.0, 3.0), []

    def observe(function, inputs, dy, gradients):
        seen.append((type(function).__name__, function.freed, [tensor is x for tensor in inputs]))

    (x * x).exp().sum().backward(observe=observe)
    assert seen == [("Sum", False, [False]), ("Exp", False, [False]), ("Multiply", False, [True, True])]


def test_calls_nest_and_each_call_of_a_shared_layer_is_one_of_its_own():
    x, layer, model = leaf(2.0), object(), object()
    with calling(model) as whole:
        with calling(layer) as first:
            y = x * 2
        with calling(layer) as second:
            z = y * 3
    assert y.creator.calls == (whole, first)
    assert z.creator.calls == (whole, second)
    assert first is not second
    assert first.layer is second.layer is layer
    assert (z * 2).creator.calls == ()
    with pytest.raises(KeyError), calling(layer):
        raise KeyError
    assert (z * 2).creator.calls == ()


class Doubled(tc.Function):
    """A function of a user's, whose gradient comes in `form`."""

    def __init__(self, form):
        self.form = form

    def forward(self, x):
        return 2 * x

    def backward(self, dy):
        return self.form(2 * dy)


@pytest.mark.parametrize(
    ("form", "found"),
    [
        (lambda dx: dx, "ndarray"),
        (lambda dx: [dx], "list"),
        (lambda dx: (dx, None), "a tuple of 2"),
        (lambda dx: None, "NoneType"),
    ],
    ids=["array", "list", "two", "none"],
)
def test_backward_must_return_a_tuple(form, found):
    """An array of one row passed for a tuple of one gradient, and left the leaf one of another shape."""
    x = tc.Tensor(np.ones((1, 3)), requires_grad=True)
    with pytest.raises(TypeError, match=f"Doubled.backward must return a tuple .* here 1, got {found}"):
        Doubled(form)(x).sum().backward()
