"""What Keras's users give `summary`, `save_weights` and layers, and what Keras refuses."""

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import layers


@pytest.fixture
def nested():
    base = tc.Sequential([tc.Input((8, 8, 3)), layers.Conv2D(4, 3, name="inside"), layers.Flatten()], name="base")
    base.trainable = False
    return tc.Sequential([base, layers.Dense(10, name="hidden"), layers.ReLU(), layers.Dense(2, name="out")], "whole")


def summary(model, **arguments):
    """Return the lines that `print_fn` gets."""
    found = []
    model.summary(print_fn=found.append, **arguments)
    return "\n".join(found).splitlines()


def test_summary_of_another_width(nested):
    for arguments, width in (
        ({}, 65),
        ({"line_length": 100}, 100),
        ({"line_length": 100, "positions": [0.5, 0.8, 1.0]}, 100),
    ):
        lines = summary(nested, **arguments)
        assert len(lines[1]) == width
        assert max(map(len, lines)) == width
    assert lines[4].index("(None, 144)") == 50
    with pytest.raises(ValueError, match="each needs 4: give a larger line_length"):
        nested.summary(line_length=9)
    with pytest.raises(ValueError, match="positions must have 3 numbers"):
        nested.summary(positions=[0.5, 1.0])


def test_summary_says_what_is_trained_and_what_is_within(nested, capsys):
    lines = summary(nested, expand_nested=True, show_trainable=True)
    assert capsys.readouterr().out == ""
    rows = [line.split() for line in lines[4::2]]
    assert [row[0] for row in rows[:3]] == ["base", ">", ">"]
    assert rows[1][1:3] == ["inside", "(Conv2D)"]
    assert [row[-1] for row in rows[:6]] == ["N", "N", "-", "Y", "-", "Y"]
    assert lines[-4:-1] == ["Total params: 1,584", "Trainable params: 1,472", "Non-trainable params: 112"]


def test_summary_of_a_range(nested):
    names = [line.split()[0] for line in summary(nested, layer_range=("hidden", "re_lu"))[4:-4:2]]
    assert names[:2] == ["hidden", "re_lu"]
    assert [line.split()[0] for line in summary(nested, layer_range=("re_lu", "h.*"))[4:-4:2]] == names
    with pytest.raises(ValueError, match=r"layer_range \('hidden', 'no'\) does not match .* which has base, hidden"):
        nested.summary(layer_range=("hidden", "no"))


def test_a_file_that_is_there_may_be_kept(nested, tmp_path):
    path = tmp_path / "a.weights.h5"
    nested.save_weights(str(path), overwrite=False)
    before = path.read_bytes()
    nested.set_weights([weight + 1 for weight in nested.get_weights()])
    with pytest.raises(FileExistsError, match="is there already"):
        nested.save_weights(str(path), overwrite=False)
    assert path.read_bytes() == before
    nested.save_weights(str(path))
    assert path.read_bytes() != before


def test_padding_in_any_case():
    x = np.ones((1, 5, 5, 2), np.float32)
    for make in (
        lambda padding: layers.Conv2D(2, 3, padding=padding),
        lambda padding: layers.DepthwiseConv2D(3, padding=padding),
        lambda padding: layers.SeparableConv2D(2, 3, padding=padding),
        lambda padding: layers.Conv2DTranspose(2, 3, padding=padding),
        lambda padding: layers.MaxPooling2D(2, padding=padding),
        lambda padding: layers.AveragePooling2D(2, padding=padding),
    ):
        assert make("SAME")(x).shape == make("same")(x).shape
        assert make("Valid").get_config()["padding"] == "valid"
        with pytest.raises(ValueError, match='padding must be "valid" or "same"'):
            make("full")


def test_an_activation_is_set_and_taken_away(rng):
    x = rng.standard_normal((2, 5, 5, 3)).astype(np.float32)
    for layer in (layers.Conv2D(4, 3), layers.Dense(4), layers.SeparableConv2D(4, 3), layers.Activation("relu")):
        layer.activation = "relu"
        assert (layer(x).numpy() >= 0).all()
        layer.activation = None
        assert (layer(x).numpy() < 0).any()
        assert layer.get_config()["activation"] == "linear"
        with pytest.raises(ValueError, match='unknown activation "no"'):
            layer.activation = "no"


REFUSED = [
    lambda: layers.LayerNormalization(axis=99)(np.ones((2, 3))),
    lambda: layers.LayerNormalization(axis=[1, -5])(np.ones((2, 3, 4))),
    lambda: layers.BatchNormalization(axis=99)(np.ones((2, 3))),
    lambda: layers.Conv2D(2, 3, strides=2, dilation_rate=2),
    lambda: layers.Conv2DTranspose(2, 3, strides=(1, 2), dilation_rate=(2, 1)),
    lambda: layers.Dense(2, trainable=1),
    lambda: layers.Dense(4)([np.ones((2, 3)), np.ones((2, 3))]),
    lambda: layers.BatchNormalization()([tc.Tensor(np.ones((2, 3))), tc.Tensor(np.ones((2, 3)))]),
]


@pytest.mark.parametrize("call", REFUSED, ids=range(len(REFUSED)))
def test_what_keras_refuses(call):
    with pytest.raises(ValueError, match=r"axis|strides and dilation_rate|trainable|takes one tensor") as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["glorot_uniform", "he_normal", "random_normal", "truncated_normal", "random_uniform"])
def test_a_seeded_initializer_gives_the_same_each_time(name):
    kind = tc.initializers.INITIALIZERS[name]
    seeded, free = kind(seed=4), kind()
    np.testing.assert_array_equal(seeded((5, 6), "float32"), seeded((5, 6), "float32"))
    assert (free((5, 6), "float32") != free((5, 6), "float32")).any()
    one, other = (layers.Dense(6, kernel_initializer=seeded) for _ in range(2))
    for layer in (one, other):
        layer.build((None, 5))
    np.testing.assert_array_equal(one.kernel.numpy(), other.kernel.numpy())


def test_a_model_is_a_line(nested):
    assert repr(nested) == "<Sequential whole: 4 layers, 1,584 parameters>"
    assert repr(tc.Sequential(name="waits")) == "<Sequential waits: 0 layers, not built>"
    x = tc.Input((2,))
    assert repr(tc.Model(x, layers.Dense(1)(x), name="net")) == "<Functional net: 2 layers, 3 parameters>"


def test_predict_on_batch_is_predict_of_one_batch(rng):
    x = tc.Input((3,))
    several = tc.Model(x, {"twice": 2 * x, "itself": layers.Flatten()(x), "dense": layers.Dense(4)(x)})
    given = rng.standard_normal((5, 3)).astype(np.float32)
    found, expected = several.predict_on_batch(given), several.predict(given, verbose=0)
    assert list(found) == list(expected)
    for name, y in found.items():
        np.testing.assert_array_equal(y, expected[name])
    found["itself"][...] = 0  # is nobody else's
    assert given.any()
    with pytest.raises(ValueError, match="x must be finite"):
        several.predict_on_batch(given * np.inf)
    with pytest.raises(ValueError, match="x is empty"):
        several.predict_on_batch(given[:0])
