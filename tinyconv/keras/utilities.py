"""`keras.utils`, and the functions beside classes of small modules, in the eras before Keras 3."""

import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from .. import constraints, initializers, layers, losses, metrics, optimizers, regularizers
from ..datasets import to_categorical as one_hot
from ..layers.graph import SymbolicTensor, sources
from ..symbol import on_symbols
from ..visualize import plot_model
from .eras import Era
from .quick_look import Short
from .spelling import Names

INITIALIZERS = {
    "uniform": "RandomUniform",
    "normal": "RandomNormal",
    "zero": "Zeros",
    "one": "Ones",
    "zeros": "Zeros",
    "ones": "Ones",
    "glorot_uniform": "GlorotUniform",
    "glorot_normal": "GlorotNormal",
    "he_uniform": "HeUniform",
    "he_normal": "HeNormal",
    "lecun_uniform": "LecunUniform",
    "lecun_normal": "LecunNormal",
    "random_uniform": "RandomUniform",
    "random_normal": "RandomNormal",
    "constant": "Constant",
    "truncated_normal": "TruncatedNormal",
    "orthogonal": "Orthogonal",
    "identity": "Identity",
    "variance_scaling": "VarianceScaling",
}


# Short names of losses and metrics: of Keras 1 and 2, and of tf.keras to this day.
SHORT = {
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
    "kld": "kl_divergence",
    "MSE": "mean_squared_error",
    "MAE": "mean_absolute_error",
    "MAPE": "mean_absolute_percentage_error",
    "MSLE": "mean_squared_logarithmic_error",
    "KLD": "kl_divergence",
    "kullback_leibler_divergence": "kl_divergence",
    "logcosh": "log_cosh",
}


# What Keras 3 has at its root, too.
BASES = {
    "Layer": layers.Layer,
    "Loss": losses.Loss,
    "Metric": metrics.Metric,
    "Optimizer": optimizers.Optimizer,
    "Initializer": initializers.Initializer,
    "Regularizer": regularizers.Regularizer,
    "InputSpec": layers.InputSpec,
    "KerasTensor": SymbolicTensor,
}


def spelled_names(era: Era) -> Names:
    """Return what scripts find in `keras.utils` and in small modules, by module."""
    utils: dict[str, Any] = {
        "model_to_dot": model_to_dot,
        "multi_gpu_model": multi_gpu_model,
        "convert_all_kernels_in_model": convert_all_kernels_in_model,
        "print_summary": print_summary,
        "plot": plotted,
        "plot_model": plotted,
        "to_categorical": to_categorical(era),
        "get_source_inputs": get_source_inputs,
        "convert_kernel": convert_kernel,
    }
    if not era.old:
        kept = ("model_to_dot", "plot_model", "to_categorical")
        short = {name: on_symbols(getattr(losses, whole)) for name, whole in SHORT.items()}
        root = {**BASES, "version": lambda: ".".join(map(str, (*era.version, 0)[:3]))}
        return {"": root, "utils": {name: utils[name] for name in kept}, "losses": short, "metrics": short}
    found: dict[str, dict[str, Any]] = {"utils": utils, "initializers": _initializations()}
    found |= {"": {"get_source_inputs": get_source_inputs}, "zoo": {"_obtain_input_shape": obtain_input_shape}}
    found |= {"losses": {**on_symbols_in(losses), "Reduction": Reduction}, "metrics": on_symbols_in(metrics)}
    found["constraints"] = {
        **{"nonneg": constraints.NonNeg, "unitnorm": constraints.UnitNorm},
        **{"maxnorm": max_norm, "max_norm": max_norm},
    }
    found["regularizers"] = {
        "l1": lambda l=0.01, **by_name: regularizers.L1(by_name.get("l1", l)),  # noqa: E741
        "l2": lambda l=0.01, **by_name: regularizers.L2(by_name.get("l2", l)),  # noqa: E741
        "l1l2": lambda l1=0.01, l2=0.01: regularizers.L1L2(l1, l2),
        "l1_l2": lambda l1=0.01, l2=0.01: regularizers.L1L2(l1, l2),
        "activity_l1": lambda l=0.01: regularizers.L1(l),  # noqa: E741
        "activity_l2": lambda l=0.01: regularizers.L2(l),  # noqa: E741
        "WeightRegularizer": lambda l1=0.0, l2=0.0: regularizers.L1L2(l1, l2),
    }
    return found


class Reduction:
    """The names of what a loss makes of the samples' values: `tf.keras.losses.Reduction`."""

    AUTO = SUM_OVER_BATCH_SIZE = "sum_over_batch_size"
    NONE, SUM = "none", "sum"


def on_symbols_in(module: ModuleType) -> dict[str, Any]:
    """Return the functions of a module, by their short names too, as ones that symbols may be given to."""
    own = {name: getattr(module, name) for name in module.__all__}
    own |= {name: getattr(losses, whole) for name, whole in SHORT.items()}
    return {name: on_symbols(value) for name, value in own.items() if isinstance(value, FunctionType)}


def max_norm(max_value: float = 2, axis: int = 0, **old: Any) -> constraints.MaxNorm:
    """Return a limit of norms: `maxnorm(m)` of Keras 1."""
    return constraints.MaxNorm(old.get("m", max_value), axis)


def to_categorical(era: Era) -> Callable[..., np.ndarray]:
    """Return the era's one-hot function: float64 to Keras 2.1.5, float32 from 2.1.6."""
    usual = "float64" if era.before(2, 1, 6) else "float32"

    def categorical(
        y: Any, nb_classes: int | None = None, num_classes: int | None = None, dtype: Any = usual
    ) -> np.ndarray:
        labels = np.asarray(y).astype(int)
        found = one_hot(labels, num_classes or nb_classes).astype(dtype)
        return y.of_same_rows(found) if isinstance(y, Short) and len(found) == len(y) else found

    return categorical


def plotted(model: Any, to_file: str = "model.png", *given: Any, **named: Any) -> Any:
    """Draw a model, without Graphviz."""
    if given:
        named = {**dict(zip(("show_shapes", "show_layer_names"), given, strict=False)), **named}
    known = {name: value for name, value in named.items() if name in ("show_shapes", "show_layer_names", "show_dtype")}
    path = to_file if Path(to_file).suffix else f"{to_file}.png"
    return plot_model(model, path, **known)


class Dot:
    """What `model_to_dot` returns: a drawing of a model, to be had as bytes or as a file."""

    def __init__(self, model: Any, options: dict[str, Any]) -> None:
        self.model, self.options = model, options

    def create(self, prog: Any = None, format: str = "ps") -> bytes:
        """Return the drawing in a format, "svg" or "png"."""
        with TemporaryDirectory() as folder:
            path = os.path.join(folder, f"model.{format}")
            plotted(self.model, path, **self.options)
            return Path(path).read_bytes()

    def create_png(self, *_: Any, **__: Any) -> bytes:
        """Return the drawing as PNG."""
        return self.create(format="png")

    def write_png(self, path: str, *_: Any, **__: Any) -> None:
        """Write the drawing as PNG."""
        Path(path).write_bytes(self.create(format="png"))

    def write(self, path: str, prog: Any = None, format: str = "png") -> None:
        """Write the drawing to a file."""
        Path(path).write_bytes(self.create(format=format))


def model_to_dot(model: Any, *given: Any, **named: Any) -> Dot:
    """Return a drawing of a model, without Graphviz."""
    return Dot(model, {**dict(zip(("show_shapes", "show_layer_names"), given, strict=False)), **named})


def multi_gpu_model(model: Any, *_: Any, **__: Any) -> Any:
    """Return the model itself: one process computes it."""
    return model


def convert_all_kernels_in_model(model: Any) -> None:
    """Do nothing: kernels are stored in one order."""


def convert_kernel(kernel: Any) -> np.ndarray:
    """Return a convolution's kernel (kh, kw, c, k) turned by half a circle, as Theano stored it."""
    return np.copy(np.asarray(kernel)[::-1, ::-1])


def get_source_inputs(tensor: Any, layer: Any = None, node_index: Any = None) -> list[Any]:
    """Return the symbols of inputs that a symbol is computed from."""
    return list(sources(tensor))


def obtain_input_shape(
    input_shape: Any,
    default_size: int,
    min_size: int,
    data_format: Any = None,
    require_flatten: bool = True,
    weights: Any = None,
    **old: Any,
) -> tuple[int | None, ...]:
    """Return the shape of images that a network takes: the one given, or its usual one, as `keras.applications` did."""
    first = data_format == "channels_first"
    if input_shape is None:
        side = default_size if old.get("include_top", require_flatten) else None
        return (3, side, side) if first else (side, side, 3)
    sides = input_shape[1:] if first else input_shape[:2]
    if len(input_shape) != 3 or any(side is not None and side < min_size for side in sides):
        raise ValueError(f"input_shape must be of images of {min_size}×{min_size} pixels at least, got {input_shape}")
    return tuple(input_shape)


def print_summary(model: Any, *given: Any, **named: Any) -> None:
    """Print the model's summary."""
    model.summary(*given, **named)


def _initializations() -> dict[str, Any]:
    """Return the functions of `keras.initializations`: of a shape, and perhaps a scale, to first values."""

    def of(kind: type, scale: str | None) -> Callable[..., Any]:
        def values(shape: Any = None, *given: Any, **named: Any) -> Any:
            if not isinstance(shape, tuple | list):  # since Keras 2, an initializer is made first
                return kind(*(() if shape is None else (shape,)), *given, **named)
            size = given[0] if given else named.get("scale")
            made: Any = kind() if size is None or scale is None else kind(**_scaled(kind, size))
            return made(tuple(shape), **({"name": named["name"]} if named.get("name") else {}))

        return values

    return {
        name: of(getattr(initializers, kind), kind if kind.startswith("Random") else None)
        for name, kind in INITIALIZERS.items()
    }


def _scaled(kind: type, size: float) -> dict[str, float]:
    return {"minval": -size, "maxval": size} if kind is initializers.RandomUniform else {"stddev": size}
