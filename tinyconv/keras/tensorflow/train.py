"""`tf.train`: optimizers of TensorFlow 1, and checkpoints of what a script names."""

import os
import re
from glob import glob
from typing import Any

from ... import optimizers
from ..vocabulary import missing, public


def AdamOptimizer(  # noqa: N802, the name that scripts know
    learning_rate: Any = 0.001, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8, *_: Any, **__: Any
) -> optimizers.Optimizer:
    """Return Adam with the arguments and defaults of TensorFlow 1."""
    return optimizers.Adam(learning_rate, beta1, beta2, epsilon)


def RMSPropOptimizer(  # noqa: N802
    learning_rate: Any, decay: float = 0.9, momentum: float = 0.0, epsilon: float = 1e-10, *_: Any, **__: Any
) -> optimizers.Optimizer:
    """Return RMSprop with the arguments and defaults of TensorFlow 1."""
    return optimizers.RMSprop(learning_rate, decay, momentum, epsilon)


def GradientDescentOptimizer(learning_rate: Any, *_: Any, **__: Any) -> optimizers.Optimizer:  # noqa: N802
    """Return SGD."""
    return optimizers.SGD(learning_rate)


def MomentumOptimizer(  # noqa: N802
    learning_rate: Any, momentum: float, use_locking: bool = False, name: str = "", use_nesterov: bool = False
) -> optimizers.Optimizer:
    """Return SGD with momentum."""
    return optimizers.SGD(learning_rate, momentum, use_nesterov)


def AdagradOptimizer(learning_rate: Any, initial_accumulator_value: float = 0.1, *_: Any, **__: Any) -> Any:  # noqa: N802
    """Return Adagrad."""
    return optimizers.Adagrad(learning_rate, initial_accumulator_value)


class Checkpoint:
    """Models and variables by name, whose values are saved and read again; optimizers' states are not."""

    def __init__(self, root: Any = None, **named: Any) -> None:
        self.parts = {**({} if root is None else {"root": root}), **named}
        vars(self).update(named)
        self.count = 0

    def _values(self) -> dict[str, Any]:
        return {
            f"{name}/{number}": weight
            for name, part in self.parts.items()
            for number, weight in enumerate(getattr(part, "weights", [part] if hasattr(part, "assign") else []))
        }

    def write(self, file_prefix: Any, *_: Any, **__: Any) -> str:
        """Write the values to a file of this name, with the ending .npz."""
        import numpy as np

        path = os.fspath(file_prefix)
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        arrays: dict[str, Any] = {name: np.asarray(weight) for name, weight in self._values().items()}
        np.savez(f"{path}.npz", **arrays)
        return path

    def save(self, file_prefix: Any, *_: Any, **__: Any) -> str:
        """Write the values to the next of numbered files."""
        self.count += 1
        return self.write(f"{os.fspath(file_prefix)}-{self.count}")

    def restore(self, save_path: Any, *_: Any, **__: Any) -> "Checkpoint":
        """Read the values; without a file, as at a first start, nothing changes."""
        import numpy as np

        if save_path is not None:
            with np.load(f"{os.fspath(save_path)}.npz") as file:
                for name, weight in self._values().items():
                    weight.assign(file[name])
        return self

    read = restore

    def expect_partial(self) -> "Checkpoint":
        """Say that not all has to be read."""
        return self

    assert_consumed = assert_existing_objects_matched = expect_partial


def latest_checkpoint(checkpoint_dir: Any, latest_filename: Any = None) -> str | None:
    """Return the last weights that a model wrote into a folder, or the last of the numbered files; None for neither."""
    told = os.path.join(os.fspath(checkpoint_dir), latest_filename or "checkpoint")
    if os.path.isfile(told):
        with open(told, encoding="utf-8") as file:
            last = re.search(r'model_checkpoint_path: "([^"]+)"', file.read())
        if last and os.path.isfile(path := os.path.join(os.path.dirname(told), last[1])):
            return path
    found = glob(os.path.join(os.fspath(checkpoint_dir), "*-*.npz"))
    numbered = [(int(number[1]), path[:-4]) for path in found if (number := re.search(r"-(\d+)\.npz$", path))]
    return max(numbered)[1] if numbered else None


class CheckpointManager:
    """Numbered files in a folder, of which the last few are kept."""

    def __init__(self, checkpoint: Checkpoint, directory: Any, max_to_keep: int | None = None, **_: Any) -> None:
        self.checkpoint, self.directory, self.most = checkpoint, os.fspath(directory), max_to_keep
        self.checkpoints: list[str] = []

    @property
    def latest_checkpoint(self) -> str | None:
        """The last of the files."""
        return latest_checkpoint(self.directory)

    def save(self, *_: Any, **__: Any) -> str:
        """Write the next file, and remove the oldest if there are too many."""
        last = self.latest_checkpoint
        self.checkpoint.count = int(last.rpartition("-")[2]) if last else 0
        self.checkpoints.append(self.checkpoint.save(os.path.join(self.directory, "ckpt")))
        while self.most and len(self.checkpoints) > self.most:
            os.remove(f"{self.checkpoints.pop(0)}.npz")
        return self.checkpoints[-1]


__all__ = public(globals())
__getattr__ = missing("tensorflow.train", globals())
