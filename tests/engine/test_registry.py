"""The registry: what describes itself is made again, the user's own included, and nothing else."""

import gc
import json
import weakref

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import functions as F
from tinyconv import registry


@tc.register_keras_serializable("tests")
class Focal(tc.losses.Loss):
    """−(1 − p)^gamma · ln p of the right class: a loss with an argument."""

    def __init__(self, gamma=2.0, name="focal", **others):
        super().__init__(name=name, **others)
        self.gamma = gamma

    def call(self, y_true, y_pred):
        p = F.sum(y_true * y_pred, axis=-1)
        return -F.log(p) * (1 - p) ** self.gamma

    def get_config(self):
        return {**super().get_config(), "gamma": self.gamma}


@tc.register_keras_serializable("tests", "squared")
def squared_difference(y_true, y_pred):
    return F.mean((y_true - y_pred) ** 2, axis=-1)


@tc.register_keras_serializable()
class Halved(tc.optimizers.SGD):
    """An optimizer of one's own."""


def through_json(target):
    return json.loads(json.dumps(registry.serialize(target)))


def test_a_registered_loss_is_made_again():
    described = through_json(Focal(0.5, reduction="sum"))
    assert described["registered_name"] == "tests>Focal"
    again = registry.deserialize(described, "loss")
    assert type(again) is Focal
    assert (again.gamma, again.reduction, again.name) == (0.5, "sum", "focal")
    p = tc.Tensor(np.array([[0.25, 0.75], [0.5, 0.5]]))
    wanted = -np.log(0.75) * 0.25**0.5 - np.log(0.5) * 0.5**0.5
    assert again(np.eye(2)[[1, 0]], p).item() == pytest.approx(wanted)


def test_a_registered_loss_has_a_name_to_compile_by():
    assert type(tc.losses.loss_of("tests>Focal")) is Focal
    assert tc.losses.loss_of("tests>squared").fn is squared_difference
    assert type(tc.optimizers.get("Custom>Halved")) is Halved
    assert registry.deserialize(through_json(squared_difference), "loss") is squared_difference


EVERYTHING = [
    ("loss", tc.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.25)),
    ("loss", tc.losses.SparseCategoricalCrossentropy(name="mine")),
    ("loss", tc.losses.MeanSquaredError("sum")),
    ("loss", tc.losses.LossFunctionWrapper(squared_difference)),
    ("metric", tc.metrics.BinaryAccuracy(threshold=0.25)),
    ("metric", tc.metrics.TopKCategoricalAccuracy(3)),
    ("metric", tc.metrics.Mean("mean of my own")),
    ("metric", tc.metrics.MeanMetricWrapper(squared_difference, "sq")),
    ("initializer", tc.initializers.HeNormal(seed=3)),
    ("initializer", tc.initializers.Constant(2.0)),
    ("initializer", tc.initializers.VarianceScaling(2.0, "fan_out", "uniform")),
    ("regularizer", tc.regularizers.L1L2(0.25, 0.5)),
    ("schedule", tc.schedules.CosineDecay(0.1, 100, warmup_target=0.5, warmup_steps=3)),
    ("optimizer", tc.optimizers.RMSprop(tc.schedules.ExponentialDecay(0.1, 2, 0.5), epsilon_mode="outside")),
    ("optimizer", Halved(0.5, momentum=0.25)),
]


@pytest.mark.parametrize(("kind", "target"), EVERYTHING, ids=lambda one: one if isinstance(one, str) else "")
def test_everything_describes_itself(kind, target):
    described = through_json(target)
    again = registry.deserialize(described, kind)
    assert type(again) is type(target)
    assert through_json(again) == described


def test_what_is_not_registered_is_refused():
    class Unknown(Focal):
        pass

    with pytest.raises(ValueError, match=r"loss Unknown is not registered: put @tinyconv\.register_keras_serializable"):
        registry.deserialize(through_json(Unknown()), "loss")
    with pytest.warns(UserWarning, match="a lambda has no name"):
        nameless = through_json(lambda y, p: p)
    with pytest.raises(ValueError, match="loss <lambda> is a function that is not registered"):
        registry.deserialize(nameless, "loss")
    with pytest.raises(ValueError, match='unknown metric "tests>Focal"'):
        registry.deserialize(through_json(Focal()), "metric")
    with pytest.raises(ValueError, match="MeanSquaredError has no weights, its configuration says 3"):
        registry.deserialize({"class_name": "MeanSquaredError", "config": {"weights": 3}}, "loss")
    with pytest.raises(ValueError, match="has no get_config"):
        tc.register_keras_serializable()(int)
    with pytest.raises(ValueError, match="cannot be described"):
        registry.serialize(np.ones(3))


def test_a_name_is_never_somebody_else_s():
    """A class that was registered under a name that another took since is not forgotten: its id would be used again."""

    def registered():
        class Mine:
            def get_config(self):
                return {}

        return weakref.ref(tc.register_keras_serializable("Test")(Mine))

    first = registered()
    registered()
    gc.collect()
    assert first() is not None
    assert tc.utils.get_registered_name(first()) == "Test>Mine"
