"""The networks of the documents, and three that their networks stand on, as neutral layer lists."""

from .models import (
    SGD,
    Adam,
    BatchNorm,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GlobalAveragePool2D,
    Layer,
    MaxPool2D,
    Model,
    ReLU,
    Residual,
    RMSprop,
)


def _same(filters: int, count: int) -> tuple[Layer, ...]:
    """`count` convolutions 3×3 that keep the image's size, then max pooling."""
    return (*(Conv2D(filters, 3, padding="same") for _ in range(count)), MaxPool2D())


def _normalized(*layers: Layer, epsilon: float = 1e-3, limit: float | None = None) -> tuple[Layer, ...]:
    """The layers, each followed by batch normalization and a ReLU up to `limit`."""
    return tuple(part for layer in layers for part in (layer, BatchNorm(epsilon=epsilon), ReLU(limit)))


def _bottleneck(filters: int, stride: int = 1, projects: bool = False) -> Residual:
    """ResNet50's block: 1×1, 3×3 and 1×1 to four times as many channels, past which the input goes, or its projection.

    The block ends in the rectifier, so its last normalization has none.
    """

    def convolution(filters: int, size: int, stride: int = 1) -> Layer:
        return Conv2D(filters, size, "same" if size > 1 else "valid", stride, relu=False)

    inner = convolution(filters, 1, stride), convolution(filters, 3)
    wide = BatchNorm(epsilon=1.001e-5)
    main = *_normalized(*inner, epsilon=1.001e-5), convolution(4 * filters, 1), wide
    return Residual(main, (convolution(4 * filters, 1, stride), wide) if projects else ())


def _stack(filters: int, blocks: int, stride: int) -> tuple[Layer, ...]:
    return _bottleneck(filters, stride, projects=True), *[_bottleneck(filters)] * (blocks - 1)


def _separable(filters: int, stride: int = 1) -> tuple[Layer, ...]:
    """MobileNet's block."""
    return _normalized(DepthwiseConv2D(3, stride), Conv2D(filters, 1, bias=False, relu=False), limit=6.0)


_MNIST = (28, 28, 1)
_PHOTO = (150, 150, 3)
_IMAGENET = (224, 224, 3)

MODELS: dict[str, Model] = {
    model.name: model
    for model in (
        Model(
            "mnist",
            _MNIST,
            (
                Conv2D(32, 3),
                Conv2D(64, 3),
                MaxPool2D(),
                Dropout(0.25),
                Flatten(),
                Dense(128, "relu"),
                Dropout(0.5),
                Dense(10, "softmax"),
            ),
            batch=200,
            optimizer=Adam(),
            pixel_scale=1.0,
        ),
        Model(
            "mnist-cnn5",
            _MNIST,
            (Conv2D(64, 5), MaxPool2D(), Flatten(), Dense(100, "relu"), Dense(10, "softmax")),
            batch=200,
            optimizer=Adam(),
        ),
        Model(
            "mnist-fc",
            _MNIST,
            (Flatten(), Dense(200, "relu"), Dropout(0.15), Dense(200, "relu"), Dense(10, "softmax")),
            batch=200,
            optimizer=Adam(),
        ),
        Model(
            "mnist-sgd",
            (784,),
            (Dense(1024, "relu", l2=0.05), Dense(10, l2=0.05)),
            batch=256,
            optimizer=SGD(0.003),
            pixel_scale=1.0,
            initializer="truncated_normal",
        ),
        Model(
            "cifar10",
            (32, 32, 3),
            (
                Conv2D(32, 3),
                Conv2D(32, 3),
                MaxPool2D(),
                Dropout(0.25),
                Conv2D(64, 3),
                Conv2D(64, 3),
                MaxPool2D(),
                Dropout(0.25),
                Flatten(),
                Dense(256, "relu"),
                Dropout(0.5),
                Dense(10, "softmax"),
            ),
            batch=128,
            optimizer=Adam(),
        ),
        Model(
            "cats-dogs",
            _PHOTO,
            (
                Conv2D(32, 3),
                Conv2D(32, 3),
                MaxPool2D(),
                Conv2D(64, 3),
                MaxPool2D(),
                Flatten(),
                Dense(64, "relu"),
                Dropout(0.5),
                Dense(1, "sigmoid"),
            ),
            batch=32,
            optimizer=RMSprop(),
        ),
        Model(
            "practicum",
            _PHOTO,
            (
                Conv2D(16, 3),
                MaxPool2D(),
                Conv2D(32, 3),
                MaxPool2D(),
                Conv2D(64, 3),
                MaxPool2D(),
                Flatten(),
                Dense(512, "relu"),
                Dense(1, "sigmoid"),
            ),
            batch=20,
            optimizer=RMSprop(0.001),
        ),
        Model(
            "intel",
            _PHOTO,
            (
                *_same(64, 2),
                *_same(128, 2),
                *_same(256, 2),
                Flatten(),
                Dense(64, "relu"),
                BatchNorm(),
                Dropout(0.3),
                Dense(6, "softmax"),
            ),
            batch=16,
            optimizer=Adam(),
        ),
        Model(
            "vgg16-cats-dogs",
            (50, 50, 3),
            (
                *_same(64, 2),
                *_same(128, 2),
                *_same(256, 3),
                *_same(512, 3),
                *_same(512, 3),
                Flatten(),
                Dense(4096, "relu"),
                Dense(4096, "relu"),
                Dense(2, "softmax"),
            ),
            batch=64,
            optimizer=Adam(1e-6),
            pixel_scale=1.0,
            note="batches of 64, the document's are of 256",
        ),
        Model(
            "vgg16",
            _IMAGENET,
            (
                *_same(64, 2),
                *_same(128, 2),
                *_same(256, 3),
                *_same(512, 3),
                *_same(512, 3),
                Flatten(),
                Dense(4096, "relu"),
                Dense(4096, "relu"),
                Dense(1000, "softmax"),
            ),
            batch=8,
            optimizer=SGD(1e-6),
        ),
        Model(
            "resnet50",
            _IMAGENET,
            (
                *_normalized(Conv2D(64, 7, 3, 2, relu=False), epsilon=1.001e-5),
                MaxPool2D(3, 2, 1),
                *_stack(64, 3, 1),
                *_stack(128, 4, 2),
                *_stack(256, 6, 2),
                *_stack(512, 3, 2),
                GlobalAveragePool2D(),
                Dense(1000, "softmax"),
            ),
            batch=16,
            optimizer=SGD(1e-6),
        ),
        Model(
            "mobilenet",
            _IMAGENET,
            (
                *_normalized(Conv2D(32, 3, "same", 2, bias=False, relu=False), limit=6.0),
                *_separable(64),
                *_separable(128, 2),
                *_separable(128),
                *_separable(256, 2),
                *_separable(256),
                *_separable(512, 2),
                *(layer for _ in range(5) for layer in _separable(512)),
                *_separable(1024, 2),
                *_separable(1024),
                GlobalAveragePool2D(),
                Dropout(0.001),
                Dense(1000, "softmax"),
            ),
            batch=16,
            optimizer=SGD(1e-6),
        ),
    )
}
