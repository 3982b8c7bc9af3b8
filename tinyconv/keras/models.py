"""What a model could do before Keras 3: methods by old names and arguments, given to `Model` while an era lasts."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .. import metrics as M
from .. import optimizers
from ..data import Dataset
from ..data.dataset import count
from ..data.source_dataset import as_dataset
from ..layers import Layer
from ..layers.graph import SymbolicTensor
from ..models import Model, Sequential
from ..objectives import make_objectives
from . import files
from .added_losses import with_symbols
from .callbacks import show_validation_data
from .eras import Era
from .merging import Stack, begun_with
from .quick_look import Caps, of_short
from .spelling import Names, Patch, Spelling, bound, renamed
from .utilities import SHORT

DROPPED = (
    *("nb_worker", "max_q_size", "pickle_safe", "workers", "max_queue_size", "use_multiprocessing", "wait_for_work"),
    *("sample_weight_mode", "target_tensors", "show_accuracy", "run_eagerly", "experimental_run_tf_function"),
    *("steps_per_execution", "jit_compile"),
)
RENAMED = {"nb_epoch": "epochs", "X": "x", "input": "inputs", "output": "outputs"}
FIT = (
    "x y batch_size epochs verbose callbacks validation_split validation_data shuffle class_weight sample_weight "
    "initial_epoch steps_per_epoch validation_steps"
)
GENERATOR_1 = (
    "generator samples_per_epoch nb_epoch verbose callbacks validation_data nb_val_samples class_weight max_q_size "
    "nb_worker pickle_safe initial_epoch"
)
GENERATOR_2 = (
    "generator steps_per_epoch epochs verbose callbacks validation_data validation_steps class_weight max_queue_size "
    "workers use_multiprocessing shuffle initial_epoch"
)
COMPILE = "optimizer loss metrics loss_weights sample_weight_mode weighted_metrics target_tensors"


class Samples(Dataset):
    """Epochs of at least `samples` samples from an endless iterator, which runs on: `samples_per_epoch` of Keras 1."""

    may_run_out = True

    def __init__(self, batches: Any, samples: int) -> None:
        self.batches, self.samples = iter(batches), samples

    def steps(self, number: int) -> None:
        """Return None: how large the batches are is not known."""

    def epoch(self, number: int) -> Iterator[Any]:
        """Yield batches until there have been enough samples; the last may go beyond."""
        seen = 0
        assert self.samples is not None
        for batch in self.batches:
            given = tuple(batch) if isinstance(batch, list | tuple) else (batch,)
            yield given
            seen += count(given[0])
            if seen >= self.samples:
                return


def spelled_names(era: Era) -> Names:
    """Return models by their old arguments, by module."""
    if not era.old:
        return {}

    def functional(*given: Any, **named: Any) -> Any:
        arguments = {**bound("Model", ("inputs", "outputs", "name"), given, {}), **renamed(named, RENAMED)}
        for end in ("inputs", "outputs"):  # a list of one was the one
            value = arguments.get(end)
            if isinstance(value, list | tuple) and len(value) == 1:
                arguments[end] = value[0]
        made = Model(**arguments)
        if hasattr(made, "output_names"):
            made.output_names = _each_once(made.output_names)
        return made

    return {
        "models": {"Model": Spelling("Model", Model, functional)},
        "": {"Model": Spelling("Model", Model, functional)},
    }


def _each_once(names: Sequence[str]) -> list[str]:
    """Return names of outputs, those of one layer's several told apart: disc, disc_1."""
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        found.append(f"{name}_{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return found


def patches(era: Era, caps: Caps) -> list[Patch]:
    """Return the methods of models in an era."""
    fit = Model.fit

    def limited(self: Any, *given: Any, **named: Any) -> Any:
        return _within(caps, fit, self, bound("fit", FIT.split(), given, named))

    if not era.old:
        return [(Model, "fit", limited), (Model, "predict", of_short(Model.predict))] if caps != Caps() else []
    methods = _Methods(era, caps)
    named: dict[str, Callable[..., Any]] = {
        name: getattr(methods, name)
        for name in [
            "compile",
            "fit",
            "fit_generator",
            "evaluate",
            "evaluate_generator",
            "predict",
            "predict_generator",
            "train_on_batch",
            "test_on_batch",
        ]
    }
    found: list[Patch] = [(Model, name, _method(function)) for name, function in named.items()]
    found += [(Model, name, _method(function)) for name, function in files.methods(era).items()]
    found += [(Sequential, "predict_classes", predict_classes), (Sequential, "predict_proba", predict_proba)]
    if era.before(2):
        found.append((Sequential, "add", begun_with(Sequential.add)))
        found += [(Stack, "predict_classes", predict_classes), (Stack, "predict_proba", predict_proba)]
    found.append((Model, "_train", _as_compiled(Model._train)))
    found += [(Layer, f"get_{end}_at", _at(end)) for end in ("input", "output")]
    found += [(SymbolicTensor, "get_shape", get_shape), (SymbolicTensor, "_keras_shape", property(lambda x: x.shape))]
    return found


def _within(caps: Caps, fit: Callable[..., Any], model: Any, arguments: dict[str, Any]) -> Any:
    """Train within the limits of a quick look, and return the history."""
    history = fit(model, **caps.limited(arguments))
    caps.padded(history, arguments.get("epochs", 1) - (arguments.get("initial_epoch") or 0))
    return history


def _method(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function as one that a class makes a method of."""
    return lambda self, *given, **named: function(self, *given, **named)


class StaticShape(tuple[Any, ...]):
    """The shape of a symbol, with what TensorFlow's have besides."""

    def as_list(self) -> list[Any]:
        """Return the lengths as a list."""
        return list(self)


def get_shape(symbol: SymbolicTensor) -> StaticShape:
    """Return the shape of a symbol."""
    return StaticShape(symbol.shape)


def _at(end: str) -> Callable[[Layer, int], Any]:
    def found(layer: Layer, node_index: int = 0) -> Any:
        node = layer.call_nodes[node_index]
        return node.given if end == "input" else node.result

    return found


def predict_classes(self: Sequential, x: Any, batch_size: int = 32, verbose: int = 0) -> np.ndarray:
    """Return the class of each sample: the largest output, or, of a single one, whether it is above 0.5, as int32."""
    y: np.ndarray = self.predict(x, batch_size=batch_size, verbose=verbose)
    return y.argmax(axis=-1) if y.shape[-1] > 1 else (y > 0.5).astype("int32")


def predict_proba(self: Sequential, x: Any, batch_size: int = 32, verbose: int = 0) -> np.ndarray:
    """Return the outputs: `predict` by another name."""
    found: np.ndarray = self.predict(x, batch_size=batch_size, verbose=verbose)
    return found


def _as_compiled(train: Callable[..., None]) -> Callable[..., None]:
    """Return a step that trains the weights which were to be trained when the model was compiled: as before Keras 3."""

    def step(self: Any, batch: Any, running: Any) -> None:
        wanted = vars(self).get("_trained_at_compile")
        if not wanted or {id(weight) for weight in self.trainable_weights} == wanted:
            train(self, batch, running)
            return
        before = self._trainable, [(weight, weight.trainable) for weight in self.weights]
        try:
            self._trainable = True
            for weight in self.weights:
                weight.trainable = id(weight) in wanted
            train(self, batch, running)
        finally:
            self._trainable = before[0]
            for weight, trainable in before[1]:
                weight.trainable = trainable

    return step


class _Methods:
    """The methods of models in an era, each in front of today's."""

    def __init__(self, era: Era, caps: Caps) -> None:
        self.era, self.caps = era, caps
        self.today = {
            name: getattr(Model, name)
            for name in ("compile", "fit", "evaluate", "predict", "train_on_batch", "test_on_batch")
        }

    def compile(self, model: Any, *given: Any, **named: Any) -> None:
        """Compile with the era's optimizers, names of metrics, and choice of the accuracy."""
        from .optimizers import spelled_names as optimizers_of

        positions = COMPILE.split() if self.era.before(3) else ["optimizer", "loss", "metrics", "loss_weights"]
        arguments = bound("compile", positions, given, named)
        class_mode = arguments.pop("class_mode", None)
        arguments = renamed(arguments, {}, DROPPED)
        optimizer = arguments.pop("optimizer", "rmsprop")
        get = optimizers_of(self.era).get("optimizers", {}).get("get", optimizers.get)
        loss = arguments.get("loss")
        arguments["metrics"] = self._metrics(model, _of_each_output(model, arguments.get("metrics")), loss)
        arguments["loss"] = with_symbols(model, loss)
        self.today["compile"](model, _own(get(optimizer), model), **arguments)
        model._class_mode = class_mode
        if model.built:
            model._trained_at_compile = {id(weight) for weight in model.trainable_weights}

    def _metrics(self, model: Any, given: Any, loss: Any, place: int = 0) -> Any:
        """Return metrics as today's `compile` takes them; `place` is that of the output."""
        if isinstance(given, Mapping):
            names = list(getattr(model, "output_names", None) or given)
            of = loss if isinstance(loss, Mapping) else {}
            places = [names.index(name) if name in names else 0 for name in given]
            return {
                name: self._metrics(model, each, of.get(name, loss), at)
                for (name, each), at in zip(given.items(), places, strict=True)
            }
        if isinstance(given, list | tuple):
            if any(isinstance(each, list | tuple) for each in given):
                losses = loss if isinstance(loss, list | tuple) and len(loss) == len(given) else [loss] * len(given)
                return [self._metrics(model, *each) for each in zip(given, losses, range(len(given)), strict=True)]
            return [self._metrics(model, each, loss, place) for each in given]
        if given not in ("accuracy", "acc"):
            whole = isinstance(given, str) and self.era.before(2, 3)  # logged as the function was called
            return SHORT.get(given, given) if whole else with_symbols(model, given, place)
        name = "acc" if self.era.before(2, 3) else given
        if self.era.before(2, 4) and getattr(loss, "__name__", loss) == "binary_crossentropy":
            return M.BinaryAccuracy(name=name)
        return name

    def fit(self, model: Any, *given: Any, **named: Any) -> Any:
        """Train on arrays, or, in tf.keras, on what gives batches."""
        arguments = renamed(bound("fit", FIT.split(), given, renamed(named, RENAMED)), {}, ())
        self._show_accuracy(model, arguments)
        arguments = renamed(arguments, {}, DROPPED)
        for name, value in self._fit_defaults(model, arguments.get("x")).items():
            arguments.setdefault(name, value)
        if arguments.get("class_weight") in ("auto", {}):
            arguments["class_weight"] = None
        if arguments.get("shuffle") == "batch":
            arguments["shuffle"] = True
        for name in ("steps_per_epoch", "validation_steps", "epochs"):
            if isinstance(arguments.get(name), float | np.floating):
                arguments[name] = math.ceil(arguments[name])
        if isinstance(arguments.get("validation_data"), list):
            arguments["validation_data"] = tuple(arguments["validation_data"])
        if self.era.before(2, 3):
            show_validation_data(self.caps.limited(arguments))
        return _within(self.caps, self.today["fit"], model, arguments)

    def _fit_defaults(self, model: Any, x: Any) -> dict[str, Any]:
        """Return epochs, and for arrays the batch size, where they differ from today's 1 and 32."""
        if self.era.before(1):
            return {"epochs": 100} if as_dataset(x, False, None) is not None else {"batch_size": 128, "epochs": 100}
        of_stacks = self.era.before(2, 1) and isinstance(model, Sequential)
        return {"epochs": 10} if self.era.before(2) or of_stacks else {}

    def _show_accuracy(self, model: Any, arguments: Mapping[str, Any]) -> None:
        """Have the accuracy among the logs or not, as Keras 0.x is told in each call."""
        if not self.era.before(1) or model._compiled is None or model._compiled["metrics"]:
            return
        binary = getattr(model, "_class_mode", None) == "binary"
        accuracy = M.BinaryAccuracy(name="acc") if binary else "acc"
        metrics = [accuracy] if arguments.get("show_accuracy") or arguments.get("accuracy") else None
        weights = model._compiled["loss_weights"]
        model.objectives = make_objectives(model.output_names, model._compiled["loss"], weights, metrics, None)

    def fit_generator(self, model: Any, *given: Any, **named: Any) -> Any:
        """Train on what a generator yields."""
        positions = GENERATOR_1 if self.era.before(2) else GENERATOR_2
        arguments = bound("fit_generator", positions.split(), given, named)
        self._show_accuracy(model, arguments)
        generator = arguments.pop("generator")
        samples, held_out = arguments.pop("samples_per_epoch", None), arguments.pop("nb_val_samples", None)
        validation = arguments.get("validation_data")
        arguments = renamed(arguments, {**RENAMED, "nb_worker": "workers"}, DROPPED)
        if self.era.before(2):
            samples = self.caps.samples if self.caps.samples is not None and samples else samples
            generator = generator if samples is None else Samples(generator, min(samples, self.caps.samples or samples))
            if held_out is not None and not isinstance(validation, list | tuple):
                arguments["validation_data"] = Samples(validation, min(held_out, self.caps.samples or held_out))
        elif samples is not None:
            size = getattr(generator, "batch_size", None)
            arguments["steps_per_epoch"] = samples // size if size else samples
            if held_out is not None:
                arguments["validation_steps"] = held_out
        size = getattr(generator, "batch_size", None)
        if self.caps.samples is not None and size and arguments.get("steps_per_epoch"):
            most = max(1, math.ceil(self.caps.samples / size))
            arguments["steps_per_epoch"] = min(arguments["steps_per_epoch"], most)
        arguments["x"] = self._endless(generator, arguments.get("steps_per_epoch"))
        return self.fit(model, **arguments)

    def _endless(self, generator: Any, steps: Any) -> Any:
        """Return what goes on from epoch to epoch where epochs have other lengths than the data, as before Keras 3."""
        if steps is None or isinstance(generator, Samples) or not hasattr(generator, "__len__"):
            return generator
        return generator if math.ceil(steps) == len(generator) else _passes(generator)

    def evaluate(self, model: Any, *given: Any, **named: Any) -> Any:
        """Measure on arrays, or, in tf.keras, on what gives batches."""
        named = renamed(named, RENAMED)
        self._show_accuracy(model, named)
        arguments = bound("evaluate", ["x", "y", "batch_size", "verbose", "sample_weight", "steps"], given, named)
        return self.today["evaluate"](model, **renamed(arguments, {}, DROPPED))

    def predict(self, model: Any, *given: Any, **named: Any) -> Any:
        """Compute the outputs; silently, if nothing else is asked."""
        arguments = bound("predict", ["x", "batch_size", "verbose", "steps"], given, renamed(named, RENAMED))
        predict = of_short(self.today["predict"])
        return predict(model, **{"verbose": 0, **renamed(arguments, {}, DROPPED)})

    def evaluate_generator(self, model: Any, *given: Any, **named: Any) -> Any:
        """Measure on what a generator yields."""
        x, arguments = self._from_generator("evaluate_generator", given, named)
        self._show_accuracy(model, arguments)
        return self.today["evaluate"](model, x, **{"verbose": 0, **renamed(arguments, {}, DROPPED)})

    def predict_generator(self, model: Any, *given: Any, **named: Any) -> Any:
        """Compute the outputs for what a generator yields."""
        x, arguments = self._from_generator("predict_generator", given, named)
        return self.today["predict"](model, x, **{"verbose": 0, **renamed(arguments, {}, DROPPED)})

    def _from_generator(self, name: str, given: Sequence[Any], named: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        second = "val_samples" if self.era.before(2) else "steps"
        positions = ("generator", second, "max_queue_size", "workers", "use_multiprocessing", "verbose")
        arguments = bound(name, positions, given, named)
        generator, samples = arguments.pop("generator"), arguments.pop("val_samples", None)
        if self.era.before(2) and samples is not None:
            return Samples(generator, samples), arguments
        steps = arguments.pop("steps", None) or samples
        if steps is not None:
            arguments["steps"] = math.ceil(steps)
            generator = self._endless(generator, steps)
        return generator, arguments

    def train_on_batch(self, model: Any, *given: Any, **named: Any) -> Any:
        """Make one update."""
        self._show_accuracy(model, named)
        return self.today["train_on_batch"](model, *given, **renamed(named, RENAMED, ("accuracy", "reset_metrics")))

    def test_on_batch(self, model: Any, *given: Any, **named: Any) -> Any:
        """Measure one batch."""
        self._show_accuracy(model, named)
        return self.today["test_on_batch"](model, *given, **renamed(named, RENAMED, ("accuracy", "reset_metrics")))


def _of_each_output(model: Any, given: Any) -> Any:
    """Return metrics output by output: a list without lists in it was for every output."""
    names = getattr(model, "output_names", None) or ()
    if len(names) < 2 or not isinstance(given, list | tuple) or any(isinstance(each, list | tuple) for each in given):
        return given
    return [[type(m).from_config(m.get_config()) if isinstance(m, M.Metric) else m for m in given] for _ in names]


def _own(optimizer: Any, model: Any) -> Any:
    """Return an optimizer for a model: a new one like it, if it has been another compilation's already."""
    if vars(optimizer).get("_of_model") is not None:
        optimizer = optimizer.from_config(optimizer.get_config())
    optimizer._of_model = model.name
    return optimizer


def _passes(given: Any) -> Iterator[Any]:
    """Yield the batches of a dataset, or of what has them by number, one pass after the other."""
    if hasattr(given, "__next__"):
        yield from given
    while True:
        for index in range(len(given)):
            yield given[index]
        getattr(given, "on_epoch_end", lambda: None)()
