"""tinyconv: convolutional networks from scratch, every line of backpropagation open to read, and checked.

    import tinyconv as tc

    model = tc.Sequential([tc.Input((28, 28, 1)), tc.layers.Conv2D(32, 3, activation="relu"), ...])

Names, arguments and defaults are those of Keras 3.
"""

import sys
from os import path
from typing import TYPE_CHECKING

from . import starting as starting  # before all that takes long to import

# The folder kernels/ is installed as tinyconv.kernels. In a checkout it lies beside this package, not inside it; found
# there first, it is never another installation's.
if not path.isdir(path.join(__path__[0], "kernels")):
    __path__.append(path.dirname(__path__[0]))

from . import (
    activations,
    callbacks,
    config,
    constraints,
    data,
    datasets,
    distributed,
    functions,
    initializers,
    kernels,
    layers,
    losses,
    metrics,
    models,
    optimizers,
    preprocessing,
    regularizers,
    saving,
    schedules,
    utils,
    zoo,
)
from ._version import __version__
from .autograd import no_grad
from .config import floatx, fusion, set_floatx
from .gradcheck import gradcheck
from .kernels import backend, conv_algorithm, set_threads, threads
from .layers import Input
from .layers.parameter import Variable
from .models import Model, Sequential
from .names import clear_session
from .offered import explain_missing
from .profiling import profile
from .randomness import set_seed
from .range_test import lr_finder
from .registry import register_keras_serializable
from .saving import load_model, model_from_json
from .tensor import Function, Tensor

if TYPE_CHECKING:  # what is loaded when it is asked for: see `offered.LATE`
    from . import visualize as visualize
    from .explorer import explain, explore

__all__ = [
    "Function",
    "Input",
    "Model",
    "Sequential",
    "Tensor",
    "Variable",
    "__version__",
    "activations",
    "backend",
    "callbacks",
    "clear_session",
    "config",
    "constraints",
    "conv_algorithm",
    "data",
    "datasets",
    "distributed",
    "explain",
    "explore",
    "floatx",
    "functions",
    "fusion",
    "gradcheck",
    "initializers",
    "kernels",
    "layers",
    "load_model",
    "losses",
    "lr_finder",
    "metrics",
    "model_from_json",
    "models",
    "no_grad",
    "optimizers",
    "preprocessing",
    "profile",
    "register_keras_serializable",
    "regularizers",
    "saving",
    "schedules",
    "set_floatx",
    "set_seed",
    "set_threads",
    "threads",
    "utils",
    "zoo",
]

explain_missing(
    [
        *(sys.modules[__name__], activations, callbacks, constraints, data, datasets, functions, initializers, layers),
        *(losses, metrics, models, optimizers, preprocessing, regularizers, saving, schedules, utils, zoo),
    ]
)
