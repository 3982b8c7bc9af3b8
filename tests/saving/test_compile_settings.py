"""What models were compiled with, written by tinyconv: Keras 3 opens it from ".h5" and ".keras" and means the same."""

import inspect
import json

import h5py
import numpy as np
import pytest

import tinyconv as tc

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

# A loss, and metrics that it may stand beside, in each way that one can name them.
SETTINGS = {
    "abbreviations": ("mse", ["mae", "accuracy", "mape", "MSLE", "kld", "bce"]),
    "capitals": ("BCE", ["MSE", "KLD", "BCE", "acc"]),
    "classes": ("MeanSquaredError", ["MeanAbsoluteError", "Precision"]),
    "old names": ("kullback_leibler_divergence", ["cosine_proximity", "logcosh", "kullback_leibler_divergence"]),
    "old loss": ("huber_loss", None),
    "another old loss": ("logcosh", ["log_cosh"]),
    "a third": ("cosine_proximity", None),
    "weighted": ("mse", {"weighted_metrics": ["mae", "logcosh"]}),
}
ARGUMENTS = {"num_classes": 4, "target_class_ids": [0, 2]}  # of metrics that need some, and 0.5 for the others


def model(library, x):
    """Return a model whose outputs have no logits that Keras might take instead, as it does behind an activation."""
    layers = library.layers
    return library.Sequential([library.Input(x.shape[1:]), layers.Dense(4, "softmax"), layers.Rescaling(1.0)])


@pytest.fixture
def batch():
    rng = np.random.default_rng(3)
    return rng.random((8, 3), np.float32), np.eye(4, dtype=np.float32)[rng.integers(4, size=8)]


def of_class(name):
    """Return a metric of tinyconv's by its class, with some arguments where it needs them."""
    made = getattr(tc.metrics, name)
    needed = [each.name for each in inspect.signature(made).parameters.values() if each.default is each.empty]
    return made(**{each: ARGUMENTS.get(each, 0.5) for each in needed})


def assert_same(keras, ours, batch, path, where, own=None):
    """Hold what Keras makes of the saved model to what tinyconv says of it."""
    ours.save(path)
    theirs = keras.saving.load_model(path, own)
    theirs.run_eagerly = True
    expected = ours.evaluate(*batch, verbose=0, return_dict=True)
    found = theirs.test_on_batch(*batch, return_dict=True)
    assert len(found) == len(expected), where
    for name, value in expected.items():
        if name not in found:  # Keras names by class, and counts
            by_class = of_class(getattr(tc.metrics.NAMES.get(name), "__name__", name)).name.rstrip("_0123456789")
            name = next(each for each in found if each.startswith(by_class))
        np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-6, err_msg=f"{where}: {name}")
    return theirs


@pytest.mark.parametrize("ending", ["h5", "keras"])
@pytest.mark.parametrize("name", SETTINGS)
def test_names(keras, name, ending, batch, tmp_path):
    loss, given = SETTINGS[name]
    ours = model(tc, batch[0])
    ours.compile("sgd", loss, **(given if isinstance(given, dict) else {"metrics": given}))
    assert_same(keras, ours, batch, tmp_path / f"a.{ending}", name)
    again = tc.load_model(tmp_path / f"a.{ending}")
    expected, found = (each.evaluate(*batch, verbose=0, return_dict=True) for each in (ours, again))
    assert found == expected
    assert_same(keras, again, batch, tmp_path / ("b.keras" if ending == "h5" else "b.h5"), f"{name}, into the other")


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["h5", "keras"])
def test_every_loss_and_metric(keras, ending, batch, tmp_path):
    """By the function's name and by class, metrics all at once."""
    ours = model(tc, batch[0])
    names = [name for name in tc.metrics.METRICS if not name.startswith("sparse")]
    classes = [name for name in tc.metrics.__all__ if name[:1].isupper() and "Wrapper" not in name]
    by_class = [name for name in classes if name not in ("Mean", "Metric", "Sum", "Variable") and "Sparse" not in name]
    for metrics in (names, [of_class(name) for name in by_class]):
        ours.compile("sgd", "mse", metrics=metrics)
        assert_same(keras, ours, batch, tmp_path / f"a.{ending}", "metrics")
    x, numbers = batch[0], batch[1].argmax(1).astype("int32")
    for name, kind in tc.losses.LOSSES.items():
        for loss in (name, kind()):
            sparse = "sparse" in name or name == "circle"  # take class numbers
            metrics = [each for each in tc.metrics.METRICS if each.startswith("sparse")] if sparse else None
            ours.compile("sgd", loss, metrics=metrics)
            assert_same(keras, ours, (x, numbers) if sparse else batch, tmp_path / f"a.{ending}", name)


def test_settings_of_h5_are_keras_s_own(keras, batch, tmp_path):
    """Except for abbreviations of losses, from which Keras 3.15 fails to open its own files."""
    found = []
    for library in (tc, keras):
        made = model(library, batch[0])
        metrics = ["mae", "accuracy", library.metrics.TopKCategoricalAccuracy(2), library.losses.hinge]
        made.compile(
            library.optimizers.SGD(name="sgd"),
            library.losses.CategoricalCrossentropy(label_smoothing=0.1),
            metrics=metrics,
        )
        made.save(tmp_path / "a.h5")
        with h5py.File(tmp_path / "a.h5") as file:
            found.append(json.loads(file.attrs["training_config"]))
    ours, theirs = found
    for name in ("run_eagerly", "steps_per_execution", "jit_compile"):
        assert theirs.pop(name) in (False, 1)
    for each in found:
        each["optimizer_config"]["config"]["learning_rate"] = round(
            each["optimizer_config"]["config"]["learning_rate"], 7
        )
    assert ours == theirs


@pytest.mark.parametrize("ending", ["h5", "keras"])
@pytest.mark.parametrize("how", ["registered", "given"])
def test_settings_of_ones_own(keras, how, ending, batch, tmp_path):
    """Each library finds its own class and function of the name in the file that tinyconv writes."""
    found = {}
    for library in (tc, keras):

        class Off(library.losses.Loss):
            def __init__(self, by=1.0, name="off", reduction="sum_over_batch_size"):
                super().__init__(name=name, reduction=reduction)
                self.by = by

            def call(self, y, p):
                return (y - p)[..., 0] ** 2 * self.by

            def get_config(self):
                return {**super().get_config(), "by": self.by}

        def far(y, p):
            return (y - p) ** 2

        class Step(library.optimizers.SGD):
            pass

        own = {"Off": Off, "far": far, "Step": Step}
        if how == "registered":
            register = tc.register_keras_serializable if library is tc else keras.saving.register_keras_serializable
            for each in own.values():
                register("Settings")(each)
        found[library] = own
    ours = model(tc, batch[0])
    mine = found[tc]
    ours.compile(mine["Step"](0.5), mine["Off"](by=0.25), metrics=[mine["far"]])
    path = tmp_path / f"a.{ending}"
    theirs = assert_same(keras, ours, batch, path, "own", None if how == "registered" else found[keras])
    assert type(theirs.optimizer) is found[keras]["Step"]
    assert type(theirs.loss) is found[keras]["Off"]
    assert theirs.loss.by == 0.25
    if how == "given":
        with pytest.raises(ValueError, match=r'loss: (unknown loss "Off"; one of your own comes|loss Off is not)'):
            tc.load_model(path)
    again = tc.load_model(path, None if how == "registered" else mine)
    assert type(again.optimizer) is mine["Step"]
    assert again.loss.by == 0.25
    assert again.evaluate(*batch, verbose=0) == ours.evaluate(*batch, verbose=0)
    other = tmp_path / ("b.keras" if ending == "h5" else "b.h5")
    assert_same(keras, again, batch, other, "own, by way of the other", None if how == "registered" else found[keras])
