"""What a file says of training: optimizer, loss and metrics of any Keras as arguments of `compile`, and as written."""

from collections.abc import Mapping
from typing import Any

from .. import losses, metrics, optimizers, registry
from ..names import snake_case

Version = tuple[int, int]

NO_ARGUMENTS = ("jit_compile", "is_legacy_optimizer", "iterations")
SCHEDULE_DECAY = 0.004  # of Nadam, which tf.keras up to 2.10 wrote as its "decay"
EMA = ("use_ema", "ema_momentum", "ema_overwrite_frequency")


def version_of(text: str | None) -> Version:
    """Return (2, 4) of "2.4.0" or "2.4.0-tf"; a file that names no version is of Keras 1."""
    parts = str(text or "1.0").split(".")
    try:
        return int(parts[0]), int(parts[1]) if len(parts) > 1 else 0
    except ValueError:
        raise ValueError(f'keras_version must be like "2.4.0", got {text!r}') from None


def version_of_json(description: Mapping[str, Any]) -> Version:
    """Return the version that wrote a description of a model alone. Keras 3 names none, but a module of each class."""
    version = description.get("keras_version")
    return version_of(str(version)) if version else (3, 0) if "module" in description else (1, 0)


def compile_arguments(config: Mapping[str, Any], version: Version) -> dict[str, Any]:
    """Return the arguments of `compile` that "compile_config", or "training_config" of a .h5 file, describes."""
    optimizer = config.get("optimizer", config.get("optimizer_config"))
    if isinstance(optimizer, Mapping):
        optimizer = _optimizer(optimizer, version)
    return {
        "optimizer": optimizer,
        "loss": _each(_loss, config.get("loss")),
        "loss_weights": config.get("loss_weights"),
        "metrics": _each(_metric, config.get("metrics")),
        "weighted_metrics": _each(_metric, config.get("weighted_metrics")),
    }


def compile_config(model: Any) -> dict[str, Any]:
    """Return what a model was compiled with in the words of Keras 3, which lacks some of Keras 2's names; or {}."""
    config: dict[str, Any] = model.get_compile_config()
    if config:
        config["loss"] = _each(_loss_of_keras3, config["loss"])
        for kind in ("metrics", "weighted_metrics"):
            config[kind] = _each(_metric_of_keras3, config[kind])
    return config


def _loss_of_keras3(given: Any) -> Any:
    known = not isinstance(given, str) or given not in losses.NAMES or given.lower() in losses.ABBREVIATIONS
    return given if known else snake_case(losses.NAMES[given].__name__)


def _metric_of_keras3(given: Any) -> Any:
    """Return the description of a metric that Keras 3 has by another name, by the name that its logs have here."""
    if not isinstance(given, str) or given not in metrics.NAMES or given in metrics.METRICS:
        return given
    if given.lower() in metrics.ABBREVIATIONS and given.lower() != "kld":
        return given
    return registry.serialize(metrics.NAMES[given](name=given))


def training_config(model: Any) -> dict[str, Any]:
    """Return what a model was compiled with as Keras 3 writes it into ".h5" files, or {}.

    Of those that it has, classes are named without their module, functions by their name alone. Its reader knows no
    abbreviations of losses: in Keras 3.15 `load_model` fails on "mse", from its own files, too.
    """
    config = compile_config(model)
    if not config:
        return {}
    optimizer = config.pop("optimizer")
    found = {name: _each(_without_module, given) for name, given in config.items()}
    found["loss"] = _each(_in_full, found["loss"])
    name = optimizer["registered_name"] or optimizer["class_name"]
    return {**found, "optimizer_config": {"class_name": name, "config": optimizer["config"]}}


def _without_module(given: Any) -> Any:
    if not isinstance(given, Mapping):
        return given
    if given["class_name"] == registry.FUNCTION:
        return given["config"]
    known = given["registered_name"] is None
    return {"class_name": given["class_name"], "config": given["config"]} if known else given


def _in_full(given: Any) -> Any:
    known = losses.ABBREVIATIONS.get(given.lower()) if isinstance(given, str) else None
    return given if known is None else snake_case(known.__name__)


def reason(error: Exception, name: str) -> str:
    """Return why something of this name is lacking; the list of what is known is left out."""
    told, unknown, _ = str(error).partition(": known are ")
    return f"{told}; one of your own comes with custom_objects={{'{name}': {name}}}" if unknown else told


def lacks(arguments: Mapping[str, Any]) -> list[str]:
    """Return what of the arguments tinyconv has not, a line each."""
    found: list[str] = []

    def tried(what: str, given: Any, make: Any) -> None:
        name = str(given.get("class_name") if isinstance(given, Mapping) else given)
        try:
            make()
        except (ValueError, TypeError, KeyError) as error:
            found.append(f"{what}: {reason(error, name)}")

    tried("optimizer", arguments["optimizer"], lambda: optimizers.get(arguments["optimizer"]))
    _each(lambda one: tried("loss", one, lambda: losses.loss_of(one)), arguments["loss"])
    for kind in ("metrics", "weighted_metrics"):
        _each(lambda one, kind=kind: tried(kind, one, lambda: metrics.metric_of(one, (2,), (None, 2))), arguments[kind])
    return found


def _each(function: Any, given: Any) -> Any:
    """Apply `function` to a name or a description, or to each in lists and dicts of them."""
    if given is None:
        return None
    if isinstance(given, list | tuple):
        return [_each(function, one) for one in given]
    if isinstance(given, Mapping) and "class_name" not in given:
        return {name: _each(function, one) for name, one in given.items()}
    return function(given)


def is_old_optimizer(config: Mapping[str, Any], version: Version) -> bool:
    """Return whether a configuration is of an optimizer from before tf.keras 2.11, which later ones had as `legacy`."""
    return version < (2, 11) or (version < (3, 0) and bool(config.get("is_legacy_optimizer", True)))


def _optimizer(description: Mapping[str, Any], version: Version) -> dict[str, Any]:
    """Return the description of an optimizer in today's words, with the rule of its own time."""
    class_name, config = str(description.get("class_name")), dict(description.get("config") or {})
    if registry.own_class(description) is None:
        class_name = class_name.removeprefix("Custom>")
        description = {"module": "keras.optimizers", "registered_name": None}
    old = is_old_optimizer(config, version)
    for name in NO_ARGUMENTS:
        config.pop(name, None)
    if not config.get("use_ema"):
        for name in EMA:
            config.pop(name, None)
    if "lr" in config:
        config["learning_rate"] = config.pop("lr")
        if class_name == "Adagrad":
            config.setdefault("initial_accumulator_value", 0.0)
    if "epsilon" in config and config["epsilon"] is None:
        config["epsilon"] = 1e-7
    decay = config.pop("decay", None)
    if class_name == "Nadam" and old:
        config["schedule_decay"] = config.get("schedule_decay") or decay or SCHEDULE_DECAY
    elif old and decay:
        rate = {"initial_learning_rate": config["learning_rate"], "decay_steps": 1, "decay_rate": decay}
        config["learning_rate"] = {"class_name": "InverseTimeDecay", "config": rate}
    first = version < (2, 0) and config.get("epsilon") == 1e-6  # Keras 1.0 added ε within the root
    if old and not first and (class_name == "Adagrad" or (class_name == "RMSprop" and not config.get("momentum"))):
        config["epsilon_mode"] = "outside"
    return {**description, "class_name": class_name, "config": config}


def _loss(given: Any) -> Any:
    given = _found(given)
    if not isinstance(given, Mapping):
        return given
    given = _unwrapped(given, "LossFunctionWrapper", losses.LOSSES)
    if isinstance(given.get("config"), Mapping) and given["config"].get("reduction") == "auto":
        given["config"]["reduction"] = "sum_over_batch_size"
    return _with_module(given, "keras.losses")


def _metric(given: Any) -> Any:
    given = _found(given)
    if not isinstance(given, Mapping):
        return given
    return _with_module(_unwrapped(given, "MeanMetricWrapper", metrics.METRICS), "keras.metrics")


def _with_module(description: Mapping[str, Any], module: str) -> dict[str, Any]:
    """Return a description with the names that ".keras" files have in it and ".h5" files have not."""
    own = registry.own_class(description)
    if own is None:
        return {"module": module, "registered_name": None, **description}
    names = {"module": own.__module__, "class_name": own.__name__, "registered_name": registry.get_registered_name(own)}
    return {**description, **names}


def _found(given: Any) -> Any:
    """Return the user's class or function that a name, or a function's description, says; else what was given.

    For `compile` looks metrics up later, when the `custom_objects` of a file do not count any more.
    """
    name = given.get("config") if isinstance(given, Mapping) and given.get("class_name") == registry.FUNCTION else given
    return (registry.get_registered_object(name) if isinstance(name, str) else None) or given


def _unwrapped(given: Mapping[str, Any], wrapper: str, known: Mapping[str, type[Any]]) -> dict[str, Any]:
    """Return the description of a loss or a metric; one of a function of Keras's, wrapped, as that of its class."""
    config = given.get("config")
    if not isinstance(config, Mapping) or not isinstance(config.get("fn"), str) or registry.own_class(given):
        return {**given, "config": dict(config) if isinstance(config, Mapping) else config}
    config = dict(config)
    fn = config.pop("fn")
    if given["class_name"] != wrapper or registry.get_registered_object(fn):
        return {**given, "config": config if given["class_name"] != wrapper else {**config, "fn": fn}}
    config.pop("dtype", None)
    return {"class_name": known[fn].__name__ if fn in known else fn, "config": config}
