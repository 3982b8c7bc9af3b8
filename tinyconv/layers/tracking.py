"""What a layer holds: the weights and layers that its attributes name, in lists and dicts too, in the order they came.

As in Keras (keras/src/utils/tracking.py), whatever is set as an attribute of a layer is found, a list or a dict with
all that is in it; and what is put into that list or dict later is found then.
"""

from collections.abc import Callable, Iterator
from typing import Any

_count = 0  # of changes


def changes() -> int:
    """Return how often an attribute of any layer has been set so far, or one of its lists and dicts has changed."""
    return _count


def count_change() -> None:
    """Say that a layer is not what it was."""
    global _count
    _count += 1


class Part:
    """A weight, a layer or a metric: what a layer keeps a list of when one of its attributes holds it."""


class Measure(Part):
    """A metric: what a layer may have to report."""


def parts_in(value: Any) -> Iterator[Part]:
    """Yield the weights and layers that an attribute's value is, or that its lists, tuples and dicts hold."""
    if isinstance(value, Part):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from parts_in(each)
    elif isinstance(value, dict):
        for each in value.values():
            yield from parts_in(each)


def watched(value: Any, owner: Any) -> Any:
    """Return a list or a dict that is empty or holds parts as one that tells `owner` what comes and goes; else itself.

    `owner` is a layer: its `_hold` is called with each part that comes, its `_let_go` with each that goes.
    """
    if type(value) not in (list, dict) or (value and next(parts_in(value), None) is None):
        return value
    made: WatchedList | WatchedDict
    if isinstance(value, list):
        made = WatchedList(watched(each, owner) for each in value)
    else:
        made = WatchedDict((key, watched(each, owner)) for key, each in value.items())
    made.owner = owner
    return made


def watch_for(owner: Any, value: Any) -> None:
    """Let what `watched` made, once for another owner, tell `owner`: a copy's lists tell the copy."""
    if isinstance(value, WatchedList | WatchedDict):
        value.owner = owner
        for each in value.values() if isinstance(value, dict) else value:
            watch_for(owner, each)


class WatchedList(list[Any]):
    """A list that tells its owner which weights and layers come and go."""

    owner: Any = None

    def __reduce_ex__(self, _: Any) -> Any:
        return type(self), (), None, iter(self)  # whose copy it becomes will say so: see `watch_for`


class WatchedDict(dict[Any, Any]):
    """A dict that tells its owner which weights and layers come and go."""

    owner: Any = None

    def __reduce_ex__(self, _: Any) -> Any:
        return type(self), (), None, None, iter(self.items())


def _telling(change: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method of a list or dict that does `change` and tells the owner of it."""

    def method(self: Any, *given: Any, **named: Any) -> Any:
        if self.owner is None:
            return change(self, *given, **named)
        before = list(parts_in(self))
        result = change(self, *given, **named)
        after = list(parts_in(self))
        kept = {id(part) for part in after}
        for part in before:
            if id(part) not in kept:
                self.owner._let_go(part)
        for part in after:
            self.owner._hold(part)
        return result

    return method


def _append(self: WatchedList, value: Any) -> None:
    list.append(self, value)
    if self.owner is not None:
        for part in parts_in(value):
            self.owner._hold(part)


for _kind, _changes in (
    (WatchedList, "extend insert pop remove clear __setitem__ __delitem__ __iadd__"),
    (WatchedDict, "update setdefault pop popitem clear __setitem__ __delitem__ __ior__"),
):
    for _name in _changes.split():
        setattr(_kind, _name, _telling(getattr(_kind, _name)))
WatchedList.append = _append  # type: ignore[assignment, method-assign]
