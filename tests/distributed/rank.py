"""One rank of a run under mpiexec: `python rank.py WHAT FOLDER [EXTRA]`; it leaves what it found in FOLDER/RANK.npz."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
from shared_runs import fit, network, state

import tinyconv as tc


class Fault(tc.callbacks.Callback):
    """Something happens to rank 1 in the second epoch."""

    def __init__(self, what, folder):
        self.what, self.folder, self.epoch = what, folder, 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.model.distributed.rank != 1 or (self.epoch, batch) != (1, 1):
            return
        (self.folder / "fault").write_text(str(time.time()))
        if self.what == "cut":
            subprocess.run(["ip", "link", "set", "tc-link", "down"], check=True)
            return
        if self.what == "raise":
            raise RuntimeError("the network is unhappy")
        os.kill(os.getpid(), {"kill": signal.SIGKILL, "stop": signal.SIGSTOP, "interrupt": signal.SIGINT}[self.what])


def main(what, folder, extra=""):
    """Train, perhaps with a fault."""
    ranks = tc.distributed.mpi(deterministic="deterministic" in extra, time_limit=4 if what in ("stop", "cut") else 60)
    rule = partial(tc.layers.BatchNormalization, synchronized=True)
    model = network([rule] if "synchronized" in extra else [], ranks)
    callbacks = [tc.callbacks.ModelCheckpoint(str(folder / "last.weights.h5"))]
    if what == "differ" and ranks.rank == 1:
        model.layers[-1].bias.assign(np.ones(3))
    if what not in ("train", "differ"):
        callbacks.append(Fault(what, folder))
    history = fit(model, callbacks=callbacks)
    np.savez(folder / f"{ranks.rank}.npz", *state(model))
    (folder / f"{ranks.rank}.json").write_text(json.dumps([history, ranks.local_size, tc.threads()]))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
