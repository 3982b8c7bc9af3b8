"""TensorBoard's event files beside Keras's, read by TensorBoard: the same runs, tags, steps and values."""

import json
from pathlib import Path

import numpy as np
import pytest

import tinyconv as tc

pytest.importorskip("tensorboardX", reason='pip install "tinyconv[tensorboard]" brings it')
pytest.importorskip("tensorboard", reason="it reads the files")

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:tensorboard"),
]

X = np.linspace(-1, 1, 24, dtype=np.float32).reshape(12, 2)
Y = X.sum(axis=1, keepdims=True)


def model_of(engine):
    model = engine.Sequential([engine.Input((2,), name="in"), engine.layers.Dense(1, name="last")], name="small")
    model.compile(engine.optimizers.SGD(0.25), "mse")
    model.set_weights([np.array([[0.5], [-0.5]], np.float32), np.array([0.125], np.float32)])
    return model


def events(folder):
    """What is in the event files below a folder: {(run, tag, step): (plugin, array)}, as TensorBoard reads them."""
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
    from tensorboard.util.tensor_util import make_ndarray

    found = {}
    for path in sorted(Path(folder).rglob("*tfevents*")):
        for event in EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                plugin = value.metadata.plugin_data.plugin_name
                found[path.parent.name, value.tag, event.step] = plugin, make_ndarray(value.tensor)
    return found


def fitted(engine, folder, **settings):
    model = model_of(engine)
    callback = engine.callbacks.TensorBoard(folder / engine.__name__, **settings)
    data = dict(batch_size=4, epochs=3, shuffle=False, verbose=0)
    model.fit(X, Y, **data, validation_data=(X[:4], Y[:4]), callbacks=[callback])
    model.evaluate(X, Y, verbose=0, callbacks=[callback])
    return events(folder / engine.__name__)


@pytest.mark.parametrize(
    "settings",
    [dict(), dict(update_freq="batch"), dict(update_freq=2, write_graph=False), dict(histogram_freq=2)],
    ids=["epochs", "batches", "every second batch", "histograms"],
)
def test_event_files(settings, keras, tmp_path):
    from tensorboard.plugins.graph import keras_util

    ours, theirs = (fitted(engine, tmp_path, **settings) for engine in (tc, keras))
    theirs = {
        (run, tag.removeprefix("small/"), step): value  # Keras has the model's name there, if it knew it in time
        for (run, tag, step), value in theirs.items()
        if value[0] != "graphs" and not tag.startswith("batch_2")  # TensorFlow's own graph of its function
    }
    if settings.get("update_freq", "epoch") != "epoch":
        # Under update_freq Keras passes over epochs and evaluations after a number of batches that it does not divide.
        ours = {key: value for key, value in ours.items() if key in theirs or key[1].startswith("batch")}
    assert sorted(map(str, ours)) == sorted(map(str, theirs))
    if settings.get("write_graph", True):
        graphs = [json.loads(found["train", "keras", 0][1].item()) for found in (ours, theirs)]
        nodes = [{node.name for node in keras_util.keras_model_to_graph_def(graph).node} for graph in graphs]
        assert nodes[0] == nodes[1]
    for key, (plugin, value) in theirs.items():
        assert ours[key][0] == plugin
        if plugin == "scalars":
            assert ours[key][1] == pytest.approx(value, rel=1e-5, abs=1e-8), key
        elif plugin == "histograms":
            assert ours[key][1][:, 2].sum() == value[:, 2].sum(), key  # as many weights


def test_weights_gradients_and_images(tmp_path):
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(8, 6, 6, 1)), rng.normal(size=(8, 2))
    model = tc.Sequential([tc.Input((6, 6, 1)), tc.layers.Conv2D(5, 3), tc.layers.Flatten(), tc.layers.Dense(2)])
    model.compile("sgd", "mse")
    grads = []
    inner = model.reduce_gradients
    model.reduce_gradients = lambda gradients, n: grads.append([g.copy() for g in gradients]) or inner(gradients, n)
    board = tc.callbacks.TensorBoard(tmp_path, histogram_freq=1, write_images=True, write_grads=True)
    model.fit(x, y, batch_size=4, epochs=2, verbose=0, callbacks=board)
    assert model.keeps_gradients is False
    assert model.gradients is None
    found = events(tmp_path)
    tags = {tag for _, tag, _ in found}
    for weight, gradient in zip(model.trainable_weights, grads[-1], strict=True):
        for name, values in ((f"{weight.path}/histogram", weight.data), (f"{weight.path}/gradient", gradient)):
            buckets = found["train", name, 1][1]
            assert buckets[:, 2].sum() == values.size
            assert buckets[0, 0] <= values.min() + 1e-6
            assert buckets[-1, 1] >= values.max() - 1e-6
    assert {tag for tag in tags if "/image" in tag} >= {f"conv2d/kernel/image/{i}" for i in range(3)}
    assert "dense/bias/image/0" in tags


def test_images_of_weights():
    from tinyconv.callbacks.tensorboard import as_images

    assert as_images(np.array([1.0, 3.0, 2.0])).tolist() == [[[0, 1, 0.5]]]
    assert as_images(np.arange(6.0).reshape(3, 2)).shape == (1, 2, 3)
    kernel = np.arange(18.0).reshape(3, 3, 1, 2)
    np.testing.assert_allclose(as_images(kernel), kernel[:, :, 0].transpose(2, 0, 1) / 17)
    for none in (np.ones((3, 3, 2, 2)), np.float64(3.0), np.array([1.0, np.nan])):
        assert len(as_images(none)) == 0
    assert as_images(np.ones(3)).tolist() == [[[0, 0, 0]]]


def test_a_diverged_training_is_written(tmp_path):
    model = model_of(tc)
    model.set_weights([np.array([[np.nan], [1.0]]), np.array([np.inf])])
    model.fit(X, Y, verbose=0, callbacks=tc.callbacks.TensorBoard(tmp_path, histogram_freq=1, write_images=True))
    assert np.isnan(events(tmp_path)["train", "epoch_loss", 0][1])


@pytest.mark.parametrize("settings", [dict(profile_batch=2), dict(embeddings_freq=1)], ids=str)
def test_what_is_not_offered(settings):
    with pytest.raises(ValueError, match="which tinyconv does not offer: leave it out"):
        tc.callbacks.TensorBoard(**settings)


def test_without_the_package_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tensorboardX", None)
    with pytest.raises(ModuleNotFoundError, match=r'needs the package tensorboardX: pip install "tinyconv\[tensorb'):
        model_of(tc).fit(X, Y, verbose=0, callbacks=tc.callbacks.TensorBoard(tmp_path))
