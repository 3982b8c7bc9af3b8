"""The shape of the house: imports point down, heavy libraries come late, files stay short, public names explained."""

import ast
import importlib
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# The storeys of tinyconv, lowest first. A part may import from the storeys below its own, and from itself.
STOREYS = [
    {"kernels"},  # arrays in, arrays out; knows nothing above
    {"starting"},  # Ctrl-C before all is imported
    {"offered"},  # what Keras has and tinyconv has not
    {"commands", "files"},  # what command lines, and what files have in common
    {"_version", "arguments", "config", "names", "structure", "weighting"},  # what a session has in common
    {"registry"},  # what describes itself is made again by name
    {"randomness"},  # counter-based draws, made by kernels
    {"distributed"},  # what processes that train one model exchange
    {"autograd"},  # the backward walk
    {"symbol"},  # what stands for a tensor to come
    {"tensor"},
    {"functions"},  # differentiable operations
    {"activations", "constraints", "initializers", "regularizers", "schedules"},
    {"layers"},
    {"losses", "optimizers"},
    {"metrics"},
    {"data", "datasets"},
    {"callbacks"},  # what listens to training
    {"objectives"},  # losses and metrics of each output
    {"training"},
    {"models"},
    {"saving"},  # models and weights in files
    {"explorer", "gradcheck", "visualize", "zoo"},
    {"profiling", "range_test"},  # where the time goes, and a rate to begin with
    {"utils"},  # images from files and folders, and what else, in Keras's words
    {"preprocessing"},  # images for training
    {"__init__"},  # the public names: `from tinyconv import set_seed` is an import of this storey
    {"recipes"},
    {"keras"},  # Keras's module paths and spellings of every era
    {"compile", "convert", "explore", "inspect", "predict", "split_folder", "train"},  # the command lines
    {"__main__"},  # what command lines there are
]
FLOOR = {part: floor for floor, parts in enumerate(STOREYS) for part in parts}

# Loaded when first needed, so that `import tinyconv` stays quick.
LATE = [
    "numba",
    "scipy",
    "h5py",
    "matplotlib",
    "rich",
    "PIL",
    "cupy",
    "threadpoolctl",
    "lzma",
    "tensorboardX",
    "safetensors",
    "onnx",
    "mpi4py",
]

FRAMEWORKS = {"keras", "tensorflow", "torch", "jax", "tf_keras", "flax", "chainer", "mxnet"}

FILES = sorted([*(ROOT / "tinyconv").rglob("*.py"), *(ROOT / "kernels").rglob("*.py")])


def module_of(file):
    """Dotted name of a file's module, a package's ending in __init__; kernels/ is imported as tinyconv.kernels."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return parts if parts[0] == "tinyconv" else ("tinyconv", *parts)


def imports(tree, module):
    """Every (line, dotted name) that a syntax tree imports, in functions too, but not for type checkers alone."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, tuple(alias.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            above = module[: len(module) - node.level] if node.level else ()
            for alias in node.names:
                yield node.lineno, (*above, *(node.module.split(".") if node.module else ()), alias.name)
        elif (
            isinstance(node, ast.Call)
            and getattr(node.func, "id", getattr(node.func, "attr", "")) in ("import_module", "__import__")
            and isinstance(node.args[0], ast.Constant)
        ):
            name = node.args[0].value
            above = module[: len(module) - 1] if name.startswith(".") else ()
            yield node.lineno, (*above, *name.strip(".").split("."))
        yield from imports(node, module)


def part_of(module):
    """The part of tinyconv that a dotted name belongs to; the `__main__` of any package is a command line."""
    if module[-1] == "__main__":
        return "__main__"
    return module[1] if len(module) > 1 and module[1] in FLOOR else "__init__"


def upward(source, module):
    """Every import of `source`, the text of `module`, that does not point down."""
    own = part_of(module)
    for line, name in imports(ast.parse(source), module):
        if name[0] != "tinyconv":
            continue
        other = part_of(name)
        if other != own and FLOOR[other] >= FLOOR[own]:
            yield f"line {line}: {own} imports {other}"


def test_every_part_has_a_storey():
    parts = {module_of(file)[1] for file in FILES}
    assert parts == set(FLOOR)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_imports_point_down(file):
    assert list(upward(file.read_text(encoding="utf-8"), module_of(file))) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("tinyconv.layers.core", "from ..models import Sequential"),
        ("tinyconv.layers.core", "def f():\n    from .. import losses"),
        ("tinyconv.losses", "from .metrics import Mean"),
        ("tinyconv.kernels.cpu.dense", "from tinyconv.tensor import Tensor"),
        ("tinyconv.kernels.cpu.dense", "import tinyconv.config"),
        ("tinyconv.functions.__init__", "from ..layers.layer import Layer"),
        ("tinyconv.training", "import tinyconv as tc"),
        ("tinyconv.randomness", "from importlib import import_module\nimport_module('.layers', __name__)"),
    ],
)
def test_an_upward_import_is_found(module, source):
    assert list(upward(source, tuple(module.split("."))))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_framework_and_cupy_in_one_folder(file):
    taken = {name[0] for _, name in imports(ast.parse(file.read_text(encoding="utf-8")), module_of(file))}
    asks_keras = file == ROOT / "tinyconv" / "explorer" / "keras_judge.py"  # as a judge, where it is installed
    assert asks_keras or not taken & FRAMEWORKS
    if "cupy" in taken:
        assert file.is_relative_to(ROOT / "kernels" / "gpu")


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_files_stay_short(file):
    assert len(file.read_text(encoding="utf-8").splitlines()) < 400


def test_every_package_is_installed():
    """An editable installation finds them anyway; any other has only those that setup.cfg names."""
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    packages = {".".join(module_of(file)[:-1]) for file in FILES if file.name == "__init__.py"}
    assert set(setup["options"]["packages"].split()) == packages


def test_files_of_tests_have_names_of_their_own():
    """pytest imports them by their names alone."""
    names = [file.name for file in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))


def run(script, folder):
    """Run a script in its own process, in `folder`; return what it prints."""
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_import_is_light_and_works_from_any_folder(tmp_path):
    script = f"import sys, tinyconv, tinyconv.kernels; print([name for name in {LATE} if name in sys.modules])"
    for folder in (tmp_path, ROOT, ROOT / "kernels", ROOT / "tests"):
        assert run(script, folder) == "[]"


def public_packages():
    """Every module of tinyconv that says what of it is public."""
    for file in FILES:
        if any(
            isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__"
            for node in ast.parse(file.read_text(encoding="utf-8")).body
        ):
            yield ".".join(part for part in module_of(file) if part != "__init__")


@pytest.mark.parametrize("name", sorted(public_packages()))
def test_public_names_exist_and_are_explained(name):
    if name.startswith("tinyconv.kernels.gpu"):
        pytest.importorskip("cupy", reason="the GPU kernels are CuPy's to import: it is not installed")
    module = importlib.import_module(name)
    assert module.__doc__
    assert len(set(module.__all__)) == len(module.__all__)
    for public in module.__all__:
        value = getattr(module, public)
        if callable(value):
            own = value.__dict__.get("__doc__") if isinstance(value, type) else value.__doc__
            assert own, f"{name}.{public} has no docstring"


def documented(tree):
    """Every node of a syntax tree that may have a docstring."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return [node for node in ast.walk(tree) if isinstance(node, kinds)]


@pytest.mark.parametrize("folder", ["tinyconv", "kernels", "benchmarks", "examples", "tests"])
def test_first_sentences_end_before_the_first_blank_line(folder):
    broken = []
    for file in (ROOT / folder).rglob("*.py"):
        for node in documented(ast.parse(file.read_text(encoding="utf-8"))):
            first = (ast.get_docstring(node) or ".").partition("\n\n")[0].rstrip('"`)')
            if first[-1] not in ".:?!…":
                broken.append(f"{file.relative_to(ROOT)}: {first[:70]}")
    assert not broken
