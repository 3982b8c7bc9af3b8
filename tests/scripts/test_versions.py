"""Where one name has meant two things: each rule at the last version before it changed and the first after."""

import math

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.keras import era


def optimizer(which, line):
    """Return the optimizer that a line makes in an era."""
    with era(which):
        space = {}
        exec(f"from keras.optimizers import *; found = {line}", space)
        return space["found"]


@pytest.mark.parametrize(
    ("which", "name", "rate"),
    [
        ("2.3.1", "Adadelta", 1.0), ("tf2", "Adadelta", 0.001), ("3", "Adadelta", 0.001),
        ("1", "Adagrad", 0.01), ("2.3.1", "Adagrad", 0.01), ("tf2", "Adagrad", 0.001),
        ("2.3.1", "Nadam", 0.002), ("tf2", "Nadam", 0.001), ("3", "Nadam", 0.001),
        ("2.3.1", "Adam", 0.001), ("2.3.1", "SGD", 0.01), ("2.3.1", "RMSprop", 0.001),
    ],
)  # fmt: skip
def test_rates(which, name, rate):
    assert optimizer(which, f"{name}()").learning_rate == rate


def test_names_as_strings_have_the_rates_of_their_time():
    for which, rate in (("2", 1.0), ("tf2", 0.001)):
        with era(which):
            from keras.layers import Dense
            from keras.models import Sequential

            model = Sequential([Dense(1, input_shape=(2,))])
            model.compile("adadelta", "mse")
            assert model.optimizer.learning_rate == rate


@pytest.mark.parametrize(
    ("which", "name", "epsilon"),
    [
        ("1.0.2", "RMSprop", 1e-6), ("1.0.2", "Adadelta", 1e-6), ("1.0.2", "Adagrad", 1e-6), ("1.0.2", "Adam", 1e-8),
        ("1.0.3", "RMSprop", 1e-8), ("2.1.2", "RMSprop", 1e-8), ("2.1.2", "Adam", 1e-8), ("2.1.2", "Adagrad", 1e-8),
        ("2.1.3", "RMSprop", 1e-7), ("2.1.3", "Adam", 1e-7), ("2.1.3", "Adagrad", 1e-7), ("tf2", "Adam", 1e-7),
    ],
)  # fmt: skip
def test_epsilons(which, name, epsilon):
    assert optimizer(which, f"{name}()").epsilon == epsilon


@pytest.mark.parametrize(
    ("which", "mode"),
    [("1.0.2", "inside"), ("1.0.3", "outside"),
     ("2.3.1", "outside"), ("tf2.10", "outside"), ("tf2.11", "inside"), ("3", "inside")],
)  # fmt: skip
@pytest.mark.parametrize("name", ["RMSprop", "Adagrad"])
def test_where_epsilon_stands(which, mode, name):
    assert optimizer(which, f"{name}()").epsilon_mode == mode


def test_where_the_sums_of_adagrad_start():
    assert optimizer("2.3.1", "Adagrad()").initial_accumulator_value == 0
    assert optimizer("tf2", "Adagrad()").initial_accumulator_value == 0.1


@pytest.mark.parametrize("name", ["SGD", "RMSprop", "Adam", "Adagrad", "Adadelta"])
def test_decay_is_by_batches(name):
    made = optimizer("2", f"{name}(lr=0.5, decay=0.1)")
    for t in (0, 1, 10):
        made.iterations = t
        assert made.learning_rate == pytest.approx(0.5 / (1 + 0.1 * t))


def test_sgd_by_position_and_name():
    made = optimizer("1", "SGD(0.1, 0.9, 1e-6, True)")
    assert (made.momentum, made.nesterov) == (0.9, True)
    assert optimizer("2", "sgd(lr=0.3)").learning_rate == optimizer("tf2", "SGD(lr=0.3)").learning_rate == 0.3


def test_a_rate_that_is_set():
    with era(2):
        from keras.optimizers import SGD

        made = SGD(lr=0.5, decay=0.1)
        made.iterations = 10
        assert float(made.lr) == 0.5
        made.lr = 0.2
        assert made.learning_rate == pytest.approx(0.1)
        made.lr.assign(0.4)
        assert made.learning_rate == pytest.approx(0.2)


def kernel(which, line, shape):
    """Return the kernel of a layer that a line makes in an era."""
    with era(which):
        space = {}
        exec(f"from keras.layers import *; from keras.models import *; m = Sequential([{line}])", space)
        space["m"].build((None, *shape))
        return space["m"].get_weights()[0]


def test_glorot_fans_of_convolutions():
    early = kernel("1.0.3", "Convolution2D(64, 3, 3, dim_ordering='tf')", (8, 8, 32))
    late = kernel("1.0.4", "Convolution2D(64, 3, 3, dim_ordering='tf')", (8, 8, 32))
    for values, fan_out in ((early, 64), (late, 64 * 9)):
        limit = math.sqrt(6 / (32 * 9 + fan_out))
        assert np.abs(values).max() == pytest.approx(limit, rel=1e-3)
        assert np.abs(values).max() <= limit
    dense = kernel("1.0.3", "Dense(64)", (32,))
    assert np.abs(dense).max() <= math.sqrt(6 / 96)


@pytest.mark.parametrize(
    ("which", "momentum", "epsilon"),
    [
        ("1.0.6", 0.9, 1e-6), ("1.0.7", 0.99, 1e-6), ("1.0.8", 0.99, 1e-5), ("1.1.2", 0.99, 1e-5),
        ("1.2.0", 0.99, 1e-3), ("2", 0.99, 1e-3), ("tf2", 0.99, 1e-3), ("3", 0.99, 1e-3),
    ],
)  # fmt: skip
def test_numbers_of_batch_normalization(which, momentum, epsilon):
    with era(which):
        from keras.layers import BatchNormalization

        layer = BatchNormalization()
    assert (layer.momentum, layer.epsilon) == (momentum, epsilon)


@pytest.mark.parametrize(
    ("which", "by_batch", "moves"),
    [("2.1.2", True, True), ("2.1.3", True, False), ("2.3.1", True, False), ("tf2", False, False), ("3", False, False)],
)
def test_a_frozen_batch_normalization_in_training(which, by_batch, moves):
    x = np.random.default_rng(1).normal(5, 3, (64, 4)).astype(np.float32)
    with era(which):
        from keras.layers import BatchNormalization, Dense
        from keras.models import Sequential

        model = Sequential([BatchNormalization(input_shape=(4,)), Dense(1)])
        model.layers[0].trainable = False
        model.compile("sgd", "mse")
        y = model.layers[0](x, training=True).numpy()
        assert bool(abs(y.mean()) < 1e-3) is by_batch
        model.layers[0].set_weights([*model.layers[0].get_weights()[:2], np.zeros(4), np.ones(4)])
        model.train_on_batch(x, np.zeros((64, 1), np.float32))
        assert (model.layers[0].get_weights()[2] != 0).any() == moves


def test_which_ordering_is_usual():
    for which, ordering in (("1.0.8", "th"), ("1.1.0", "tf"), ("2", "tf")):
        with era(which):
            from keras import backend as K

            assert K.image_dim_ordering() == ordering


@pytest.mark.parametrize(
    ("which", "center", "degrees"),
    [("1.0.1", True, math.degrees(0.2)), ("1.0.2", False, math.degrees(0.2)), ("2.1.2", False, math.degrees(0.2)),
     ("2.1.3", False, 0.2), ("tf2", False, 0.2), ("3", False, 0.2)],
)  # fmt: skip
def test_image_data_generator(which, center, degrees):
    with era(which):
        from keras.preprocessing.image import ImageDataGenerator

        assert ImageDataGenerator().featurewise_center is center
        assert ImageDataGenerator().featurewise_std_normalization is center
        assert ImageDataGenerator(shear_range=0.2).shear_range == pytest.approx(degrees)


def test_whether_flow_shuffles():
    x = np.arange(64, dtype=np.float32).reshape(64, 1, 1, 1)
    for which, shuffled in (("1.0.3", False), ("1.0.4", True), ("2", True)):
        with era(which):
            from keras.preprocessing.image import ImageDataGenerator

            options = {"featurewise_center": False, "featurewise_std_normalization": False, "dim_ordering": "tf"}
            images, _ = next(ImageDataGenerator(**options).flow(x, x[:, 0, 0, 0], batch_size=64))
            assert (list(images[:, 0, 0, 0]) != list(range(64))) is shuffled


def folder_of(tmp_path, side=7):
    """Make a folder of two classes, of one image each, and return it."""
    from PIL import Image

    for name, seed in (("b", 1), ("a", 2)):
        (tmp_path / name).mkdir()
        pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / name / "1.png")
    return tmp_path


def test_resizing_on_loading(tmp_path):
    from PIL import Image

    path = folder_of(tmp_path) / "a" / "1.png"
    original = Image.open(path)
    for which, method in (("2.0.8", "NEAREST"), ("2.0.9", "BILINEAR"), ("2.1.0", "NEAREST"), ("tf2", "NEAREST")):
        expected = np.asarray(original.resize((4, 5), getattr(Image.Resampling, method)), np.float32)
        with era(which):
            from keras.preprocessing.image import ImageDataGenerator, img_to_array, load_img

            np.testing.assert_array_equal(img_to_array(load_img(path, target_size=(5, 4))), expected)
            batches = ImageDataGenerator().flow_from_directory(
                tmp_path, target_size=(5, 4), batch_size=2, shuffle=False
            )
            np.testing.assert_array_equal(next(batches)[0][0], expected)


def test_a_grey_image(tmp_path):
    path = folder_of(tmp_path) / "a" / "1.png"
    with era(2):
        from keras.preprocessing.image import img_to_array, load_img

        assert img_to_array(load_img(path, grayscale=True)).shape == (7, 7, 1)
        assert img_to_array(load_img(path), data_format="channels_first").shape == (3, 7, 7)
    with era("tf2"):
        from tensorflow.keras.preprocessing.image import img_to_array, load_img

        assert img_to_array(load_img(path, color_mode="grayscale")).shape == (7, 7, 1)


def test_classes_of_a_folder(tmp_path):
    folder = folder_of(tmp_path)
    with era(2):
        from keras.preprocessing.image import ImageDataGenerator

        batches = ImageDataGenerator().flow_from_directory(folder)
        assert batches.class_indices == {"a": 0, "b": 1}
        x, y = batches.next()
        assert (x.shape, y.shape, batches.batch_size) == ((2, 256, 256, 3), (2, 2), 32)
        x, y = next(ImageDataGenerator().flow_from_directory(folder, class_mode="binary"))
        assert (y.dtype, y.shape) == (np.float32, (2,))
    with era("1.2.2"):
        from keras.preprocessing.image import ImageDataGenerator

        batches = ImageDataGenerator().flow_from_directory(folder)
        assert (batches.nb_sample, batches.nb_class) == (2, 2)


def test_preprocessing_by_module():
    x = np.random.default_rng(1).uniform(0, 255, (1, 4, 4, 3)).astype(np.float32)
    bgr = x[..., ::-1] - np.array([103.939, 116.779, 123.68], np.float32)
    with era(2):
        from keras.applications import imagenet_utils, inception_v3, mobilenet, resnet50, vgg16, xception

        for module in (vgg16, resnet50, imagenet_utils):
            np.testing.assert_allclose(module.preprocess_input(x.copy()), bgr, rtol=1e-5, atol=1e-4)
        for module in (inception_v3, xception, mobilenet):
            np.testing.assert_allclose(module.preprocess_input(x.copy()), x / 127.5 - 1, atol=1e-5)


def test_data_sets(monkeypatch):
    images = np.arange(2 * 32 * 32 * 3, dtype=np.uint8).reshape(2, 32, 32, 3)
    labels = np.array([[3], [4]], np.uint8)
    monkeypatch.setattr(tc.datasets.cifar10, "load_data", lambda: ((images, labels), (images[:1], labels[:1])))
    digits = np.zeros((3, 28, 28), np.uint8), np.array([1, 2, 3], np.uint8)
    monkeypatch.setattr(tc.datasets.mnist, "load_data", lambda: (digits, digits))
    for which, first in (("1.0.8", True), ("1.1.0", False), ("2", False)):
        with era(which):
            from keras.datasets import cifar10, mnist

            (x, y), (x_test, _) = cifar10.load_data()
            np.testing.assert_array_equal(x, images.transpose(0, 3, 1, 2) if first else images)
            assert (y.shape, y.dtype, len(x_test)) == ((2, 1), np.uint8, 1)
            (x, y), _ = mnist.load_data("mnist.pkl.gz")
            assert (x.shape, y.shape, y.dtype) == ((3, 28, 28), (3,), np.uint8)
    with era(2):
        from keras import backend as K
        from keras.datasets import cifar10

        K.set_image_data_format("channels_first")
        assert cifar10.load_data()[0][0].shape == (2, 3, 32, 32)


@pytest.mark.parametrize(("which", "in_memory_order"), [("1", True), ("2.1.6", True), ("2.2.0", False), ("tf2", False)])
def test_flatten_of_channels_first(which, in_memory_order):
    """As it stands in memory up to Keras 2.1.6, with channels last from 2.2.0 (keras/layers/core.py at these tags)."""
    x = np.arange(120, dtype=np.float32).reshape(2, 3, 4, 5)
    with era(which):
        from keras import backend as K
        from keras.layers import Flatten

        K.set_image_data_format("channels_first")
        y = Flatten()(x).numpy()
    np.testing.assert_array_equal(y, (x if in_memory_order else x.transpose(0, 2, 3, 1)).reshape(2, -1))
    assert tc.config.image_data_format() == "channels_last"


def test_networks_have_the_weights_of_imagenet_unless_something_else_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("TINYCONV_DATA", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    with era(2):
        from keras.applications import VGG16, vgg16

        for words in ({"include_top": False}, {"weights": "imagenet"}):
            with pytest.raises(FileNotFoundError, match="vgg16_weights_tf_dim_ordering_tf_kernels"):
                VGG16(**words)
        assert vgg16.VGG16(True, None, input_shape=(32, 32, 3), classes=5).output_shape == (None, 5)
