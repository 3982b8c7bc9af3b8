"""What Keras has and tinyconv has not: a message that says so, and says what there is instead.

`INSTEAD` is for each module of tinyconv, and for each class whose objects have attributes, a table of Keras's names, as
patterns of `fnmatch`, and what to use in their place; `ARGUMENTS` is that of arguments. Whoever adds a layer, a loss, …
with one of these names takes the name out of the table.
"""

import sys
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import wraps
from importlib import import_module
from importlib.util import find_spec
from inspect import getattr_static, signature
from opcode import opmap
from types import ModuleType
from typing import Any, NoReturn, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

KINDS = {"loss": "losses"}  # the others: their plural
METHODS = {"__init__", "compile", "fit", "evaluate", "predict", "summary", "save_weights", "load_weights", "add", "pop"}
HOT = ("tinyconv.tensor",)  # made in every operation

INSTEAD: dict[str, dict[str, str]] = {
    "tinyconv": {
        "applications": "the networks are in tinyconv.zoo",
        "ops": "tinyconv.functions has operations on tensors; NumPy does for arrays",
        "tree": "NumPy, dicts and tuples do",
        "random": "NumPy does for arrays; tinyconv.set_seed(…) seeds initialisation, shuffling and dropout",
        "legacy export": "models have save, save_weights and get_config",
        "mixed_precision dtype_policies *DTypePolicy": 'set_floatx("float32") or "float64" sets the one dtype of all',
        "quantizers Quantizer distillation": "there are regularizers, in tinyconv.regularizers",
        "device": 'model.to("gpu") and tensor.to("gpu") choose the device',
        "distribution": "training uses all cores of one machine, or one GPU",
        "KerasTensor": "tinyconv.Input(shape) makes a symbolic tensor",
        "Operation": "a differentiable operation is a subclass of tinyconv.Function",
        "StatelessScope SymbolicScope RematScope remat name_scope": "layers and models are called as they are",
        "visualization": "import tinyconv.visualize for pictures of filters, activations and training",
        "wrappers": "write the few methods that scikit-learn asks for around model.fit and model.predict",
        "version": "tinyconv.__version__ is the version",
        "keras src": "Keras's names are at the top: tinyconv.layers, tinyconv.losses, …",
    },
    "preprocessing": {
        "sequence timeseries_dataset_from_array text_dataset_from_directory": "tinyconv is for images",
    },
    "utils": {
        "audio* text* timeseries* pad_sequences FeatureSpace bounding_boxes": "tinyconv is for images",
        "split_dataset": "fit takes validation_split, image_dataset_from_directory takes subset",
        "model_to_dot": "plot_model draws a model without Graphviz",
        "Config": "a dict does",
        "get_source_inputs is_keras_tensor standardize_dtype legacy": "models and layers know their inputs and dtypes",
    },
    "layers": {
        "LSTM* GRU* *RNN* Bidirectional Masking Embedding ReversibleEmbedding *Attention ConvLSTM*": (
            "tinyconv is for images, there are no layers for sequences"
        ),
        "*1D *1DTranspose": "tinyconv is for images: use the layer for 2D with a height or width of 1",
        "*3D *3DTranspose": "tinyconv is for images: there are layers for 2D only",
        "TextVectorization *Lookup Hashing HashedCrossing CategoryEncoding Discretization *Spectrogram Pipeline": (
            "tinyconv is for images: prepare other data with NumPy before fit"
        ),
        "RandomColor* RandomE* RandomGaussianBlur RandomP* RandomSharpness": (
            "use RandomBrightness, RandomContrast, RandomHue, RandomSaturation, RandomShear or RandomZoom"
        ),
        "AugMix AutoContrast CutMix MixUp RandAugment Solarization *Equalization MaxNumBounding*": (
            "change the images with NumPy or Pillow before fit"
        ),
        "AdaptiveAveragePooling2D AdaptiveMaxPooling2D": (
            "use AveragePooling2D or MaxPooling2D with a window that fits, or GlobalAveragePooling2D"
        ),
        "ThresholdedReLU": "use ReLU(threshold=…)",
        "EinsumDense": "use Dense, after Reshape or Permute",
        "FlaxLayer JaxLayer TFSMLayer TorchModule*": "tinyconv runs no other framework: write a subclass of Layer",
    },
    "saving": {
        "KerasFileEditor": "python -m tinyconv.inspect FILE shows what is in a file",
    },
    "losses": {
        "CTC": "tinyconv is for images, there are no losses for sequences",
    },
    "metrics": {},
    "optimizers": {
        "Adafactor Muon ScheduleFreeAdamW": "use Adam, AdamW, Lamb or Lion",
        "LossScaleOptimizer": "there is no float16 whose losses want scaling: use the optimizer itself",
        "MultiOptimizer OptimizerMap": "one optimizer updates all trainable weights",
        "legacy": "use the optimizer itself",
    },
    "schedules": {"NoisyLinearCosineDecay LinearCosineDecay": "use CosineDecay"},
    "callbacks": {
        "OrbaxCheckpoint SwapEMAWeights": "use ModelCheckpoint",
        "RemoteMonitor": "use CSVLogger, or write a Callback whose on_epoch_end sends the logs",
    },
    "initializers": {
        "STFT STFTInitializer": "use GlorotUniform or HeNormal, or give any function of (shape, dtype)",
    },
    "zoo": {
        "ConvNeXt* DenseNet* EfficientNet* InceptionResNet* NASNet*": "use ResNet50V2, Xception or InceptionV3",
        "MobileNetV3*": "use MobileNetV2",
        "ResNet*": "use ResNet50 or ResNet50V2",
        "imagenet_utils": "preprocess_input and decode_predictions are in tinyconv.zoo",
    },
    "datasets": {
        "boston_housing california_housing imdb reuters": "tinyconv is for images: use mnist, cifar10 or fashion_mnist",
    },
    "Model": {
        "metrics_variables": "metrics have variables",
        "compiled_loss compiled_metrics": "get_compile_config gives what compile was given",
        "get_state_tree set_state_tree": "use get_weights and set_weights",
        "get_quantization_layer_structure": "weights are float32 or float64",
        "make_train_function make_test_function make_predict_function stateless_compute_loss": (
            "define train_step, test_step or compute_loss"
        ),
        "run_eagerly jit_compile distribute_strategy distribute_reduction_method": (
            "operations run when they are called, on kernels compiled before"
        ),
    },
    "Layer": {
        "add_variable": "use add_weight",
        "add_metric metrics_variables": "give compile the metrics, or have them as attributes",
        "dtype_policy compute_dtype input_dtype variable_dtype": "all layers compute in one dtype, tinyconv.floatx()",
        "path": "use name",
        "input_spec get_build_config build_from_config": "build(input_shape) settles the shape",
        "compute_output_spec compute_mask supports_masking": "use compute_output_shape; there are no masks",
        "load_own_variables save_own_variables": (
            "use get_weights and set_weights, or a model's save_weights and load_weights"
        ),
        "quantize quantized_build quantized_call quantization_mode": "weights are float32 or float64",
        "symbolic_call stateless_call rematerialized_call": "call the layer itself",
    },
    "Optimizer": {
        "stateless_apply update_step": "use apply(gradients, weights)",
        "add_variable add_variable_from_reference add_optimizer_variables assign assign_add assign_sub "
        "load_own_variables save_own_variables set_weights finalize_variable_values": (
            "update(w, g, slots, learning_rate) is what an optimizer of your own defines"
        ),
        "scale_loss": "there is no float16 whose losses want scaling",
    },
}

ARGUMENTS = {
    "activity_regularizer": "set the attribute: layer.activity_regularizer = …",
    "autocast": "all layers compute in one dtype, tinyconv.floatx()",
    "trainable": "set the attribute: layer.trainable = False",
    "input_shape": "begin the model with tinyconv.Input(shape)",
    "lora_* quantization_config": "weights are trained as they are, in float32 or float64",
    "batch_size batch_shape": "give the shape of one sample: Input((28, 28, 1))",
    "sparse ragged tensor input_tensor optional": "inputs are whole arrays, each given to fit",
    "splines": "lines are curves that pass by every box",
    "from_sorted_ids": "give scores for all classes",
    "input_axes output_axes": "axes are those of the layers' own kernels",
    "line_length positions print_fn expand_nested show_trainable layer_range": "the summary has one form",
    "max_shard_size zipped": "a file is replaced whole",
    "rebuild": "leave it out",
}


class NotOfferedError(Exception):
    """What an error is, besides its kind, that is about something of Keras's which tinyconv has not."""


class NotOfferedNameError(NotOfferedError, AttributeError):
    """A name that tinyconv has not."""


class NotOfferedImportError(NotOfferedError, ImportError):
    """A name that tinyconv has not, in `from … import name`."""


class NotOfferedModuleError(NotOfferedError, ModuleNotFoundError):
    """A module that tinyconv has not."""


class NotOfferedArgumentError(NotOfferedError, TypeError):
    """An argument that tinyconv has not."""


class NotOfferedValueError(NotOfferedError, ValueError):
    """A loss, a metric, … that tinyconv has not, named by a string."""


class NotOfferedFileError(NotOfferedError, FileNotFoundError):
    """A file that Keras would download, and that is not on this machine."""


def instead(place: str, name: str) -> str | None:
    """Return what to use in place of Keras's `name` in a module of tinyconv, None if the table does not know it."""
    return _advice(INSTEAD.get(place, {}), name)


def _advice(table: Mapping[str, str], name: str) -> str | None:
    for patterns, advice in table.items():
        if any(fnmatchcase(_plain(name), _plain(pattern)) for pattern in patterns.split()):
            return advice
    return None


def refusal(kind: str, name: str) -> str | None:
    """Return the message about a loss, a metric, … that Keras knows by the string `name` and tinyconv does not."""
    advice = instead(KINDS.get(kind, kind + "s"), name)
    return f'tinyconv does not offer the {kind} "{name}": {advice}' if advice else None


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the name in `known` that a mistyped name is likely to mean, None if none is near; case does not count."""
    spellings = {each.lower(): each for each in known}
    near = get_close_matches(name.lower(), spellings, n=1, cutoff=0.5)
    return spellings[near[0]] if near else None


def _plain(name: str) -> str:
    """Return a name without what tells "KLDivergence" from "kl_divergence"."""
    return name.replace("_", "").replace("-", "").lower()


# What a module offers, and which module has it: that takes long to import, and few programs need it.
LATE = {
    "tinyconv.explain": "tinyconv.explorer",
    "tinyconv.explore": "tinyconv.explorer",
    "tinyconv.explorer": "tinyconv.explorer",
    "tinyconv.visualize": "tinyconv.visualize",
    "tinyconv.utils.plot_model": "tinyconv.visualize",
}


def explain_missing(modules: Iterable[ModuleType]) -> None:
    """Let modules, classes and methods say, about what they have not, what there is instead, or what comes near.

    Names that a module offers without having them come from elsewhere once they are asked for: see `LATE`.
    """
    public = {module: public_names(module) for module in modules}
    for module in public:
        _explain_names(module, public)
    values = [vars(module)[name] for module, names in public.items() for name in names & vars(module).keys()]
    for kind in {base for value in values if isinstance(value, type) for base in value.__mro__}:
        if kind.__module__ in HOT or not kind.__module__.startswith("tinyconv."):
            continue
        if kind.__name__ in INSTEAD:
            _explain_attributes(kind)
        for name in METHODS & vars(kind).keys():
            setattr(kind, name, explained(vars(kind)[name]))


def _explain_names(module: ModuleType, public: dict[ModuleType, set[str]]) -> None:
    place = module.__name__.rpartition(".")[2]

    def missing(name: str) -> Any:
        late = LATE.get(f"{module.__name__}.{name}")
        if late is not None:
            value = import_module(late)
            setattr(module, name, value if late.endswith(f".{name}") else getattr(value, name))
            return getattr(module, name)
        if name.startswith("_"):
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}", name=name, obj=module)
        advice = instead(place, name)
        near = nearest(name, public[module])
        elsewhere = [other.__name__ for other, names in public.items() if name in names]
        if advice:
            message = f"{module.__name__} does not offer {name}: {advice}"
        elif hasattr(module, "__path__") and find_spec(f"{module.__name__}.{name}"):
            message = f"{module.__name__}.{name} is loaded when asked for: import {module.__name__}.{name}"
        elif elsewhere and not (near and _plain(near) == _plain(name)):
            message = f"{module.__name__} has no {name}: it is {elsewhere[0]}.{name}"
        else:
            message = f"{module.__name__} has no {name}" + (f": did you mean {near}?" if near else "")
        raise_missing(message, name, module.__name__, sys._getframe(1))

    module.__getattr__ = missing  # type: ignore[method-assign]
    module.__dir__ = lambda: sorted(vars(module).keys() | public[module])  # type: ignore[method-assign]


def is_import_of_a_name(frame: Any) -> bool:
    """Return whether a frame is at `from … import name`."""
    return bool(frame.f_code.co_code[frame.f_lasti] == opmap["IMPORT_FROM"])


def raise_missing(message: str, name: str, module: str, caller: Any) -> NoReturn:
    """Say that a module has not what the code of the frame `caller` asked it for."""
    if is_import_of_a_name(caller):
        # `from … import name` would put a message of Python's own in the place of an AttributeError.
        raise NotOfferedImportError(message, name=module)
    raise NotOfferedNameError(message, name=name)  # without `obj`, for which Python would guess a name, too


class _MissingAttribute:
    """An attribute of Keras's that a class has not: to read it raises AttributeError, which says what there is instead.

    A descriptor for each name: a `__getattr__` for all of them would slow down every attribute that is there.
    """

    def __init__(self, name: str, advice: str) -> None:
        self.name, self.advice = name, advice

    def __get__(self, instance: Any, owner: type) -> NoReturn:
        raise NotOfferedNameError(f"{owner.__name__} does not offer {self.name}: {self.advice}", name=self.name)


def _explain_attributes(kind: type) -> None:
    for names, advice in INSTEAD[kind.__name__].items():
        for name in names.split():
            if name not in vars(kind):
                setattr(kind, name, _MissingAttribute(name, advice))

    def offered(self: Any) -> list[str]:
        return [
            name for name in object.__dir__(self) if type(getattr_static(self, name, None)) is not _MissingAttribute
        ]

    kind.__dir__ = offered  # type: ignore[method-assign, assignment]


def explained(function: F) -> F:
    """Let a method or a function say, about an argument that it has not, what there is instead, or what comes near."""

    @wraps(function)
    def explains(*given: Any, **named: Any) -> Any:
        try:
            return function(*given, **named)
        except TypeError as error:
            if error.__traceback__ is None or error.__traceback__.tb_next is not None:
                raise  # not of this call, but from inside the function
            known = signature(function).parameters
            further = getattr(type(given[0]), "further_arguments", ()) if function.__name__ == "__init__" else ()
            more = {
                argument: named.pop(argument) for argument in further if argument in named and argument not in known
            }
            if more:  # what all of a kind take, and their classes need not list
                explains(*given, **named)
                given[0].take_further(**more)
                return None
            name = type(given[0]).__name__ if function.__name__ == "__init__" else function.__name__
            for argument in named.keys() - known.keys():
                advice, near = _advice(ARGUMENTS, argument), nearest(argument, known)
                if advice:
                    raise NotOfferedArgumentError(f"{name} does not offer {argument}: {advice}") from None
                if near:
                    raise NotOfferedArgumentError(f"{name} has no argument {argument}: did you mean {near}?") from None
            raise

    return explains  # type: ignore[return-value]


def public_names(module: ModuleType) -> set[str]:
    """Return the names that a module offers: `__all__`, or the classes and functions that it defines."""
    if hasattr(module, "__all__"):
        return set(module.__all__)
    own = {name for name, value in vars(module).items() if getattr(value, "__module__", None) == module.__name__}
    return {name for name in own if not name.startswith("_")}
