"""Symbols: what stands for a tensor to come, and functions that may be called on them.

A function that is marked by `on_symbols` computes on tensors and arrays as ever. Where one of its arguments is a
symbol, or a list, a tuple or a dict with one in it, it cannot compute: the call itself becomes a part of a graph, and a
symbol of its result is returned. What a graph is, and how it is read, is known above: `layers/graph.py`.
"""

from collections.abc import Callable, Iterator
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


class Symbol:
    """What stands for a tensor to come. Operators and methods are those of tensors: `functions` attaches them."""

    def applied(self, function: Callable[..., Any], given: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """Return the symbol of function(*given, **named), this symbol being among the arguments."""
        raise NotImplementedError

    if TYPE_CHECKING:  # attached by functions/operators.py
        __add__: Callable[[Any, Any], Any]
        __sub__: Callable[[Any, Any], Any]
        __mul__: Callable[[Any, Any], Any]
        __truediv__: Callable[[Any, Any], Any]
        __pow__: Callable[[Any, Any], Any]
        __radd__: Callable[[Any, Any], Any]
        __rsub__: Callable[[Any, Any], Any]
        __rmul__: Callable[[Any, Any], Any]
        __rtruediv__: Callable[[Any, Any], Any]
        __neg__: Callable[[Any], Any]
        __getitem__: Callable[[Any, Any], Any]


def symbols_in(value: Any) -> Iterator[Symbol]:
    """Yield the symbols that a value is, or that its lists, tuples and dicts hold, in their order."""
    if isinstance(value, Symbol):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from symbols_in(each)
    elif isinstance(value, dict):
        for each in value.values():
            yield from symbols_in(each)


def on_symbols(function: F) -> F:
    """Return a function of tensors as one that may be called on symbols, too.

    Whether there are any is looked at only when the function has failed: no function can compute with a symbol.
    """

    @wraps(function)
    def either(*given: Any, **named: Any) -> Any:
        try:
            return function(*given, **named)
        except Exception:
            symbol = next(symbols_in((given, named)), None)
            if symbol is None:
                raise
        return symbol.applied(either, given, named)

    either.takes_symbols = True  # type: ignore[attr-defined]
    return either  # type: ignore[return-value]
