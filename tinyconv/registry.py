"""The registry: what describes itself, and is made again from the description, by name; in Keras 3's words.

A description is {"module", "class_name", "config", "registered_name"}: `config` is what `get_config` returns, and
`from_config` makes an equal object of it. Keras's own kinds go by Keras's module and class name. A class or function of
one's own goes by the name under which `register_keras_serializable` has put it, "package>name"; a function's
description holds nothing but that name. `deserialize` reads what tinyconv or Keras has written; `kind` says what is
wanted, "loss" or "optimizer", so that no name can bring anything else.
Source: keras/src/saving/serialization_lib.py and object_registration.py, Keras 3.
"""

import inspect
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from types import FunctionType
from typing import Any, TypeVar

from .names import known_arguments, look_up, snake_case

T = TypeVar("T", bound=Callable[..., Any])

FUNCTION = "function"  # the class name in a function's description
REGISTER = "put @tinyconv.register_keras_serializable() above"


@dataclass(frozen=True)
class Kind:
    """Things of one kind: their common base, what is known by name, and the classes that descriptions may name."""

    base: type
    table: Mapping[str, Any]
    classes: Mapping[str, type]


_kinds: dict[str, Kind] = {}
_modules: dict[Any, str] = {}  # Keras's module of each class that is Keras's
_registered: dict[str, Any] = {}
_global_objects: dict[str, Any] = {}  # the user's, who fills it
_given: ContextVar[Mapping[str, Any]] = ContextVar("custom_objects", default={})  # noqa: B039, never changed in place
# The registered with their names, by id: not all that can be called can be hashed. They are held on to, or else another
# object might come to lie where one was, under its name.
_registered_names: dict[int, tuple[Any, str]] = {}


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[T], T]:
    """Return a decorator that registers a class with `get_config`, or a function, as "package>name" (its own if None).

    Raises ValueError for a class that does not describe itself.
    """

    def register(target: T) -> T:
        if isinstance(target, type) and not hasattr(target, "get_config"):
            raise ValueError(f"{target.__name__} has no get_config, so that it cannot be registered: define it")
        registered_name = f"{package}>{name or getattr(target, '__name__', '')}"
        _registered[registered_name] = target
        _registered_names[id(target)] = target, registered_name
        return target

    return register


def get_registered_name(target: Any) -> str:
    """Return the name that a class or function is registered under, or its own."""
    _, registered_name = _registered_names.get(id(target), (None, ""))
    return registered_name or str(getattr(target, "__name__", type(target).__name__))


def get_registered_object(name: str) -> Any:
    """Return the class or function that is registered as `name`, or goes by it in a `custom_object_scope`, or None."""
    return _given.get().get(name) or _registered.get(name) or _global_objects.get(name)


def get_custom_objects() -> dict[str, Any]:
    """Return the dict of the user's classes and functions by name that descriptions may name anywhere: to be filled."""
    return _global_objects


def class_name(target: Any) -> str:
    """Return the name of an object's class in files: what a `custom_object_scope` calls it, or its own."""
    kind = type(target)
    return next((name for name, each in _given.get().items() if each is kind and ">" not in name), kind.__name__)


@contextmanager
def custom_object_scope(objects: Mapping[str, Any] | None) -> Iterator[None]:
    """Let descriptions name these classes and functions inside the `with` block, in this thread: by class name or any.

    Raises ValueError for what is neither a class nor a function.
    """
    for name, target in (objects or {}).items():
        if not callable(target):
            raise ValueError(f"custom_objects must be classes and functions by name, got {name}={target!r}")
    token = _given.set({**_given.get(), **(objects or {})})
    try:
        yield
    finally:
        _given.reset(token)


def own_class(description: Mapping[str, Any]) -> Any:
    """Return the user's class that a description names, by its registered name or its class name, or None."""
    for name in (description.get("registered_name"), description.get("class_name")):
        found = get_registered_object(str(name))
        if isinstance(found, type):
            return found
    return None


def add_kind(kind: str, module: str, base: type, table: Mapping[str, Any], more: Iterable[type] = ()) -> None:
    """Make a kind of things known: `table` has Keras's classes by the names that users give, `module` is Keras's.

    `base` is the class that all of them, and the user's own, descend from; `more` are classes without such a name.
    """
    classes = [*(each for each in table.values() if isinstance(each, type)), *more]
    _kinds[kind] = Kind(base, table, {each.__name__: each for each in classes})
    _modules.update(dict.fromkeys(classes, module))


def add_classes(kind: str, module: str, classes: Iterable[type]) -> None:
    """Let descriptions of a kind name these classes, too, which are Keras's of `module`."""
    found = list(classes)
    _kinds[kind] = replace(_kinds[kind], classes={**_kinds[kind].classes, **{each.__name__: each for each in found}})
    _modules.update(dict.fromkeys(found, module))


def find(kind: str, name: str) -> Any:
    """Return the class or function of a kind by name: the user's own as registered, else tinyconv's.

    Raises ValueError for an unknown name, with the nearest known one.
    """
    known = _kinds[kind]
    named = {**_registered, **_global_objects, **_given.get()}
    own = {one: target for one, target in named.items() if _fits(target, known)}
    classes = {snake_case(one): target for one, target in known.classes.items() if snake_case(one) not in known.table}
    classes |= known.classes
    if isinstance(name, str) and name in classes and name not in own:  # Keras takes a class's name, too
        found = classes[name]
        needed = [each.name for each in inspect.signature(found).parameters.values() if each.default is each.empty]
        if needed:
            raise ValueError(
                f'{kind} "{name}" needs {", ".join(needed)}: give the object, {found.__name__}(…), not its name'
            )
        return found
    return look_up(kind, name, {**known.table, **own})


def _fits(target: Any, kind: Kind) -> bool:
    return issubclass(target, kind.base) if isinstance(target, type) else isinstance(target, FunctionType)


def made(kind: str, given: Any) -> Any:
    """Return a thing of a kind by its name or its description, of its class, itself if it can be called, or None."""
    if isinstance(given, Mapping):
        return deserialize(given, kind)
    found = given if given is None or callable(given) else find(kind, given)
    return found() if isinstance(found, type) else found


def made_with(kind: str, given: Any, custom_objects: Mapping[str, Any] | None) -> Any:
    """Return what `made` returns where `custom_objects` are known by their names."""
    with custom_object_scope(custom_objects):
        return made(kind, given)


def serialize(target: Any) -> Any:
    """Return the description of an object or function; of None, numbers and strings, and lists and dicts, themselves.

    Of a function that is not registered the description has only the name, by which it cannot be found again. Raises
    ValueError for an object without `get_config`.
    """
    if target is None or isinstance(target, str | int | float):
        return target
    if isinstance(target, list | tuple):
        return [serialize(each) for each in target]
    if isinstance(target, Mapping):
        return {name: serialize(each) for name, each in target.items()}
    if not hasattr(target, "get_config"):
        if not callable(target):
            raise ValueError(f"{target!r} has no get_config, so that it cannot be described: define it in its class")
        if get_registered_name(target) == "<lambda>":
            warnings.warn("a lambda has no name by which it could be found again: make it a function", stacklevel=2)
        return _described("builtins", FUNCTION, get_registered_name(target), FUNCTION)
    kind = type(target)
    if kind in _modules:
        return _described(_modules[kind], kind.__name__, target.get_config(), None)
    module = None if kind.__module__ == "__main__" else kind.__module__
    return _described(module, kind.__name__, target.get_config(), get_registered_name(kind))


def _described(module: str | None, class_name: str, config: Any, registered_name: str | None) -> dict[str, Any]:
    return {"module": module, "class_name": class_name, "config": config, "registered_name": registered_name}


def deserialize(description: Mapping[str, Any], kind: str) -> Any:
    """Return the object or function that `serialize`, or Keras, has described.

    Raises ValueError for one that is neither tinyconv's nor registered.
    """
    class_name, config = str(description["class_name"]), description.get("config")
    if class_name in (FUNCTION, "__lambda__"):
        known = get_registered_object(str(config)) or _kinds[kind].table.get(str(config))
        if known is None:
            raise ValueError(f"{kind} {config} is a function that is not registered: {REGISTER} it and import it first")
        return known
    registered_name, own = description.get("registered_name"), own_class(description)
    if own is not None and issubclass(own, _kinds[kind].base):
        made: Any = own
    elif registered_name in _registered:
        made = find(kind, str(registered_name))
    elif registered_name and not _is_keras(description.get("module")):
        raise ValueError(f"{kind} {class_name} is not registered: {REGISTER} its class and import it first")
    else:
        made = look_up(kind, class_name, _kinds[kind].classes)
    return made.from_config(dict(config or {}))


def serialize_keras_object(obj: Any) -> Any:
    """Return the description of any object, or of those in lists and dicts: see `serialize`."""
    return serialize(obj)


def deserialize_keras_object(
    config: Any, custom_objects: Mapping[str, Any] | None = None, safe_mode: bool = True
) -> Any:
    """Return what `serialize_keras_object`, or Keras, has described; numbers, strings, lists and dicts of such, too.

    Nothing in a description is executed, whatever `safe_mode` says.
    """
    with custom_object_scope(custom_objects):
        return _undescribed(config)


def _undescribed(config: Any) -> Any:
    if isinstance(config, list | tuple):
        return [_undescribed(each) for each in config]
    if not isinstance(config, Mapping):
        return config
    if "class_name" not in config:
        return {name: _undescribed(each) for name, each in config.items()}
    own, class_name = own_class(config), str(config["class_name"])
    if own is not None:
        return own.from_config(dict(config.get("config") or {}))
    if class_name == FUNCTION:
        known = get_registered_object(str(config.get("config")))
        if known is not None:
            return known
    for kind, each in _kinds.items():
        found = each.classes.get(class_name)
        if found is not None and config.get("module") in (None, _modules.get(found)):
            return deserialize(config, kind)
    raise ValueError(f"{class_name} is neither Keras's nor registered: {REGISTER} it and import it first")


def from_config(made_of: Callable[..., Any], config: Mapping[str, Any]) -> Any:
    """Return the object that a configuration describes: most classes' `from_config`.

    What the class takes no argument for must be what the new object says of itself. Raises ValueError where it is not.
    """
    parameters = inspect.signature(made_of).parameters
    if any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
        return made_of(**config)
    made = made_of(**{name: value for name, value in config.items() if name in parameters})
    own = made.get_config()
    known_arguments(made_of, {name: value for name, value in config.items() if name not in own or own[name] != value})
    return made


def is_keras_s(target: Any) -> bool:
    """Return whether an object is of a class that Keras has, too, and not the user's own."""
    return type(target) in _modules


def _is_keras(module: Any) -> bool:
    return str(module).partition(".")[0] in ("keras", "tf_keras")


def describe(part: Any) -> Any:
    """Return the configuration of an initialiser, a penalty or a constraint as Keras nests it: class and arguments.

    One of the user's own is described as `serialize` says.
    """
    if part is None or not is_keras_s(part):
        return serialize(part)
    return {"class_name": type(part).__name__, "config": part.get_config()}
