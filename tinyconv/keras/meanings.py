"""What an era's names mean: the tables of all parts of Keras put together."""

from collections.abc import Iterable

from ..losses.cross_entropy import CrossEntropy
from ..objectives import Objective
from . import (
    added_losses,
    callbacks,
    compiled,
    datasets,
    files,
    images,
    kernels_first,
    layers,
    members,
    models,
    naming,
    optimizers,
    own_weights,
    results,
    summaries,
    tensors,
    utilities,
)
from .eras import Era
from .graph import Graph
from .quick_look import Caps
from .spelling import Names, Patch

SETTINGS = ("enable_traceback_filtering", "disable_traceback_filtering", "enable_unsafe_deserialization")


def _nothing(*_: object) -> None:
    """Do nothing: a script's own lines are shown in any case."""


def names_of(era: Era, caps: Caps) -> Names:
    """Return the names of an era that are others than today's, for modules of tinyconv or paths of Keras."""
    tables: Iterable[Names] = (
        layers.spelled_names(era),
        models.spelled_names(era),
        files.spelled_names(era),
        optimizers.spelled_names(era),
        callbacks.spelled_names(era),
        images.spelled_names(era),
        datasets.spelled_names(era, caps),
        utilities.spelled_names(era),
        {"config": dict.fromkeys(SETTINGS, _nothing)},
        {"models": {"Graph": Graph}} if era.before(2) else {},
    )
    found: dict[str, dict[str, object]] = {}
    for table in tables:
        for place, names in table.items():
            found.setdefault(place, {}).update(names)
    return found


def patches_of(era: Era, caps: Caps) -> list[Patch]:
    """Return what classes have others than today's while an era lasts."""
    return [
        *models.patches(era, caps),
        *naming.patches(era),
        *optimizers.patches(era),
        *added_losses.patches(era),
        *summaries.patches(era),
        *callbacks.patches(era),
        *members.patches(era),
        *images.patches(era),
        *kernels_first.patches(era),
        *results.patches(era),
        *own_weights.patches(era),
        *compiled.patches(era),
        *tensors.patches(),
        (CrossEntropy, "check_range", _any_targets),
        (Objective, "check_activation", _any_activation),  # as Keras, which trains what does not fit
    ]


def _any_targets(loss: CrossEntropy, y_true: object, classes: int) -> None:
    """Let targets lie outside 0 … 1: some scripts add noise to them."""


def _any_activation(objective: Objective, last: str | None, output_shape: object) -> None:
    """Let any loss stand behind any activation."""
