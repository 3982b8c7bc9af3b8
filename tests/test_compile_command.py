"""`python -m tinyconv.compile`: what it prints, and what it refuses."""

import re

import pytest
from numba.core import config

import tinyconv as tc
from tinyconv import compile
from tinyconv.layers import Conv2D, Dense, GlobalAveragePooling2D

LINE = re.compile(r"\S+ +\d+ kernels compiled, +\d+ found on disk, +\d+\.\d s")

needs_compiler = pytest.mark.skipif(config.DISABLE_JIT, reason="there is nothing to compile without the compiler")


@needs_compiler
@pytest.mark.parametrize("loss", [None, "sparse_categorical_crossentropy", "categorical_crossentropy"])
def test_a_model_of_open_size_in_a_file(tmp_path, capsys, loss):
    """Its weights are those of the file for whoever reads it later: nothing is written."""
    model = tc.Sequential(
        [tc.Input((None, None, 3)), Conv2D(4, 3, activation="relu"), GlobalAveragePooling2D(), Dense(2, "softmax")]
    )
    if loss:
        model.compile("sgd", loss, metrics=["accuracy"])
    file = tmp_path / "own.keras"
    model.save(str(file))
    before = file.read_bytes()
    assert compile.main([str(file)]) == 0
    first, last = capsys.readouterr().out.splitlines()
    assert LINE.fullmatch(first)
    assert first.startswith(str(file))
    assert last.startswith("kept in ")
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


@needs_compiler
def test_several_targets_are_summed(tmp_path, capsys):
    model = tc.Sequential([tc.Input((3,)), Dense(2)])
    file = tmp_path / "own.keras"
    model.save(str(file))
    assert compile.main([str(file), str(file)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [bool(LINE.fullmatch(line)) for line in lines] == [True, True, False, False]
    assert lines[2].startswith("in all ")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("mnits", 'unknown recipe "mnits": did you mean "mnist"? known are '),
        ("own.keras", "own.keras is not there: name a recipe, or a file of a model that ends in .keras, .h5, .hdf5"),
    ],
)
def test_what_is_neither_a_recipe_nor_a_file(capsys, name, reason):
    with pytest.raises(SystemExit) as ended:
        compile.main([name])
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith(f"tinyconv.compile: {reason}")


@needs_compiler
def test_a_file_that_is_no_model(tmp_path, capsys):
    file = tmp_path / "own.keras"
    file.write_bytes(b"nothing")
    assert compile.main([str(file)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("tinyconv.compile: ")
    assert said.count("\n") == 1


@needs_compiler
def test_kernels_that_cannot_be_kept(monkeypatch, capsys):
    from tinyconv.kernels.cpu import compile as policy

    class Unkept:
        class stats:  # noqa: N801
            cache_path = None

    monkeypatch.setattr(policy, "KERNELS", [Unkept()])
    assert compile.main(["mnist-fc"]) == 2
    said = "tinyconv.compile: compiled kernels cannot be kept: set NUMBA_CACHE_DIR to a folder that may be written\n"
    assert capsys.readouterr().err == said
