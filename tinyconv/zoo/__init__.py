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
from .resnet50 import ResNet50
from .vgg16 import VGG16
from .vgg19 import VGG19

__all__ = [
    "VGG16",
    "VGG19",
    "AlexNet",
    "GoogLeNet",
    "InceptionV3",
    "MobileNet",
    "ResNet50",
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
