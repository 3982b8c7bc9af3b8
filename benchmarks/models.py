"""Networks as neutral layer lists; each engine translates them for itself.

A new network is one entry in `networks.MODELS`. What a layer list cannot say yet (another layer, loss or optimizer) is
one more dataclass here and one more `case` in `engines/keras_api.py` and `engines/pytorch.py`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Literal


@dataclass(frozen=True)
class Conv2D:
    """Convolution of `filters` square kernels of side `size`, then ReLU, if `relu`.

    `padding` is "valid", "same" as TensorFlow has it (an odd zero is below and to the right) or the zeros at each side.
    """

    filters: int
    size: int
    padding: Literal["valid", "same"] | int = "valid"
    stride: int = 1
    bias: bool = True
    relu: bool = True


@dataclass(frozen=True)
class DepthwiseConv2D:
    """Each channel's own convolution with a square kernel of side `size`, "same" padding, no bias."""

    size: int
    stride: int = 1


@dataclass(frozen=True)
class MaxPool2D:
    """Maximum over squares of side `size`, disjoint where no `stride` is given; a ragged border is dropped.

    `padding` is the zeros at each side; what is pooled must not be negative there.
    """

    size: int = 2
    stride: int | None = None
    padding: int = 0


@dataclass(frozen=True)
class GlobalAveragePool2D:
    """(n, h, w, c) to (n, c): each channel's mean."""


@dataclass(frozen=True)
class ReLU:
    """max(x, 0), and no more than `limit`."""

    limit: float | None = None


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


@dataclass(frozen=True)
class Residual:
    """relu(main(x) + shortcut(x)); a shortcut of no layers is x itself (He et al. 2016)."""

    main: "tuple[Layer, ...]"
    shortcut: "tuple[Layer, ...]" = ()


Layer = (
    Conv2D | DepthwiseConv2D | MaxPool2D | GlobalAveragePool2D | Flatten | Dense | Dropout | BatchNorm | ReLU | Residual
)
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
        return any(isinstance(step.layer, BatchNorm) for step in steps(self))

    @property
    def normalizes_images(self) -> bool:
        """Whether it normalizes batches of images, (h, w, c) each, not of features alone."""
        return any(isinstance(step.layer, BatchNorm) and len(step.before) == 3 for step in steps(self))

    @property
    def is_mirrored(self) -> bool:
        """Whether a library that pads both sides alike can run it natively on mirrored images alone.

        With stride 2 on an even size, "same" pads below and to the right only. On the mirror image, with kernels
        mirrored too, that is above and to the left, and a second zero on the other side is never reached.
        """
        return any(
            (isinstance(layer, DepthwiseConv2D) or (isinstance(layer, Conv2D) and layer.padding == "same"))
            and layer.stride > 1
            for layer in self.layers
        )

    @property
    def classes(self) -> int:
        """How many kinds of image it tells apart."""
        return 2 if self.outputs == "sigmoid" else steps(self)[-1].after[-1]


@dataclass(frozen=True)
class Step:
    """A layer with the shapes of one image before and after it."""

    layer: Layer
    before: tuple[int, ...]
    after: tuple[int, ...]


def steps(model: Model) -> list[Step]:
    """Every layer in order; a residual's shortcut, then its main path, then itself."""
    return list(_steps(model.layers, model.input_shape))


def _steps(layers: Sequence[Layer], shape: tuple[int, ...]) -> Iterator[Step]:
    for layer in layers:
        before = shape
        match layer:
            case Conv2D(filters=filters, size=size, padding=padding, stride=stride):
                shape = (*_windows(before, size, stride, padding), filters)
            case DepthwiseConv2D(size=size, stride=stride):
                shape = (*_windows(before, size, stride, "same"), before[-1])
            case MaxPool2D(size=size, stride=stride, padding=padding):
                shape = (*_windows(before, size, stride or size, padding), before[-1])
            case GlobalAveragePool2D():
                shape = before[-1:]
            case Flatten():
                shape = (prod(before),)
            case Dense(units=units):
                shape = (*before[:-1], units)
            case Residual(main=main, shortcut=shortcut):
                yield from _steps(shortcut, before)
                for step in _steps(main, before):
                    yield step
                    shape = step.after
            case Dropout() | BatchNorm() | ReLU():
                pass
        yield Step(layer, before, shape)


def _windows(shape: tuple[int, ...], size: int, stride: int, padding: Literal["valid", "same"] | int) -> list[int]:
    """How many windows there are down and across."""
    if padding == "same":
        return [-(-side // stride) for side in shape[:2]]
    zeros = 0 if padding == "valid" else 2 * padding
    return [(side + zeros - size) // stride + 1 for side in shape[:2]]


@dataclass(frozen=True)
class Weight:
    """One weight array, in Keras's layout; `l2` is its penalty's factor. One that is not `learnt` is a moving average.

    Vectors start as `start` throughout, kernels as the model's initializer says. What is added to a value right before
    its normalization is `taken_back` by it: the gradient is 0 but for rounding.
    """

    name: str
    shape: tuple[int, ...]
    l2: float = 0.0
    start: float = 0.0
    learnt: bool = True
    taken_back: bool = False


def weights(model: Model) -> list[Weight]:
    """Every weight in order: kernels (kh, kw, in, out) and (in, out), biases (out,); γ, β and the averages (channels,).

    A normalization's average of variances is Keras's of biased ones, and PyTorch's of unbiased ones.
    """
    found: list[Weight] = []
    every = steps(model)
    for position, step in enumerate(every):
        channels = step.before[-1:]
        match step.layer:
            case Conv2D(filters=width, size=size, bias=bias, relu=relu):
                normalized = not relu and isinstance(every[position + 1].layer, BatchNorm)
                made = [Weight("kernel", (size, size, *channels, width))]
                made += [Weight("bias", (width,), taken_back=normalized)] if bias else []
            case DepthwiseConv2D(size=size):
                made = [Weight("kernel", (size, size, *channels, 1))]
            case Dense(units=width, l2=l2):
                made = [Weight("kernel", (*channels, width), l2), Weight("bias", (width,))]
            case BatchNorm():
                learnt = [Weight("gamma", channels, start=1.0), Weight("beta", channels)]
                mean = Weight("moving mean", channels, learnt=False)
                made = [*learnt, mean, Weight("moving variance", channels, start=1.0, learnt=False)]
            case _:
                made = []
        label = f"layer {position} ({type(step.layer).__name__})"
        found += [replace(weight, name=f"{label} {weight.name}") for weight in made]
    return found


def parameter_count(model: Model) -> int:
    """How many numbers the network has, moving averages included."""
    return sum(prod(weight.shape) for weight in weights(model))


def without_dropout(model: Model) -> Model:
    """The same network with every dropout rate 0: engines draw different masks, so agreement is checked without."""
    return replace(model, layers=tuple(replace(x, rate=0.0) if isinstance(x, Dropout) else x for x in model.layers))
