"""The networks against the figures that documents and papers print, and the arguments they share."""

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import layers, zoo


@pytest.fixture(autouse=True)
def no_draws():
    """Weights are zeros here: nobody computes with them."""
    with tc.initializers.blank():
        yield


# Input, parameters, and those of them that are not trainable.
FIGURES = {
    "VGG16": ((224, 224, 3), 138_357_544, 0),
    "VGG19": ((224, 224, 3), 143_667_240, 0),
    "ResNet50": ((224, 224, 3), 25_636_712, 53_120),
    "InceptionV3": ((299, 299, 3), 23_851_784, 34_432),
    "GoogLeNet": ((224, 224, 3), 6_998_552, 0),
    "AlexNet": ((227, 227, 3), 60_965_224, 0),
    "MobileNet": ((224, 224, 3), 4_253_864, 21_888),
    "MobileNetV2": ((224, 224, 3), 3_538_984, 34_112),
    "ResNet50V2": ((224, 224, 3), 25_613_800, 45_440),
    "Xception": ((299, 299, 3), 22_910_480, 54_528),
    "mnist": ((28, 28, 1), 1_199_882, 0),
    "mnist_cnn5": ((28, 28, 1), 924_374, 0),
    "mnist_fc": ((28, 28, 1), 199_210, 0),
    "mnist_sgd": ((784,), 814_090, 0),
    "cifar10": ((32, 32, 3), 477_994, 0),
    "cats_dogs": ((150, 150, 3), 5_046_369, 0),
    "practicum": ((150, 150, 3), 9_494_561, 0),
    "intel": ((150, 150, 3), 6_454_534, 128),
    "vgg16_cats_dogs": ((50, 50, 3), 33_605_442, 0),
}
TOPLESS = {
    "VGG16": 14_714_688,
    "VGG19": 20_024_384,
    "ResNet50": 23_587_712,
    "InceptionV3": 21_802_784,
    "MobileNet": 3_228_864,
    "MobileNetV2": 2_257_984,
    "ResNet50V2": 23_564_800,
    "Xception": 20_861_480,
}
NAMED = [*TOPLESS, "GoogLeNet", "AlexNet"]


def totals(model):
    """Return the input's shape, all parameters, and those that are not trainable."""
    counts = (sum(weight.size for weight in weights) for weights in (model.weights, model.non_trainable_weights))
    return model.input_shape[1:], *counts


def counts(model):
    """Return the parameters of each layer that has any."""
    return [layer.count_params() for layer in model.layers if layer.count_params()]


@pytest.mark.parametrize("name", FIGURES)
def test_totals(name):
    assert totals(getattr(zoo, name)()) == FIGURES[name]


def test_every_network_has_its_figures():
    makers = {name for name in zoo.__all__ if name not in ("decode_predictions", "preprocess_input")}
    assert makers == set(FIGURES)


@pytest.mark.parametrize("name", TOPLESS)
def test_totals_without_the_top(name):
    model = getattr(zoo, name)(include_top=False)
    assert model.count_params() == TOPLESS[name]
    assert model.input_shape == (None, None, None, 3)  # any size, as in Keras


def test_documents_figures_of_single_layers():
    assert counts(zoo.mnist()) == [320, 18_496, 1_179_776, 1_290]
    assert counts(zoo.mnist_cnn5()) == [1_664, 921_700, 1_010]
    assert counts(zoo.mnist_fc()) == [157_000, 40_200, 2_010]
    assert counts(zoo.cats_dogs()) == [896, 9_248, 18_496, 5_017_664, 65]
    assert counts(zoo.practicum()) == [448, 4_640, 18_496, 9_470_464, 513]
    for model, width in ((zoo.cifar10(), 1600), (zoo.vgg16_cats_dogs(), 512)):
        assert [layer.output_shape[1] for layer in model.layers if isinstance(layer, layers.Flatten)] == [width]
    assert zoo.vgg16_cats_dogs().output_shape == (None, 2)


def test_intel_in_both_forms():
    printed, coded = zoo.intel(), zoo.intel(normalizes_blocks=True)
    assert totals(coded) == ((150, 150, 3), 6_456_326, 1_024)
    normal = [
        [type(layer).__name__ for layer in model.layers].count("BatchNormalization") for model in (printed, coded)
    ]
    assert normal == [1, 4]
    assert [layer.seed for layer in printed.layers if isinstance(layer, layers.Dropout)] == [2]
    kinds = [type(layer).__name__ for layer in coded.layers]
    assert [kinds[at - 1] for at, kind in enumerate(kinds) if kind == "BatchNormalization"] == [
        *["MaxPooling2D"] * 3,
        "Dense",
    ]


def test_mnist_sgd_starts_and_is_penalised_as_in_the_document():
    model = zoo.mnist_sgd()
    assert [layer.activation for layer in model.layers] == [tc.functions.relu, tc.functions.linear]
    for layer in model.layers:
        assert layer.kernel_initializer.get_config() == {"mean": 0.0, "stddev": 1.0, "seed": None}
        assert layer.kernel_regularizer.get_config() == {"l2": 0.025}


# Szegedy et al. 2015, table 1: each part's output, and its operations in millions. Two are slips of the paper's: it has
# 34 for the first convolution, whose 7·7·3·64 weights meet 112·112 places, and 54 for module 5a.
TABLE_1 = {
    "conv1": ((112, 112, 64), 118),
    "conv2": ((56, 56, 192), 360),
    "inception_3a": ((28, 28, 256), 128),
    "inception_3b": ((28, 28, 480), 304),
    "inception_4a": ((14, 14, 512), 73),
    "inception_4b": ((14, 14, 512), 88),
    "inception_4c": ((14, 14, 512), 100),
    "inception_4d": ((14, 14, 528), 119),
    "inception_4e": ((14, 14, 832), 170),
    "inception_5a": ((7, 7, 832), 51),
    "inception_5b": ((7, 7, 1024), 71),
    "linear": ((1000,), 1),
}


@pytest.mark.parametrize("part", TABLE_1)
def test_googlenet_is_table_1(part):
    shape, millions = TABLE_1[part]
    model = zoo.GoogLeNet()
    assert model.get_layer(part).output_shape[1:] == shape
    mine = [layer for layer in model.layers if layer.name == part or layer.name.startswith(f"{part}_")]
    kernels = sum(weight.size for layer in mine for weight in layer.weights if weight.name == "kernel")
    assert kernels * np.prod(shape[:-1]) / 1e6 == pytest.approx(millions, abs=0.85)


def test_alexnet_is_the_papers():
    model = zoo.AlexNet()
    shapes = [layer.output_shape[1:] for layer in model.layers if isinstance(layer, layers.Conv2D)]
    assert shapes == [(55, 55, 96), (27, 27, 256), (13, 13, 384), (13, 13, 384), (13, 13, 256)]
    kernels = [weight.shape for weight in model.weights if weight.name == "kernel"]
    assert kernels[:5] == [(11, 11, 3, 96), (5, 5, 48, 256), (3, 3, 256, 384), (3, 3, 192, 384), (3, 3, 192, 256)]
    assert kernels[5:] == [(9216, 4096), (4096, 4096), (4096, 1000)]
    assert [layer.rate for layer in model.layers if isinstance(layer, layers.Dropout)] == [0.5, 0.5]


@pytest.mark.parametrize("name", NAMED)
def test_smallest_images(name):
    """Each network takes images down to the size that its message names, and none below."""
    make = getattr(zoo, name)
    with pytest.raises(ValueError, match=r"input_shape must be \(h, w, c\) with h and w at least \d+") as caught:
        make(input_shape=(8, 200, 3))
    least = int(str(caught.value).split("at least ")[1].split(",")[0])
    last = make(input_shape=(least, least + 1, 2), include_top=False).output_shape[1:3]
    assert last in ([(3, 3)] if name == "Xception" else [(1, 1), (1, 2)])  # Keras asks Xception for more than it needs
    with pytest.raises(ValueError, match=f"at least {least}, got"):
        make(input_shape=(least, least - 1, 3), include_top=False)
    with pytest.raises(ValueError, match="input_shape must be"):
        make(input_shape=(100, 100))


@pytest.mark.parametrize("name", NAMED)
def test_tops(name):
    make, shape = getattr(zoo, name), (99, 99, 3)
    model = make(input_shape=shape, classes=7, classifier_activation="sigmoid", name="mine")
    assert (model.output_shape, model.name, model.last_activation()) == ((None, 7), "mine", "sigmoid")
    assert make(input_shape=shape, classifier_activation=None).last_activation() == "linear"
    features = make(input_shape=shape, include_top=False)
    channels = features.output_shape[3]
    assert len(features.output_shape) == 4
    for pooling, kind in (("avg", layers.GlobalAveragePooling2D), ("max", layers.GlobalMaxPooling2D)):
        model = make(input_shape=shape, include_top=False, pooling=pooling)
        assert model.output_shape == (None, channels)
        assert isinstance(model.layers[-1], kind)
    with pytest.raises(ValueError, match='unknown pooling "average": did you mean "avg"'):
        make(input_shape=shape, include_top=False, pooling="average")


def test_mobilenet_widths():
    model = zoo.MobileNet(alpha=0.25)
    assert model.name == "mobilenet_0.25_224"
    assert zoo.MobileNet((160, 160, 3)).name == "mobilenet_1.00_160"
    assert totals(model) == ((224, 224, 3), 475_544, 5_472)  # Howard et al. 2017, table 6: 0.5 million
    assert zoo.MobileNet(dropout=0.2).get_layer("dropout").rate == 0.2
    doubled = zoo.MobileNet(depth_multiplier=2)
    assert doubled.get_layer("conv_dw_1").output_shape == (None, 112, 112, 64)
    assert doubled.get_layer("conv_pw_1").output_shape == (None, 112, 112, 64)


def test_mobilenet_v2_widths():
    """Sandler et al. 2018, table 4: 3.4 million parameters and 300 million multiply-adds; 6.9 and 585 for 1.4."""
    model = zoo.MobileNetV2(alpha=1.4)
    assert model.name == "mobilenetv2_1.40_224"
    assert model.count_params() == 6_156_712
    assert 0.57e9 < tc.models.multiply_adds(model) < 0.6e9
    narrow = zoo.MobileNetV2(alpha=0.35)  # all multiples of 8, the last convolution as wide as ever
    assert narrow.count_params() == 1_691_208
    assert narrow.get_layer("Conv_1").filters == 1280


def test_weights_from_a_file(tmp_path):
    path = tmp_path / "small.weights.h5"
    model = zoo.MobileNet((32, 32, 3), alpha=0.25, classes=3)
    rng = np.random.default_rng(3)
    model.set_weights([rng.random(weight.shape) for weight in model.weights])
    model.save_weights(str(path))
    for given in (path, str(path)):
        again = zoo.MobileNet((32, 32, 3), alpha=0.25, classes=3, weights=given)
        for ours, theirs in zip(again.weights, model.weights, strict=True):
            np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    with pytest.raises(ValueError, match="conv_preds"):
        zoo.MobileNet((32, 32, 3), alpha=0.25, classes=4, weights=path)


@pytest.mark.parametrize("name", NAMED)
def test_weights_that_cannot_be_had(name, tmp_path, monkeypatch):
    for variable in ("TINYCONV_DATA", "KERAS_HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    make = getattr(zoo, name)
    kind, says = FileNotFoundError, "needs the file .* of keras.applications, and downloads nothing"
    if name in ("AlexNet", "GoogLeNet"):
        kind, says = ValueError, "is for networks that Keras has trained"
    with pytest.raises(kind, match=f'weights="imagenet" {says}'):
        make(weights="imagenet")
    with pytest.raises(ValueError, match=r"weights must be None, .* the path of a file that is there, got 'no\.h5'"):
        make(weights="no.h5")


def test_on_top_of_other_layers():
    """`input_tensor` may be what other layers made: the model starts at the inputs behind it."""
    images = tc.Input((64, 64, 3))
    scaled = layers.Rescaling(1 / 127.5, -1)(images)
    model = zoo.MobileNet(input_tensor=scaled, alpha=0.25, classes=3)
    assert [type(layer).__name__ for layer in model.layers[:3]] == ["InputLayer", "Rescaling", "Conv2D"]
    assert model.input is images
    assert model.name == "mobilenet_0.25_64"
    both = layers.Concatenate()([tc.Input((64, 64, 1)), tc.Input((64, 64, 2))])
    assert len(zoo.VGG16(input_tensor=both, include_top=False).inputs) == 2
    assert zoo.VGG16(input_tensor=images, input_shape=[64, 64, 3], include_top=False).input is images
    with pytest.raises(ValueError, match=r"input_shape \(32, 64, 3\) is not that of input_tensor"):
        zoo.VGG16(input_tensor=images, input_shape=(32, 64, 3), include_top=False)
