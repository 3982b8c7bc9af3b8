"""What callbacks hear, and when: the calls of Keras, in its order, with its logs and params."""

import numpy as np

import tinyconv as tc

HOOKS = [name for name in vars(tc.callbacks.Callback) if name.startswith("on_")]


def recorder(engine):
    """A callback of one engine that writes down every call: the hook, the epoch or batch, and what the logs hold."""
    calls = []

    def hook(name):
        def call(self, *given, logs=None):
            numbered = "epoch" in name or "batch" in name
            number = given[0] if numbered else None
            found = given[1:] if numbered else given
            calls.append((name, number, sorted(found[0] if found else logs)))
            return getattr(super(Recorder, self), name)(*given, **({} if logs is None else {"logs": logs}))

        return call

    class Recorder(engine.callbacks.Callback):
        def set_model(self, model):
            calls.append(("set_model", model is not None))
            super().set_model(model)

        def set_params(self, params):
            calls.append(("set_params", dict(params)))
            super().set_params(params)

    for name in HOOKS:
        setattr(Recorder, name, hook(name))
    return Recorder(), calls


def test_the_hooks_are_keras_s(keras):
    assert sorted(HOOKS) == sorted(name for name in dir(keras.callbacks.Callback) if name.startswith("on_"))


def test_calls(keras):
    x = np.linspace(-1, 1, 14, dtype=np.float32).reshape(7, 2)
    y = x.sum(axis=1, keepdims=True)
    found = []
    for engine in (tc, keras):
        model = engine.Sequential([engine.Input((2,)), engine.layers.Dense(1)])
        model.compile("sgd", "mse", metrics=[engine.metrics.BinaryAccuracy()])
        here = []
        for method, given, settings in (
            ("fit", (x, y), dict(batch_size=3, epochs=2, validation_data=(x[:4], y[:4]))),
            ("fit", (x, y), dict(batch_size=4, epochs=3, initial_epoch=2)),
            ("evaluate", (x, y), dict(batch_size=5)),
            ("predict", (x,), dict(batch_size=4)),
        ):
            callback, calls = recorder(engine)
            getattr(model, method)(*given, **settings, callbacks=callback, verbose=0)
            assert callback.model is model
            here.append(calls)
        found.append(here)
    for ours, theirs in zip(*found, strict=True):
        assert ours == theirs
