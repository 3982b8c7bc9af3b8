"""tinyconv as it is installed: from a checkout that is not, from a wheel, from a source distribution."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parent.parent
PARTS = ("tinyconv", "kernels", "tests", "benchmarks", "examples", "docs")
LITTER = shutil.ignore_patterns("__pycache__", ".*", "*.egg-info", "build", "dist", "runs")
WHERE = "import tinyconv, tinyconv.kernels.cpu as cpu; print(tinyconv.__file__); print(cpu.__file__)"


def python(*arguments, cwd, executable=sys.executable):
    """Run Python in `cwd` without what the environment adds to its path; return what it prints."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [executable, *map(str, arguments)], cwd=cwd, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of the checkout, which nobody has installed."""
    return Path(shutil.copytree(ROOT, tmp_path_factory.mktemp("checkout") / "copy", ignore=LITTER))


def test_a_checkout_uses_its_own_kernels(checkout):
    """Installed or not, and whatever else is installed: tinyconv itself is, here, from another folder."""
    found = [Path(line) for line in python("-c", WHERE, cwd=checkout).splitlines()]
    assert found == [checkout / "tinyconv/__init__.py", checkout / "kernels/cpu/__init__.py"]


def test_no_module_hides_one_of_python_s():
    """Python run inside a folder of the package finds the modules there first; `inspect` there stands aside."""
    modules = [path for part in ("tinyconv", "kernels") for path in (ROOT / part).rglob("*.py")]
    assert [path for path in modules if path.stem in sys.stdlib_module_names] == [ROOT / "tinyconv" / "inspect.py"]
    assert "True" in python("-c", "import inspect; print(inspect.isclass(int))", cwd=ROOT / "tinyconv")


def test_commands_run_inside_the_package(tmp_path):
    assert "mnist-fc" in python("-m", "tinyconv.train", "--list", cwd=ROOT / "tinyconv")


def test_a_module_run_as_a_script_says_how_to_run_it():
    done = subprocess.run([sys.executable, "train.py", "mnist"], cwd=ROOT / "tinyconv", capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "run it as a module of its package: python -m tinyconv.train\n"


@pytest.fixture(scope="module")
def distributions(checkout, tmp_path_factory):
    """The wheel and the source distribution, built from the checkout."""
    target = tmp_path_factory.mktemp("dist")
    build = "from setuptools import build_meta as b; b.build_sdist({0!r}); b.build_wheel({0!r})".format(str(target))
    python("-c", build, cwd=checkout)
    return next(target.glob("*.whl")), next(target.glob("*.tar.gz"))


@pytest.fixture(scope="module")
def installed(distributions, tmp_path_factory):
    """The Python of an environment where only the wheel is installed; what it needs is the tests' own."""
    environment = tmp_path_factory.mktemp("environment")
    python("-m", "venv", "--without-pip", environment, cwd=environment)
    executable = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    site = Path(
        python(
            "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=environment, executable=executable
        ).strip()
    )
    with ZipFile(distributions[0]) as wheel:
        wheel.extractall(site)
    # As text in a .pth file a folder is searched, but its own .pth files, that of an editable tinyconv, are not read.
    (site / "needs.pth").write_text(
        "\n".join({sysconfig.get_path("purelib"), *(p for p in sys.path if p.endswith("site-packages"))})
    )
    return executable, site


@pytest.mark.slow
def test_the_source_distribution_holds_the_checkout(distributions, checkout):
    with tarfile.open(distributions[1]) as archive:
        files = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {
        path.relative_to(checkout).as_posix()
        for part in PARTS
        for path in (checkout / part).rglob("*.*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert wanted <= files
    assert {"README.md", "CHANGELOG.md", "LICENSE", "NOTICE", "pyproject.toml", "setup.cfg", "MANIFEST.in"} <= files
    assert not [name for name in files if name.endswith(".pyc")]


@pytest.mark.slow
@pytest.mark.parametrize("place", ["elsewhere", "checkout"])
def test_a_wheel_trains(installed, checkout, tmp_path, place):
    """From another folder with the installed files; from the checkout with the checkout's, kernels and all."""
    executable, site = installed
    cwd = checkout if place == "checkout" else tmp_path
    origins = {Path(line).parent for line in python("-c", WHERE, cwd=cwd, executable=executable).splitlines()}
    if place == "checkout":
        assert origins == {checkout / "tinyconv", checkout / "kernels/cpu"}
    else:
        assert origins == {site / "tinyconv", site / "tinyconv/kernels/cpu"}
    options = ["--limit", 200, "--epochs", 1, "--output", tmp_path / "run"]
    said = python("-m", "tinyconv.train", "mnist-fc", *options, cwd=cwd, executable=executable)
    assert "test accuracy" in said
    assert (tmp_path / "run/confusion.png").exists()
