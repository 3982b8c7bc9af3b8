"""Random graphs of all layers go from Keras into files, to tinyconv, into files and back, and compute what they did."""

import json
from itertools import cycle

import numpy as np
import parity_checks
import pytest
import test_parity_random_models as random_models
from hypothesis import assume, given
from hypothesis import strategies as st
from test_parity_random_models import double  # noqa: F401, a fixture

import tinyconv as tc

OPTIMIZERS = sorted({kind.__name__ for kind in tc.optimizers.OPTIMIZERS.values()})
BOUND = 1e-9  # relative in norm, of float64

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning",
    "ignore:Exception encountered:UserWarning",
    "ignore:The structure of:UserWarning",
    "ignore:You are using a softmax:UserWarning",
    "ignore:You are saving your model as an HDF5 file:UserWarning",
)


def outputs(model, x):
    """Return a model's outputs as a list of arrays.

    In Keras 3.15 a layer of preprocessing, CenterCrop too, that is not told says `training=True` to all behind it.
    """
    found = model(x if len(x) > 1 else x[0], training=False)
    return [np.asarray(each) for each in (found if isinstance(found, list | tuple) else [found])]


def same(left, right, what):
    for one, other in zip(left, right, strict=True):
        error = np.linalg.norm(one - other)
        assert error <= BOUND * max(np.linalg.norm(other), 1), f"{what}: {error:.1e}"


@pytest.mark.parametrize("count", [3, pytest.param(random_models.GRAPHS // 4, marks=pytest.mark.slow)])
def test_round_trips(keras, double, count, tmp_path):  # noqa: F811, the fixture
    @parity_checks.examples(count)
    @given(random_models.graphs(), st.integers(0, 2**32 - 1))
    def compare(model, seed):
        rng = np.random.default_rng(seed)
        config = json.loads(json.dumps(model.get_config()))
        keras.backend.clear_session(free_memory=False)
        theirs = keras.Model.from_config(config)
        theirs.set_weights([rng.uniform(0.2, 1, weight.shape) for weight in theirs.get_weights()])
        x = [rng.standard_normal((2, *shape[1:])) for shape in tc.layers.graph.flat_shapes(model.input_shape)]
        expected = outputs(theirs, x)
        for ending in (".keras", ".h5"):
            theirs.save(tmp_path / f"a{ending}")
            with tc.no_grad():
                ours = tc.load_model(tmp_path / f"a{ending}")
                same(outputs(ours, x), expected, f"from Keras, {ending}: {random_models.kinds(model)}")
            ours.save(tmp_path / f"b{ending}")
            keras.backend.clear_session(free_memory=False)
            back = keras.saving.load_model(tmp_path / f"b{ending}")
            same(outputs(back, x), expected, f"to Keras, {ending}: {random_models.kinds(model)}")
        ours.save_weights(tmp_path / "b.weights.h5")
        back.set_weights([np.zeros_like(weight) for weight in back.get_weights()])
        back.load_weights(tmp_path / "b.weights.h5")
        same(outputs(back, x), expected, "weights to Keras")

    compare()


@pytest.mark.slow
@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_training_goes_on(keras, double, ending, tmp_path):  # noqa: F811, the fixture
    """With each optimizer: 20 steps of tinyconv, and of Keras from what that saves, continue Keras's own loss curve."""
    names = cycle(OPTIMIZERS)

    @parity_checks.examples(3 * len(OPTIMIZERS))
    @given(random_models.graphs(), st.integers(0, 2**32 - 1))
    def compare(model, seed):
        assume(model.trainable_weights)
        rng, name = np.random.default_rng(seed), next(names)
        config = random_models.without_dropout(model.get_config())
        keras.backend.clear_session(free_memory=False)
        theirs = keras.Model.from_config(json.loads(json.dumps(config)))
        theirs.set_weights([rng.uniform(0.05, 0.3, weight.shape) for weight in theirs.get_weights()])
        x = [rng.standard_normal((2, *shape[1:])) for shape in tc.layers.graph.flat_shapes(model.input_shape)]
        x = x if len(x) > 1 else x[0]
        y = [rng.standard_normal(each.shape) for each in outputs(theirs, x if isinstance(x, list) else [x])]
        theirs.compile(getattr(keras.optimizers, name)(), ["mse"] * len(y), run_eagerly=True)

        def curve(trained, steps):
            return [float(np.ravel(trained.train_on_batch(x, y))[0]) for _ in range(steps)]

        curve(theirs, 3)
        theirs.save(tmp_path / f"a{ending}")
        ours = tc.load_model(tmp_path / f"a{ending}")
        assert ours.optimizer.iterations == 3
        ours.save(tmp_path / f"b{ending}")
        expected = curve(theirs, 20)
        what = f"{name}: {random_models.kinds(model)}"
        np.testing.assert_allclose(curve(ours, 20), expected, rtol=1e-4, err_msg=what)
        if ending == ".keras":  # from a .h5 file Keras restores no optimizer that it can go on with
            back = keras.saving.load_model(tmp_path / f"b{ending}")
            back.run_eagerly = True
            np.testing.assert_allclose(curve(back, 20), expected, rtol=1e-4, err_msg=f"to Keras, {what}")

    compare()
