"""What is supported: every module path of Keras that resolves, and the names in it."""

from textwrap import fill

from .eras import parse
from .importing import era
from .places import OTHERS, PLACES


def listing() -> str:
    """Return a text: each module path, and its public names, of today and of older eras."""
    from importlib import import_module

    found: dict[str, set[str]] = {path: set() for path in PLACES}
    for which in ("1", "2", "tf2", "3"):
        with era(parse(which)):
            for path in PLACES:
                found[path] |= set(dir(import_module(f"keras.{path}".rstrip("."))))
        if which == "tf2":
            with era(parse(which)):
                others = {name: dir(import_module(name)) for name in OTHERS if "." not in name or name.count(".") == 1}
    lines = []
    for names in dict.fromkeys(tuple(sorted(each)) for each in found.values()):
        paths = [f"keras.{path}".rstrip(".") for path, each in found.items() if tuple(sorted(each)) == names]
        head = fill(", ".join(paths), 100, subsequent_indent="  ")
        lines += [head, fill(" ".join(names), 100, initial_indent="    ", subsequent_indent="    "), ""]
    for name, words in others.items():
        if words and (name == "tensorflow" or words != others["tensorflow"]):
            lines += [name, fill(" ".join(words), 100, initial_indent="    ", subsequent_indent="    "), ""]
    return "\n".join(lines)
