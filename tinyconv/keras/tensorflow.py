"""What scripts ask of `tensorflow` besides `tf.keras`: its version, its seed, its activations, its settings."""

from types import SimpleNamespace
from typing import Any

from .. import functions as F
from .. import set_seed
from ..names import clear_session

__version__ = "2.21.0"  # the one whose names these are

__all__ = [
    "__version__",
    *("bool", "float16", "float32", "float64", "int32", "int64", "uint8"),
    *("config", "get_logger", "nn", "random", "set_random_seed", "test"),
]

float16, float32, float64, int32, int64, uint8 = "float16", "float32", "float64", "int32", "int64", "uint8"
globals()["bool"] = "bool"


def _nothing(*given: Any, **named: Any) -> None:
    """Do what there is nothing to do for: a setting of a GPU, or of messages."""


def _none_of_them(*given: Any, **named: Any) -> list[Any]:
    """Return the GPUs that TensorFlow would use."""
    return []


set_random_seed = set_seed
random = SimpleNamespace(set_seed=set_seed)
nn = SimpleNamespace(**{name: getattr(F, name) for name in ("relu", "sigmoid", "softmax", "tanh", "elu")})
config = SimpleNamespace(
    list_physical_devices=_none_of_them,
    set_visible_devices=_nothing,
    run_functions_eagerly=_nothing,
    experimental=SimpleNamespace(list_physical_devices=_none_of_them, set_memory_growth=_nothing),
)
test = SimpleNamespace(is_gpu_available=lambda *_, **__: False, gpu_device_name=lambda: "")
keras_session = clear_session


def get_logger() -> Any:
    """Return TensorFlow's logger, to be told how much to say."""
    return SimpleNamespace(setLevel=_nothing)
