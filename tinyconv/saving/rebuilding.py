"""Models from descriptions in files: what tinyconv lacks of them is all said at once, and nothing is half made."""

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from .. import initializers, registry
from ..models.description import rebuild
from ..models.operations import is_operation
from . import channels, training
from .hdf5 import FileError
from .modern import modern
from .training import Version
from .weights import Made

TODAY = (3, 0)  # the version of Keras from which on channels first stay so
MODELS = ("Functional", "Sequential")


def file_model(description: Any, model: Any, version: Version, place: str) -> Made | None:
    """Return the model of a description where weights cannot be turned for `model` without it; else None.

    That is one of channels first, unless `model` takes them first itself. Raises FileError as `make_model` does.
    """
    if not channels.order_matters(description) or channels.takes_first(model):
        return None
    return make_model(description, None, version, place, turn=True)


def make_model(
    description: Mapping[str, Any],
    compiled: Mapping[str, Any] | None,
    version: Version,
    place: str,
    blank: bool = True,
    turn: bool = False,
) -> Made:
    """Return the model of a description, compiled as `compiled` says unless that is None, and changes of its weights.

    Its weights are zero if `blank`, to be loaded; the changes are what turns those of a file, by the weights' ids: see
    `channels`, of a model that took images with channels first before Keras 3, or in any if `turn`, which a UserWarning
    tells. Raises FileError that names `place`, the file, and all that tinyconv lacks of the model.
    """
    try:
        before = today = modern(description, version)
        first = channels.is_channels_first(today) and (turn or version < TODAY)
        if first:
            today = channels.turned(today)
        arguments = None if not compiled else training.compile_arguments(compiled, version)
        missing = _missing(today, arguments)
        if missing:
            raise FileError("tinyconv cannot make " + "; ".join(missing))
        if blank:
            with initializers.blank():
                model = _built(today)
        else:
            model = _built(today)
        if blank:
            model.require_built()
        if arguments is not None and arguments["loss"] is not None:
            model.compile_from_config(arguments)
        changes = channels.row_changes(model, before) if first else {}
    except FileError as error:
        raise FileError(f"{place}: {error}") from error
    except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError, MemoryError, RecursionError) as error:
        reason = str(error) or "it is nested too deep"
        raise FileError(f"{place} describes no model that can be made: {reason}") from error
    if first:
        warnings.warn(f"{place}: the images were (n, c, h, w), the model takes (n, h, w, c) now", stacklevel=4)
    return Made(model, changes)


def missing_parts(description: Mapping[str, Any], compiled: Mapping[str, Any] | None, version: Version) -> list[str]:
    """Return what tinyconv lacks of a described model, each with its place."""
    try:
        today = modern(description, version)
        if channels.is_channels_first(today) and version < TODAY:
            today = channels.turned(today)
        return _missing(today, training.compile_arguments(compiled, version) if compiled else None)
    except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        return [str(error) or "it is nested too deep"]


def _missing(today: Mapping[str, Any], arguments: Mapping[str, Any] | None) -> list[str]:
    missing = list(_lacks(today, ""))
    if arguments is not None and arguments["loss"] is not None:
        missing += [f"{each} (compile=False leaves it out)" for each in training.lacks(arguments)]
    return missing


def _built(description: Mapping[str, Any]) -> Any:
    model = rebuild(description)
    if not hasattr(model, "layers"):
        raise ValueError(f"{description['class_name']} is not a model, but a layer")
    build = description.get("build_config")
    shape = build.get("input_shape") if isinstance(build, Mapping) else None
    if not model.built and isinstance(shape, list | tuple):
        model.build([tuple(each) for each in shape] if isinstance(shape[0], list) else tuple(shape))
    return model


def _lacks(description: Mapping[str, Any], place: str) -> Iterator[str]:
    """Yield what tinyconv lacks of a model or a layer: its place, its name and why."""
    config, class_name = description["config"], description["class_name"]
    if class_name in MODELS and registry.own_class(description) is None:
        for number, layer in enumerate(config["layers"]):
            where = f"{place}/layers/{number}".lstrip("/")
            yield from _lacks(layer, where)
            if is_operation(layer) or registry.own_class(layer) is not None:
                continue
            for call in layer.get("inbound_nodes") or []:
                if isinstance(call, Mapping) and len(call["args"]) != 1:
                    yield f'{where} "{layer["name"]}": called on {len(call["args"])} tensors apart'
        return
    try:
        rebuild(description)
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        name = config.get("name") if isinstance(config, Mapping) else None
        yield f'{place or "the model"} "{name}" ({class_name}): {training.reason(error, class_name)}'
