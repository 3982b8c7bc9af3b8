"""Files before Keras 3: models and weights under any name, and models as JSON or YAML."""

import os
import shutil
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from .. import saving
from ..models import Model
from ..offered import NotOfferedError
from ..utils.downloads import get_file as of_today
from .eras import Era
from .spelling import Names, bound, positions_of

HDF5, ZIP = b"\x89HDF\r\n\x1a\n", b"PK\x03\x04"
ENDINGS = (".keras", ".h5", ".safetensors")


class Loaded:
    """What loading weights has given, for those who ask whether all were found: they were, or it would have failed."""

    def expect_partial(self) -> "Loaded":
        """Return this."""
        return self

    assert_consumed = assert_existing_objects_matched = assert_nontrivial_match = expect_partial


def methods(era: Era) -> dict[str, Callable[..., Any]]:
    """Return the methods that write and read a model's files under any name."""
    save, save_weights, load_weights = Model.save, Model.save_weights, Model.load_weights

    def saved(self: Any, filepath: Any, overwrite: bool = True, **of_no_meaning: Any) -> None:
        _written(str(filepath), lambda path: save(self, path, overwrite))

    def saved_weights(self: Any, filepath: Any, overwrite: bool = True, **of_no_meaning: Any) -> None:
        _written(str(filepath), lambda path: save_weights(self, path, overwrite))
        if not era.before(3) and not str(filepath).endswith(ENDINGS):  # a checkpoint, which a folder knows the last of
            file = Path(str(filepath))
            (file.parent / "checkpoint").write_text(f'model_checkpoint_path: "{file.name}"\n', encoding="utf-8")

    def loaded_weights(self: Any, filepath: Any, *given: Any, **named: Any) -> Loaded:
        by_name = bool(given and given[0]) or bool(named.pop("by_name", False))
        with _named_by_content(filepath) as path:
            load_weights(self, path, by_name=by_name, skip_mismatch=bool(named.get("skip_mismatch", False)))
        return Loaded()

    def to_yaml(self: Any, **of_no_meaning: Any) -> str:
        return str(self.to_json())

    def to_json(self: Any, **of_no_meaning: Any) -> str:
        return as_json(self)

    as_json = Model.to_json
    return {
        "save": saved,
        "save_weights": saved_weights,
        "load_weights": loaded_weights,
        "to_yaml": to_yaml,
        "to_json": to_json,
    }


def spelled_names(era: Era) -> Names:
    """Return what reads and writes models in an era, by module."""
    if not era.old:
        return {}

    def load_model(filepath: Any, custom_objects: Any = None, compile: bool = True, **of_no_meaning: Any) -> Any:
        """Return the model in a file, whatever its name."""
        with _named_by_content(filepath) as path:
            return saving.load_model(path, custom_objects=custom_objects, compile=compile)

    def save_model(model: Any, filepath: Any, overwrite: bool = True, **of_no_meaning: Any) -> None:
        """Write a model to a file of any name."""
        model.save(filepath, overwrite)

    def model_from_yaml(yaml_string: str, custom_objects: Any = None) -> Any:
        """Return the model that `to_yaml` described: as JSON, which is YAML, too."""
        return saving.model_from_json(yaml_string, custom_objects)

    names = {"load_model": load_model, "save_model": save_model, "model_from_yaml": model_from_yaml}
    return {"models": names, "saving": names, "": names, "utils": {"get_file": get_file}}


def get_file(*given: Any, **named: Any) -> str:
    """Return the path of a file as `utils.get_file` does; what an archive holds lies beside it, as before Keras 3.

    With `extract` the path is that of the archive; with `untar`, that of what the archive holds under the name `fname`.
    """
    arguments = bound("get_file", positions_of(of_today), given, named)
    if not (arguments.get("untar") or arguments.get("extract")):
        return of_today(**arguments)
    fname, origin = arguments.get("fname"), arguments.get("origin")
    try:
        folder = Path(of_today(**arguments))
    except NotOfferedError:
        if not arguments.get("untar") or not fname:
            raise
        folder = Path(of_today(**{**arguments, "fname": None}))  # where it has the name that it has on the net
    for member in folder.iterdir():
        beside = folder.parent / member.name
        if not beside.exists():
            try:
                beside.symlink_to(member.relative_to(folder.parent), member.is_dir())
            except OSError:  # where links are not for everybody
                (shutil.copytree if member.is_dir() else shutil.copy)(member, beside)
    name = str(fname or Path(str(origin)).name)
    return str(folder.parent / name)


def _written(filepath: str, write: Callable[[str], None]) -> None:
    """Write a file under a name that says its kind, and give it the name that is wanted."""
    if filepath.endswith(ENDINGS):
        write(filepath)
        return
    own = filepath.rstrip("/\\")
    Path(own).parent.mkdir(parents=True, exist_ok=True)  # as TensorFlow does for its checkpoints
    aside = f"{own}.{os.getpid()}.h5"
    write(aside)
    os.replace(aside, own)


@contextmanager
def _named_by_content(filepath: Any) -> Any:
    """Give the path of a file under a name that says its kind, which its first bytes tell."""
    path = Path(str(filepath).rstrip("/\\"))
    if str(path).endswith(ENDINGS) or not path.is_file():
        yield str(path)
        return
    with path.open("rb") as file:
        start = file.read(len(HDF5))
    ending = ".h5" if start == HDF5 else ".keras" if start.startswith(ZIP) else ""
    if not ending:
        yield str(path)
        return
    with TemporaryDirectory() as folder:
        link = Path(folder, f"model{ending}")
        link.symlink_to(path.resolve())
        yield str(link)
