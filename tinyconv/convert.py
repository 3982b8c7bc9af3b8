"""The command line: `python -m tinyconv.convert IN OUT` turns one file of a model into another, by their suffixes."""

import sys
import warnings
from collections.abc import Iterator, Sequence
from os import path
from pathlib import Path
from typing import Any

if not __package__:
    sys.exit("run it as a module of its package: python -m tinyconv.convert")

from .commands import Parser, command, short
from .files import replace_file
from .saving import hdf5, load_model, model_from_json

PROG = "python -m tinyconv.convert"
MODEL, WEIGHTS, LAYERS = "a model with its weights", "weights alone", "layers alone"
READ = {".keras": MODEL, ".weights.h5": WEIGHTS, ".h5": MODEL, ".hdf5": MODEL, ".safetensors": WEIGHTS, ".json": LAYERS}
WRITTEN = {**READ, ".onnx": MODEL}


def parser() -> Parser:
    """Return the parser of the command line."""
    made = Parser(
        PROG,
        "Turn a file of a model into another kind of file, without Keras.",
        "The suffix says the kind: .keras, .h5 or .hdf5 (whole models, read also weights alone), .weights.h5 and "
        ".safetensors (weights alone), .json (layers alone); .onnx is only written.",
    )
    made.add_argument("source", type=Path, metavar="IN", help="the file to read")
    made.add_argument("target", type=Path, metavar="OUT", help="the file to write")
    made.add_argument("--model", type=Path, metavar="FILE", help=".json, .keras or .h5 of the model of IN's weights")
    made.add_argument("--force", action="store_true", help="write over OUT if it is there")
    return made


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """Convert, print what is not in the new file, and return 0; or 2 after a line that says why not."""
    options = parser().parse(arguments)
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            left_out = convert(options.source, options.target, options.model, options.force)
    except (OSError, ValueError, ModuleNotFoundError) as error:
        print(f"{short(PROG)}: {error}", file=sys.stderr)
        return 2
    for warning in told:
        print(f"{short(PROG)}: {warning.message}", file=sys.stderr)
    print(f"{options.target}" + (f": without {', '.join(left_out)}" if left_out else ""))
    return 0


def convert(source: Path, target: Path, model_file: Path | None = None, force: bool = False) -> list[str]:
    """Write the model, or the part of one, in the file `source` to `target`; return what is not in it of the model.

    `model_file` has the layers of a source of weights alone. Without `force` a target that is there stays, and
    ValueError is raised; so it is for what cannot be converted. Nothing is written unless all of it can be.
    """
    kind = suffix(target, WRITTEN, "written")
    holds = content(source)
    if path.lexists(target) and not force:
        raise ValueError(f"{target} is there already: give another name, or --force")
    if path.exists(target) and path.samefile(source, target):
        raise ValueError(f"{source} and {target} are one file: give another name")
    if holds == WEIGHTS and model_file is None:
        raise ValueError(f"{source} holds weights alone: name a file of the model's layers by --model")
    if holds != WEIGHTS and model_file is not None:
        raise ValueError(f"{source} holds {holds}: --model is for weights alone")
    if holds == LAYERS and kind not in (".json", ".keras", ".h5", ".hdf5"):
        raise ValueError(f"{source} holds no weights for {target}: convert a file of them, with --model {source}")
    model, lost = opened(source if model_file is None else model_file)
    if model_file is not None:
        model.load_weights(str(source))
    left_out = [*lost, *missing(model, kind)]
    if holds == LAYERS and kind != ".json":
        left_out.append("the weights of a trained model: they are drawn anew")
    if kind == ".json":
        replace_file(target, [model.to_json().encode()])
    elif kind in (".weights.h5", ".safetensors"):
        model.save_weights(str(target))
    elif kind == ".onnx":
        model.export(str(target))
    else:
        model.save(str(target))
    return left_out


def suffix(file: Path, kinds: dict[str, str], verb: str) -> str:
    """Return which of `kinds` a file is by its name; `verb` says in errors what is done with it."""
    found = next((kind for kind in kinds if file.name.endswith(kind)), None)
    if found is None:
        only = ", it is only written" if file.suffix == ".onnx" else ""
        raise ValueError(f"{file} cannot be {verb}{only}: its name must end in {', '.join(kinds)}")
    return found


def content(file: Path) -> str:
    """Return what a file holds: MODEL, WEIGHTS or LAYERS."""
    kind = suffix(file, READ, "read")
    if READ[kind] == MODEL and hdf5.is_hdf5(file):
        with hdf5.opened(file) as (root, _):
            return MODEL if "model_config" in root.attrs else WEIGHTS
    with open(file, "rb"):
        return READ[kind]


def opened(file: Path) -> tuple[Any, list[str]]:
    """Return the model in a file, compiled if it can be, and what of it could not be kept."""
    holds = content(file)
    if holds == WEIGHTS:
        raise ValueError(f"{file} holds weights alone: --model is for a file of layers, .json, .keras or .h5")
    if holds == LAYERS:
        try:
            return model_from_json(file.read_text(encoding="utf-8")), []
        except ValueError as error:
            raise ValueError(f"{file}: {error}") from None
    try:
        return load_model(str(file)), []
    except ValueError as error:
        try:
            model = load_model(str(file), compile=False)
        except ValueError:
            raise error from None
        return model, [f"its training ({error})"]


def missing(model: Any, kind: str) -> Iterator[str]:
    """Yield what of a model is not in a file of a kind."""
    if WRITTEN[kind] == WEIGHTS:
        yield "layers"
    elif WRITTEN[kind] == LAYERS:
        yield "weights"
    if model.optimizer is not None and kind == ".weights.h5":
        yield "compile settings"
    elif model.optimizer is not None and kind in (".json", ".safetensors", ".onnx"):
        yield "compile settings and the optimizer's state"


if __name__ == "__main__":
    sys.exit(main())
