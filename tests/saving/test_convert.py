"""`python -m tinyconv.convert IN OUT`: each kind of file into each; what Keras opens it judges."""

import json
from pathlib import Path

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import layers as L
from tinyconv.convert import READ, WRITTEN, main

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)
pytest.importorskip("safetensors")
pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

X = np.random.default_rng(3).random((2, 6, 6, 1), np.float32)


def layers(of):
    return [of.Input((6, 6, 1)), of.Conv2D(2, 3, name="c"), of.Flatten(name="f"), of.Dense(2, name="d")]


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    """A folder with one trained model in each kind of file, and what it says of X."""
    folder = tmp_path_factory.mktemp("files")
    model = tc.Sequential(layers(L), name="small")
    model.compile("adam", tc.losses.MeanSquaredError())  # Keras 3 does not find "mse" of its own .h5 files
    model.train_on_batch(X, np.ones((2, 2)))
    for kind in (".keras", ".h5", ".hdf5"):
        model.save(folder / f"a{kind}")
    for kind in (".weights.h5", ".safetensors"):
        model.save_weights(folder / f"a{kind}")
    (folder / "a.json").write_text(model.to_json())
    return folder, model.predict(X, verbose=0)


def run(*arguments):
    return main([str(each) for each in arguments])


def given(folder, source):
    """What a source needs beside it."""
    return ["--model", folder / "a.json"] if READ[source] == "weights alone" else []


@pytest.mark.parametrize("target", WRITTEN)
@pytest.mark.parametrize("source", READ)
def test_each_into_each(keras, held, tmp_path, capsys, source, target):
    (folder, y), out = held, tmp_path / f"b{target}"
    code = run(folder / f"a{source}", out, *given(folder, source))
    said = capsys.readouterr()
    if source == ".json" and target in (".weights.h5", ".safetensors", ".onnx"):
        assert code == 2
        assert "holds no weights for" in said.err
        assert list(tmp_path.iterdir()) == []
        return
    assert (code, said.err) == (0, "")
    assert said.out.startswith(f"{out}")
    assert list(tmp_path.iterdir()) == [out]
    theirs = keras.Sequential(layers(keras.layers))
    if target == ".json":
        assert ": without weights" in said.out
        assert json.loads(out.read_text()) == json.loads((folder / "a.json").read_text())
        theirs = keras.models.model_from_json(out.read_text())
        assert [layer.name for layer in theirs.layers] == ["c", "f", "d"]
        return
    if target == ".onnx":
        session = onnxruntime.InferenceSession(out, providers=["CPUExecutionProvider"])
        np.testing.assert_allclose(session.run(None, {session.get_inputs()[0].name: X})[0], y, rtol=1e-5, atol=1e-6)
        return
    if READ[target] == "a model with its weights":
        theirs = keras.saving.load_model(out)
        assert (getattr(theirs, "optimizer", None) is not None) == (READ[source] == "a model with its weights")
    elif target == ".weights.h5":
        assert ": without layers" in said.out
        theirs.load_weights(out)
    else:
        ours = tc.Sequential(layers(L))
        ours.load_weights(out)
        theirs.set_weights(ours.get_weights())
    if source == ".json":
        assert "drawn anew" in said.out
    else:
        np.testing.assert_allclose(np.asarray(theirs(X)), y, rtol=1e-5, atol=1e-6)


def test_training_goes_on(held, tmp_path, capsys):
    folder, _ = held
    assert run(folder / "a.keras", tmp_path / "b.h5") == 0
    assert capsys.readouterr().out == f"{tmp_path / 'b.h5'}\n"
    assert tc.load_model(tmp_path / "b.h5").optimizer.iterations == 1
    assert run(folder / "a.keras", tmp_path / "b.safetensors") == 0
    assert capsys.readouterr().out.endswith(": without layers, compile settings and the optimizer's state\n")


def test_nothing_is_written_over(held, tmp_path, capsys):
    folder, y = held
    out = tmp_path / "b.keras"
    out.write_text("mine")
    assert run(folder / "a.h5", out) == 2
    assert capsys.readouterr().err == (f"tinyconv.convert: {out} is there already: give another name, or --force\n")
    assert out.read_text() == "mine"
    assert run(folder / "a.h5", out, "--force") == 0
    np.testing.assert_array_equal(tc.load_model(out).predict(X, verbose=0), y)
    assert run(out, out, "--force") == 2
    assert "are one file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["{a}.weights.h5", "{b}.keras"], "holds weights alone: name a file of the model's layers by --model"),
        (["{a}.safetensors", "{b}.h5", "--model", "{a}.weights.h5"], "--model is for a file of layers"),
        (["{a}.keras", "{b}.h5", "--model", "{a}.json"], "--model is for weights alone"),
        (["{a}.pt", "{b}.h5"], "a.pt cannot be read: its name must end in .keras, .weights.h5, .h5, .hdf5, .saf"),
        (["{b}.onnx", "{b}.h5"], "b.onnx cannot be read, it is only written: its name must end in .keras"),
        (["{a}.keras", "{b}.pt"], "b.pt cannot be written: its name must end in .keras"),
        (["{a}x.keras", "{b}.h5"], "No such file or directory"),
        (["{a}x.json", "{b}.h5"], "No such file or directory"),
        (["{a}.keras", "{b}/c.h5"], "cannot write the file: No such file or directory"),
        (["{b}.keras", "{b}.h5"], "is not a .keras file, or cut short"),
        (["{b}.json", "{b}.h5"], "b.json: the JSON is not JSON"),
    ],
)  # fmt: skip
def test_refused_in_one_line(held, tmp_path, capsys, arguments, says):
    folder, _ = held
    for kind in (".keras", ".json"):
        (tmp_path / f"b{kind}").write_text("no such thing")
    names = [each.format(a=folder / "a", b=tmp_path / "b") for each in arguments]
    assert run(*names, "--force") == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert says in said.err
    assert said.err.startswith("tinyconv.convert: ")
    assert said.err.count("\n") == 1
    assert sorted(each.name for each in Path(tmp_path).iterdir()) == ["b.json", "b.keras"]


def test_weights_of_another_model(held, tmp_path, capsys):
    folder, _ = held
    (tmp_path / "m.json").write_text(tc.Sequential([tc.Input((6, 6, 1)), L.Conv2D(3, 3, name="c")]).to_json())
    for kind in (".weights.h5", ".safetensors"):
        assert run(folder / f"a{kind}", tmp_path / "b.keras", "--model", tmp_path / "m.json") == 2
        assert "model" in capsys.readouterr().err
    assert not (tmp_path / "b.keras").exists()


def test_training_that_tinyconv_lacks_is_left_out(keras, tmp_path, capsys):
    theirs = keras.Sequential(layers(keras.layers))
    theirs.compile("adafactor", "mse")
    theirs.save(tmp_path / "a.keras")
    assert run(tmp_path / "a.keras", tmp_path / "b.h5") == 0
    said = capsys.readouterr().out
    assert ": without its training (" in said
    assert "adafactor" in said.lower()
    y = keras.saving.load_model(tmp_path / "b.h5")(X)
    np.testing.assert_allclose(y, np.asarray(theirs(X)), rtol=1e-5, atol=1e-6)
