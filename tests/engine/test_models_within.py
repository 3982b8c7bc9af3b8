"""Models that begin inside the graph of another, and copies of models on other inputs or of other layers."""

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import layers


@pytest.fixture
def images(rng):
    return rng.standard_normal((3, 8, 8, 2)).astype(np.float32)


def stack():
    kinds = [layers.Conv2D(4, 3, name="first"), layers.BatchNormalization(name="normal"), layers.ReLU(name="relu")]
    return tc.Sequential(
        [
            tc.Input((8, 8, 2)),
            *kinds,
            layers.Conv2D(3, 3, name="second"),
            layers.Flatten(),
            layers.Dense(2, name="last"),
        ]
    )


def test_both_halves_of_a_stack(images):
    model = stack()
    below = tc.Model(model.inputs, model.layers[2].output)
    above = tc.Model(inputs=model.layers[2].output, outputs=model.output)
    np.testing.assert_array_equal(above(below(images)).numpy(), model(images).numpy())
    assert [layer.name for layer in above.layers][1:] == ["second", "flatten", "last"]
    assert above.layers[1] is model.layers[3]  # the same layers, with the same weights
    assert above.input_shape == (None, 6, 6, 4)
    each = tc.Model(model.inputs, [layer.output for layer in model.layers])(images)
    np.testing.assert_array_equal(each[-1].numpy(), model(images).numpy())
    assert [y.shape for y in each] == [(3, *layer.output.shape[1:]) for layer in model.layers]


def test_inputs_inside_and_outside_a_graph(rng):
    x = tc.Input((4,))
    h = layers.Dense(4, activation="tanh", name="hidden")(x)
    y = layers.Dense(2)(h * 2 + x)
    whole, head = tc.Model(x, y), tc.Model({"h": h, "x": x}, {"y": y})
    a = rng.standard_normal((3, 4)).astype(np.float32)
    found = head({"h": tc.Model(x, h)(a), "x": a})
    np.testing.assert_array_equal(found["y"].numpy(), whole(a).numpy())
    assert head.input_names == ["h", "x"]


def test_a_head_is_trained_and_saved(images, rng, tmp_path):
    model = stack()
    above = tc.Model(model.layers[2].output, model.output)
    features = rng.random((3, 6, 6, 4)).astype(np.float32)
    above.compile("sgd", "mse")
    before = model.layers[-1].get_weights()[0]
    above.fit(features, np.ones((3, 2)), verbose=0)
    assert (model.layers[-1].get_weights()[0] != before).any()
    above.save(tmp_path / "a.keras")
    np.testing.assert_array_equal(tc.load_model(tmp_path / "a.keras")(features).numpy(), above(features).numpy())


def test_a_missing_input_is_named():
    x = tc.Input((4,), name="given")
    h = layers.Dense(4)(x)
    with pytest.raises(ValueError, match=r'needs "given", which is not among the inputs'):
        tc.Model(h, layers.Add()([h, x]))


def test_clones_of_other_layers(images):
    """A function says what each layer becomes; calls of functions are called again."""
    x = tc.Input((8, 8, 2))
    y = layers.Conv2D(2, 3, padding="same", activation="relu", name="conv")(x)
    model = tc.Model(x, layers.Activation("relu", name="last")(y * 2 + x))

    def softer(layer):
        config = layer.get_config()
        if "activation" in config:
            config["activation"] = "tanh"
        return type(layer).from_config(config)

    clone = tc.models.clone_model(model, clone_function=softer)
    clone.set_weights(model.get_weights())
    conv = model.get_layer("conv")
    expected = np.tanh(
        2 * np.tanh(tc.functions.conv2d(images, conv.kernel, conv.bias, (1, 1), "same").numpy()) + images
    )
    np.testing.assert_allclose(clone(images).numpy(), expected, rtol=1e-4, atol=1e-5)
    assert [layer.name for layer in clone.operations] == [layer.name for layer in model.operations]
    assert clone.get_layer("conv") is not conv

    seen = []
    tc.models.clone_model(stack(), clone_function=lambda layer: seen.append(layer.name) or softer(layer))
    assert seen == ["first", "normal", "relu", "second", "flatten", "last"]


def test_clones_on_other_inputs(images):
    model = stack()
    other = tc.Input((8, 8, 2), name="other")
    for each in (model, tc.Model(model.inputs, model.outputs)):
        clone = tc.models.clone_model(each, input_tensors=other)
        clone.set_weights(each.get_weights())
        np.testing.assert_array_equal(np.asarray(clone(images)).ravel(), model(images).numpy().ravel())
        assert clone.inputs == [other]
