"""What ranks that train together must have in common: looked at before the first step, and after each epoch."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .. import kernels, randomness
from .._version import __version__
from ..data import ArrayDataset, Dataset
from ..data.source_dataset import SourceDataset
from ..data.sources import DatasetSource
from ..distributed import Communicator, RankError
from ..structure import flat

SEED_FIRST = "; call tinyconv.set_seed on each before the model is made, or make the communicator first"


def require_alike(
    communicator: Communicator, model: Any, data: Mapping[str, Dataset | None], run: Mapping[str, Any]
) -> None:
    """Raise `RankError`, on all ranks, unless versions, model, settings, data, random numbers and weights agree."""
    optimizer = model.optimizer
    communicator.require_same(
        {
            "tinyconv's version": __version__,
            "NumPy's version": np.__version__,
            **{f"the model's {name}": value for name, value in described(model)},
            "the optimizer": _words({**optimizer.get_config(), "class": type(optimizer).__name__, "name": None}),
            **{f"fit's {name}": _words(value) for name, value in run.items()},
        }
    )
    found: dict[str, Any] = {}
    for name, each in data.items():
        found |= {f"the {name}'s {what}": value for what, value in fingerprint(each).items()}
    communicator.require_same(found)
    streams = [layer.stream for layer in model.every_layer() if hasattr(layer, "stream")]
    communicator.require_same(
        {
            "the seed": randomness.seed(),
            "the random numbers of layers": [(each.seed, each.number, each.step) for each in streams],
            **{f"weight {path}": digest([array]) for path, array in state(model)},
        },
        SEED_FIRST,
    )


def described(model: Any) -> Iterator[tuple[str, Any]]:
    """Yield the name and the value of what makes a model what it is, weights apart."""
    yield "layers", tuple(type(layer).__name__ for layer in model.every_layer())
    yield (
        "weights",
        tuple((weight.path, *weight.shape, str(weight.dtype), weight.trainable) for weight in model.weights),
    )
    for objective in model.objectives:
        loss = objective.loss
        yield objective.log_name("loss"), None if loss is None else f"{objective.weight} · {loss.name}"


def fingerprint(data: Dataset | None) -> dict[str, Any]:
    """Return what tells data apart from others, in small: by names of their aspects."""
    if data is None:
        return {"kind": "none"}
    found: dict[str, Any] = {"kind": type(data).__name__, "batches": data.steps(0), "samples": data.samples}
    inner: Any = data
    while isinstance(inner, SourceDataset) and isinstance(inner.source, DatasetSource):
        inner = inner.source.data
    found["batch size"] = getattr(inner, "batch_size", None)
    if isinstance(inner, ArrayDataset):
        parts = [inner.x, inner.y, inner.sample_weight]
        found["numbers"] = digest([np.asarray(each) for part in parts if part is not None for each in flat(part)])
    files = getattr(inner, "files", None)
    if files is not None:
        found["files"] = digest([np.array([str(name) for name in files.names])])
        found["sizes of files"] = digest([np.array([Path(path).stat().st_size for path in files.paths])])
    return found


def digest(arrays: list[Any]) -> bytes:
    """Return a digest of all bits of arrays, with their shapes."""
    found = hashlib.blake2b(digest_size=16)
    for array in arrays:
        array = np.ascontiguousarray(array if isinstance(array, int | float) else kernels.move(array, "cpu"))
        found.update(f"{array.shape} {array.dtype}".encode())
        found.update(array.reshape(-1).view(np.uint8).data if array.size else b"")
    return found.digest()


def state(model: Any) -> list[tuple[str, Any]]:
    """Return (name, array) of all weights and of the optimizer's state."""
    weights = [(weight.path, weight.data) for weight in model.weights]
    slots = enumerate(model.optimizer.variables())
    return [*weights, *((f"{name} of the optimizer, its variable {place}", value) for place, (name, value) in slots)]


def mend_averages(communicator: Communicator, model: Any, epoch: int, samples: int) -> None:
    """Average the weights that no gradient changes, such as moving averages of batches, where ranks have their own.

    Each counts by the `samples` that its rank has trained on in this epoch. Weights that gradients change, and the
    optimizer's state, are compared to the last bit: `RankError` names the first that differs, on all ranks.
    """
    found = communicator.gather({name: digest([array]) for name, array in state(model)})
    own = {weight.path for weight in model.weights if not weight.trainable}
    differing = [name for name in found[0] if any(each.get(name) != found[0][name] for each in found)]
    for name in differing:
        if name not in own:
            rank = next(rank for rank, each in enumerate(found) if each.get(name) != found[0][name])
            raise RankError.of_all(
                f"after epoch {epoch + 1}, weight {name} of rank {rank} is not to the last bit that of rank 0: all "
                "ranks must make the same updates, on processors alike"
            )
    averaged = [weight for weight in model.weights if weight.path in differing]
    if not averaged:
        return
    parts = [kernels.move(weight.data, "cpu").reshape(-1) * np.float64(samples) for weight in averaged]
    sums = np.concatenate([*parts, [samples]])
    communicator.sum_inplace(sums)
    at = 0
    for weight in averaged:
        weight.assign((sums[at : at + weight.size] / sums[-1]).reshape(weight.shape))
        at += weight.size


def _words(value: Any) -> str:
    """Return a setting as text; of an object whose text has its address, its kind."""
    text = repr(value)
    return text if " at 0x" not in text else type(value).__name__
