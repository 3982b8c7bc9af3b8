"""What optimizers promise beside their formulas: clipping, weight decay, the learning rate, what they refuse."""

from math import sqrt

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import optimizers, schedules
from tinyconv.layers import Parameter

EVERY = [optimizers.OPTIMIZERS[name] for name in sorted(optimizers.OPTIMIZERS)]
every_optimizer = pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)


def step(optimizer, *gradients):
    """One step from weights of 1; returns how far each weight came."""
    weights = [Parameter(np.ones_like(g), f"layer_{place}/kernel") for place, g in enumerate(gradients)]
    optimizer.apply(gradients, weights)
    return [weight.data - 1 for weight in weights]


def test_clipnorm_shortens_each_gradient_by_itself(rng):
    long, short = 10 * rng.standard_normal((3, 40)), 0.01 * rng.standard_normal(7)
    moved = step(optimizers.SGD(1.0, clipnorm=2.0), long, short)
    np.testing.assert_allclose(moved[0], -2 * long / np.linalg.norm(long), rtol=1e-12)
    np.testing.assert_allclose(moved[1], -short, rtol=1e-12, atol=1e-15)


def test_global_clipnorm_keeps_their_proportions(rng):
    gradients = 10 * rng.standard_normal((3, 40)), 0.01 * rng.standard_normal(7), np.zeros((0, 3))
    norm = np.linalg.norm(np.concatenate([g.reshape(-1) for g in gradients]))
    for limit, factor in ((2.0, 2 / norm), (2 * norm, 1)):
        moved = step(optimizers.SGD(1.0, global_clipnorm=limit), *gradients)
        for one, g in zip(moved, gradients, strict=True):
            np.testing.assert_allclose(one, -factor * g, rtol=1e-12, atol=1e-15)


def test_clipvalue_cuts_off(rng):
    g = rng.standard_normal(50)
    (moved,) = step(optimizers.SGD(1.0, clipvalue=0.3), g)
    np.testing.assert_allclose(moved, [-min(max(number, -0.3), 0.3) for number in g.tolist()], rtol=1e-12)
    assert np.ptp(moved) == pytest.approx(0.6)


@pytest.mark.parametrize("common", [dict(clipnorm=1.0), dict(global_clipnorm=1.0), dict(clipvalue=0.1)], ids=str)
def test_clipping_leaves_the_gradients_alone(common, rng):
    gradients = rng.standard_normal((4, 5)), rng.standard_normal(3)
    before = [g.copy() for g in gradients]
    step(optimizers.Adam(**common), *gradients)
    for g, kept in zip(gradients, before, strict=True):
        np.testing.assert_array_equal(g, kept)


def test_a_gradient_of_zeros_stays_zero():
    for common in (dict(clipnorm=1.0), dict(global_clipnorm=1.0)):
        (moved,) = step(optimizers.SGD(1.0, **common), np.zeros(4))
        np.testing.assert_array_equal(moved, 0)


def test_layers_of_two_precisions(rng):
    g = rng.standard_normal(30)
    moved = step(optimizers.SGD(1.0, global_clipnorm=0.5), g.astype("f4"), g)
    assert [one.dtype for one in moved] == ["f4", "f8"]
    assert np.linalg.norm(np.concatenate(moved)) == pytest.approx(0.5, rel=1e-6)


@pytest.mark.parametrize(
    "kind", [kind for kind in EVERY if kind is not optimizers.Ftrl], ids=lambda kind: kind.__name__
)  # Ftrl makes weights anew of what it has added up
def test_weight_decay_comes_first(kind):
    """A weight of 1 loses lr·d, whatever the rule does with the gradient, here 0."""
    (moved,) = step(kind(0.5, weight_decay=0.125), np.zeros(3))
    np.testing.assert_allclose(moved, -0.5 * 0.125, rtol=1e-12)


def test_weight_decay_goes_by_the_schedule():
    optimizer = optimizers.SGD(schedules.PiecewiseConstantDecay([0], [0.5, 0.25]), weight_decay=0.5)
    weight = Parameter(np.ones(2), "w")
    for _ in range(2):
        optimizer.apply([np.zeros(2)], [weight])
    np.testing.assert_allclose(weight.data, 0.75 * 0.875, rtol=1e-12)


def test_weights_left_out_of_decay():
    paths = ["conv2d/kernel", "conv2d/bias", "dense/kernel", "dense/bias"]
    for given, decayed in (
        ({}, [True, True, True, True]),
        (dict(var_names=["bias"]), [True, False, True, False]),
        (dict(var_names=["dense/", "conv2d/b"]), [True, False, False, False]),
        (dict(var_list=[0, 3]), [False, True, True, False]),
    ):
        weights = [Parameter(np.ones(2), path) for path in paths]
        if "var_list" in given:
            given = dict(var_list=[weights[place] for place in given["var_list"]])
        optimizer = optimizers.AdamW(0.1)
        optimizer.exclude_from_weight_decay(**given)
        optimizer.apply([np.zeros(2)] * 4, weights)
        assert [bool((weight.data < 1).all()) for weight in weights] == decayed


def test_nadam_over_fifty_steps():
    """TensorFlow keeps a constant of Keras's in float32, so a scalar loop judges to the last digits."""
    weight = Parameter(np.array([1.5]), "w")
    optimizer = optimizers.Nadam(0.02, beta_1=0.8, beta_2=0.9, epsilon=1e-3)
    w, m, v, product = 1.5, 0.0, 0.0, 1.0
    for t in range(1, 51):
        optimizer.apply([2 * weight.data + 0.3], [weight])
        g = 2 * w + 0.3
        mu, following = (0.8 * (1 - 0.96**i / 2) for i in (t, t + 1))
        product *= mu
        m, v = 0.8 * m + 0.2 * g, 0.9 * v + 0.1 * g * g
        m_hat = following * m / (1 - product * following) + (1 - mu) * g / (1 - product)
        w -= 0.02 * m_hat / (sqrt(v / (1 - 0.9**t)) + 1e-3)
        np.testing.assert_allclose(weight.data, w, rtol=1e-11)
    assert optimizer.variables()[-1] == ("u_product", pytest.approx(product, rel=1e-12))


@every_optimizer
def test_a_description_makes_an_equal_optimizer(kind, rng):
    common = dict(weight_decay=0.1, clipnorm=0.7, name="mine", learning_rate=schedules.CosineDecay(0.1, 30))
    own = {
        "RMSprop": dict(epsilon_mode="outside", centered=True),
        "Adam": dict(amsgrad=True),
        "SGD": dict(momentum=0.5),
    }
    first = kind(**common, **own.get(kind.__name__, {}))
    described = optimizers.serialize(first)
    assert described["config"]["name"] == "mine"
    second = optimizers.get(described)
    assert type(second) is kind
    assert second.get_config() == first.get_config()
    g = rng.standard_normal(20)
    np.testing.assert_array_equal(step(first, g), step(second, g))


def test_automatic_names():
    assert [optimizers.AdamW().name, optimizers.AdamW().name, optimizers.SGD(name="its own").name] == [
        "adam_w",
        "adam_w_1",
        "its own",
    ]


@every_optimizer
@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("use_ema", True),
        ("ema_momentum", 0.9),
        ("ema_overwrite_frequency", 10),
        ("loss_scale_factor", 2.0),
        ("gradient_accumulation_steps", 2),
    ],
)
def test_what_is_not_built_is_refused(kind, argument, value):
    with pytest.raises(ValueError, match=rf"^{kind.__name__} got {argument}={value}, which tinyconv does not offer"):
        kind(**{argument: value})
    default = optimizers.optimizer.UNBUILT[argument]
    assert kind(**{argument: default}).get_config()[argument] == default


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            dict(clipnorm=1.0, clipvalue=0.5),
            "one of clipnorm, clipvalue and global_clipnorm may be given, got clipnorm",
        ),
        (dict(clipnorm=1.0, global_clipnorm=0.5), "got clipnorm and global_clipnorm$"),
        (dict(clipnorm=-1.0), r"clipnorm must be a finite number of at least 0, got -1\.0"),
        (dict(clipvalue="1"), "clipvalue must be a finite number of at least 0, got '1'"),
        (dict(global_clipnorm=np.nan), "global_clipnorm must be a finite number"),
        (dict(weight_decay=-0.1), r"weight_decay must be a finite number of at least 0, got -0\.1"),
        (dict(learning_rate=None), "learning_rate must be a finite number of at least 0, got None"),
    ],
    ids=str,
)
def test_arguments_that_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        optimizers.SGD(**arguments)


def test_adamw_needs_its_decay():
    with pytest.raises(ValueError, match="weight_decay must be a finite number of at least 0, got None"):
        optimizers.AdamW(weight_decay=None)


def test_other_weights_than_before_are_refused(digits, network):
    """A frozen layer that is set free later has no state: to go on without an error would mix up the others'."""
    model = network()
    model.layers[0].trainable = False
    model.fit(*digits, verbose=0)
    before = model.get_weights()
    model.layers[0].trainable = True
    with pytest.raises(ValueError, match=r"adam has no state for weight conv2d/kernel: compile the model"):
        model.train_on_batch(*digits)
    for one, kept in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, kept)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.train_on_batch(*digits)


def test_fewer_weights_than_before_keep_their_own_state(rng):
    """A layer that is frozen later leaves the others their slots."""
    first, second = (Parameter(np.ones(3), path) for path in ("a/kernel", "b/kernel"))
    alone = Parameter(np.ones(3), "b/kernel")
    both, one = optimizers.Adam(0.1), optimizers.Adam(0.1)
    gradients = rng.standard_normal((4, 3))
    both.apply([gradients[0], gradients[1]], [first, second])
    both.apply([gradients[2]], [second])
    for g in (gradients[1], gradients[2]):
        one.apply([g], [alone])
    np.testing.assert_array_equal(second.data, alone.data)


def test_weights_without_a_gradient(rng):
    used, unused = Parameter(np.ones(3), "used/kernel"), Parameter(np.ones(2), "unused/kernel")
    optimizer = optimizers.SGD(0.1, weight_decay=0.1)
    with pytest.warns(UserWarning, match="the loss does not depend on unused/kernel: not trained"):
        optimizer.apply([rng.standard_normal(3), None], [used, unused])
    np.testing.assert_array_equal(unused.data, 1)
    assert (used.data != 1).all()
    with pytest.raises(ValueError, match="no weight has a gradient: the loss depends on none of unused/kernel"):
        optimizer.apply([None], [unused])


def test_state_of_another_length_is_refused():
    optimizer = optimizers.Adam()
    optimizer.build([Parameter(np.ones(3), "w")])
    with pytest.raises(ValueError, match="Adam has 4 variables, the file holds 2"):
        optimizer.load_variables([3, 0.1])
    assert optimizer.iterations == 0


def test_reference_and_cpu_agree(rng):
    """Whole steps of each optimizer, clipped and decayed."""
    for kind in EVERY:
        for common in (dict(clipnorm=0.5), dict(global_clipnorm=0.5), dict(clipvalue=0.3)):
            g = rng.standard_normal((5, 6))
            found = []
            for backend in ("reference", "cpu"):
                with tc.backend(backend):
                    found.append(step(kind(0.1, weight_decay=0.1, **common), g, g[0].copy()))
            for one, other in zip(*found, strict=True):
                np.testing.assert_allclose(one, other, rtol=1e-12)
