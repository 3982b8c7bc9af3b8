"""BackupAndRestore: damaged backups, the one before, what is deleted; what it refuses."""

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.callbacks import BackupAndRestore
from tinyconv.saving import read_note


def broken_off(network, digits, folder, epochs=2, **settings):
    """Train and stop by an error after so many epochs."""
    model = network()
    stop = tc.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: 1 // (epochs - epoch))
    with pytest.raises(ZeroDivisionError):
        model.fit(*digits, epochs=9, verbose=0, callbacks=[BackupAndRestore(folder, **settings), stop])
    return model


def test_a_backup_is_one_file_that_says_where_it_was_made(tmp_path, digits, network):
    broken_off(network, digits, tmp_path / "b")
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["latest.weights.h5"]
    assert read_note(tmp_path / "b/latest.weights.h5") == {"epoch": 2, "batch": 0}


@pytest.mark.parametrize("double", [False, True])
def test_a_damaged_backup(double, tmp_path, digits, network):
    broken_off(network, digits, tmp_path, double_checkpoint=double)
    latest = tmp_path / "latest.weights.h5"
    latest.write_bytes(latest.read_bytes()[:1000])
    again = BackupAndRestore(tmp_path, double_checkpoint=double)
    if double:
        with pytest.warns(UserWarning, match="latest.* cannot be restored .* restored .*previous"):
            assert network().fit(*digits, epochs=3, verbose=0, callbacks=again).epoch == [1, 2]
        assert list(tmp_path.parent.glob(f"{tmp_path.name}/*")) == []
    else:
        with pytest.raises((OSError, ValueError), match="latest"):
            network().fit(*digits, epochs=3, verbose=0, callbacks=again)


def test_what_else_is_in_the_folder_stays(tmp_path, digits, network):
    (tmp_path / "mine.txt").write_text("mine")
    network().fit(*digits, verbose=0, callbacks=BackupAndRestore(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_kept_backup_leaves_nothing_to_do(tmp_path, digits, network):
    settings = dict(epochs=2, verbose=0)
    model = network()
    model.fit(*digits, **settings, callbacks=BackupAndRestore(tmp_path, delete_checkpoint=False))
    again = network()
    assert again.fit(*digits, **settings, callbacks=BackupAndRestore(tmp_path)).epoch == []
    np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])
    assert not tmp_path.exists()


def test_refusals(tmp_path, digits, network):
    with pytest.raises(ValueError, match="backup_dir is empty"):
        BackupAndRestore("")
    for save_freq in (False, "batch", 0, 2.5):
        with pytest.raises(ValueError, match="save_freq must be"):
            BackupAndRestore(tmp_path, save_freq=save_freq)
    network().save_weights(tmp_path / "latest.weights.h5")
    with pytest.raises(ValueError, match="does not say how far its run was, it is no backup"):
        network().fit(*digits, verbose=0, callbacks=BackupAndRestore(tmp_path))


@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning")
def test_beside_keras(keras, tmp_path):
    """Interrupted at the same place, both do the epochs that remain, and end with the weights of the unbroken run."""
    x = np.linspace(-1, 1, 12, dtype=np.float32).reshape(6, 2)
    y = x.sum(axis=1, keepdims=True)
    found = []
    for engine in (tc, keras):
        epochs, weights = [], []
        for stop in (None, 3, None):
            model = engine.Sequential([engine.Input((2,)), engine.layers.Dense(1, kernel_initializer="ones")])
            model.compile(engine.optimizers.SGD(0.1, momentum=0.5), "mse")

            class Stop(engine.callbacks.Callback):
                def on_epoch_begin(self, epoch, logs=None, stop=stop):
                    if epoch == stop:
                        raise InterruptedError

            callbacks = [engine.callbacks.BackupAndRestore(tmp_path / engine.__name__), Stop()]
            fit = dict(batch_size=2, epochs=5, shuffle=False, verbose=0)
            if stop is None:
                epochs.append(model.fit(x, y, **fit, callbacks=callbacks).epoch)
            else:
                with pytest.raises(InterruptedError):
                    model.fit(x, y, **fit, callbacks=callbacks)
            weights.append(model.get_weights()[0])
        np.testing.assert_allclose(weights[0], weights[2], rtol=1e-6)
        assert not (tmp_path / engine.__name__).exists()
        found.append((epochs, weights[2].tolist()))
    assert found[0][0] == found[1][0] == [[0, 1, 2, 3, 4], [3, 4]]
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-5)
