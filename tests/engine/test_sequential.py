"""Sequential: how it is put together, what it knows of itself, and its summary."""

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import layers


def mnist_net():
    return tc.Sequential(
        [
            tc.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Dropout(0.25),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )


SUMMARY = """\
Model: "sequential"
_________________________________________________________________
Layer (type)                 Output Shape              Param #
=================================================================
conv2d (Conv2D)              (None, 26, 26, 32)        320
_________________________________________________________________
conv2d_1 (Conv2D)            (None, 24, 24, 64)        18496
_________________________________________________________________
max_pooling2d (MaxPooling2D) (None, 12, 12, 64)        0
_________________________________________________________________
dropout (Dropout)            (None, 12, 12, 64)        0
_________________________________________________________________
flatten (Flatten)            (None, 9216)              0
_________________________________________________________________
dense (Dense)                (None, 128)               1179776
_________________________________________________________________
dropout_1 (Dropout)          (None, 128)               0
_________________________________________________________________
dense_1 (Dense)              (None, 10)                1290
=================================================================
Total params: 1,199,882
Trainable params: 1,199,882
Non-trainable params: 0
_________________________________________________________________
"""


def test_summary(capsys):
    mnist_net().summary()
    lines = capsys.readouterr().out.splitlines()
    assert [line.rstrip() for line in lines] == SUMMARY.splitlines()
    assert max(map(len, lines)) == 65


def test_summary_cuts_long_names_and_counts_frozen_weights(capsys):
    long = "a_name_that_is_longer_than_its_column"
    tc.Sequential(
        [layers.Dense(2, trainable=False, name=long, input_shape=(3,)), layers.Dense(1)], name="short"
    ).summary()
    out = capsys.readouterr().out
    assert 'Model: "short"' in out
    assert f"{long[:28]} (None, 2)                 8" in out
    assert "Total params: 11\nTrainable params: 3\nNon-trainable params: 8\n" in out


def stack():
    return [layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(3)]


@pytest.mark.parametrize("way", ["list", "add", "input_shape", "data", "fit"])
def test_all_ways_of_building_give_the_same_model(way, rng):
    x = rng.random((2, 5, 6, 1)).astype(np.float32)
    if way == "list":
        model = tc.Sequential([tc.Input((5, 6, 1)), *stack()])
    elif way == "add":
        model = tc.Sequential()
        model.add(tc.Input((5, 6, 1)))
        for layer in stack():
            model.add(layer)
    elif way == "input_shape":
        model = tc.Sequential([layers.Conv2D(2, 3, input_shape=(5, 6, 1)), *stack()[1:]])
    else:
        model = tc.Sequential(stack())
        assert model.weights == []
        with pytest.raises(ValueError, match=r"does not know its input shape: start with Input"):
            model.count_params()
        if way == "data":
            model(x)
        else:
            model.compile("sgd", "mse")
            model.fit(x, np.zeros((2, 3)), verbose=0)
    assert model.input_shape == (None, 5, 6, 1)
    assert model.output_shape == (None, 3)
    assert [layer.output_shape for layer in model.layers] == [(None, 3, 4, 2), (None, 24), (None, 3)]
    assert [weight.path for weight in model.weights] == [
        f"{layer.name}/{part}" for layer in (model.layers[0], model.layers[2]) for part in ("kernel", "bias")
    ]
    assert model.count_params() == 20 + 75
    assert model.predict(x).shape == (2, 3)


def test_input_is_no_layer_of_the_list():
    assert len(mnist_net().layers) == 8


def test_pop():
    model = mnist_net()
    top = model.pop()
    assert top.name == "dense_1"
    assert model.output_shape == (None, 128)
    model.add(layers.Dense(3))
    assert model.output_shape == (None, 3)
    assert model.count_params() == 1_199_882 - 1290 + 128 * 3 + 3
    while model.layers:
        model.pop()
    assert model.output_shape == (None, 28, 28, 1)
    with pytest.raises(ValueError, match="has no layer to take off"):
        model.pop()


def test_get_layer():
    model = mnist_net()
    assert model.get_layer("conv2d_1") is model.layers[1] is model.get_layer(index=1)
    assert model.get_layer(index=-1).name == "dense_1"
    with pytest.raises(ValueError, match='unknown layer "conv2d_2": did you mean "conv2d_1"'):
        model.get_layer("conv2d_2")
    with pytest.raises(ValueError, match="has 8 layers, got index 8"):
        model.get_layer(index=8)


def test_names():
    assert tc.Sequential().name == "sequential"
    assert tc.Sequential().name == "sequential_1"
    assert tc.Sequential(name="mine").name == "mine"


def test_duplicates_and_strangers():
    layer = layers.Dense(2)
    model = tc.Sequential([tc.Input((2,)), layer])
    with pytest.raises(ValueError, match='already has a layer called "dense"'):
        model.add(layer)
    with pytest.raises(ValueError, match="names must differ"):
        model.add(layers.Dense(2, name="dense"))
    with pytest.raises(ValueError, match="Input must come before"):
        model.add(tc.Input((2,)))
    with pytest.raises(TypeError, match="is made of layers, got 'relu'"):
        model.add("relu")
    assert len(model.layers) == 1
    model.add(layers.Dense(2))


def test_a_model_without_layers():
    for model in (tc.Sequential(), tc.Sequential([tc.Input((2,))])):
        model.compile("sgd", "mse")
        for use in (model.count_params, lambda m=model: m.fit(np.ones((2, 2)), np.ones((2, 2)))):
            with pytest.raises(ValueError, match="has no layers: add some first"):
                use()


def test_weights_round_trip(rng):
    model, other = mnist_net(), mnist_net()
    weights = model.get_weights()
    assert [array.shape for array in weights] == [weight.shape for weight in model.weights]
    other.set_weights(weights)
    x = rng.random((2, 28, 28, 1)).astype(np.float32)
    np.testing.assert_array_equal(model.predict(x), other.predict(x))
    weights[0][...] = 0
    assert model.get_weights()[0].any()


def test_set_weights_changes_all_or_nothing():
    model = mnist_net()
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"has 8 weights, set_weights got 7"):
        model.set_weights(before[1:])
    wrong = [array + 1 for array in before]
    wrong[-1] = np.zeros(11)
    with pytest.raises(ValueError, match=r"dense_1/bias has shape \(10,\), set_weights got \(11,\)"):
        model.set_weights(wrong)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(ValueError, match=r"dense_1/bias has shape \(10,\), set_weights got \(11,\)"):
        model.layers[-1].set_weights([before[-2] + 1, np.zeros(11)])
    np.testing.assert_array_equal(model.get_weights()[-2], before[-2])


def test_calling_takes_arrays_and_tensors_and_records_a_graph(rng):
    model = tc.Sequential([layers.Dense(2, input_shape=(3,))])
    x = rng.random((4, 3)).astype(np.float32)
    y = model(x)
    np.testing.assert_array_equal(model(tc.Tensor(x)).numpy(), y.numpy())
    assert y.requires_grad
    y.sum().backward()
    np.testing.assert_allclose(model.weights[1].grad, [4, 4])


def test_regularisers_of_all_layers_are_losses():
    model = tc.Sequential(
        [layers.Dense(2, input_shape=(3,), kernel_regularizer="l2"), layers.Dense(2, bias_regularizer="l1")]
    )
    assert len(model.losses) == 2
