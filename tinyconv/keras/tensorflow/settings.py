"""What scripts set and ask that makes no difference here: graphics cards, sessions, messages, graphs."""

import logging as python_logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from ...offered import NotOfferedValueError


class Setting:
    """Settings of TensorFlow's that change nothing here: any attribute can be set, read and called."""

    def __init__(self, *_: Any, **named: Any) -> None:
        vars(self).update(named)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = Setting()
        setattr(self, name, found)
        return found

    def __call__(self, *_: Any, **__: Any) -> Any:
        """Return something that can be set."""
        return Setting()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        """End the block."""


class Session(Setting):
    """TensorFlow 1's session: settings in it are taken, graphs are not run."""

    def run(self, fetches: Any = None, *_: Any, **__: Any) -> Any:
        """Do nothing for what initializes; refuse a graph."""
        if fetches is None or (
            isinstance(fetches, Setting | list) and all(isinstance(e, Setting) for e in _list(fetches))
        ):
            return None
        raise NotOfferedValueError("tinyconv.keras does not offer session.run: there are no graphs of TensorFlow 1")

    def close(self) -> None:
        """End the session."""

    def as_default(self) -> "Session":
        """Return the session for a `with` block."""
        return self


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def nothing(*_: Any, **__: Any) -> None:
    """Do what there is nothing to do for."""


def none_of_them(*_: Any, **__: Any) -> list[Any]:
    """Return the devices that TensorFlow would use: graphics cards are used by tinyconv's own settings."""
    return []


def physical_devices(device_type: str | None = None) -> list[Any]:
    """Return the processor, and no graphics card."""
    found = [SimpleNamespace(name="/physical_device:CPU:0", device_type="CPU")]
    return [each for each in found if device_type in (None, each.device_type)]


def setting(*_: Any, **__: Any) -> Setting:
    """Return something that can be set, and entered by `with`."""
    return Setting()


@contextmanager
def block(*_: Any, **__: Any) -> Iterator[Any]:
    """Do nothing else in a `with` block: a name, a device, a graph."""
    yield Setting()


def unchanged(function: Any = None, *_: Any, **__: Any) -> Any:
    """Return the decorated function itself, also where the decorator has arguments."""
    return function if callable(function) else lambda decorated: decorated


def get_logger() -> python_logging.Logger:
    """Return the logger of this name."""
    return python_logging.getLogger("tensorflow")


config = SimpleNamespace(
    list_physical_devices=physical_devices,
    list_logical_devices=physical_devices,
    get_visible_devices=physical_devices,
    set_visible_devices=nothing,
    set_logical_device_configuration=nothing,
    LogicalDeviceConfiguration=setting,
    run_functions_eagerly=nothing,
    functions_run_eagerly=lambda: True,
    set_soft_device_placement=nothing,
    optimizer=SimpleNamespace(set_jit=nothing, set_experimental_options=nothing),
    threading=SimpleNamespace(
        set_inter_op_parallelism_threads=nothing,
        set_intra_op_parallelism_threads=nothing,
        get_inter_op_parallelism_threads=lambda: 0,
        get_intra_op_parallelism_threads=lambda: 0,
    ),
    experimental=SimpleNamespace(
        list_physical_devices=physical_devices,
        list_logical_devices=physical_devices,
        set_memory_growth=nothing,
        get_memory_growth=lambda _: True,
        set_virtual_device_configuration=nothing,
        VirtualDeviceConfiguration=setting,
        set_visible_devices=nothing,
        enable_tensor_float_32_execution=nothing,
        enable_op_determinism=nothing,
    ),
)
test = SimpleNamespace(
    is_gpu_available=lambda *_, **__: False,
    gpu_device_name=lambda: "",
    is_built_with_cuda=lambda: False,
    is_built_with_gpu_support=lambda: False,
)
device_lib = SimpleNamespace(
    list_local_devices=lambda: [SimpleNamespace(name="/device:CPU:0", device_type="CPU", memory_limit=0)]
)
ops = SimpleNamespace(reset_default_graph=nothing)
sysconfig = SimpleNamespace(get_build_info=lambda: {"is_cuda_build": False})
logging = SimpleNamespace(
    set_verbosity=nothing,
    get_verbosity=lambda: 40,
    **{"DEBUG": 10, "INFO": 20, "WARN": 30, "WARNING": 30, "ERROR": 40, "FATAL": 50},
    **{name: getattr(get_logger(), name) for name in ("debug", "info", "warning", "error")},
    warn=get_logger().warning,
)
autograph = SimpleNamespace(
    set_verbosity=nothing, experimental=SimpleNamespace(do_not_convert=unchanged), to_graph=unchanged, trace=nothing
)
errors = SimpleNamespace(
    InvalidArgumentError=(ValueError, TypeError),  # for `except`
    ResourceExhaustedError=MemoryError,
    NotFoundError=FileNotFoundError,
    OutOfRangeError=StopIteration,
    UnknownError=RuntimeError,
)
profiler = SimpleNamespace(experimental=SimpleNamespace(start=nothing, stop=nothing, Trace=block))


def _writer(*_: Any, **__: Any) -> Setting:
    return Setting()


summary = SimpleNamespace(
    create_file_writer=_writer,
    FileWriter=_writer,
    trace_on=nothing,
    trace_export=nothing,
    merge_all=setting,
    **dict.fromkeys(("scalar", "image", "histogram", "text"), nothing),
)


def _check(compare: Callable[[Any, Any], Any], words: str) -> Callable[..., None]:
    def checked(x: Any, y: Any, message: str | None = None, *_: Any, **__: Any) -> None:
        import numpy as np

        if not np.all(compare(np.asarray(x), np.asarray(y))):
            raise ValueError(f"{message or 'assertion'}: {x} is not {words} {y}")

    return checked


debugging = SimpleNamespace(
    set_log_device_placement=nothing,
    enable_check_numerics=nothing,
    assert_equal=_check(lambda a, b: a == b, "equal to"),
    assert_greater=_check(lambda a, b: a > b, "greater than"),
    assert_greater_equal=_check(lambda a, b: a >= b, "at least"),
    assert_less=_check(lambda a, b: a < b, "less than"),
    assert_less_equal=_check(lambda a, b: a <= b, "at most"),
    assert_shapes=nothing,
    assert_rank=nothing,
    assert_type=nothing,
    check_numerics=unchanged,
)
