"""Random graphs of all layers go from Keras into files, to tinyconv, into files and back, and compute what they did."""

import json

import numpy as np
import parity_checks
import pytest
import test_parity_random_models as random_models
from hypothesis import given
from hypothesis import strategies as st
from test_parity_random_models import double  # noqa: F401, a fixture

import tinyconv as tc

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
