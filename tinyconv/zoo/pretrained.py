"""The files of weights that keras.applications publishes, trained on ImageNet: which they are, and where they lie.

They are big downloads, of which tinyconv makes none: a file is looked for in the folder of `TINYCONV_DATA` (see
`datasets.cache`) and in Keras's own, where Keras leaves what it has downloaded.
"""

import os
from collections.abc import Mapping, Sequence
from hashlib import md5
from pathlib import Path
from typing import Any, NamedTuple

from ..datasets import cache
from ..offered import NotOfferedFileError
from ..saving import fitting, hdf5, legacy

CLASSES = 1000
PIECE = 1 << 20


class Published(NamedTuple):
    """A file as Keras calls it, the MD5 of each of its editions, and today's names of layers that were renamed."""

    name: str
    editions: Sequence[str] = ()
    renamed: Mapping[str, str] = {}


Files = tuple[Published, Published]  # with the classes, and without


def _kernels(network: str, top: Sequence[str], rest: Sequence[str], **more: Any) -> Files:
    name = f"{network}_weights_tf_dim_ordering_tf_kernels"
    return Published(f"{name}.h5", top, **more), Published(f"{name}_notop.h5", rest, **more)


def _names_until_keras_2_2() -> dict[str, str]:
    """Return today's names of ResNet50's layers by those that they had: "res2a_branch2a" is "conv2_block1_1_conv"."""
    names = {"conv1": "conv1_conv", "bn_conv1": "conv1_bn", "fc1000": "predictions"}
    for stage, blocks in ((2, "abc"), (3, "abcd"), (4, "abcdef"), (5, "abc")):
        for number, block in enumerate(blocks, 1):
            parts = [("2a", 1), ("2b", 2), ("2c", 3), *([("1", 0)] if number == 1 else [])]  # "1" is of the shortcut
            for branch, part in parts:
                today = f"conv{stage}_block{number}_{part}"
                names[f"res{stage}{block}_branch{branch}"] = f"{today}_conv"
                names[f"bn{stage}{block}_branch{branch}"] = f"{today}_bn"
    return names


# With the classes, and without: keras/src/applications; ResNet50's second edition is that of Keras 1 to 2.2.
VGG16 = _kernels("vgg16", ["64373286793e3c8b2b4e3219cbf3544b"], ["6d6bbae143d832006294945121d1f1fc"])
VGG19 = _kernels("vgg19", ["cbe5617147190e668d6c5d5026f83318"], ["253f8cb515780f3b799900260a226db6"])
INCEPTION_V3 = _kernels("inception_v3", ["9a0d58056eeedaa3f26cb7ebd46da564"], ["bcbd6486424b2319ff4ef7d526e38f63"])
RESNET50 = _kernels(
    "resnet50",
    ["2cb95161c43110f7111970584f804107", "a7b3fe01876f51b976af0dea6bc144eb"],
    ["4d473c1dd8becc155b73f8504c6f6626", "a268eb855778b3df3c7506639542a6af"],
    renamed=_names_until_keras_2_2(),
)
RESNET50V2 = _kernels("resnet50v2", ["3ef43a0b657b3be2300d5770ece849e0"], ["fac2f116257151a9d068a22e544a4917"])
XCEPTION = _kernels("xception", ["0a58e3b7378bc2990ea3b43d5981f1f6"], ["b0042744bf5b25fce3cb969f33bebb97"])
WIDTHS = {1.0: "1_0", 0.75: "7_5", 0.5: "5_0", 0.25: "2_5"}
SIDES = (128, 160, 192, 224)
WIDTHS_V2 = (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)
SIDES_V2 = (96, *SIDES)


def mobilenet(alpha: float, depth_multiplier: int, shape: Sequence[int | None]) -> Files | None:
    """Return MobileNet's files, for which Keras states no MD5, of a width and a side of images; None if there are none.

    Without the classes any size takes those of 224.
    """
    if alpha not in WIDTHS or depth_multiplier != 1:
        return None
    name = f"mobilenet_{WIDTHS[alpha]}_{_side(shape, SIDES)}_tf"
    return Published(f"{name}.h5"), Published(f"{name}_no_top.h5")


def mobilenet_v2(alpha: float, shape: Sequence[int | None]) -> Files | None:
    """Return MobileNetV2's files, as `mobilenet` those of MobileNet."""
    if alpha not in WIDTHS_V2:
        return None
    name = f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{float(alpha)}_{_side(shape, SIDES_V2)}"
    return Published(f"{name}.h5"), Published(f"{name}_no_top.h5")


def _side(shape: Sequence[int | None], sides: Sequence[int]) -> int:
    """Return the side of square images that there is a file for, 224 for others."""
    return next((side for side in sides if tuple(shape) == (side, side)), 224)


def located(files: Files | None, include_top: bool, classes: int) -> Path:
    """Return the path of the file for weights="imagenet", its MD5 checked.

    Raises ValueError for a network without one, or of other classes; FileNotFoundError that says which file to put
    where.
    """
    if files is None:
        raise ValueError('weights="imagenet" is for networks that Keras has trained: this one has no such file')
    if include_top and classes != CLASSES:
        raise ValueError(f'weights="imagenet" with include_top=True needs classes={CLASSES}, got {classes}')
    file = files[0 if include_top else 1]
    folders = [cache.folder(), keras_folder()]
    path = next((folder / file.name for folder in folders if (folder / file.name).is_file()), None)
    if path is None:
        raise NotOfferedFileError(
            f'weights="imagenet" needs the file {file.name} of keras.applications, and downloads nothing: put it into '
            f"{folders[0]} or {folders[1]}, or set {cache.VARIABLE} to the folder that has it"
        )
    if file.editions:
        found = _md5(path)
        if found not in file.editions:
            needed = " or ".join(file.editions)
            raise ValueError(f"{path} is damaged, or another file: its MD5 is {found}, needs {needed}")
    return path


def keras_folder() -> Path:
    """Return the folder that Keras keeps downloaded models in: in `KERAS_HOME`, or in .keras of the user's."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home).expanduser() if home else Path.home() / ".keras") / "models"


def load(model: Any, path: str | Path, files: Files | None) -> None:
    """Read the weights of a built model from a file of any kind; layers of an old .h5 file may have been renamed."""
    renamed = files[0].renamed if files else {}
    if renamed and hdf5.is_hdf5(path):
        with hdf5.opened(path) as (root, _):
            if legacy.is_legacy(root):
                held = legacy.read(root, path, whole=False)
                layers = [layer._replace(name=renamed.get(layer.name, layer.name)) for layer in held.layers]
                fitting.fit(held._replace(layers=layers), model, path).give_to(model, path)
                return
    model.load_weights(str(path))


def _md5(path: Path) -> str:
    digest = md5(usedforsecurity=False)
    with open(path, "rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()
