"""`python -m tinyconv.inspect FILE`: what is in a file of Keras."""

import json

import numpy as np
import old_keras
import pytest

import tinyconv as tc
from tinyconv import inspect
from tinyconv import layers as L


@pytest.fixture
def model():
    made = tc.Sequential([tc.Input((6, 6, 1)), L.Conv2D(2, 3), L.Flatten(), L.Dense(2)], name="small")
    made.compile("adam", "mse")
    made.train_on_batch(np.ones((1, 6, 6, 1)), np.ones((1, 2)))
    return made


def test_whole_models(model, tmp_path, capsys):
    for name, kind in (("a.keras", "a .keras file"), ("a.h5", "a legacy .h5 file")):
        model.save(tmp_path / name)
        assert inspect.main([str(tmp_path / name)]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert f"{name}: {kind}, written by Keras 3" in lines[0]
        loss = "mse" if name.endswith(".keras") else "mean_squared_error"  # as its reader in Keras needs it
        assert lines[1] == f'Sequential "small", compiled: optimizer Adam, loss {loss}'
        assert lines[-6].split() == ["conv2d", "Conv2D", "(3,", "3,", "1,", "2)", "(2,):", "20"]
        assert lines[-3].startswith("86 weights, 0.0 MB")
        assert lines[-2] == "state of the optimizer: 10 arrays"
        assert lines[-1] == "tinyconv can make it"


def test_weights_and_json(model, tmp_path, capsys):
    model.save_weights(tmp_path / "a.weights.h5")
    (tmp_path / "a.json").write_text(model.to_json())
    assert inspect.main([str(tmp_path / "a.weights.h5"), str(tmp_path / "a.json")]) == 0
    out = capsys.readouterr().out
    assert "conv2d" in out
    assert "(32, 2) (2,): 66" in out
    assert "JSON, without weights" in out


def test_what_is_lacking(model, tmp_path, capsys):
    config = [old_keras.keras2(layer) for layer in model.layers]
    config[0]["config"]["batch_input_shape"] = [None, 6, 6, 1]
    config.insert(1, {"class_name": "Lambda", "config": {"name": "code", "function": ["4wEA", None, None]}})
    config.append({"class_name": "LSTM", "config": {"name": "memory", "units": 3}})
    old_keras.write(tmp_path / "a.h5", {"class_name": "Sequential", "config": config}, old_keras.stored(model), "2.1.6")
    (tmp_path / "b.json").write_text(json.dumps({"class_name": "Sequential", "config": [{}]}))
    (tmp_path / "c.h5").write_text("nothing")
    assert inspect.main([str(tmp_path / "a.h5"), str(tmp_path / "b.json"), str(tmp_path / "c.h5")]) == 2
    out, error = capsys.readouterr()
    assert "written by Keras 2.1 on tensorflow" in out
    assert '"code" (Lambda)' in out
    assert '"memory" (LSTM)' in out
    assert "c.h5 is not a .keras file" in error
