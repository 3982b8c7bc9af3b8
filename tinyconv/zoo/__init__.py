"""The networks that the documents build or name, under Keras's arguments and layer names.

    model = tc.zoo.ResNet50(weights="resnet50.weights.h5")

`python -m tinyconv.zoo` lists them with what they cost.
"""

from .alexnet import AlexNet
from .documents import (
    cats_dogs,
    cifar10,
    intel,
    mnist,
    mnist_cnn5,
    mnist_fc,
    mnist_sgd,
    practicum,
    vgg16_cats_dogs,
)
from .googlenet import GoogLeNet
from .imagenet import decode_predictions, preprocess_input
from .inception_v3 import InceptionV3
from .mobilenet import MobileNet
from .mobilenet_v2 import MobileNetV2
from .resnet50 import ResNet50
from .resnet_v2 import ResNet50V2
from .vgg16 import VGG16
from .vgg19 import VGG19
from .xception import Xception

__all__ = [
    "VGG16",
    "VGG19",
    "AlexNet",
    "GoogLeNet",
    "InceptionV3",
    "MobileNet",
    "MobileNetV2",
    "ResNet50",
    "ResNet50V2",
    "Xception",
    "cats_dogs",
    "cifar10",
    "decode_predictions",
    "intel",
    "mnist",
    "mnist_cnn5",
    "mnist_fc",
    "mnist_sgd",
    "practicum",
    "preprocess_input",
    "vgg16_cats_dogs",
]
