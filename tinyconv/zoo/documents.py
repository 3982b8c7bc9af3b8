"""The documents' own networks, layer by layer as the tutorials have them; ReLU follows every hidden layer."""

from ..initializers import TruncatedNormal
from ..layers import BatchNormalization, Conv2D, Dense, Dropout, Flatten, Input, MaxPooling2D
from ..models import Functional, Sequential
from ..regularizers import L2
from .vgg16 import VGG16

DIGITS = 10


def mnist() -> Sequential:
    """Return two convolutions of 3×3, pooling and two dense layers, with dropout: 1,199,882 parameters."""
    return Sequential(
        [
            Input((28, 28, 1)),
            Conv2D(32, 3, activation="relu"),
            Conv2D(64, 3, activation="relu"),
            MaxPooling2D(),
            Dropout(0.25),
            Flatten(),
            Dense(128, activation="relu"),
            Dropout(0.5),
            Dense(DIGITS, activation="softmax"),
        ]
    )


def mnist_cnn5() -> Sequential:
    """Return one convolution of 5×5, pooling and two dense layers: 924,374 parameters."""
    return Sequential(
        [
            Input((28, 28, 1)),
            Conv2D(64, 5, activation="relu"),
            MaxPooling2D(),
            Flatten(),
            Dense(100, activation="relu"),
            Dense(DIGITS, activation="softmax"),
        ]
    )


def mnist_fc() -> Sequential:
    """Return three dense layers, with dropout after the first: 199,210 parameters."""
    return Sequential(
        [
            Input((28, 28, 1)),
            Flatten(),
            Dense(200, activation="relu"),
            Dropout(0.15),
            Dense(200, activation="relu"),
            Dense(DIGITS, activation="softmax"),
        ]
    )


def mnist_sgd() -> Sequential:
    """Return two dense layers that end in logits: 814,090 parameters.

    The document adds 0.05·½Σw² of either kernel to the loss (TensorFlow's `l2_loss` has the ½, Keras's L2 has not).
    """
    return Sequential(
        [
            Input((28 * 28,)),
            Dense(
                1024, activation="relu", kernel_initializer=TruncatedNormal(stddev=1.0), kernel_regularizer=L2(0.025)
            ),
            Dense(DIGITS, kernel_initializer=TruncatedNormal(stddev=1.0), kernel_regularizer=L2(0.025)),
        ]
    )


def cifar10() -> Sequential:
    """Return the article's four convolutions in two blocks, and two dense layers, with dropout: 477,994 parameters."""
    return Sequential(
        [
            Input((32, 32, 3)),
            Conv2D(32, 3, activation="relu"),
            Conv2D(32, 3, activation="relu"),
            MaxPooling2D(),
            Dropout(0.25),
            Conv2D(64, 3, activation="relu"),
            Conv2D(64, 3, activation="relu"),
            MaxPooling2D(),
            Dropout(0.25),
            Flatten(),
            Dense(256, activation="relu"),
            Dropout(0.5),
            Dense(10, activation="softmax"),
        ]
    )


def cats_dogs() -> Sequential:
    """Return the tutorial's three convolutions and two dense layers, one output: 5,046,369 parameters."""
    return Sequential(
        [
            Input((150, 150, 3)),
            Conv2D(32, 3, activation="relu"),
            Conv2D(32, 3, activation="relu"),
            MaxPooling2D(),
            Conv2D(64, 3, activation="relu"),
            MaxPooling2D(),
            Flatten(),
            Dense(64, activation="relu"),
            Dropout(0.5),
            Dense(1, activation="sigmoid"),
        ]
    )


def practicum() -> Functional:
    """Return the course's three convolutions and two dense layers, one output: 9,494,561 parameters."""
    images = x = Input((150, 150, 3))
    for filters in (16, 32, 64):
        x = MaxPooling2D()(Conv2D(filters, 3, activation="relu")(x))
    x = Dense(512, activation="relu")(Flatten()(x))
    return Functional(images, Dense(1, activation="sigmoid")(x))


def intel(normalizes_blocks: bool = False) -> Sequential:
    """Return six convolutions in three blocks, and two dense layers with normalization between: 6,454,534 parameters.

    That is the summary that the notes print. Their code, which `normalizes_blocks` follows, also normalizes after each
    block's pooling: 6,456,326 parameters.
    """
    model = Sequential([Input((150, 150, 3))])
    for filters in (64, 128, 256):
        model.add(Conv2D(filters, 3, padding="same", activation="relu"))
        model.add(Conv2D(filters, 3, padding="same", activation="relu"))
        model.add(MaxPooling2D())
        if normalizes_blocks:
            model.add(BatchNormalization())
    for layer in (
        Flatten(),
        Dense(64, activation="relu"),
        BatchNormalization(),
        Dropout(0.3, seed=2),
        Dense(6, activation="softmax"),
    ):
        model.add(layer)
    return model


def vgg16_cats_dogs() -> Functional:
    """Return VGG16 for images of 50×50 and two classes: 33,605,442 parameters. Images go in as BGR, 0 to 255."""
    return VGG16(input_shape=(50, 50, 3), classes=2)
