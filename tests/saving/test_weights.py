"""What goes into a file comes out again; what does not fit is refused and changes nothing."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from standins import assert_equal, group_name, layer, make_model

from tinyconv.saving.weights import load_weights, read_note, save_weights


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.weights.h5"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", [None, "sgd", "rm_sprop", "adam"])
def test_round_trip(path, optimizer, dtype):
    saved, loaded = make_model(optimizer, seed=1, dtype=dtype), make_model(optimizer, dtype=dtype)
    save_weights(path, saved)
    arrays = [weight.data for weight in loaded.trainable_weights]
    load_weights(path, loaded)
    assert_equal(loaded.state(), saved.state())
    assert all(weight.data is array for weight, array in zip(loaded.trainable_weights, arrays, strict=True))


def test_groups_go_by_class_and_names_are_kept(path):
    model = make_model(seed=1)
    save_weights(path, model)
    with h5py.File(path) as file:
        assert file["vars"].attrs["name"] == "sequential"
        for index, one in enumerate(model.layers):
            variables = file[f"layers/{group_name(model.layers, index)}/vars"]
            assert variables.attrs["name"] == one.name
            assert len(variables) == len(one.weights)


def test_the_same_state_gives_the_same_bytes(tmp_path):
    for name in "ab":
        save_weights(tmp_path / f"{name}.weights.h5", make_model(seed=1), note={"epoch": 2})
    assert (tmp_path / "a.weights.h5").read_bytes() == (tmp_path / "b.weights.h5").read_bytes()


def test_float_sizes_convert(path):
    saved, loaded = make_model(seed=1, dtype="float64"), make_model(dtype="float32")
    save_weights(path, saved)
    load_weights(path, loaded)
    assert_equal([w.data for w in loaded.trainable_weights], [w.data.astype("f4") for w in saved.trainable_weights])


def test_not_a_number_and_infinity_survive(path):
    saved, loaded = make_model(seed=1), make_model()
    saved.layers[0].weights[1].data[:3] = np.nan, np.inf, -np.inf
    save_weights(path, saved)
    load_weights(path, loaded)
    assert_equal(loaded.state(), saved.state())


def test_dropout_keeps_its_state_when_the_file_has_none(path):
    saved, loaded = make_model(seed=1), make_model(seed=2)
    for one in saved.layers:
        one.seed_state = None
    before = [np.array(one.seed_state) for one in loaded.layers]
    save_weights(path, saved)
    load_weights(path, loaded)
    assert_equal([np.array(one.seed_state) for one in loaded.layers], before)


def test_reads_the_group_name_of_older_files(path):
    saved, loaded = make_model(seed=1), make_model()
    save_weights(path, saved)
    with h5py.File(path, "r+") as file:
        file.move("layers", "_layer_checkpoint_dependencies")
    load_weights(path, loaded)
    assert_equal(loaded.state(), saved.state())


def test_layers_without_weights_may_differ(path):
    saved = make_model(seed=1, layers_after=[layer("Activation", "activation")])
    loaded = make_model(layers_after=[layer("ReLU", "re_lu")])
    save_weights(path, saved)
    load_weights(path, loaded)
    assert_equal(loaded.state(), saved.state())


class TestNote:
    def test_comes_back(self, path):
        note = {"epoch": 3, "history": {"loss": [0.5, 0.1 / 3, float("inf")]}, "naïve": None}
        save_weights(path, make_model(seed=1), note)
        assert read_note(path) == note

    def test_may_be_long(self, path):
        note = {"loss": list(range(100_000))}
        save_weights(path, make_model(seed=1), note)
        assert read_note(path) == note
        load_weights(path, make_model())

    def test_may_be_absent(self, path):
        save_weights(path, make_model(seed=1))
        assert read_note(path) is None

    def test_that_json_cannot_hold_leaves_the_old_file(self, path):
        save_weights(path, make_model(seed=1), {"epoch": 1})
        with pytest.raises(TypeError):
            save_weights(path, make_model(seed=2), {"epoch": object()})
        assert read_note(path) == {"epoch": 1}

    @pytest.mark.parametrize("text", [b"{", b"[1]", b"\xff", b"[" * 100_000])
    def test_that_is_damaged(self, path, text):
        save_weights(path, make_model(seed=1))
        with h5py.File(path, "r+") as file:
            file["tinyconv"] = np.bytes_(text)
        with pytest.raises(ValueError, match="damaged"):
            read_note(path)

    def test_that_declares_more_than_the_file_holds(self, path):
        save_weights(path, make_model(seed=1))
        with h5py.File(path, "r+") as file:
            file.create_dataset("tinyconv", (), f"S{2**31 - 1}")
        with pytest.raises(ValueError, match="not one string that the file can hold"):
            read_note(path)


class TestOptimizer:
    def test_of_another_kind_keeps_its_state(self, path):
        saved, loaded = make_model("sgd", seed=1), make_model("adam", seed=2)
        before = loaded.optimizer.values
        save_weights(path, saved)
        with pytest.warns(UserWarning, match=r"another optimizer \(sgd, 10 variables\), this model has adam \(18\)"):
            load_weights(path, loaded)
        assert loaded.optimizer.values is before
        assert_equal([w.data for w in loaded.trainable_weights], [w.data for w in saved.trainable_weights])

    def test_warning_made_an_error_leaves_the_model(self, path):
        loaded = make_model("adam", seed=2)
        before = loaded.state()
        save_weights(path, make_model("sgd", seed=1))
        with pytest.raises(UserWarning):  # pytest's configuration turns warnings into errors
            load_weights(path, loaded)
        assert_equal(loaded.state(), before)

    def test_absent_from_the_model_is_passed_over(self, path):
        saved, loaded = make_model("adam", seed=1), make_model(None)
        save_weights(path, saved)
        load_weights(path, loaded)
        assert_equal(loaded.state()[:8], saved.state()[:8])

    def test_learning_rate_keeps_all_its_bits(self, path):
        saved, loaded = make_model("adam", seed=1), make_model("adam")
        saved.optimizer.values[1] = 0.003
        save_weights(path, saved)
        load_weights(path, loaded)
        assert loaded.optimizer.values[1] == 0.003


def delete(name):
    return lambda file: file.__delitem__(name)


def replace(name, value):
    def change(file):
        del file[name]
        file[name] = value

    return change


def declare(name, shape, **options):
    """Put a dataset in the place of `name` that declares a shape and stores nothing."""

    def change(file):
        del file[name]
        file.create_dataset(name, shape, "f4", **options)

    return change


def a_group(file):
    del file["layers/dense/vars/0"]
    file.create_group("layers/dense/vars/0")


def virtual(file):
    del file["layers/dense/vars/1"]
    layout = h5py.VirtualLayout((6,), "f4")
    layout[:] = h5py.VirtualSource("elsewhere.h5", "data", (6,))
    file.create_virtual_dataset("layers/dense/vars/1", layout)


BAD_CONTENT = {
    "no layers": (delete("layers"), r'has no group "layers": not a weights file'),
    "layer missing": (
        delete("layers/conv2d_1"),
        r'layer "conv2d_7" \(Conv2D\) has no layers/conv2d_1 in .*, which has conv2d, dense, .*: make the model as',
    ),
    "weight missing": (
        delete("layers/dense/vars/1"),
        r'layer "hidden" \(Dense\) has 2 weights, layers/dense in .* has 1: make the model .*, use_bias included',
    ),
    "weight misnamed": (lambda file: file.move("layers/dense/vars/1", "layers/dense/vars/one"), r"vars/1 is missing"),
    "weight too many": (
        lambda file: file.create_dataset("layers/flatten/vars/0", data=np.zeros(3)),
        r'layer "flatten" \(Flatten\) has 0 weights, layers/flatten in .* has 1',
    ),
    "wrong shape": (
        replace("layers/dense/vars/0", np.zeros((20, 7), "f4")),
        r"weight hidden/0 has shape \(20, 6\), /layers/dense/vars/0 in the file has \(20, 7\): make the model",
    ),
    "absurd shape": (
        declare("layers/dense/vars/0", (2**40, 2**20), chunks=(1, 1024)),
        r"has \(1099511627776, 1048576\)",
    ),
    "no shape": (replace("layers/dense/vars/0", h5py.Empty("f4")), r"vars/0 in the file has None"),
    "text": (replace("layers/dense/vars/1", np.full(6, b"text")), r"hidden/1 is float32, .* is \|S4"),
    "complex": (replace("layers/dense/vars/1", np.zeros(6, complex)), r"is complex128, which does not convert"),
    "too large for float32": (replace("layers/dense/vars/1", np.full(6, 1e300)), r"too large for float32"),
    "layer is a dataset": (replace("layers/dense", np.zeros(3)), r"/layers/dense is a Dataset, needs a Group"),
    "weight is a group": (a_group, "/layers/dense/vars/0 is a Group, needs a Dataset"),
    "soft link": (
        replace("layers/dense/vars/0", h5py.SoftLink("/layers/dense_1/vars/0")),
        r"is only a link to elsewhere \(SoftLink\)",
    ),
    "soft link to a group": (
        replace("layers/dense", h5py.SoftLink("/layers/dense_1")),
        r"is only a link to elsewhere \(SoftLink\)",
    ),
    "external link": (
        replace("layers", h5py.ExternalLink("elsewhere.h5", "/layers")),
        r"is only a link to elsewhere \(ExternalLink\)",
    ),
    "external data": (
        declare("layers/dense/vars/1", (6,), external=[("elsewhere.bin", 0, 24)]),
        "keeps its data in other files",
    ),
    "virtual data": (virtual, "keeps its data in other files"),
    "layer too many": (
        lambda file: file.create_dataset("layers/dense_2/vars/0", data=np.zeros(3)),
        r"has weights in layers/dense_2, the model has no such layer",
    ),
    "nested model too many": (
        lambda file: file.create_group("layers/sequential/layers"),
        r"has weights in layers/sequential, the model has no such layer",
    ),
    "seed state": (
        replace("layers/dropout/seed_generator/vars/0", np.zeros(3, "u4")),
        r'seed state of layer "dropout" has shape \(2,\), .* has \(3,\)',
    ),
    "seed state of floats": (replace("layers/dropout/seed_generator/vars/0", np.zeros(2)), "is float64"),
    "seed state too large": (
        replace("layers/dropout/seed_generator/vars/0", np.array([0, 2**32])),
        r"must be in 0 … 4294967295",
    ),
    "iterations negative": (replace("optimizer/vars/0", np.int64(-1)), r"variable 0: .* must be in 0 … "),
    "slot of another shape": (replace("optimizer/vars/2", np.zeros(4)), r"optimizer variable variable 2 has shape"),
}


@pytest.mark.parametrize("case", BAD_CONTENT)
def test_content_that_does_not_fit(path, case):
    change, message = BAD_CONTENT[case]
    save_weights(path, make_model(seed=1))
    with h5py.File(path, "r+") as file:
        change(file)
    model = make_model(seed=2)
    before = model.state()
    with pytest.raises(ValueError, match=message) as caught:
        load_weights(path, model)
    assert "\n" not in str(caught.value)
    assert_equal(model.state(), before)


def legacy(path):
    with h5py.File(path, "w") as file:
        file.create_group("model_weights")


BAD_FILE = {
    "empty": (lambda path: path.write_bytes(b""), ValueError, "is empty"),
    "text": (lambda path: path.write_text("hello" * 100), ValueError, "is not an HDF5 file"),
    "zip": (
        lambda path: path.write_bytes(b"PK\3\4" + bytes(99)),
        ValueError,
        r"is a zip archive, as \.keras files are",
    ),
    "signature alone": (lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n"), ValueError, "is damaged or cut short"),
    "legacy": (legacy, ValueError, r"is a Keras 2 \.h5 file: this reads Keras 3's \.weights\.h5"),
    "missing": (lambda path: None, FileNotFoundError, r"model\.weights\.h5"),
    "folder": (lambda path: path.mkdir(), OSError, r"model\.weights\.h5"),
}


@pytest.mark.parametrize("case", BAD_FILE)
def test_file_of_another_kind(path, case):
    make, kind, message = BAD_FILE[case]
    make(path)
    model = make_model(seed=2)
    before = model.state()
    with pytest.raises(kind, match=message) as caught:
        load_weights(path, model)
    assert "\n" not in str(caught.value)
    assert_equal(model.state(), before)


def test_name_that_keras_would_not_open(tmp_path):
    with pytest.raises(ValueError, match=r'must be called "….weights.h5", got ".*model\.h5"'):
        save_weights(tmp_path / "model.h5", make_model(seed=1))
    assert not list(tmp_path.iterdir())


def test_names_may_be_strings(path):
    save_weights(str(path), make_model(seed=1), {"a": 1})
    load_weights(str(path), make_model())
    assert read_note(str(path)) == {"a": 1}
    assert json.dumps(read_note(Path(path))) == '{"a": 1}'
