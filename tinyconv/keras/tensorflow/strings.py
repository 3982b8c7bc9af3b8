"""`tf.strings`: words, such as the names of files."""

import os
import re
from typing import Any

import numpy as np

from ..operations import Values, held
from ..vocabulary import missing, public


def _words(value: Any) -> np.ndarray:
    array = np.asarray(value)
    return np.char.decode(array) if array.dtype.kind == "S" else array.astype(str)


def split(input: Any, sep: Any = None, maxsplit: int = -1, name: str | None = None) -> Any:
    """Return the parts of a word between separators: white space if none is given."""
    separator = None if sep is None else str(_words(sep))
    word = _words(input)
    if word.ndim == 0:
        return np.array(str(word).split(separator, maxsplit)).view(Values)
    return [np.array(each.split(separator, maxsplit)).view(Values) for each in word]


def join(inputs: Any, separator: str = "", name: str | None = None) -> Any:
    """Return words one after another."""
    first, *others = (_words(each) for each in inputs)
    for each in others:
        first = np.char.add(np.char.add(first, separator), each)
    return held(np.asarray(first))


def lower(input: Any, encoding: str = "", name: str | None = None) -> Any:
    """Return words in small letters."""
    return held(np.char.lower(_words(input)))


def upper(input: Any, encoding: str = "", name: str | None = None) -> Any:
    """Return words in capitals."""
    return held(np.char.upper(_words(input)))


def length(input: Any, unit: str = "BYTE", name: str | None = None) -> Any:
    """Return the number of letters."""
    return held(np.char.str_len(_words(input)).astype(np.int32))


def regex_full_match(input: Any, pattern: str, name: str | None = None) -> Any:
    """Return whether a pattern describes the whole word."""
    return held(np.vectorize(lambda word: re.fullmatch(pattern, word) is not None)(_words(input)))


def regex_replace(input: Any, pattern: str, rewrite: str, replace_global: bool = True, name: str | None = None) -> Any:
    """Return words with other words in the place of what a pattern describes."""
    count = 0 if replace_global else 1
    return held(np.vectorize(lambda word: re.sub(pattern, rewrite, word, count=count))(_words(input)))


def substr(input: Any, pos: Any, len: Any, *_: Any, **__: Any) -> Any:
    """Return the part of each word from a letter on."""
    return held(np.vectorize(lambda word: word[int(pos) : int(pos) + int(len)])(_words(input)))


def to_number(input: Any, out_type: Any = "float32", name: str | None = None) -> Any:
    """Return the numbers that words write."""
    return held(_words(input).astype(str(out_type)))


def as_string(input: Any, *_: Any, **__: Any) -> Any:
    """Return numbers as words."""
    return held(np.asarray(input).astype(str))


def format(template: str, inputs: Any, *_: Any, **__: Any) -> Any:
    """Return a text with values in the places of {}."""
    given = inputs if isinstance(inputs, list | tuple) else [inputs]
    return held(np.array(template.format(*given)))


sep = os.path.sep
__all__ = public(globals())
__getattr__ = missing("tensorflow.strings", globals())
