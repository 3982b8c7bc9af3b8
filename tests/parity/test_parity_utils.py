"""What Keras keeps in utils and saving: vectors of length 1, parts of a batch, objects by name, descriptions."""

import json

import numpy as np
import pytest
from parity_checks import close

import tinyconv as tc

utils = tc.utils


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("axis", [-1, 1])
def test_normalize(keras, rng, order, axis):
    x = rng.normal(size=(3, 4, 5))
    x[0] = 0
    close("normalize", utils.normalize(x, axis, order), keras.utils.normalize(x, axis, order), 1e-12)
    found = utils.normalize(tc.Tensor(x), axis, order)
    assert isinstance(found, tc.Tensor)
    close("normalize", found.numpy(), utils.normalize(x, axis, order), 1e-12)
    assert tc.gradcheck(lambda x: utils.normalize(x, axis, order), abs(x[1:]) + 0.5) < 1e-6


@pytest.mark.parametrize("parts", [(1,), (1, 2), (1, 2, 3), ((1, 2),), ((1, 2), 3)], ids=str)
def test_parts_of_a_batch(keras, parts):
    packed = utils.pack_x_y_sample_weight(*parts)
    assert packed == keras.utils.pack_x_y_sample_weight(*parts)
    assert utils.unpack_x_y_sample_weight(packed) == tuple(keras.utils.unpack_x_y_sample_weight(packed))
    with pytest.raises(ValueError, match="a tuple of 4"):
        utils.unpack_x_y_sample_weight((1, 2, 3, 4))


def cubed(x):
    return x * x * x


def test_objects_of_ones_own_by_name():
    """In a scope, or for good in the dict."""
    for module in (tc.utils, tc.saving):
        with module.CustomObjectScope({"cubed": cubed}):
            assert tc.activations.get("cubed") is cubed
        with pytest.raises(ValueError, match="unknown activation"):
            tc.activations.get("cubed")
        module.get_custom_objects()["cubed"] = cubed
        assert tc.layers.Dense(2, activation="cubed").activation is cubed
        del module.get_custom_objects()["cubed"]
    with pytest.raises(ValueError, match="unknown activation"):
        tc.activations.get("cubed")


def objects(engine):
    return [
        engine.layers.Dense(2, activation="relu", name="d"),
        *(engine.losses.Huber(0.5), engine.metrics.MeanSquaredError(), engine.optimizers.SGD(0.5)),
        *(engine.regularizers.L2(0.25), engine.initializers.HeNormal(3), engine.constraints.MaxNorm(1.5)),
        engine.Sequential([engine.Input((3,), name="i"), engine.layers.Dense(2, name="d")], name="s"),
    ]


def test_descriptions(keras):
    """Ours of all kinds are made again, by Keras too; and its own by us."""
    for ours, theirs in zip(objects(tc), objects(keras), strict=True):
        described = json.loads(json.dumps(utils.serialize_keras_object(ours)))
        assert type(utils.deserialize_keras_object(described)) is type(ours)
        assert type(keras.saving.deserialize_keras_object(described)) is type(theirs)
        found = utils.deserialize_keras_object(json.loads(json.dumps(keras.saving.serialize_keras_object(theirs))))
        assert type(found) is type(ours)
    nested = [1, "a", None, {"b": utils.serialize_keras_object(tc.losses.Hinge())}]
    found = utils.deserialize_keras_object(utils.serialize_keras_object(nested))
    assert found[:3] == nested[:3]
    assert isinstance(found[3]["b"], tc.losses.Hinge)
    with pytest.raises(ValueError, match="Nothing is neither Keras's nor registered"):
        utils.deserialize_keras_object({"class_name": "Nothing", "config": {}})


def test_sessions(capsys):
    utils.set_random_seed(3)
    first = tc.initializers.HeNormal()((2, 2))
    utils.set_random_seed(3)
    np.testing.assert_array_equal(tc.initializers.HeNormal()((2, 2)), first)
    utils.clear_session(free_memory=False)
    assert tc.layers.Dense(1).name == "dense"
    model = tc.Sequential([tc.Input((2,)), tc.layers.Dense(1)])
    model.compile("sgd", "mse")
    assert utils.is_interactive_logging_enabled()
    utils.disable_interactive_logging()
    assert not utils.is_interactive_logging_enabled()
    model.fit(np.ones((2, 2)), np.ones(2), epochs=3)
    assert len(capsys.readouterr().out.splitlines()) == 3
    utils.enable_interactive_logging()
    assert utils.is_interactive_logging_enabled()
