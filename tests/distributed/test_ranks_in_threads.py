"""Ranks that are threads: together they compute what one process computes with the whole batches."""

from functools import partial

import numpy as np
import pytest
from shared_runs import digits, fit, network, state

import tinyconv as tc
from tinyconv.distributed import Alone, RankError, in_threads


def trained(size, make=network, run=fit, callback=None, **given):
    """Train in `size` threads, each with a callback of a kind; return the history and the state of each."""
    models = [make() for _ in range(size)]
    listening = {} if callback is None else {"callbacks": callback}

    def work(communicator):
        model = models[communicator.rank]
        vars(model)["distributed"] = communicator
        heard = {name: [kind()] for name, kind in listening.items()}
        return run(model, **given, **heard), state(model)

    return in_threads(size, work)


def assert_same(found, wanted, tolerance=1e-10):
    """States and histories agree."""
    (history, one), (expected, other) = found, wanted
    assert history.keys() == expected.keys()
    for name, values in history.items():
        np.testing.assert_allclose(values, expected[name], rtol=tolerance, atol=tolerance, err_msg=name)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def synchronized(**arguments):
    """Return a network that normalizes batches, rectified in one pass and not, over all ranks."""
    rule = partial(tc.layers.BatchNormalization, synchronized=True, **arguments)
    return network([rule, rule, tc.layers.ReLU])


@pytest.mark.parametrize(
    ("size", "make"),
    [
        (2, network),
        (3, synchronized),
        (2, partial(synchronized, moving_variance="unbiased", scale=False)),
    ],
)
def test_ranks_train_as_one(size, make):
    """20 steps, with augmentation, dropout, weights of samples, penalties, a short last batch and uneven shares."""
    alone = make()
    wanted = fit(alone), state(alone)
    found = trained(size, make)
    for each in found:
        assert_same(each, wanted)
    for _, other in found[1:]:
        for a, b in zip(found[0][1], other, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("make", [network, synchronized])
def test_ranks_without_samples(make):
    """Batches of 2 in 4 ranks: two of them always have none, and rank 0 is one of these; the last batch has one."""
    given = {"n": 9, "batch_size": 2, "epochs": 2}
    alone = make()
    wanted = fit(alone, **given), state(alone)
    for each in trained(4, make, **given):
        assert_same(each, wanted)


def test_gradients_count_by_samples():
    """g = Σ nᵣ·gᵣ / Σ nᵣ, by hand: of a rank that has one more sample, one that has none, and a weight nobody needs."""
    weights = [np.zeros((2, 1)), np.zeros(1), np.zeros(3, "float32")]
    gradients = [[np.full((2, 1), 6.0), None, None], [np.full((2, 1), 1.0), np.ones(1), None], [None] * 3]

    def work(communicator):
        rank = communicator.rank
        found, n = communicator.sum_gradients(gradients[rank], [2, 3, 0][rank], weights)
        return n, [None if g is None else g.copy() for g in found], communicator.exchanged_bytes

    for n, (first, second, third), size in in_threads(3, work):
        assert n == 5
        np.testing.assert_allclose(first, [[(2 * 6 + 3 * 1) / 5]] * 2)
        np.testing.assert_allclose(second, [3 / 5])
        assert third is None
        assert size == 8 * (6 + 3 + 1)


def test_what_a_communicator_carries():
    def work(communicator):
        rank = communicator.rank
        weight = tc.Tensor(np.full(2, float(rank)))
        weight.assign = lambda value: weight.data.__setitem__(..., value)
        communicator.broadcast_weights([weight])
        logs = communicator.mean_logs({"loss": [4.0, 1.0, 0.0][rank]} if rank < 2 else {}, [1, 3, 0][rank])
        return communicator.gather(rank * rank), communicator.broadcast(rank), communicator.largest(-rank), logs, weight

    for squares, zero, largest, logs, weight in in_threads(3, work):
        assert (squares, zero, largest, logs) == ([0, 1, 4], 0, 0, {"loss": 1.75})
        np.testing.assert_array_equal(weight.numpy(), [0, 0])


def test_evaluation_and_single_batches_are_shared_out():
    def run(model):
        x, y = digits(11)
        logs = [model.train_on_batch(x, y, return_dict=True), model.test_on_batch(x[:1], y[:1], return_dict=True)]
        logs.append(model.evaluate(x, y, batch_size=4, verbose=0, return_dict=True))
        return {name: [each[name] for each in logs] for name in logs[0]}

    alone = network()
    wanted = run(alone), state(alone)
    for each in trained(3, run=run):
        assert_same(each, wanted)


def test_all_metrics_are_summed():
    """Those too whose state is made with the first batch, on a rank that has no samples of it."""

    def make():
        model = network()
        wanted = [tc.metrics.AUC(num_thresholds=9), tc.metrics.F1Score(), tc.metrics.Precision(), "mse"]
        model.compile("sgd", "categorical_crossentropy", wanted, weighted_metrics=["accuracy"])
        return model

    def run(model):
        x, y = digits(9)
        one_hot = np.eye(3)[y]
        history = model.fit(
            x, one_hot, 2, epochs=2, verbose=0, sample_weight=np.arange(1.0, 10), validation_data=(x, one_hot)
        )
        last = {name: values[-1] for name, values in history.history.items()}
        return {**last, "f1_score": last["f1_score"].tolist(), "val_f1_score": last["val_f1_score"].tolist()}

    alone = make()
    wanted = run(alone), state(alone)
    for each in trained(3, make, run):
        assert_same(each, wanted)


def test_steps_of_ones_own():
    class Own(tc.Sequential):
        def train_step(self, data):
            return {**super().train_step(data), "own": 2.0}

    class Hidden(tc.Sequential):
        def train_step(self, data):
            return {"own": 1.0}

    def make(kind):
        model = network()
        model = kind(model.layers)
        model.compile("sgd", "sparse_categorical_crossentropy")
        return model

    alone = make(Own)
    wanted = fit(alone), state(alone)
    for each in trained(2, lambda: make(Own)):
        assert_same(each, wanted)
    with pytest.raises(ValueError, match="Hidden's train_step makes an update of its own"):
        trained(2, lambda: make(Hidden))


def test_generators_and_datasets_are_shared_out():
    def run(model):
        x, y = digits(20)

        def batches():
            while True:
                for start in range(0, 20, 5):
                    yield x[start : start + 5], y[start : start + 5]

        return model.fit(batches(), steps_per_epoch=4, epochs=2, verbose=0).history

    alone = network()
    wanted = run(alone), state(alone)
    for each in trained(2, run=run):
        assert_same(each, wanted)


def test_batch_logs_are_of_all_ranks():
    """So that callbacks decide alike, such as one that stops after some batch."""

    class Watch(tc.callbacks.Callback):
        def __init__(self):
            self.seen = []

        def on_train_batch_end(self, batch, logs=None):
            self.seen.append((logs["loss"], logs["accuracy"], self.model.batch_samples))
            self.model.stop_training = len(self.seen) == 6

    def run(model):
        watch = Watch()
        fit(model, callbacks=[watch])
        losses, accuracies, counts = zip(*watch.seen, strict=True)
        assert sum(counts[:4]) == 50
        return {"loss": losses, "accuracy": accuracies}

    alone = network()
    wanted = run(alone), state(alone)
    for each in trained(2, run=run):
        assert_same(each, wanted)


def test_one_rank_stops_all():
    class Stop(tc.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = self.model.distributed.rank == 1 and batch == 2

    for history, _ in trained(2, callback=Stop):
        assert len(history["loss"]) == 1
    assert Alone().largest(3) == 3


def test_rank_0_alone_writes_and_shows(tmp_path, capfd):
    def run(model):
        own = tmp_path / str(model.distributed.rank)
        own.mkdir()
        writers = [
            tc.callbacks.CSVLogger(str(own / "log.csv")),
            tc.callbacks.ModelCheckpoint(str(own / "best.weights.h5")),
            tc.callbacks.BackupAndRestore(str(own / "backup"), delete_checkpoint=False),
        ]
        return fit(model, verbose=1, epochs=1, callbacks=writers)

    trained(2, run=run)
    assert sorted(path.name for path in (tmp_path / "0").iterdir()) == ["backup", "best.weights.h5", "log.csv"]
    assert not list((tmp_path / "1").iterdir())
    assert capfd.readouterr().out.count("Epoch 1/1") == 1


def test_a_backup_goes_on_in_another_number_of_ranks(tmp_path):
    alone = network()
    wanted = fit(alone), state(alone)

    def run(model, epochs):
        backup = tc.callbacks.BackupAndRestore(str(tmp_path), delete_checkpoint=False)
        return fit(model, epochs=epochs, callbacks=[backup] if model.distributed.rank == 0 else [])

    trained(2, run=run, epochs=2)
    for history, found in trained(3, run=run, epochs=5):
        assert_same((history, found), ({name: values[2:] for name, values in wanted[0].items()}, wanted[1]))


def test_moving_averages_are_averaged():
    """Each rank counts by the samples that it has seen: 2 and 3 of a batch of 5."""

    def make():
        tc.clear_session()
        tc.set_seed(5)
        tc.set_floatx("float64")
        rule = tc.layers.BatchNormalization(momentum=0.0)  # the average is what the last batch had
        model = tc.Sequential([tc.Input((10, 10, 1)), rule, tc.layers.Flatten(), tc.layers.Dense(3)])
        model.compile("sgd", tc.losses.SparseCategoricalCrossentropy(from_logits=True))
        return model

    x, y = digits(5)
    means, variances = (np.array([of(x[:2]), of(x[2:])]) for of in (np.mean, np.var))
    for model in (
        found for found, _ in trained(2, make, lambda model: model.fit(x, y, 5, shuffle=False, verbose=0).model)
    ):
        _, _, mean, variance, *_ = model.get_weights()
        np.testing.assert_allclose(mean, np.dot([0.4, 0.6], means), rtol=1e-12)
        np.testing.assert_allclose(variance, np.dot([0.4, 0.6], variances), rtol=1e-12)


@pytest.mark.parametrize(
    ("differ", "words"),
    [
        (lambda model, x, y: (x[:40], y[:40]), "the training data's batches of rank 1 is 4, that of rank 0 5"),
        (lambda model, x, y: (x[::-1], y), "the training data's numbers of rank 1 differs .* all ranks need the same"),
        (lambda model, x, y: setattr(model.optimizer, "learning_rate", 0.5) or (x, y), "the optimizer of rank 1"),
        (
            lambda model, x, y: model.layers[-1].bias.assign(np.ones(3)) is None or (x, y),
            "weight dense/bias of rank 1 differs .*set_seed",
        ),
        (
            lambda model, x, y: setattr(model.layers[-2].stream, "step", 9) or (x, y),
            "random numbers of layers of rank 1",
        ),
    ],
)
def test_ranks_that_differ_are_refused(differ, words):
    def run(model):
        before = [each.copy() for each in model.get_weights()]
        x, y = digits()
        x, y = differ(model, x, y) if model.distributed.rank else (x, y)
        with pytest.raises(RankError, match=words) as caught:
            model.fit(x, y, 10, verbose=0)
        assert caught.value.everywhere
        if model.distributed.rank == 0:
            for a, b in zip(before, model.get_weights(), strict=True):
                np.testing.assert_array_equal(a, b)
        return {}

    trained(2, run=run)


def test_a_divergence_is_named():
    class Disturb(tc.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if self.model.distributed.rank == 1 and batch == 3:
                kernel = self.model.layers[-1].kernel.data
                kernel[0, 0] = np.nextafter(kernel[0, 0], 9)

    with pytest.raises(RankError, match="after epoch 1, weight dense/kernel of rank 1 is not to the last bit"):
        trained(2, callback=Disturb)


def test_an_error_of_one_ends_all():
    class Fail(tc.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if self.model.distributed.rank == 1:
                raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone") as caught:
        trained(2, callback=Fail)
    assert caught.value.__notes__ == ["in rank 1"]
