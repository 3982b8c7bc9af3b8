"""What goes into the networks of ImageNet and what comes out, against Keras's own functions."""

import json

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import zoo
from tinyconv.zoo import inception_v3, mobilenet, resnet50, vgg16, vgg19


@pytest.fixture
def rng():
    return np.random.default_rng(20_240_607)


@pytest.mark.parametrize("mode", ["caffe", "tf", "torch"])
@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32", "float64"])
def test_preprocessing(keras, rng, mode, dtype):
    for shape in ((2, 5, 4, 3), (5, 4, 3)):
        x = rng.integers(0, 256, shape).astype(dtype)
        given = x.copy()
        y = zoo.preprocess_input(x, mode=mode)
        theirs = keras.applications.imagenet_utils.preprocess_input(given.copy(), mode=mode)
        assert y.dtype == theirs.dtype == (dtype if dtype.startswith("float") else "float32")
        np.testing.assert_allclose(y, theirs, rtol=2e-6 if y.dtype == np.float32 else 1e-13, atol=1e-6)
        np.testing.assert_array_equal(x, given)
        assert y.flags.c_contiguous


def test_each_network_has_the_preprocessing_it_was_trained_with(keras, rng):
    x = rng.integers(0, 256, (2, 5, 4, 3)).astype("float32")
    for module in (vgg16, vgg19, resnet50, inception_v3, mobilenet):
        theirs = getattr(keras.applications, module.__name__.rpartition(".")[2])
        np.testing.assert_allclose(module.preprocess_input(x), theirs.preprocess_input(x.copy()), rtol=2e-6, atol=1e-6)
        first = x.transpose(0, 3, 1, 2)
        found = module.preprocess_input(tc.Tensor(first), data_format="channels_first")
        np.testing.assert_allclose(found.numpy(), module.preprocess_input(x).transpose(0, 3, 1, 2), rtol=1e-6)
        symbol = tc.Input(x.shape[1:])
        model = tc.Model(symbol, module.preprocess_input(symbol))
        np.testing.assert_allclose(model(x.astype("float32")).numpy(), module.preprocess_input(x), rtol=1e-5, atol=1e-5)
        found = module.preprocess_input(first, data_format="channels_first")
        np.testing.assert_array_equal(found, module.preprocess_input(x).transpose(0, 3, 1, 2))
        assert module.decode_predictions is zoo.decode_predictions


def test_preprocessing_refuses():
    with pytest.raises(ValueError, match='unknown mode "cafe": did you mean "caffe"'):
        zoo.preprocess_input(np.zeros((2, 2, 3)), mode="cafe")
    with pytest.raises(ValueError, match=r"x must be an RGB image \(3, h, w\) .* got shape \(2, 2, 3\)"):
        vgg16.preprocess_input(np.zeros((2, 2, 3)), data_format="channels_first")
    with pytest.raises(ValueError, match=r"x must be an RGB image .* got shape \(2, 2, 1\)"):
        zoo.preprocess_input(np.zeros((2, 2, 1)))


@pytest.fixture
def index(tmp_path):
    """A class index as Keras keeps it, of 1,000 classes."""
    path = tmp_path / "imagenet_class_index.json"
    path.write_text(json.dumps({str(k): [f"n{k:08}", f"thing {k}"] for k in range(1000)}))
    return path


def test_decoding_as_keras(keras, rng, index, monkeypatch):
    p = rng.random((3, 1000), dtype=np.float32)
    utils = keras.src.applications.imagenet_utils
    monkeypatch.setattr(utils, "CLASS_INDEX", json.loads(index.read_text()))
    for top in (1, 5, 1000):
        theirs = utils.decode_predictions(p, top=top)
        assert zoo.decode_predictions(p, top, class_index=index) == theirs
        assert zoo.decode_predictions(tc.Tensor(p), top, class_index=str(index)) == theirs


def test_decoding_with_a_list_of_names(tmp_path):
    p = np.array([[0.2, 0.5, 0.3], [0.4, 0.2, 0.4]])
    decoded = zoo.decode_predictions(p, top=2, class_index=["cat", "dog", "fox"])
    assert decoded == [[("dog", "dog", 0.5), ("fox", "fox", 0.3)], [("cat", "cat", 0.4), ("fox", "fox", 0.4)]]
    path = tmp_path / "names.json"
    path.write_text('["cat", "dog", "fox"]')
    assert zoo.decode_predictions(p, top=2, class_index=path) == decoded
    assert zoo.decode_predictions(p[:0], class_index=path) == []


def test_decoding_refuses(index, tmp_path):
    with pytest.raises(ValueError, match=r"decode_predictions needs class_index=, .* tinyconv makes none"):
        zoo.decode_predictions(np.zeros((1, 1000)))
    for shape in ((1, 999), (1000,)):
        with pytest.raises(ValueError, match=r"predictions must have shape \(n, 1000\)"):
            zoo.decode_predictions(np.zeros(shape), class_index=index)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        zoo.decode_predictions(np.zeros((1, 3)), class_index=tmp_path / "nowhere.json")
    for damaged in ("{", '{"0": ["a", "b"], "2": ["c", "d"]}', '{"0": "abc"}', "3", '{"0": 5}', "null"):
        index.write_text(damaged)
        with pytest.raises(ValueError, match="is no class index"):
            zoo.decode_predictions(np.zeros((1, 1)), class_index=index)
