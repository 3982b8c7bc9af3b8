"""Generators, iterators, numbered batches and loaders in fit, evaluate and predict; steps, and data that run out."""

import os
import threading

import numpy as np
import pytest

import tinyconv as tc

X = np.arange(14.0)[:, None]


def linear(rate=0.0):
    model = tc.Sequential([tc.layers.Dense(1, use_bias=False, kernel_initializer="ones", input_shape=(1,))])
    model.compile(tc.optimizers.SGD(rate), "mse")
    return model


def generator(n, size=2):
    for i in range(n):
        yield np.full((size, 1), float(i)), np.zeros((size, 1))


class Numbered(tc.utils.PyDataset):
    """Batches by number, and who made them."""

    def __init__(self, n, **settings):
        super().__init__(**settings)
        self.n, self.makers = n, set()

    def __len__(self):
        return self.n

    def __getitem__(self, index):
        self.makers.add(threading.current_thread().name)
        return np.full((2, 1), float(index)), np.full((2, 1), float(os.getpid() % 1000))


class Seen(tc.callbacks.Callback):
    """Which batches each epoch had, and what the logs were."""

    def __init__(self):
        self.epochs = []

    def on_epoch_begin(self, epoch, logs=None):
        self.epochs.append(0)

    def on_train_batch_end(self, batch, logs=None):
        assert batch == self.epochs[-1]
        self.epochs[-1] += 1


def epochs_of(x, **settings):
    seen = Seen()
    history = linear().fit(x, verbose=0, callbacks=seen, **settings)
    assert history.epoch == [*range(len(seen.epochs))]
    return seen.epochs


OUT = pytest.mark.filterwarnings("ignore:Your input ran out of data")


@OUT
@pytest.mark.parametrize(
    ("make", "settings", "wanted"),
    [
        (lambda: generator(7), dict(epochs=1), [7]),
        (lambda: generator(7), dict(epochs=3), [7]),
        (lambda: generator(7), dict(epochs=3, steps_per_epoch=5), [5, 2]),
        (lambda: generator(10), dict(epochs=2, steps_per_epoch=5), [5, 5]),
        (lambda: generator(10), dict(epochs=3, steps_per_epoch=5), [5, 5]),
        (lambda: iter([*generator(4)]), dict(epochs=2, steps_per_epoch=2), [2, 2]),
        (lambda: Numbered(4), dict(epochs=3, steps_per_epoch=3), [3, 1, 3]),
        (lambda: Numbered(4), dict(epochs=3, steps_per_epoch=9), [4, 4, 4]),
        (lambda: Numbered(4), dict(epochs=2), [4, 4]),
        (lambda: Again([*generator(4)]), dict(epochs=3), [4, 4, 4]),
        (lambda: Again([*generator(4)]), dict(epochs=4, steps_per_epoch=3), [3, 1, 3, 1]),
        (lambda: Again([*generator(4)]), dict(epochs=5, steps_per_epoch=2), [2, 2, 2, 2, 2]),
        (lambda: tc.data.ArrayDataset(X, X, batch_size=4), dict(epochs=3, steps_per_epoch=3), [3, 1, 3]),
    ],
)
def test_epochs(make, settings, wanted):
    assert epochs_of(make(), **settings) == wanted


class Again:
    """Can be gone through again and again, and does not know how long it is."""

    def __init__(self, batches):
        self.batches = batches

    def __iter__(self):
        return iter(self.batches)


def test_running_out_is_said_once():
    for make, settings in (
        (lambda: generator(7), dict(steps_per_epoch=5)),
        (lambda: generator(5), dict(steps_per_epoch=5)),
        (lambda: generator(5), {}),
        (lambda: Numbered(4), dict(steps_per_epoch=3)),
    ):
        with pytest.warns(UserWarning, match="^Your input ran out of data; interrupting training") as said:
            linear().fit(make(), epochs=8, verbose=0, **settings)
        assert len(said) == 1
    with pytest.warns(UserWarning, match="ran out of data"):
        assert linear().predict(generator(3), steps=5).shape == (6, 1)


def test_a_second_pass_goes_on_where_the_first_steps_ended():
    seen = []

    class Watched(tc.data.ArrayDataset):
        def epoch(self, number):
            for batch in super().epoch(number):
                seen.append(batch.x[0, 0])
                yield batch

    data = Watched(X, X, batch_size=2)
    model = linear()
    with pytest.warns(UserWarning, match="ran out of data"):
        model.fit(data, epochs=3, steps_per_epoch=3, verbose=0)
    assert seen == [0, 2, 4, 6, 8, 10, 12]
    seen.clear()
    model.fit(data, epochs=2, initial_epoch=1, steps_per_epoch=3, verbose=0)
    assert seen == [0, 2, 4, 6, 8, 10]  # walked to the fourth


def test_steps_without_a_batch_size_share_all_samples():
    assert epochs_of(X, y=X, steps_per_epoch=4) == [4]
    assert linear().predict(X, steps=4).shape == (14, 1)
    assert linear().evaluate(X, 0 * X, steps=7, verbose=0) == pytest.approx(float((X**2).mean()))
    assert linear().evaluate(X, 0 * X, batch_size=2, steps=1, verbose=0) == pytest.approx(0.5)


def test_shuffled_steps_see_every_sample_once_a_pass():
    seen = []
    model = linear()
    keep = tc.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(logs["loss"]))
    model.fit(X, 0 * X, batch_size=1, epochs=4, steps_per_epoch=7, verbose=0, callbacks=keep)
    runs = [np.diff(np.multiply(seen[i : i + 7], range(1, 8)), prepend=0) for i in (0, 7, 14, 21)]
    for one, other in ((0, 1), (2, 3)):
        assert sorted(np.concatenate([runs[one], runs[other]]).round(3)) == pytest.approx((X[:, 0] ** 2).tolist())
    assert not np.allclose(np.concatenate(runs[:2]), np.concatenate(runs[2:]), atol=0.5)


@OUT
def test_validation():
    """By a generator, by number, now and then; a generator that has run out gives no more logs."""
    model = linear()
    fit = dict(x=X, y=X, epochs=4, verbose=0)
    assert len(model.fit(**fit, validation_data=Numbered(3)).history["val_loss"]) == 4
    history = model.fit(**fit, validation_data=generator(5), validation_steps=2).history["val_loss"]
    assert history == [pytest.approx(loss) for loss in (0.5, (4 + 9) / 2, 16)]
    assert len(model.fit(**fit, validation_data=generator(3)).history["val_loss"]) == 1
    for freq, times in ((1, 4), (2, 2), (3, 1), ([1, 4], 2), ({2}, 1), (range(2, 9), 3)):
        history = model.fit(**fit, validation_data=(X, X), validation_freq=freq).history
        assert len(history["val_loss"]) == times
    data = model.fit(**fit, validation_data=(X, 0 * X), validation_steps=2, validation_batch_size=3).history
    assert data["val_loss"] == [pytest.approx(55 / 6)] * 4
    for bad in (0, 1.5, "2", [0], None):
        with pytest.raises(ValueError, match="validation_freq must"):
            model.fit(**fit, validation_data=(X, X), validation_freq=bad)


@pytest.mark.parametrize("argument", ["steps_per_epoch", "validation_steps", "validation_batch_size"])
@pytest.mark.parametrize("value", [0, -1, 2.5, "3"])
def test_steps_are_positive_integers(argument, value):
    with pytest.raises(ValueError, match=r"(batch_size|steps\w*) must be a positive integer, got"):
        linear().fit(X, X, validation_data=(X, X), verbose=0, **{argument: value})
    with pytest.raises(ValueError, match="steps must be"):
        linear().evaluate(X, X, steps=0)


def test_a_model_is_built_by_a_generator_and_loses_no_batch():
    model = tc.Sequential([tc.layers.Dense(1)])
    model.compile("sgd", "mse")
    seen = Seen()
    model.fit(generator(3), verbose=0, callbacks=seen)
    assert seen.epochs == [3]


def test_empty_sources():
    for given in (generator(0), Again([]), iter([])):
        for method in (linear().fit, linear().evaluate, linear().predict):
            with pytest.raises(ValueError, match="the data have no batches"):
                method(given, verbose=0)
    for given in (generator(0), Again([]), Numbered(0), tc.data.ArrayDataset(np.ones((0, 1)), np.ones((0, 1)))):
        model = tc.Sequential([tc.layers.Dense(1)])
        model.compile("sgd", "mse")
        with pytest.raises(ValueError, match=r"the data have no batches|ArrayDataset has no batches"):
            model.fit(given, verbose=0)


def test_what_a_generator_yields_is_checked():
    for bad, message in (
        ("X", "a dataset yields tuples .* got str"),
        ([X, X[:3]], "x has 14 samples and y has 3"),
        ((X, X, None, 1), "a dataset yields tuples .* got a tuple of 4"),
        ((X, X[:3]), "x has 14 samples and y has 3"),
        ((X * np.nan, X), "x must be finite"),
    ):
        with pytest.raises(ValueError, match=message):
            linear().fit(iter([bad]), verbose=0)
    for argument in (dict(y=X), dict(batch_size=2), dict(sample_weight=X), dict(validation_split=0.5)):
        with pytest.raises(ValueError, match=f"fit on a .* takes no {next(iter(argument))}"):
            linear().fit(generator(2), verbose=0, **argument)


def pool_threads():
    """The threads of pools, of which other libraries in this process may have some."""
    return {thread for thread in threading.enumerate() if "ThreadPool" in thread.name}


def test_an_error_in_a_generator_passes():
    before = pool_threads()

    def broken():
        yield X, X
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        linear().fit(broken(), verbose=0)
    for workers in (1, 2):

        class Broken(Numbered):
            def __getitem__(self, index):
                if index == 2:
                    raise OSError("the disk is gone")
                return super().__getitem__(index)

        with pytest.raises(OSError, match="the disk is gone"):
            linear().fit(Broken(9, workers=workers), shuffle=False, verbose=0)
    assert pool_threads() <= before


def test_threads_make_batches_in_order_and_end():
    before = pool_threads()
    data = Numbered(30, workers=3, max_queue_size=2)
    plain = linear().predict(Numbered(30))
    np.testing.assert_array_equal(linear().predict(data), plain)
    assert data.makers
    assert all("ThreadPool" in name for name in data.makers)

    class Stop(tc.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 3

    linear().fit(data, verbose=0, callbacks=Stop())
    assert pool_threads() <= before


class Endless(tc.utils.PyDataset):
    """Numbered batches without an end."""

    num_batches = None

    def __getitem__(self, index):
        return np.full((1, 1), float(index)), np.zeros((1, 1))


@pytest.mark.parametrize("workers", [1, 2])
def test_numbered_batches_without_an_end(workers):
    history = linear().fit(Endless(workers=workers), epochs=3, steps_per_epoch=2, verbose=0).history
    assert history["loss"] == [0.5, (4 + 9) / 2, (16 + 25) / 2]
    with pytest.raises(ValueError, match="Endless has no end: give steps "):
        linear().fit(Endless(), verbose=0)
    with pytest.raises(ValueError, match="Endless has no end: give steps"):
        linear().predict(Endless(), verbose=0)


def test_plain_objects_and_loaders():
    class Plain:
        def __len__(self):
            return 3

        def __getitem__(self, index):
            return [X[index : index + 1], X[index : index + 1]]

    assert epochs_of(Plain(), epochs=2) == [3, 3]
    torch = pytest.importorskip("torch")
    pairs = torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(0 * X))
    loader = torch.utils.data.DataLoader(pairs, batch_size=4)
    assert epochs_of(loader, epochs=2) == [4, 4]
    assert linear().evaluate(loader, verbose=0) == pytest.approx(float((X**2).mean()))
    np.testing.assert_array_equal(linear().predict(loader), X)


def test_a_shard_of_numbered_batches(digits, network):
    """Whatever becomes a dataset has shards: what processes train on."""
    data = tc.data.ArrayDataset(X, X, batch_size=4)
    assert [len(batch.x) for batch in data.shard(0, 2).epoch(0)] == [2, 2, 2, 1]


@pytest.mark.slow
def test_processes_make_batches_in_order():
    data = Numbered(9, workers=2, use_multiprocessing=True)
    np.testing.assert_array_equal(linear().predict(data), linear().predict(Numbered(9)))
    assert data.makers == set()


def test_progress_without_a_known_number_of_steps(capsys):
    linear().fit(generator(3), verbose=2)
    assert capsys.readouterr().out.startswith("Epoch 1/1  3/3  ")
    linear().predict(generator(2), verbose=1)
    assert capsys.readouterr().out.startswith("Prediction  2/2  ")
