"""Learning-rate schedules inside training: when each rate applies, and that an interrupted run goes on by them."""

import os
import signal
import subprocess
import sys
from math import pi, sin

import numpy as np
import pytest

from tinyconv import optimizers, schedules
from tinyconv.layers import Parameter


def rates_of(optimizer, steps):
    """The rate that each step of gradient descent went by: how far a gradient of 1 took the weight."""
    weight, rates = Parameter(np.zeros(1), "w"), []
    for _ in range(steps):
        before = weight.data.item()
        optimizer.apply([np.ones(1)], [weight])
        rates.append(before - weight.data.item())
    return rates


def test_the_first_step_goes_by_the_rate_of_step_0():
    schedule = schedules.PiecewiseConstantDecay([0, 2], [1.0, 0.5, 0.25])
    assert rates_of(optimizers.SGD(schedule), 5) == [1.0, 0.5, 0.5, 0.25, 0.25]


@pytest.mark.parametrize(
    "function",
    [lambda step: 1 / (step + 1), lambda step: np.float32(1 / (step + 1)), np.array([1, 1 / 2, 1 / 3]).__getitem__],
    ids=["number", "NumPy's number", "method"],
)
def test_a_plain_function_of_the_step(function):
    optimizer = optimizers.SGD(function)
    np.testing.assert_allclose(rates_of(optimizer, 2), [1, 1 / 2])
    assert optimizer.learning_rate == pytest.approx(1 / 3)  # of the next step


def test_a_function_that_needs_nothing_is_given_nothing():
    rates = iter([0.5, 0.25])
    assert rates_of(optimizers.SGD(lambda: next(rates)), 2) == [0.5, 0.25]
    assert rates_of(optimizers.SGD(lambda scale=2: 0.25 * scale), 1) == [0.5]


def test_a_schedule_of_one_s_own():
    class Wave(schedules.LearningRateSchedule):
        def __call__(self, step):
            return 1 + sin(pi * step / 2)

    np.testing.assert_allclose(rates_of(optimizers.SGD(Wave()), 4), [1, 2, 1, 0], atol=1e-12)
    with pytest.raises(NotImplementedError, match="Wave defines no get_config"):
        optimizers.serialize(optimizers.SGD(Wave()))
    with pytest.raises(NotImplementedError, match="LearningRateSchedule defines no __call__"):
        schedules.LearningRateSchedule()(3)


@pytest.mark.parametrize("rate", [-0.1, float("nan"), None, "fast"], ids=str)
def test_a_rate_that_is_none(rate):
    def follow(step):
        return 0.1 if step < 2 else rate

    optimizer, weight = optimizers.SGD(follow, weight_decay=0.1), Parameter(np.ones(1), "w")
    for _ in range(2):
        optimizer.apply([np.ones(1)], [weight])
    before = weight.data.copy()
    with pytest.raises(ValueError, match=r"the learning rate of follow after 2 steps must be a finite number"):
        optimizer.apply([np.ones(1)], [weight])
    assert weight.data == before
    assert optimizer.iterations == 2


def test_legacy_decay_is_inverse_time_decay():
    """Keras 1 and 2: lr / (1 + decay · iterations), the iterations before the step."""
    optimizer = optimizers.SGD(schedules.InverseTimeDecay(0.1, decay_steps=1, decay_rate=0.3))
    np.testing.assert_allclose(rates_of(optimizer, 20), [0.1 / (1 + 0.3 * t) for t in range(20)])


def test_restarts_restart():
    """The rate is back at the top at the first step of every period: 0, 10, 10 + 20, 10 + 20 + 40, …"""
    schedule = schedules.CosineDecayRestarts(1.0, 10, m_mul=0.5)
    rates = np.array([schedule(step) for step in range(151)])
    jumps = np.flatnonzero(np.diff(rates) > 0) + 1
    assert jumps.tolist() == [10, 30, 70, 150]
    np.testing.assert_allclose(rates[jumps], [0.5, 0.25, 0.125, 0.0625], rtol=1e-9)


@pytest.mark.parametrize("name", sorted(schedules.SCHEDULES))
def test_a_description_makes_an_equal_schedule(name):
    arguments = {
        "ExponentialDecay": (0.1, 7, 0.5, True),
        "PiecewiseConstantDecay": ([3, 6], [0.3, 0.2, 0.1]),
        "PolynomialDecay": (0.1, 7, 0.01, 2.0, True),
        "InverseTimeDecay": (0.1, 7, 0.5, True),
        "CosineDecay": (0.1, 7, 0.2, "its own", 0.3, 4),
        "CosineDecayRestarts": (0.1, 7, 1.5, 0.5, 0.1),
    }[name]
    first = schedules.SCHEDULES[name](*arguments)
    second = schedules.deserialize(schedules.serialize(first))
    assert type(second) is type(first)
    assert vars(second) == vars(first)
    assert len({first(step) for step in range(30)}) > 2
    assert first(10**9) >= 0


BAD = [
    (lambda: schedules.ExponentialDecay(0.1, 0, 0.5), "decay_steps must be a finite number above 0, got 0"),
    (lambda: schedules.CosineDecay(0.1, -3), "decay_steps must be a finite number above 0, got -3"),
    (lambda: schedules.CosineDecayRestarts(0.1, 0), "first_decay_steps must be a finite number above 0, got 0"),
    (lambda: schedules.CosineDecayRestarts(0.1, 5, t_mul=0.5), r"t_mul must be at least 1, .* got 0\.5"),
    (lambda: schedules.PolynomialDecay(-0.1, 10), r"initial_learning_rate must be .* at least 0, got -0\.1"),
    (lambda: schedules.PolynomialDecay(0.1, 10, power=-1.0), r"power must be .* at least 0, got -1\.0"),
    (lambda: schedules.InverseTimeDecay(0.1, 1, "a"), "decay_rate must be .* at least 0, got 'a'"),
    (lambda: schedules.PiecewiseConstantDecay([1], [0.1]), "one more than boundaries, got 1 values and 1 boundaries"),
    (lambda: schedules.PiecewiseConstantDecay([5, 5], [0.1, 0.2, 0.3]), r"boundaries must rise, got \[5, 5\]"),
    (lambda: schedules.deserialize({"class_name": "CosinDecay", "config": {}}), 'did you mean "CosineDecay"'),
    (lambda: optimizers.deserialize({"class_name": "AdamV", "config": {}}), 'did you mean "Adam'),
    (
        lambda: optimizers.get(optimizers.serialize(optimizers.SGD(abs))),
        "abs is a function that is not reg",
    ),
]


@pytest.mark.parametrize(("call", "message"), BAD, ids=range(len(BAD)))
def test_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_number_cannot_take_a_schedule_s_place():
    optimizer = optimizers.Adam(schedules.CosineDecay(0.1, 10))
    with pytest.raises(TypeError, match=r"learning rate of adam follows a schedule, .* cannot be set to 0\.5"):
        optimizer.learning_rate = 0.5
    optimizer.learning_rate = schedules.CosineDecay(0.2, 10)
    assert optimizer.learning_rate == 0.2


RUN = """
import os, signal, sys
import numpy as np
import tinyconv as tc

path, doomed = sys.argv[1], sys.argv[2] == "doomed"
tc.set_seed(3)
rng = np.random.default_rng(0)
x, y = rng.random((60, 6, 6, 1)), rng.integers(0, 3, 60)
model = tc.Sequential([tc.Input((6, 6, 1)), tc.layers.Conv2D(3, 3, activation="tanh"), tc.layers.Dropout(0.3),
                       tc.layers.Flatten(), tc.layers.Dense(3, activation="softmax")])
schedule = tc.schedules.CosineDecay(0.0, 20, warmup_target=0.05, warmup_steps=7)
optimizer = tc.optimizers.Nadam(schedule, weight_decay=0.01, global_clipnorm=1.0)
model.compile(optimizer, "sparse_categorical_crossentropy")
first = 0
if os.path.exists(path):
    optimizer.build(model.trainable_weights)
    model.load_weights(path)
    first = optimizer.iterations // 6

class SaveAndDie(tc.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        model.save_weights(path)

    def on_train_batch_end(self, batch, logs=None):
        if doomed and optimizer.iterations == 15:
            os.kill(os.getpid(), signal.SIGKILL)

model.fit(x, y, batch_size=10, epochs=4, initial_epoch=first, verbose=0, callbacks=[SaveAndDie()])
print(first, optimizer.iterations, b"".join(array.tobytes() for array in model.get_weights()).hex())
"""


def test_a_killed_run_goes_on_to_the_same_bits(tmp_path):
    """Killed in its third epoch, started again with the last file: the schedule knows its place by the iterations."""

    def run(path, fate):
        return subprocess.run(
            [sys.executable, "-c", RUN, str(path), fate], capture_output=True, text=True, env=os.environ
        )

    unbroken = run(tmp_path / "unbroken.weights.h5", "spared")
    killed = run(tmp_path / "killed.weights.h5", "doomed")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    resumed = run(tmp_path / "killed.weights.h5", "spared")
    assert resumed.stdout.split()[:2] == ["2", "24"], resumed.stderr
    assert unbroken.stdout.split()[:2] == ["0", "24"], unbroken.stderr
    assert resumed.stdout.split()[2] == unbroken.stdout.split()[2]
