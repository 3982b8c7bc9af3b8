"""What feeds fit, evaluate and predict, beside Keras: the batches of each epoch, what callbacks hear, the logs."""

import warnings

import numpy as np
import pytest

import tinyconv as tc

X = np.arange(14, dtype=np.float32)[:, None] / 8


def linear(engine):
    model = engine.Sequential([engine.Input((1,)), engine.layers.Dense(1, use_bias=False, kernel_initializer="ones")])
    quick = {} if engine is tc else dict(run_eagerly=True)  # no graph to be traced
    model.compile(engine.optimizers.SGD(0.0), "mse", metrics=["accuracy"], **quick)
    return model


def generator(engine, n):
    for i in range(n):
        yield X[2 * i : 2 * i + 2], 2 * X[2 * i : 2 * i + 2]


def numbered(engine, n, **settings):
    class Numbered(engine.utils.PyDataset):
        def __len__(self):
            return n

        def __getitem__(self, index):
            return X[2 * index : 2 * index + 2], 2 * X[2 * index : 2 * index + 2]

    return Numbered(**settings)


def listener(engine, heard):
    """A callback that writes down every batch, and the logs of every epoch and evaluation."""

    class Listener(engine.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            heard.append(("epoch", epoch))

        def on_train_batch_begin(self, batch, logs=None):
            heard.append(("batch", batch))

        def on_train_batch_end(self, batch, logs=None):
            heard.append(("batch end", batch, numbers(logs)))

        def on_test_begin(self, logs=None):
            heard.append(("test",))

        def on_test_batch_end(self, batch, logs=None):
            heard.append(("test batch", batch, numbers(logs)))

        def on_test_end(self, logs=None):
            heard.append(("test end", numbers(logs)))

        def on_epoch_end(self, epoch, logs=None):
            heard.append(("epoch end", epoch, numbers(logs)))

    return Listener()


def numbers(logs):
    return {name: pytest.approx(value, rel=1e-5) for name, value in sorted(logs.items())}


def array(**settings):
    return lambda engine: dict(x=X, y=2 * X, **settings)


def numbers_of(n, shuffle=False, **settings):
    return lambda engine: dict(x=numbered(engine, n), shuffle=shuffle, **settings)


# What is given to fit. Keras begins a generator anew with the two batches that it has looked at, in each epoch of
# training or validation after the first, and asks for a batch more than there are; here its batches come once, see
# tests/engine/test_sources.py. An epoch is what its number says, where Keras goes by the epochs of this fit: so
# `initial_epoch` with steps is not here.
FITS = {
    "steps": array(batch_size=2, epochs=2, steps_per_epoch=7, shuffle=False),
    "half the steps": array(batch_size=2, epochs=5, steps_per_epoch=3, shuffle=False),
    "too many steps": array(batch_size=2, epochs=2, steps_per_epoch=9, shuffle=False),
    "steps without a size": array(epochs=2, steps_per_epoch=4, shuffle=False),
    "validation batches": array(batch_size=5, epochs=2, validation_data=(X, X), validation_batch_size=4, shuffle=False),
    "validation batches of the training's size": array(batch_size=5, validation_data=(X, X), shuffle=False),
    "validation now and then": array(epochs=4, validation_data=(X, X), validation_freq=2, shuffle=False),
    "validation in these epochs": array(epochs=4, validation_data=(X, X), validation_freq=[1, 4], shuffle=False),
    "validation split and size": array(epochs=2, validation_split=0.3, validation_batch_size=2, shuffle=False),
    "validation split and steps": array(validation_split=0.5, batch_size=2, validation_steps=2, shuffle=False),
    "generator": lambda engine: dict(x=generator(engine, 7), steps_per_epoch=7),
    "generator in two epochs": lambda engine: dict(x=generator(engine, 7), steps_per_epoch=3, epochs=2),
    "numbered": numbers_of(7, epochs=2),
    "numbered, in threads": lambda engine: dict(x=numbered(engine, 7, workers=3), shuffle=False, epochs=2),
    "numbered, steps": numbers_of(7, epochs=2, steps_per_epoch=3),
    "numbered, shuffled": numbers_of(1, shuffle=True, epochs=2),
    "numbered validation": lambda engine: dict(x=X, y=X, shuffle=False, validation_data=numbered(engine, 3), epochs=2),
    "validation by a generator": lambda engine: dict(
        x=X, y=X, shuffle=False, validation_data=generator(engine, 6), validation_steps=3
    ),
    "class weight, numbered": numbers_of(3, class_weight={0: 0.5, 1: 2.0}),
}


@pytest.mark.parametrize("case", FITS)
def test_fit(case, keras):
    found = []
    for engine in (tc, keras):
        heard = []
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            history = linear(engine).fit(**FITS[case](engine), verbose=0, callbacks=[listener(engine, heard)])
        said = {str(each.message)[:60] for each in warned if "ran out of data" in str(each.message)}
        found.append((heard, history.epoch, numbers(history.history), said))
    (ours, epochs, logs, said), (theirs, their_epochs, their_logs, their_said) = found
    assert [each[:2] for each in ours] == [each[:2] for each in theirs]
    for one, other in zip(ours, theirs, strict=True):
        assert {k: v.expected for k, v in one[-1].items()} == other[-1] if isinstance(other[-1], dict) else one == other
    assert (epochs, {k: v.expected for k, v in logs.items()}) == (their_epochs, their_logs)
    assert said == their_said


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
@pytest.mark.parametrize(("batch", "known"), [(4, True), (2, False)])
def test_tensorflow_s_datasets(batch, known, keras):
    """Gone through once an epoch; their len may not be known: Keras then says that they ran out."""
    import tensorflow as tf

    data = tf.data.Dataset.from_tensor_slices((X, 2 * X)).batch(batch)
    data = data if known else data.filter(lambda x, y: True)
    found = []
    for engine in (tc, keras):
        heard = []
        linear(engine).fit(data, epochs=2, shuffle=False, verbose=0, callbacks=[listener(engine, heard)])
        found.append([each[:2] for each in heard if each[0] != "batch"])  # Keras begins a batch that is not there
    assert found[0] == found[1] != []


@pytest.mark.parametrize("given", ["arrays", "arrays, size", "numbered", "generator"])
@pytest.mark.parametrize("steps", [2, 3])
def test_evaluate_and_predict(given, steps, keras):
    found = []
    for engine in (tc, keras):
        model = linear(engine)
        make = {
            "arrays": lambda: dict(x=X, y=2 * X),
            "arrays, size": lambda: dict(x=X, y=2 * X, batch_size=3),
            "numbered": lambda engine=engine: dict(x=numbered(engine, 5)),
            "generator": lambda engine=engine: dict(x=generator(engine, 5)),
        }[given]
        result = model.evaluate(**make(), steps=steps, verbose=0, return_dict=True)
        arguments = {name: value for name, value in make().items() if name != "y"}
        found.append((result, model.predict(**arguments, steps=steps, verbose=0)))
    (ours, outputs), (theirs, their_outputs) = found
    assert ours == pytest.approx(theirs, rel=1e-5)
    np.testing.assert_allclose(outputs, their_outputs, rtol=1e-6)
