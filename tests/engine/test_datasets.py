"""Datasets: one of one's own in fit, evaluate and predict; shards that are the whole; the same checks as for arrays."""

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import layers
from tinyconv.data import ArrayDataset, Batch, Dataset


class Halves(Dataset):
    """60 samples in batches that differ: 20 without weights, 40 with; a new order each epoch."""

    def __init__(self, x, y):
        self.x, self.y = x, y
        self.weights = np.linspace(0, 2, len(x))

    def __len__(self):
        return 2

    def epoch(self, number):
        order = np.random.default_rng([self.updates, number]).permutation(len(self.x))
        first, second = order[:20], order[20:]
        yield self.x[first], self.y[first], np.ones(20)
        yield Batch(self.x[second], self.y[second], self.weights[second])


class InOrder(Halves):
    """The same samples in their order, as plain tuples."""

    def epoch(self, number):
        for chosen in (slice(20), slice(20, None)):
            yield self.x[chosen], self.y[chosen]


def test_a_dataset_feeds_fit_evaluate_and_predict(digits, network):
    x, y = digits
    model, other = network(), network()
    data = InOrder(x, y)
    history = model.fit(data, epochs=2, verbose=0, validation_data=data).history
    arrays = other.fit(ArrayDataset(x[:60], y[:60], batch_size=20), epochs=1, verbose=0)
    assert list(history) == ["loss", "accuracy", "val_loss", "val_accuracy"]
    assert len(history["loss"]) == 2
    assert arrays.epoch == [0]
    assert history["val_loss"][-1] == pytest.approx(model.evaluate(x, y, batch_size=20, verbose=0)[0], rel=1e-6)
    assert model.evaluate(data, verbose=0) == pytest.approx(model.evaluate(x, y, verbose=0), rel=1e-6)
    np.testing.assert_allclose(model.predict(data), model.predict(x), rtol=1e-5)


def test_arrays_as_a_dataset_train_as_arrays_do(digits, network):
    models = [network(), network()]
    models[0].fit(*digits, batch_size=25, epochs=2, verbose=0)
    models[1].fit(ArrayDataset(*digits, batch_size=25, shuffle=True), epochs=2, verbose=0)
    for one, other in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(one, other)


def test_class_weights_are_for_datasets_too(digits, network):
    models = [network(), network(), network()]
    data = ArrayDataset(*digits, batch_size=25)
    models[0].fit(data, class_weight={1: 5.0}, verbose=0)
    models[1].fit(*digits, batch_size=25, shuffle=False, class_weight={1: 5.0}, verbose=0)
    models[2].fit(data, verbose=0)
    first, second, third = (model.get_weights()[0] for model in models)
    np.testing.assert_array_equal(first, second)
    assert (first != third).any()


@pytest.mark.parametrize("first_part", [False, True])
def test_no_order_is_repeated_and_a_resumed_run_sees_the_same(first_part, digits, network):
    seen = []

    class Watched(ArrayDataset):
        def epoch(self, number):
            for batch in super().epoch(number):
                seen.append(batch.y.tolist())
                yield batch

    data = Watched(digits[0], np.arange(60) % 3 + 0, batch_size=60, shuffle=True)
    model = network()
    if first_part:
        model.fit(data, epochs=2, verbose=0)
        model.fit(data, epochs=4, initial_epoch=2, verbose=0)
    else:
        model.fit(data, epochs=4, verbose=0)
    model.fit(data, epochs=2, verbose=0)
    assert len({tuple(order) for order in seen}) == 6
    wanted = [np.arange(60)[tc.randomness.permutation(60, update)] % 3 for update in range(6)]
    assert seen == [order.tolist() for order in wanted]


def test_a_shard_is_a_share_of_every_batch():
    x = np.arange(23)[:, None]
    whole = ArrayDataset(x, x[:, 0], x[:, 0] / 2, batch_size=10)
    shards = [whole.shard(rank, 3) for rank in range(3)]
    assert [len(shard) for shard in shards] == [3, 3, 3]
    for batch, *parts in zip(whole.epoch(1), *(shard.epoch(1) for shard in shards), strict=True):
        for index in range(3):
            np.testing.assert_array_equal(np.concatenate([part[index] for part in parts]), batch[index])
        assert [part.first for part in parts] == [0, *np.cumsum([len(part.x) for part in parts])[:-1]]
        assert max(len(part.x) for part in parts) - min(len(part.x) for part in parts) <= 1
    again = [batch.first for batch in whole.shard(1, 2).shard(1, 2).epoch(0)]
    assert again == [5 + 2, 5 + 2, 1 + 1]
    with pytest.raises(ValueError, match="rank must be in 0 … 2, got 3"):
        whole.shard(3, 3)


class Watching(tc.Sequential):
    """Keeps the gradients that `reduce_gradients` is given, and returns those that it was told, if any."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.given, self.told = [], None

    def reduce_gradients(self, gradients, samples):
        self.given.append((samples, [g.copy() for g in gradients]))
        return gradients if self.told is None else self.told.pop(0)


def noisy():
    """A network that draws: dropout and noise, in float64."""
    tc.clear_session()
    tc.set_seed(5)
    tc.set_floatx("float64")
    model = Watching(
        [
            tc.Input((8, 8, 1)),
            layers.GaussianNoise(0.5),
            layers.Conv2D(4, 3, activation="relu"),
            layers.SpatialDropout2D(0.3),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(tc.optimizers.SGD(0.1, momentum=0.9), "sparse_categorical_crossentropy")
    return model


def test_two_shards_train_as_the_whole(digits):
    """Gradients of shards, weighted by their samples, are those of the whole batch: the draws too."""
    x, y = digits
    whole = noisy()
    data = ArrayDataset(x[:51], y[:51], batch_size=17, shuffle=True)
    whole.fit(data, epochs=2, verbose=0)
    given = []
    for rank in range(2):
        shard = noisy()
        # What the other process would send: the mean that the whole run had.
        shard.told = [gradients for _, gradients in whole.given]
        shard.fit(data.shard(rank, 2), epochs=2, verbose=0)
        given.append(shard.given)
        for one, other in zip(whole.get_weights(), shard.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)
    assert [samples for samples, _ in given[0]] == [8] * 6
    assert [samples for samples, _ in given[1]] == [9] * 6
    for (n, wanted), (a, first), (b, second) in zip(whole.given, *given, strict=True):
        for g, one, other in zip(wanted, first, second, strict=True):
            np.testing.assert_allclose((a * one + b * other) / n, g, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("size", [3, 5])
def test_an_empty_share_changes_nothing_and_counts_as_an_update(digits, size):
    """The last batch, of 2 samples, leaves nothing for the first of 3 or more processes."""
    x, y = digits
    whole = ArrayDataset(x[:22], y[:22], batch_size=10)
    shares = [batch for batch in whole.shard(0, size).epoch(0) if len(batch.x)]
    assert len(shares) == 2
    wanted, found = noisy(), noisy()
    for batch in shares:
        wanted.train_on_batch(batch.x, batch.y)
    found.fit(whole.shard(0, size), epochs=1, verbose=0)
    assert found.optimizer.iterations == 3
    samples = 10 // size
    assert [given[0] for given in found.given] == [samples, samples, 0]
    assert all(not gradient.any() for gradient in found.given[-1][1])
    for one, other in zip(found.get_weights(), wanted.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    n = 2 * samples
    part = np.concatenate([batch.x for batch in shares]), np.concatenate([batch.y for batch in shares])
    found.fit(whole.shard(0, size), epochs=3, initial_epoch=2, steps_per_epoch=1, verbose=0)  # the empty share alone
    assert found.predict(whole.shard(0, size), verbose=0).shape == (n, 3)
    np.testing.assert_allclose(found.evaluate(whole.shard(0, size), verbose=0), found.evaluate(*part, verbose=0))
    assert found.predict(ArrayDataset(x[:2], batch_size=2).shard(0, 3), verbose=0).shape == (0, 3)


def test_an_empty_share_takes_what_the_other_processes_found(digits):
    x, y = digits
    shared, alone = noisy(), noisy()
    told = [np.ones_like(weight.data) for weight in shared.trainable_weights]
    shared.told = [told]
    shared.fit(ArrayDataset(x[:1], y[:1]).shard(0, 2), epochs=1, verbose=0)
    alone.optimizer.apply(told, alone.trainable_weights)
    for one, other in zip(shared.get_weights(), alone.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def yielding(*batches):
    class Given(Dataset):
        def __len__(self):
            return len(batches)

        def epoch(self, number):
            return iter(batches)

    return Given()


OK, LABELS = np.ones((4, 8, 8, 1), np.float32), np.array([0, 1, 2, 0])
BAD = {
    "labels": ((OK, [0, 1, 3, 0]), "needs labels in 0 … 2, got 3"),
    "one-hot": ((OK, np.eye(3)[LABELS]), "one-hot targets go with categorical_crossentropy"),
    "samples": ((OK, LABELS[:3]), "x has 4 samples and y has 3"),
    "shape": ((OK[:, :5], LABELS), r"x has shape \(4, 5, 8, 1\), the model needs \(n, 8, 8, 1\)"),
    "NaN": ((OK * np.nan, LABELS), "x must be finite"),
    "weights": ((OK, LABELS, np.ones(3)), r"sample_weight must have shape \(4,\), got \(3,\)"),
    "no targets": ((OK,), "targets y are missing"),
    "four": ((OK, LABELS, None, 3), r"a dataset yields tuples \(x,\), \(x, y\) .* got a tuple of 4"),
    "no tuple": (OK, r"a dataset yields tuples \(x,\), .* got ndarray"),
}


@pytest.mark.parametrize("case", BAD)
def test_every_batch_is_checked(case, network):
    bad, message = BAD[case]
    model = network()
    for use in (model.fit, model.evaluate, lambda data, **_: model.fit(OK, LABELS, validation_data=data, verbose=0)):
        with pytest.raises(ValueError, match=message):
            use(yielding((OK, LABELS), bad), verbose=0)


@pytest.mark.parametrize("class_weight", [[1.0, 2.0], 2.0, np.ones(3)], ids=["list", "number", "array"])
def test_class_weight_is_a_dict(class_weight, network):
    model = network()
    for data in ((OK, LABELS), (yielding((OK, LABELS)),)):
        with pytest.raises(TypeError, match=r"class_weight must be a dict such as \{0: 1\.0, 1: 2\.5\}, got"):
            model.fit(*data, class_weight=class_weight, verbose=0)


class Counted(Dataset):
    """As many batches in an epoch as it is told, and as many in its len."""

    def __init__(self, batches, length):
        self.batches, self.length = batches, length

    def __len__(self):
        return self.length

    def epoch(self, number):
        return ((OK, LABELS) for _ in (iter(int, 1) if self.batches is None else range(self.batches)))


def uses(network):
    """What takes a dataset, each alone."""
    model = network()
    yield model.fit
    yield model.evaluate
    yield model.predict
    yield lambda data, **_: model.fit(OK, LABELS, validation_data=data, verbose=0)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (Counted(0, 0), "Counted has no batches in epoch 0: its len is 0"),
        (Counted(0, 2), "Counted yields 0 batches in epoch 0, and its len is 2"),
        (Counted(1, 2), "Counted yields 1 batches in epoch 0, and its len is 2"),
    ],
)
def test_fewer_batches_than_said_are_refused(data, message, network):
    """An empty epoch had a loss of 0."""
    for use in uses(network):
        with pytest.raises(ValueError, match=message):
            use(data, verbose=0)


def test_an_endless_epoch_ends_at_its_len(network):
    """As with Keras's generators, which never end."""
    model = network()
    assert model.predict(Counted(None, 3), verbose=0).shape == (12, 3)
    model.fit(Counted(None, 3), epochs=2, validation_data=Counted(None, 1), verbose=0)
    assert model.optimizer.iterations == 6


@pytest.mark.parametrize("rank", [(2, 2), (-1, 2), (0, 0), (0, 1.5), (0.0, 1), (True, 2)])
def test_shards_are_whole_numbers(rank):
    with pytest.raises(ValueError, match=r"^(rank|size) must be [^\n]*got"):
        Counted(1, 1).shard(*rank)


def test_a_loss_that_does_not_fit_is_refused_for_datasets_too():
    """Class probabilities from a linear output were trained on without a word."""
    model = tc.Sequential([layers.Dense(3, input_shape=(2,))])
    model.compile("sgd", "categorical_crossentropy")
    with pytest.raises(ValueError, match="needs probabilities from softmax, but the last layer ends in linear"):
        model.fit(yielding((np.ones((3, 2)), np.eye(3))), verbose=0)


def test_several_inputs_and_outputs_by_name(rng):
    a, b = tc.Input((2,), name="a"), tc.Input((3,), name="b")
    one, two = layers.Dense(1, name="one")(a), layers.Dense(2, name="two")(layers.Concatenate()([a, b]))
    model = tc.Model([a, b], [one, two])
    model.compile("sgd", "mse", loss_weights={"one": 0.5, "two": 2.0})
    x = {"a": rng.normal(size=(7, 2)), "b": rng.normal(size=(7, 3))}
    y = {"one": rng.normal(size=(7, 1)), "two": rng.normal(size=(7, 2))}
    weights = {"one": np.linspace(0, 1, 7), "two": np.linspace(2, 0, 7)[:, None]}
    batches = [
        tuple({name: part[chosen] for name, part in each.items()} for each in (x, y, weights))
        for chosen in (slice(4), slice(4, None))
    ]
    from_arrays = model.evaluate(x, y, sample_weight=weights, batch_size=4, verbose=0)
    np.testing.assert_allclose(model.evaluate(yielding(*batches), verbose=0), from_arrays, rtol=1e-6)
    lists = ArrayDataset([x["a"], x["b"]], [y["one"], y["two"]], [*weights.values()], batch_size=4)
    np.testing.assert_allclose(model.evaluate(lists, verbose=0), from_arrays, rtol=1e-6)
    for found, wanted in zip(model.predict(lists), model.predict(x), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-6)
