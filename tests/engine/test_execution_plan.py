"""Execution plans: the bits of the layers themselves, nothing stale, and none where a function may look at numbers."""

import gc
import threading
from weakref import ref

import numpy as np
import pytest
from numba.core import config

import tinyconv as tc
from tinyconv import functions as F
from tinyconv import layers as L
from tinyconv.autograd import traced_by
from tinyconv.kernels.cpu import launches as cpu_launches
from tinyconv.kernels.cpu.compile import Kernel
from tinyconv.layers.parameter import Parameter
from tinyconv.models import execution_plan
from tinyconv.models.execution_plan import plan_of


def plain(model, x):
    """What the layers themselves compute: a tracer keeps plans out."""
    with tc.no_grad(), traced_by(lambda function, inputs, apply: apply()):
        return model(x, training=False)


def planned(model, x):
    """What a plan computes, at last by recorded launches, and there must be one."""
    with tc.no_grad():
        model(x, training=False)
        assert plan_of(model, [np.asarray(x)]) is not None
        model(x, training=False)
        return model(x, training=False)


def same(model, x):
    expected = plain(model, x).numpy()
    np.testing.assert_array_equal(planned(model, x).numpy(), expected)
    np.testing.assert_array_equal(model.predict_on_batch(x), expected)


def images(rng, *shape):
    return rng.standard_normal(shape).astype(np.float32)


def convolutional():
    model = tc.Sequential(
        [
            tc.Input((12, 12, 3)),
            L.Conv2D(16, 3, padding="same", use_bias=False),
            L.BatchNormalization(),
            L.ReLU(),
            L.MaxPooling2D(),
            L.BatchNormalization(),
            L.DepthwiseConv2D(3),
            L.PReLU(),
            L.Dropout(0.5),
            L.Conv2D(5, 1, activation="tanh"),
            L.GlobalAveragePooling2D(),
            L.Dense(4, activation="softmax"),
        ]
    )
    model.compile("adam", "categorical_crossentropy", ["accuracy"])
    return model


def residual():
    x = tc.Input((8, 8, 4))
    left = L.BatchNormalization()(L.Conv2D(4, 3, padding="same")(x))
    right = L.Conv2D(4, 1, data_format="channels_last")(x)
    y = L.ReLU()(L.Add()([left, right]))
    y = L.Concatenate()([y, x * 0.5])
    features = L.Flatten()(y)
    return tc.Model(x, {"class": L.Dense(3, activation="softmax")(features), "score": L.Dense(1)(features)})


@pytest.mark.parametrize("batch", [1, 2, 37])
def test_a_plan_gives_the_bits_of_the_layers(rng, batch):
    model = convolutional()
    x, y = images(rng, batch, 12, 12, 3), np.eye(4, dtype=np.float32)[rng.integers(0, 4, batch)]
    same(model, x)
    model.fit(x, y, epochs=2, verbose=0)  # weights and moving averages change in place
    same(model, images(rng, batch, 12, 12, 3))
    np.testing.assert_array_equal(model.predict(x, verbose=0), np.vstack([plain(model, part).numpy() for part in [x]]))


def test_the_document_networks(rng):
    for name in ("mnist", "mnist_fc", "mnist_cnn5", "cifar10"):
        model = getattr(tc.zoo, name)()
        same(model, images(rng, 2, *model.input_shape[1:]))


def test_outputs_keep_their_structure(rng):
    model, x = residual(), images(rng, 3, 8, 8, 4)
    expected, found = plain(model, x), planned(model, x)
    assert sorted(found) == ["class", "score"]
    for name, y in found.items():
        np.testing.assert_array_equal(y.numpy(), expected[name].numpy())
    np.testing.assert_array_equal(found["class"].logits.numpy(), expected["class"].logits.numpy())


def test_evaluation_by_logits_is_the_same(rng):
    model = convolutional()
    x, y = 40 * images(rng, 9, 12, 12, 3), np.eye(4, dtype=np.float32)[rng.integers(0, 4, 9)]
    first = model.evaluate(x, y, verbose=0)
    assert model.evaluate(x, y, verbose=0) == first
    assert plan_of(model, [x]) is not None
    assert model.evaluate(x, y, verbose=0) == first


CHANGES = {
    "assign": lambda model: model.layers[0].kernel.assign(model.layers[0].kernel.numpy() + 1),
    "in place": lambda model: np.add(model.layers[0].kernel.data, 1, out=model.layers[0].kernel.data),
    "another array": lambda model: setattr(model.layers[0].kernel, "data", model.layers[0].kernel.data + 1),
    "moving average": lambda model: model.layers[1].moving_mean.assign(model.layers[1].moving_mean.numpy() + 1),
    "moving variance": lambda model: model.layers[4].moving_variance.assign(
        model.layers[4].moving_variance.numpy() + 1
    ),
    "set_weights": lambda model: model.set_weights([each + 0.25 for each in model.get_weights()]),
    "activation": lambda model: setattr(model.layers[-1], "activation", F.linear),
    "epsilon": lambda model: setattr(model.layers[1], "epsilon", 0.5),
    "a layer less": lambda model: model.pop(),
    "a layer more": lambda model: model.add(L.Dense(2)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_nothing_is_stale(rng, change):
    model, x = convolutional(), images(rng, 2, 12, 12, 3)
    before = planned(model, x).numpy().copy()
    change(model)
    after = plain(model, x).numpy()
    with tc.no_grad():
        np.testing.assert_array_equal(model(x, training=False).numpy(), after)
        np.testing.assert_array_equal(model(x, training=False).numpy(), after)
    assert after.shape != before.shape or not np.array_equal(after, before)


def test_fusion_and_backends_have_plans_of_their_own(rng):
    model, x = convolutional(), images(rng, 2, 12, 12, 3)
    same(model, x)
    with tc.fusion(False):
        same(model, x)
    with tc.backend("reference"):
        same(model, x)
    with tc.conv_algorithm("im2col"):
        same(model, x)
    same(model, x)


def no_plan(model, x):
    with tc.no_grad():
        for _ in range(2):
            model(x, training=False)
        assert plan_of(model, [x]) is None


class Sign(L.Layer):
    """Decides by the numbers that it sees."""

    def call(self, x):
        return x if float(x.numpy().sum()) > 0 else -x


REFUSED = {
    "layer of one's own": lambda: Sign(),
    "function of one's own": lambda: L.Lambda(lambda x: x if float(x.numpy().sum()) > 0 else -x),
    "activation of one's own": lambda: L.Dense(2, activation=lambda x: x if float(x.numpy().sum()) > 0 else -x),
    "penalty of the output": lambda: L.Dense(2, activity_regularizer="l2"),
}


@pytest.mark.parametrize("layer", REFUSED.values(), ids=REFUSED)
def test_what_may_look_at_numbers_has_no_plan(rng, layer):
    model = tc.Sequential([tc.Input((3,)), layer()])
    x = images(rng, 4, 3)
    no_plan(model, x)
    for given in (x, -x):
        with tc.no_grad():
            np.testing.assert_array_equal(model(given, training=False).numpy(), plain(model, given).numpy())


def test_what_trains_in_a_graph_draws_anew(rng):
    x = tc.Input((50,))
    model = tc.Model(x, L.Dropout(0.5)(x, training=True))
    ones = np.ones((2, 50), np.float32)
    no_plan(model, ones)
    with tc.no_grad():
        assert not np.array_equal(model(ones).numpy(), model(ones).numpy())


@pytest.mark.parametrize("constant", [np.arange(3, dtype=np.float32), np.full(1, 2, np.float32), np.float32(2)])
def test_a_constant_array_in_the_graph_has_no_plan(constant, rng):
    x = tc.Input((3,))
    model = tc.Model(x, x * constant)
    given = images(rng, 2, 3)
    no_plan(model, given)  # a layer may have made it of its weights
    np.testing.assert_array_equal(model.predict(given, verbose=0), given * constant)


@pytest.mark.parametrize("invert", [False, True])
def test_a_layer_that_computes_with_its_weights_by_itself_is_not_stale(invert, rng):
    layer = L.Normalization(invert=invert)
    model = tc.Sequential([tc.Input((4, 1)), layer])
    layer.adapt(images(rng, 5, 4, 1))
    x = images(rng, 2, 4, 1)
    before = model.predict(x, verbose=0)
    for weight in (layer.mean, layer.variance):
        weight.data += 1
    after = model.predict(x, verbose=0)
    np.testing.assert_array_equal(after, plain(model, x).numpy())
    assert not np.array_equal(before, after)


def test_gradients_and_training_take_no_plan(rng):
    model, x = convolutional(), images(rng, 2, 12, 12, 3)
    planned(model, x)
    y = model(x, training=False)
    assert y.requires_grad
    y.sum().backward()
    assert model.layers[0].kernel.grad is not None


def test_results_of_two_runs_are_arrays_of_their_own(rng):
    model, x = convolutional(), images(rng, 2, 12, 12, 3)
    first = planned(model, x).numpy()
    kept = first.copy()
    planned(model, images(rng, 2, 12, 12, 3))
    np.testing.assert_array_equal(first, kept)


def test_threads_share_a_plan(rng):
    model = convolutional()
    inputs = [images(rng, 2, 12, 12, 3) for _ in range(4)]
    expected = [plain(model, x).numpy() for x in inputs]
    planned(model, inputs[0])
    wrong = []

    def work(x, y):
        for _ in range(20):
            if not np.array_equal(model.predict(x, verbose=0), y):
                wrong.append(x)

    threads = [threading.Thread(target=work, args=pair) for pair in zip(inputs, expected, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_model_that_is_gone_takes_its_plans_along(rng):
    model, x = convolutional(), images(rng, 1, 12, 12, 3)
    planned(model, x)
    count = len(execution_plan._plans)
    del model
    gc.collect()
    assert len(execution_plan._plans) < count


def test_plans_are_kept_for_so_many_shapes_only(rng):
    model = tc.Sequential([tc.Input((3,)), L.Dense(2)])
    for batch in range(1, execution_plan.MAX_PLANS + 5):
        planned(model, images(rng, batch, 3))
    assert len(execution_plan._plans[model]) == execution_plan.MAX_PLANS


def launches_of(model, x):
    return plan_of(model, [x]).launches


compiled = pytest.mark.skipif(bool(config.DISABLE_JIT), reason="the compiler is switched off: nothing is launched")


@compiled
def test_launches_are_recorded_once_and_by_kernels(rng):
    model, x = tc.zoo.mnist(), images(rng, 1, 28, 28, 1)
    planned(model, x)
    launches = launches_of(model, x)
    assert all(isinstance(function, Kernel) for function, _ in launches.steps)
    same(model, images(rng, 1, 28, 28, 1))
    assert launches_of(model, x) is launches


@compiled
def test_launches_end_with_the_settings_that_they_were_recorded_under(rng):
    model, x = convolutional(), images(rng, 2, 12, 12, 3)
    planned(model, x)
    first, threads = launches_of(model, x), tc.threads()
    with tc.conv_algorithm("im2col"):
        same(model, x)
        assert launches_of(model, x) is not first
    tc.set_threads(1)
    try:
        same(model, x)
    finally:
        tc.set_threads(threads)
    same(model, x)


@compiled
def test_weights_that_are_always_others_are_not_recorded_for_ever(rng):
    model, x = tc.Sequential([tc.Input((3,)), L.Dense(2)]), images(rng, 1, 3)
    for _ in range(3 + execution_plan.MAX_RECORDINGS):
        model.layers[0].kernel.data = model.layers[0].kernel.data + 1
        same(model, x)
    assert plan_of(model, [x]).recordings == execution_plan.MAX_RECORDINGS


@compiled
def test_a_large_model_is_not_recorded(rng, monkeypatch):
    monkeypatch.setattr(cpu_launches, "MAX_BYTES", 10_000)
    model, x = convolutional(), images(rng, 30, 12, 12, 3)
    same(model, x)
    assert launches_of(model, x) is None


def test_at_once_takes_no_shortcut_past_checks_and_calls_of_ones_own(rng):
    class Twice(tc.Sequential):
        def __call__(self, inputs, training=None):
            return super().__call__(inputs, training) * 2

    once, twice = (kind([tc.Input((3,)), L.Dense(2, kernel_initializer="ones")]) for kind in (tc.Sequential, Twice))
    x = images(rng, 1, 3)
    for _ in range(4):
        np.testing.assert_array_equal(twice.predict_on_batch(x), 2 * once.predict_on_batch(x))
    x[0, 1] = np.nan
    with pytest.raises(ValueError, match="finite"):
        once.predict_on_batch(x)


def test_a_plan_that_does_not_fit_does_not_fit_the_next_time_either(rng):
    model, x = tc.Sequential([tc.Input((3,)), L.Dense(2)]), images(rng, 1, 3)
    planned(model, x)
    plan, weight = plan_of(model, [x]), model.layers[0].kernel
    single = weight.data
    weight.data = single.astype(np.float64)
    assert [plan.fits() for _ in range(3)] == [False] * 3
    weight.data = single
    assert plan.fits()


def test_the_first_call_holds_no_result_longer_than_its_users(rng, monkeypatch):
    """It notes operations, and so sees every tensor."""
    seen, alive = [], []
    add = execution_plan._Recorder._add

    def watched(recorder, tensor):
        if not isinstance(tensor, Parameter):
            seen.append(ref(tensor))
            alive.append(sum(each() is not None for each in seen))
        return add(recorder, tensor)

    monkeypatch.setattr(execution_plan._Recorder, "_add", watched)
    model = tc.Sequential([L.Input((6,)), *(L.Dense(6) for _ in range(20)), L.Softmax()])
    x = rng.standard_normal((3, 6)).astype(np.float32)
    first = model.predict_on_batch(x)
    assert len(seen) > 20
    assert max(alive) <= 3
    np.testing.assert_array_equal(model.predict_on_batch(x), first)
