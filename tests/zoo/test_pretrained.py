"""Weights as keras.applications publishes them: written here in that layout, of numbers that tell where they belong."""

from hashlib import md5

import h5py
import numpy as np
import pytest

import tinyconv as tc
from tinyconv import zoo
from tinyconv.zoo import pretrained


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    """Two folders of the test's own: tinyconv's and Keras's."""
    monkeypatch.setenv("TINYCONV_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    for name in ("data", "keras/models"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path


def write(path, model, names=lambda name: name, order=lambda layers: layers):
    """Write a file of weights alone as Keras 2 did, all weights of a layer one number; return these by layer."""
    numbers = {}
    with h5py.File(path, "w") as file:
        layers = order(model.layers)
        file.attrs["layer_names"] = [names(layer.name).encode() for layer in layers]
        file.attrs["keras_version"], file.attrs["backend"] = b"2.0.6", b"tensorflow"
        for number, layer in enumerate(layers, 1):
            group, name = file.create_group(names(layer.name)), names(layer.name)
            own = [f"{name}/{weight.name}:0" for weight in layer.weights]
            group.attrs["weight_names"] = [each.encode() for each in own]
            for each, weight in zip(own, layer.weights, strict=True):
                values = np.full(weight.shape, number, np.float32)
                group.create_dataset(each, data=values, chunks=True, compression="gzip", compression_opts=1)
            if own:
                numbers[layer.name] = number
    return numbers


def check(model, numbers):
    found = {layer.name: {float(weight.numpy().flat[0]) for weight in layer.weights} for layer in model.layers}
    assert {name: values for name, values in found.items() if values} == {
        name: {float(number)} for name, number in numbers.items()
    }


def accept(monkeypatch, files, path):
    """Let the file at `path` be an edition of those of a network."""
    digest = md5(path.read_bytes()).hexdigest()
    accepted = tuple(file._replace(editions=[digest]) for file in getattr(pretrained, files))
    monkeypatch.setattr(pretrained, files, accepted)


def small(make, **more):
    with tc.initializers.blank():
        return make(input_shape=(75, 75, 3), include_top=False, **more)


def test_vgg16_from_the_cache_of_keras(folders, monkeypatch):
    path = folders / "keras" / "models" / "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
    numbers = write(path, small(zoo.VGG16))
    with pytest.raises(ValueError, match=r"its MD5 is .*, needs 6d6bbae143d832006294945121d1f1fc"):
        small(zoo.VGG16, weights="imagenet")
    accept(monkeypatch, "VGG16", path)
    check(small(zoo.VGG16, weights="imagenet", pooling="max"), numbers)


def former(name):
    """Return what a layer of ResNet50 was called until Keras 2.2: of the tables of the paper, by hand."""
    if not name.startswith("conv") or "block" not in name:
        return {"conv1_conv": "conv1", "conv1_bn": "bn_conv1", "predictions": "fc1000"}.get(name, name)
    stage, block, *rest = name.removeprefix("conv").split("_")
    if len(rest) < 2 or rest[1] not in ("conv", "bn"):
        return name
    kind = {"conv": "res", "bn": "bn"}[rest[1]]
    return f"{kind}{stage}{' abcdef'[int(block[5:])]}_branch{['1', '2a', '2b', '2c'][int(rest[0])]}"


def test_the_names_of_old_resnet50():
    assert former("conv2_block1_0_conv") == "res2a_branch1"
    assert former("conv5_block3_2_bn") == "bn5c_branch2b"
    with tc.initializers.blank():
        model = zoo.ResNet50()
    renamed = {former(layer.name): layer.name for layer in model.layers if layer.weights}
    assert renamed == pretrained.RESNET50[0].renamed


def last_first(layers):
    return layers[::-1]


@pytest.mark.slow
@pytest.mark.parametrize("edition", ["today's", "that of Keras 1"])
def test_resnet50_by_either_names(folders, monkeypatch, edition):
    """In the old file the shortcut's convolutions come in another order: only the names tell."""
    path = folders / "data" / "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"
    old = edition != "today's"
    given = {"names": former, "order": last_first} if old else {}
    numbers = write(path, small(zoo.ResNet50), **given)
    accept(monkeypatch, "RESNET50", path)
    check(small(zoo.ResNet50, weights="imagenet"), numbers)
    check(small(zoo.ResNet50, weights=path), numbers)


def test_mobilenet_of_its_width_and_with_its_classes(folders):
    model = zoo.MobileNet((128, 128, 3), alpha=0.25)
    numbers = write(folders / "data" / "mobilenet_2_5_128_tf.h5", model)
    check(zoo.MobileNet((128, 128, 3), alpha=0.25, weights="imagenet"), numbers)
    with pytest.raises(FileNotFoundError, match=r"needs the file mobilenet_2_5_224_tf_no_top\.h5 of keras"):
        zoo.MobileNet((100, 90, 3), alpha=0.25, weights="imagenet", include_top=False)
    with pytest.raises(ValueError, match="this one has no such file"):
        zoo.MobileNet(alpha=0.3, weights="imagenet")


def test_mobilenet_v2_of_its_width_and_whose_classes_were_called_logits(folders):
    model = zoo.MobileNetV2((96, 96, 3), alpha=0.35)
    path = folders / "data" / "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_96.h5"
    numbers = write(path, model, lambda name: "Logits" if name == "predictions" else name)
    check(zoo.MobileNetV2((96, 96, 3), alpha=0.35, weights="imagenet"), numbers)
    with pytest.raises(
        FileNotFoundError, match=r"file mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1\.0_224_no_top"
    ):
        zoo.MobileNetV2((100, 90, 3), alpha=1, weights="imagenet", include_top=False)
    with pytest.raises(ValueError, match="this one has no such file"):
        zoo.MobileNetV2(alpha=0.25, weights="imagenet")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "files"), [(zoo.InceptionV3, "INCEPTION_V3"), (zoo.Xception, "XCEPTION"), (zoo.ResNet50V2, "RESNET50V2")]
)
def test_automatic_names_count_for_nothing(folders, monkeypatch, make, files):
    """Layers without a name of their own are called conv2d_1, … in the file, and anything in a session."""
    path = folders / "data" / f"{files.lower()}_weights_tf_dim_ordering_tf_kernels_notop.h5"
    first = small(make)
    numbers = write(path, first, lambda name: f"file_{name}")
    accept(monkeypatch, files, path)
    again = small(make, weights="imagenet")
    today = {theirs.name: layer.name for theirs, layer in zip(first.layers, again.layers, strict=True)}
    assert today.get("conv2d") != "conv2d"
    check(again, {today[name]: number for name, number in numbers.items()})


def test_says_which_file_to_put_where(folders):
    with pytest.raises(FileNotFoundError) as caught:
        zoo.VGG19(weights="imagenet")
    said = str(caught.value)
    assert "vgg19_weights_tf_dim_ordering_tf_kernels.h5" in said
    assert str(folders / "data") in said
    assert str(folders / "keras" / "models") in said
    assert "\n" not in said
    with pytest.raises(ValueError, match="with include_top=True needs classes=1000, got 2"):
        zoo.VGG16(weights="imagenet", classes=2)
