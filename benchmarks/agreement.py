"""Do the engines compute the same thing? Asked before any is timed.

Each engine runs its real training path without dropout. The gradient is recovered from one plain SGD step of an
enormous learning rate, g = (w − w′) / rate, which leaves only the rounding of w′; so forward pass, loss, backward pass
and update are all under test, and nothing but the public training step is called. Then a few steps with the model's own
optimizer.

The images are half noise. Large blank areas put thousands of pre-activations within rounding of ReLU's kink, and on
which side a value falls there is chance: on plain MNIST one such cell moved a bias's gradient by 4e-4 in the opponents
and in im2col, all in float32, against float64.

Noise leaves some cells there too, or two within rounding of each other in one pooling window: up to three in 10⁷ of
the deep networks. Outputs and losses do not jump with them, gradients do: in `vgg16-cats-dogs` one cell of the sixth
convolution, 2e-7 standard deviations from the kink, moved all gradients below by 7e-3. Batches of photographs have up
to 10⁸ cells, and are never without: in `intel` PyTorch and PyTorch channels_last part by 2e-3. So the gradient is
taken on a batch of its usual size that repeats a few images, as many as have `CELLS` cells between them, or a window
of one in black, where every cell is exactly 0 in every engine. Where engines part nevertheless they are asked again,
with other noise and a quarter of the cells, in `DRAWS` draws at most. A wrong gradient is wrong in every draw.

Of one image, repeated, batch normalization would leave nothing: a network with it gets windows of `DIFFERENT` images.
Where it normalizes images, layer after layer, it makes chaos of rounding: gradients of MobileNet and ResNet50 in
float32, PyTorch's as ours, are 0.2 to 3 % off those in float64, at any size of image. Such a network's gradients are
taken in float64, of whole images; and once more in float32, where they may part by `CHAOS`: that tests no formula, but
shows a kernel that serves float32 alone and is wrong by a factor.
Its moving averages are no weights with a gradient, and the libraries' rules for them differ: they are not compared, nor
is the gradient of a bias that normalization takes back, which is 0 but for rounding.
"""

import gc
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, isfinite, prod, sqrt

import numpy as np
from numpy.typing import NDArray

from .engines import Contestant, Engine
from .inputs import SEED, Inputs
from .models import SGD, Model, steps, weights, without_dropout

RATE = 2.0**20
STEPS = 3
CELLS = 2**20
DRAWS = 4
DIFFERENT = 4
TOLERANCE = 1e-4
# After an optimizer's update the losses may part further: Adam divides gradients near zero by their own size.
TOLERANCE_AFTER_UPDATES = 1e-3
CHAOS = 0.2


@dataclass(frozen=True)
class Evidence:
    """What one engine computed from the common weights: outputs (n, …), loss, each weight's gradient, later losses.

    Of one that only predicts there are outputs alone, and the loss is None. Where `gradients` are in float64, `rounded`
    are those in float32.
    """

    outputs: NDArray[np.float32]
    loss: float | None
    gradients: list[NDArray[np.floating]]
    losses: list[float]
    rounded: list[NDArray[np.floating]] | None = None


def collect(contestant: Contestant, model: Model, inputs: Inputs, threads: int, draw: int = 0) -> Evidence:
    """Run one engine on the first batches; `losses` are those of `STEPS` steps of the model's optimizer."""
    model = without_dropout(model)
    if not contestant.trains:
        noisy = replace(inputs, images=_noisy(inputs.images[:STEPS], draw))
        return Evidence(contestant.build(model, noisy, threads).predict(0), None, [], [])
    inputs = replace(inputs, images=_noisy(inputs.images[:STEPS], draw), labels=inputs.labels[:STEPS])
    chaotic = model.normalizes_images
    few = _in_float64(inputs) if chaotic else _repeated(model, inputs, CELLS // 4**draw)
    loss, gradients = _gradients(contestant, model, few, threads)
    rounded = _gradients(contestant, model, inputs, threads)[1] if chaotic else None
    real = contestant.build(model, inputs, threads)
    outputs = real.predict(0)
    return Evidence(outputs, loss, gradients, [_step(real, model, index) for index in range(STEPS)], rounded)


def _gradients(
    contestant: Contestant, model: Model, inputs: Inputs, threads: int
) -> tuple[float, list[NDArray[np.floating]]]:
    """Return the loss of the first batch, and each weight's gradient."""
    plain = contestant.build(replace(model, optimizer=SGD(RATE)), inputs, threads)
    gradients = plain.weights()
    loss = _step(plain, model, 0)
    for w, moved in zip(gradients, plain.weights(), strict=True):
        w -= moved
        w /= RATE
    del plain
    gc.collect()  # an engine is full of cycles, and as large as the next
    return loss, gradients


def _noisy(images: NDArray[np.floating], draw: int = 0) -> NDArray[np.floating]:
    """Return the mean of the images and uniform noise of their range, different in every draw."""
    noise = np.random.default_rng([SEED, draw]).random(images.shape, dtype=np.float32)
    return (images + noise * images.max()) / 2


def _in_float64(inputs: Inputs) -> Inputs:
    """Return one batch, of the first images of the first batch, and the weights, in float64."""
    images = inputs.images[:1, :DIFFERENT].astype(np.float64)
    return replace(
        inputs,
        weights=[w.astype(np.float64) for w in inputs.weights],
        images=images,
        labels=inputs.labels[:1, :DIFFERENT],
    )


def _repeated(model: Model, inputs: Inputs, cells: int) -> Inputs:
    """Return one batch: the first images of the first batch, with their labels, again and again.

    Together they have about `cells` cells; where the fewest images have more, only a window at the upper left of each
    is not black.
    """
    part = cells / sum(prod(step.after) for step in steps(model))
    fewest = DIFFERENT if model.normalizes_batches else 1
    order = np.arange(len(inputs.labels[0])) % max(fewest, int(part))
    images = inputs.images[:1, order]
    if part < fewest and model.is_convolutional:
        height, width = (max(1, round(side * sqrt(part / fewest))) for side in model.input_shape[:2])
        images[:, :, height:] = 0
        images[:, :, :, width:] = 0
    return replace(inputs, images=images, labels=inputs.labels[:1, order])


def _step(engine: Engine, model: Model, index: int) -> float:
    """One step's loss, penalty included."""
    penalty = 0.0
    if not engine.penalty_in_loss:
        squares = [float(np.sum(np.square(w, dtype=np.float64))) for w in engine.weights()]
        penalty = sum(weight.l2 / 2 * square for weight, square in zip(weights(model), squares, strict=True))
    return engine.step(index) + penalty


@dataclass(frozen=True)
class Verdict:
    """How far an engine is from `judge`, in its worst quantity: the error relative in norm, and what is allowed."""

    judge: str
    quantity: str
    error: float
    allowed: float

    @property
    def agrees(self) -> bool:
        """Whether the engine may be timed."""
        return self.error <= self.allowed

    @property
    def severity(self) -> float:
        """The error as a multiple of what is allowed."""
        return self.error / self.allowed


def judge(model: Model, evidence: Mapping[str, Evidence]) -> dict[str, Verdict]:
    """A verdict on each engine. The judge is the engine nearest to all the others, an opponent when in doubt.

    With one engine there is nobody to agree with, and no verdict.
    """
    if len(evidence) < 2:
        return {}
    names = sorted(evidence, key=lambda name: name == "tinyconv")
    verdicts = {a: {b: compare(model, a, evidence[a], evidence[b]) for b in names} for a in names}
    chosen = min(names, key=lambda a: float(np.median([verdicts[a][b].severity for b in names if b != a])))
    return {name: verdicts[chosen][name] for name in evidence if name != chosen}


class Hearing:
    """What several draws together say: an engine is accepted once it agrees in one of them, with the judge or as judge.

    `agreed` holds the verdicts by which engines were accepted.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.accepted: set[str] = set()
        self.agreed: dict[str, Verdict] = {}
        self._mildest: dict[str, Verdict] = {}

    def hear(self, evidence: Mapping[str, Evidence]) -> bool:
        """Take one draw's evidence; return whether every engine that gave some is accepted, or alone."""
        verdicts = judge(self.model, evidence)
        agreed = {name: verdict for name, verdict in verdicts.items() if verdict.agrees}
        self.agreed = {**agreed, **self.agreed}
        if agreed:
            self.accepted |= agreed.keys() | (evidence.keys() - verdicts.keys())
        for name, verdict in verdicts.items():
            self._mildest[name] = min(verdict, self._mildest.get(name, verdict), key=lambda each: each.severity)
        return len(evidence) < 2 or evidence.keys() <= self.accepted

    def refused(self) -> dict[str, Verdict]:
        """The mildest verdict on each engine that never agreed."""
        return {name: verdict for name, verdict in self._mildest.items() if name not in self.accepted}


def compare(model: Model, judge: str, expected: Evidence, found: Evidence) -> Verdict:
    """The worst of outputs, first loss, each gradient, and the losses after updates."""
    pairs = [("outputs", expected.outputs, found.outputs, TOLERANCE)]
    if expected.loss is not None and found.loss is not None:
        pairs += _of_training(model, expected, found)
    verdicts = [Verdict(judge, name, distance(right, given), allowed) for name, right, given, allowed in pairs]
    return max(verdicts, key=lambda verdict: verdict.severity)


def _of_training(model: Model, expected: Evidence, found: Evidence) -> list[tuple[str, NDArray, NDArray, float]]:
    """Return what two engines that train are compared by besides, each with its name and what is allowed."""
    return [
        ("loss", np.array([expected.loss]), np.array([found.loss]), TOLERANCE),
        *_pairs(model, "gradient", expected.gradients, found.gradients, TOLERANCE),
        *_pairs(model, "float32 gradient", expected.rounded or [], found.rounded or [], CHAOS),
        ("losses after updates", np.array(expected.losses), np.array(found.losses), TOLERANCE_AFTER_UPDATES),
    ]


def _pairs(
    model: Model, what: str, expected: Sequence[NDArray], found: Sequence[NDArray], allowed: float
) -> Iterator[tuple[str, NDArray, NDArray, float]]:
    """Yield each gradient that is to be compared, with its name; of none, nothing."""
    if len(expected) != len(found):
        raise ValueError(f"one engine has {len(expected)} gradients, the other {len(found)}")
    for weight, right, given in zip(weights(model) if expected else (), expected, found, strict=True):
        if weight.learnt and not weight.taken_back:
            yield f"{what} of {weight.name}", right, given, allowed


def distance(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """‖a − b‖ over the larger of the two norms: 0 for equal arrays, infinite for unequal shapes or a NaN."""
    if a.shape != b.shape:
        return inf
    a, b = a.astype(np.float64), b.astype(np.float64)
    difference, size = float(np.linalg.norm(a - b)), float(max(np.linalg.norm(a), np.linalg.norm(b)))
    if not (isfinite(difference) and isfinite(size)):
        return inf
    return difference / size if size else 0.0
