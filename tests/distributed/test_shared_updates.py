"""Updates that the ranks of a machine share out: each changes its slice of the weights, and all have the same after."""

from functools import partial

import numpy as np
import pytest
from shared_runs import fit, network, state
from test_ranks_in_threads import assert_same, trained

import tinyconv as tc
from tinyconv.distributed import in_threads, shared_update
from tinyconv.distributed.in_threads import Meeting, ThreadCommunicator
from tinyconv.optimizers import SGD, Adadelta, Adagrad, Adam, Adamax, AdamW, Ftrl, Lamb, Lion, Nadam, RMSprop

SHARED = [
    partial(SGD, 0.05, momentum=0.9, nesterov=True),
    partial(RMSprop, 0.01, momentum=0.5, centered=True, weight_decay=0.1),
    partial(AdamW, 0.01, weight_decay=0.1, amsgrad=True),
    *(partial(kind, 0.01) for kind in (Adadelta, Adagrad, Adamax, Ftrl, Lion, Nadam)),
]


class OwnAdam(Adam):
    """A rule that sees the whole gradient."""

    def update(self, w, g, slots, learning_rate):
        super().update(w, g / (1 + np.abs(g).max()), slots, learning_rate)


WHOLE = [partial(Lamb, 0.01), partial(Adam, 0.01, clipnorm=0.1), OwnAdam]


class Cluster(ThreadCommunicator):
    """Four threads as two machines of two ranks."""

    def __init__(self, communicator, shared):
        super().__init__(communicator.rank, communicator.meeting)
        self.local_rank, self.local_size, self.machines = self.rank % 2, 2, 2
        self.machine, self.peers = shared[self.rank // 2], shared[2 + self.rank % 2]

    def memory(self, count, dtype):
        if self.local_rank == 0:
            self.machine.places[0] = np.full((2, count), np.nan, dtype)
        self.meet()
        found = self.machine.places[0]
        self.meet()
        return found

    def meet(self):
        self.machine.wait()

    def sum_between_machines(self, values):
        self.peers.places[self.rank // 2] = values.copy()
        self.peers.wait()
        values[...] = self.peers.places[0] + self.peers.places[1]
        self.peers.wait()


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch):
    monkeypatch.setattr(shared_update, "PIECE", 50)


def shared_by(model, **given):
    """Train, and add to the history whether the updates were shared out."""
    history = fit(model, epochs=1, **given)
    return {**history, "shared": [float(model.distributed is not None and model.distributed.update is not None)]}


@pytest.mark.parametrize(("optimizers", "shared"), [(SHARED, 1.0), (WHOLE, 0.0)])
def test_every_rule_is_as_of_one_process(optimizers, shared):
    """Those that see whole weights are not shared out."""
    for kind in optimizers:
        alone = network(optimizer=kind())
        wanted = {**shared_by(alone), "shared": [shared]}, state(alone)
        for each in trained(3, lambda kind=kind: network(optimizer=kind()), shared_by):
            assert_same(each, wanted)


def test_machines_add_their_slices():
    """Two machines of two ranks, some of which have no samples of a batch."""
    alone = network()
    wanted = fit(alone, n=20, batch_size=3), state(alone)
    models = [network() for _ in range(4)]
    shared = [Meeting(2) for _ in range(4)]

    def work(communicator):
        model = models[communicator.rank]
        vars(model)["distributed"] = Cluster(communicator, shared)
        found = fit(model, n=20, batch_size=3), state(model)
        assert model.distributed.update is not None
        return found

    found = in_threads(4, work)
    for each in found:
        assert_same(each, wanted)
        for a, b in zip(found[0][1], each[1], strict=True):
            np.testing.assert_array_equal(a, b)


def test_who_wants_whole_gradients_gets_them():
    """A constraint, a callback of one rank, and weights that no gradient reaches."""

    class Keep(tc.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.model.keeps_gradients = self.model.distributed.rank == 1

        def on_train_batch_end(self, batch, logs=None):
            gradients = self.model.gradients
            if self.model.distributed.rank == 1:
                assert [g.shape for g in gradients] == [weight.shape for weight in self.model.trainable_weights]

    def constrained():
        model = network()
        model.layers[-1].kernel.constraint = tc.constraints.MaxNorm(0.5)
        return model

    for make, callback in ((network, Keep), (constrained, None)):
        alone = make()
        wanted = {**shared_by(alone), "shared": [0.0]}, state(alone)
        for each in trained(2, make, shared_by, callback):
            assert_same(each, wanted)


def test_models_that_train_in_turn():
    """As of two that play against each other: each keeps its state, which is loaded, and goes on."""
    random = np.random.default_rng(0)
    x, y = random.normal(size=(5, 10, 10, 1)), random.integers(0, 3, 5)

    def run(models):
        for turn in range(6):
            models[turn % 2].train_on_batch(x, y)
            if turn == 2:
                values = [np.array(value) for _, value in models[0].optimizer.variables()]
                models[1].optimizer.load_variables(values)
                models[0].optimizer.slots = {
                    name: [each.copy() for each in arrays] for name, arrays in models[0].optimizer.slots.items()
                }
        return [state(model) for model in models]

    alone = [network(), network(optimizer=Adam(0.1))]
    wanted = [each for arrays in run(alone) for each in arrays]
    pairs = [[network(), network(optimizer=Adam(0.1))] for _ in range(2)]

    def work(communicator):
        for model in pairs[communicator.rank]:
            vars(model)["distributed"] = communicator
        return [each for arrays in run(pairs[communicator.rank]) for each in arrays]

    for found in in_threads(2, work):
        for a, b in zip(found, wanted, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)
