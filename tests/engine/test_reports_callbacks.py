"""What users of Keras reported about callbacks: each line of the trackers is a test here, in fits of tinyconv's own."""

import numpy as np
import pytest

import tinyconv as tc

X = np.array([[1.0], [2.0], [3.0], [4.0]])


def linear(rate=0.1):
    """y = w·x with w = 1: one weight that training moves."""
    model = tc.Sequential([tc.layers.Dense(1, use_bias=False, kernel_initializer="ones", input_shape=(1,))])
    model.compile(tc.optimizers.SGD(rate), "mse")
    return model


class Steps(tc.callbacks.Callback):
    """Sets the weight after each epoch, and the logs to these values of val_loss."""

    def __init__(self, *values):
        self.values = values

    def on_epoch_end(self, epoch, logs=None):
        self.model.set_weights([np.full((1, 1), 10.0 + epoch)])
        logs["val_loss"] = self.values[epoch]


def fit(model, *callbacks, epochs, **settings):
    return model.fit(X, X, epochs=epochs, verbose=0, callbacks=[*callbacks], **settings)


def weight(model):
    return float(model.get_weights()[0].item())


def test_keras_12511_best_weights_are_restored_when_training_ends_by_itself():
    model = linear()
    stop = tc.callbacks.EarlyStopping(patience=9, restore_best_weights=True)
    fit(model, Steps(3.0, 1.0, 2.0, 2.0), stop, epochs=4)
    assert weight(model) == 11
    assert stop.stopped_epoch == 0


@pytest.mark.parametrize("values", [[float("nan")] * 3, [float("inf")] * 3])
def test_keras_13658_tf_45187_nothing_ever_improved(values):
    """The first epoch's weights stay the best."""
    model = linear()
    fit(model, Steps(*values), tc.callbacks.EarlyStopping(patience=1, restore_best_weights=True), epochs=3)
    assert weight(model) == 10


def test_keras_13658_without_a_single_epoch_to_judge():
    model = linear()
    stop = tc.callbacks.EarlyStopping(restore_best_weights=True, start_from_epoch=5)
    fit(model, Steps(1.0, 2.0), stop, epochs=2)
    assert weight(model) == 11


def test_keras_20521_a_callback_used_again_begins_afresh():
    stop = tc.callbacks.EarlyStopping(patience=1, restore_best_weights=True)
    reduce = tc.callbacks.ReduceLROnPlateau(patience=2, factor=0.5)
    model = linear()
    assert fit(model, Steps(0.1, 0.2), stop, epochs=2).epoch == [0, 1]
    assert fit(model, Steps(5.0, 4.0, 3.0), stop, epochs=3).epoch == [0, 1, 2]
    assert weight(model) == 12
    fit(model, Steps(0.1, 0.1), reduce, epochs=2)
    fit(model, Steps(5.0, 4.0, 4.0), reduce, epochs=3)
    assert model.optimizer.learning_rate == 0.1
    fit(model, Steps(5.0, 4.0, 4.0, 4.0), reduce, epochs=4)
    assert model.optimizer.learning_rate == 0.05


def test_keras_3991_without_cooldown_waiting_restarts():
    model = linear(1.0)
    rates = fit(model, Steps(*[1.0] * 7), tc.callbacks.ReduceLROnPlateau(patience=3, factor=0.5), epochs=7).history[
        "learning_rate"
    ]
    assert rates == [1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5]
    assert model.optimizer.learning_rate == 0.25


@pytest.mark.parametrize("floor", [1e-5, 0.06])
def test_tf_39462_silent_at_the_floor(floor, capsys):
    model = linear(0.1)
    callback = tc.callbacks.ReduceLROnPlateau(patience=1, factor=0.5, min_lr=floor, verbose=1)
    fit(model, Steps(*[1.0] * 30), callback, epochs=30)
    lines = [line for line in capsys.readouterr().out.splitlines() if line]
    assert model.optimizer.learning_rate == floor
    assert len(lines) == int(np.ceil(np.log2(0.1 / floor)))
    model.optimizer.learning_rate = np.float32(floor)  # as a file of Keras's holds it
    fit(model, Steps(1.0, 1.0, 1.0), callback, epochs=3)
    assert capsys.readouterr().out == ""


def test_keras_7541_tf_38668_epochs_and_batches_count_from_1(tmp_path):
    at_epochs = tc.callbacks.ModelCheckpoint(tmp_path / "e{epoch:02d}-{batch}.weights.h5")
    at_batches = tc.callbacks.ModelCheckpoint(tmp_path / "b{epoch}-{batch:02d}-{loss:.0f}.weights.h5", save_freq=3)
    model = linear(0.0)
    model.fit(X, 2 * X, batch_size=1, shuffle=False, epochs=2, verbose=0, callbacks=[at_epochs, at_batches])
    found = sorted(path.name.removesuffix(".weights.h5") for path in tmp_path.iterdir())
    assert found == ["b1-03-5", "b2-02-2", "e01-4", "e02-4"]


def test_keras_pr15491_a_resumed_run_does_not_overwrite_a_better_file(tmp_path):
    path = tmp_path / "best.weights.h5"

    def best(**settings):
        return tc.callbacks.ModelCheckpoint(path, save_best_only=True, **settings)

    model = linear()
    fit(model, Steps(0.5, 0.2, 0.3), best(), epochs=3)
    before = path.read_bytes()
    fit(model, Steps(0.5, 0.4, 0.3), best(initial_value_threshold=0.2), epochs=3)
    assert path.read_bytes() == before
    fit(model, Steps(0.5, 0.1, 0.3), best(initial_value_threshold=0.2), epochs=3)
    assert path.read_bytes() != before


class Dies(tc.callbacks.Callback):
    """Ends the process, so to say, after so many batches."""

    def __init__(self, batches):
        self.left = batches

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if self.left == 0:
            raise RuntimeError("the power failed")


class Counts(tc.callbacks.Callback):
    """Which batches ran, by epoch."""

    def __init__(self):
        self.ran = []

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        self.ran.append((self.epoch, batch))


class Batches(tc.utils.PyDataset):
    """The digits by number."""

    def __init__(self, x, y):
        super().__init__()
        self.x, self.y = x, y

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return self.x[15 * index : 15 * index + 15], self.y[15 * index : 15 * index + 15]


SOURCES = {
    "arrays": lambda x, y: dict(x=x, y=y, batch_size=15),
    "dataset": lambda x, y: dict(x=tc.data.ArrayDataset(x, y, batch_size=15, shuffle=True)),
    "numbered": lambda x, y: dict(x=Batches(x, y)),
    "steps": lambda x, y: dict(x=x, y=y, batch_size=20, steps_per_epoch=4),
    "numbered, steps": lambda x, y: dict(x=Batches(x, y), steps_per_epoch=2),
}


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(("save_freq", "dies"), [("epoch", 2), ("epoch", 7), (3, 7), (1, 5)])
def test_keras_19179_16252_20712_only_what_remains(source, save_freq, dies, tmp_path, digits, network):
    """A run that broke off does the batches that remain, in their order, to the bits of the unbroken run."""
    data = SOURCES[source](*digits)

    def begun():
        counts = Counts()
        return network(dropout=0.5), counts, tc.callbacks.BackupAndRestore(tmp_path / "backup", save_freq=save_freq)

    unbroken, all_ran, _ = begun()
    history = unbroken.fit(**data, epochs=4, verbose=0, callbacks=all_ran).history
    model, ran, backup = begun()
    with pytest.raises(RuntimeError, match="the power failed"):
        model.fit(**data, epochs=4, verbose=0, callbacks=[ran, Dies(dies), backup])
    again, rest, backup = begun()
    found = again.fit(**data, epochs=4, verbose=0, callbacks=[rest, backup])
    if save_freq == "epoch":
        saved = sum(epoch < ran.epoch for epoch, _ in ran.ran)
    else:
        saved = (dies - 1) // save_freq * save_freq
    assert rest.ran == all_ran.ran[saved:]
    for one, other in zip(unbroken.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert found.history["loss"][-1] == history["loss"][-1]
    assert not (tmp_path / "backup").exists()


def test_keras_20712_a_model_that_is_not_built_yet(tmp_path, digits):
    """It is built from the first batch, so that the backup has where to go."""

    def begun():
        tc.clear_session()
        tc.set_seed(3)
        model = tc.Sequential([tc.layers.Flatten(), tc.layers.Dense(3, activation="softmax")])
        model.compile("adam", "sparse_categorical_crossentropy")
        return model

    data = tc.data.ArrayDataset(*digits, batch_size=20)
    unbroken = begun()
    unbroken.fit(data, epochs=3, verbose=0)
    for _ in range(2):
        with pytest.raises(RuntimeError):
            begun().fit(data, epochs=3, verbose=0, callbacks=[tc.callbacks.BackupAndRestore(tmp_path / "b"), Dies(4)])
    again, rest = begun(), Counts()
    again.fit(data, epochs=3, verbose=0, callbacks=[tc.callbacks.BackupAndRestore(tmp_path / "b"), rest])
    assert rest.ran == [(2, 0), (2, 1), (2, 2)]
    np.testing.assert_array_equal(again.get_weights()[0], unbroken.get_weights()[0])
