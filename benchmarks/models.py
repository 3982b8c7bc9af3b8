"""The documents' networks as neutral layer lists; each engine translates them for itself.

A new network is one entry in `MODELS`. What a layer list cannot say yet (another layer, loss or optimizer) is one more
dataclass here and one more `case` in `engines/keras_api.py` and `engines/pytorch.py`.
"""

from dataclasses import dataclass, replace
from math import prod
from typing import Literal


@dataclass(frozen=True)
class Conv2D:
    """Convolution of `filters` square kernels of side `size`, stride 1, with bias, then ReLU."""

    filters: int
    size: int
    padding: Literal["valid", "same"] = "valid"


@dataclass(frozen=True)
class MaxPool2D:
    """Maximum over disjoint squares of side `size`; a ragged border is dropped."""

    size: int = 2


@dataclass(frozen=True)
class Flatten:
    """(n, h, w, c) to (n, h·w·c), channels fastest."""


@dataclass(frozen=True)
class Dense:
    """Matrix product with bias. Its penalty is added to the loss: `l2`·½Σw² over the kernel."""

    units: int
    activation: Literal["relu", "softmax", "sigmoid"] | None = None
    l2: float = 0.0


@dataclass(frozen=True)
class Dropout:
    """Inverted dropout, active in training."""

    rate: float


@dataclass(frozen=True)
class BatchNorm:
    """Batch normalization of each channel, scaled and shifted: Keras's momentum and ε."""

    momentum: float = 0.99
    epsilon: float = 1e-3


@dataclass(frozen=True)
class Adam:
    """Adam with β 0.9 and 0.999, ε 1e-7 (Keras's)."""

    learning_rate: float = 0.001


@dataclass(frozen=True)
class SGD:
    """w −= learning_rate · gradient."""

    learning_rate: float


@dataclass(frozen=True)
class RMSprop:
    """RMSprop with ρ 0.9, ε 1e-7 under the root (Keras's): v = ρv + (1 − ρ)g², w −= learning_rate · g / √(v + ε)."""

    learning_rate: float = 0.001


Layer = Conv2D | MaxPool2D | Flatten | Dense | Dropout | BatchNorm
Optimizer = Adam | RMSprop | SGD


@dataclass(frozen=True)
class Model:
    """A network, its training settings and what feeds it. Its last layer is dense and decides the loss.

    The loss is categorical cross-entropy where that layer ends in softmax or in logits, binary where one unit ends in a
    sigmoid; either is computed from the logits. `pixel_scale` multiplies pixels of 0..255; `initializer` draws the
    kernels (biases are zero); `note` says where the network differs from the document's.
    """

    name: str
    input_shape: tuple[int, ...]
    layers: tuple[Layer, ...]
    batch: int
    optimizer: Optimizer
    pixel_scale: float = 1 / 255
    initializer: Literal["glorot_uniform", "truncated_normal"] = "glorot_uniform"
    note: str = ""

    @property
    def outputs(self) -> Literal["softmax", "sigmoid", "logits"]:
        """What the outputs are: probabilities (n, classes), the probability (n, 1) of class 1, or logits."""
        last = self.layers[-1]
        activation = last.activation if isinstance(last, Dense) else None
        return activation if activation in ("softmax", "sigmoid") else "logits"

    @property
    def is_convolutional(self) -> bool:
        """Whether the memory layout of images matters to it."""
        return any(isinstance(layer, Conv2D) for layer in self.layers)

    @property
    def normalizes_batches(self) -> bool:
        """Whether what it makes of one image depends on the others of the batch."""
        return any(isinstance(layer, BatchNorm) for layer in self.layers)

    @property
    def classes(self) -> int:
        """How many kinds of image it tells apart."""
        return 2 if self.outputs == "sigmoid" else shapes(self)[-1][-1]


def shapes(model: Model) -> list[tuple[int, ...]]:
    """The shape of one image on its way through: entry 0 is the input's, entry i + 1 that after layer i."""
    found = [model.input_shape]
    for layer in model.layers:
        shape = found[-1]
        match layer:
            case Conv2D(filters=filters, size=size, padding=padding):
                lost = size - 1 if padding == "valid" else 0
                shape = (shape[0] - lost, shape[1] - lost, filters)
            case MaxPool2D(size=size):
                shape = (shape[0] // size, shape[1] // size, shape[2])
            case Flatten():
                shape = (prod(shape),)
            case Dense(units=units):
                shape = (*shape[:-1], units)
            case Dropout() | BatchNorm():
                pass
        found.append(shape)
    return found


@dataclass(frozen=True)
class Weight:
    """One weight array, in Keras's layout; `l2` is its penalty's factor. One that is not `learnt` is a moving average.

    Vectors start as `start` throughout, kernels as the model's initializer says.
    """

    name: str
    shape: tuple[int, ...]
    l2: float = 0.0
    start: float = 0.0
    learnt: bool = True


def weights(model: Model) -> list[Weight]:
    """Every weight in order: kernels (kh, kw, in, out) and (in, out), biases (out,); γ, β and the averages (channels,).

    A normalization's average of variances is Keras's of biased ones, and PyTorch's of unbiased ones.
    """
    found: list[Weight] = []
    for position, (layer, shape) in enumerate(zip(model.layers, shapes(model), strict=False)):
        channels = shape[-1:]
        match layer:
            case Conv2D(filters=width, size=size):
                made = [Weight("kernel", (size, size, shape[-1], width)), Weight("bias", (width,))]
            case Dense(units=width, l2=l2):
                made = [Weight("kernel", (shape[-1], width), l2), Weight("bias", (width,))]
            case BatchNorm():
                learnt = [Weight("gamma", channels, start=1.0), Weight("beta", channels)]
                mean = Weight("moving mean", channels, learnt=False)
                made = [*learnt, mean, Weight("moving variance", channels, start=1.0, learnt=False)]
            case _:
                made = []
        label = f"layer {position} ({type(layer).__name__})"
        found += [replace(weight, name=f"{label} {weight.name}") for weight in made]
    return found


def parameter_count(model: Model) -> int:
    """How many numbers the network has, moving averages included."""
    return sum(prod(weight.shape) for weight in weights(model))


def without_dropout(model: Model) -> Model:
    """The same network with every dropout rate 0: engines draw different masks, so agreement is checked without."""
    return replace(model, layers=tuple(replace(x, rate=0.0) if isinstance(x, Dropout) else x for x in model.layers))


def _same(filters: int, count: int) -> tuple[Layer, ...]:
    """`count` convolutions 3×3 that keep the image's size, then max pooling."""
    return (*(Conv2D(filters, 3, padding="same") for _ in range(count)), MaxPool2D())


_MNIST = (28, 28, 1)
_PHOTO = (150, 150, 3)

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
    )
}
