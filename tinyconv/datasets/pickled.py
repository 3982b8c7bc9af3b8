"""Reading a pickle as data: the stack machine of Python's `pickle`, without the part that imports and calls.

Where a pickle says "call this function with these arguments", a `Call` is put on the stack, which only says so. Nothing
is called, and what is made takes no more memory than a fixed multiple of the pickle's length. It may still be nonsense,
and values that contain one another many times over are larger than they take: to print them, to compare them or to copy
them may take forever, so whoever asks for a value has to look at its type first. The instructions are listed and
explained in Python's module `pickletools`.
"""

from typing import Any

import numpy as np

PLAIN = {  # a value that stands in the pickle goes on the stack
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
    *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "GLOBAL"),
}
FRESH: dict[str, Any] = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}
FIXED = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
LONGEST = 200  # characters of the name of a module and a function
ARRAYS = ("numpy.core.multiarray _reconstruct", "numpy._core.multiarray _reconstruct")


class Call:
    """What a pickle wants to have called, and with what; `state` is what it wants the result to be told."""

    def __init__(self, function: Any, arguments: Any) -> None:
        self.function, self.arguments, self.state = function, arguments, None


class Machine:
    """The stack, the marks on it, and the numbered values."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def since_mark(self) -> list[Any]:
        """Take from the stack what lies above the last mark."""
        start = self.marks.pop()
        values = self.stack[start:]
        del self.stack[start:]
        return values

    def step(self, name: str, argument: Any) -> None:
        """Carry out the instruction `name`."""
        stack = self.stack
        if name in PLAIN:
            stack.append(argument)
        elif name in FRESH:
            stack.append(FRESH[name]())
        elif name in FIXED:
            stack.append(FIXED[name])
        elif name in TUPLES:
            stack[-TUPLES[name] :] = [tuple(stack[-TUPLES[name] :])]
        elif name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            self.memo[len(self.memo) if argument is None else argument] = stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(self.memo[argument])
        elif name == "MARK":
            self.marks.append(len(stack))
        elif name == "TUPLE":
            stack.append(tuple(self.since_mark()))
        elif name == "LIST":
            stack.append(self.since_mark())
        elif name == "APPENDS":
            values = self.since_mark()
            stack[-1].extend(values)
        elif name == "SETITEMS":
            values = self.since_mark()
            stack[-1].update(zip(map(key, values[::2]), values[1::2], strict=True))
        elif name in ("APPEND", "REDUCE", "BUILD", "STACK_GLOBAL"):
            self.combine(name, stack.pop())
        elif name == "SETITEM":
            value, place = stack.pop(), key(stack.pop())
            stack[-1][place] = value
        elif name not in ("PROTO", "FRAME", "STOP"):
            raise ValueError(f"it has the instruction {name}, which data need not have")

    def combine(self, name: str, value: Any) -> None:
        """Carry out an instruction about the last value of the stack and the one before it."""
        below = self.stack[-1]
        if name == "APPEND":
            below.append(value)
        elif name == "REDUCE":
            self.stack[-1] = Call(below, value)
        elif name == "BUILD":
            below.state = value
        elif isinstance(below, str) and isinstance(value, str) and len(below) + len(value) < LONGEST:
            self.stack[-1] = f"{below} {value}"
        else:
            raise ValueError("it names a function by something else than two short texts")


def key(value: Any) -> Any:
    """Return a key of a dict: a text or a number, of which a hash is quickly found, unlike that of nested tuples."""
    if not isinstance(value, str | bytes | int | float):
        raise ValueError(f"it has a {type(value).__name__} as a key")
    return value


def read_pickle(data: bytes) -> Any:
    """Return the value in a pickle: dicts, lists, tuples, text (Python 2's as Latin-1), numbers, and `Call`s.

    Raises ValueError for what is no pickle, or has instructions that data need not have.
    """
    from pickletools import genops

    machine = Machine()
    try:
        for code, argument, _ in genops(data):
            machine.step(code.name, argument)
        (value,) = machine.stack
    except (IndexError, KeyError, TypeError, AttributeError, UnicodeError, ValueError) as error:
        raise ValueError(f"it is no pickle of plain data: {error}") from None
    return value


def byte_array(value: Any) -> np.ndarray:
    """Return the array of bytes that a `Call` describes, read-only; raises ValueError if it describes another thing."""
    try:
        if value.function not in ARRAYS:
            raise ValueError("it calls another function")
        _, shape, kind, columns_first, data = value.state
        if kind.function != "numpy dtype" or kind.arguments[0] not in ("u1", "|u1") or columns_first:
            raise ValueError("it is no array of bytes, row by row")
        raw = data.encode("latin-1") if isinstance(data, str) else data
        return np.frombuffer(raw, np.uint8).reshape(shape)
    except (AttributeError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise ValueError(f"an array was expected: {error}") from None


def whole_numbers(value: Any) -> list[int]:
    """Return a list of whole numbers; raises ValueError for anything else, however large."""
    if type(value) is not list or not all(type(each) is int for each in value):
        raise ValueError("a list of whole numbers was expected")
    return value
