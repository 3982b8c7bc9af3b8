"""Every public name of Keras 3 beside tinyconv's: `python -m benchmarks.keras_names > docs/keras-names.md`.

Keras must be installed. What tinyconv has not is said in the words of its errors, from `tinyconv/offered.py`.
"""

import os
import sys
from collections.abc import Iterator
from typing import Any

import tinyconv as tc
from tinyconv.offered import instead, public_names

MODULES = (
    *("layers", "losses", "metrics", "optimizers", "optimizers.schedules", "callbacks", "initializers", "regularizers"),
    *("constraints", "activations", "models", "utils"),
)
HAS = "✓"
HEAD = """# Keras's names

Every public name of Keras {version} in the modules that scripts import from: ✓ where tinyconv has it under the same
name (`tinyconv.layers.Dense` is `keras.layers.Dense`), else what it says to whoever asks for it. Written by
`python -m benchmarks.keras_names`, from `tinyconv/offered.py`.

| module | of Keras's names | tinyconv has |
|---|---|---|"""


def public(module: Any) -> list[str]:
    """Return the public names of a module of Keras, those of modules within it left out, capitals first."""
    names = [name for name in dir(module) if not name.startswith("_")]
    return [name for name in names if type(getattr(module, name)).__name__ != "module"]


def found(dotted: str, root: Any) -> Any:
    """Return a module by its dotted name below `root`."""
    module = root
    for part in dotted.split("."):
        module = getattr(module, part)
    return module


def said(module: str, name: str) -> str:
    """Return ✓ if tinyconv has a name, else what there is instead. Raises LookupError for a name nobody speaks of."""
    ours = found(module, tc)
    if name in public_names(ours) or hasattr(ours, name):
        return HAS
    advice = instead(module.rpartition(".")[2], name)
    if advice:
        return advice
    places = [
        each for each in (*MODULES, "datasets", "preprocessing.image", "saving") if hasattr(found(each, tc), name)
    ]
    if not places:
        raise LookupError(f"keras.{module}.{name} is neither in tinyconv nor in tinyconv/offered.py")
    return f"it is tinyconv.{places[0]}.{name}"


def lines(keras: Any) -> Iterator[str]:
    """Yield the lines of the page."""
    tables = {module: {name: said(module, name) for name in public(found(module, keras))} for module in MODULES}
    yield HEAD.format(version=".".join(keras.__version__.split(".")[:2]))
    for module, table in tables.items():
        yield f"| [{module}](#{module.replace('.', '')}) | {len(table)} | {list(table.values()).count(HAS)} |"
    for module, table in tables.items():
        yield f"\n## {module}\n\n| `keras.{module}` | tinyconv |\n|---|---|"
        for name, answer in table.items():
            yield f"| `{name}` | {answer} |"


def main() -> int:
    """Print the page and return the exit code."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    print("\n".join(lines(keras)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
