"""Batch normalization and layer normalization."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from .. import constraints, initializers, randomness, regularizers
from .. import functions as F
from ..arguments import axis_and_axes, flag, not_negative
from ..distributed import current_share
from ..names import look_up
from ..registry import describe
from ..tensor import Tensor
from .graph import Shape
from .layer import OneInput
from .parameter import Parameter
from .weighted import KINDS
from .window import known


class Scaled(OneInput):
    """Base of normalizations that then scale by gamma and add beta, which are learnt, each where wanted.

    Of both come initializer, regularizer and constraint; `center` and `scale` say which of them there are.
    """

    gamma: Parameter | None
    beta: Parameter | None
    beta_initializer: initializers.Initializer
    gamma_initializer: initializers.Initializer

    def __init__(
        self,
        epsilon: float,
        center: bool,
        scale: bool,
        beta: tuple[Any, Any, Any],
        gamma: tuple[Any, Any, Any],
        *,
        name: str | None,
        dtype: str | None,
        trainable: bool,
        input_shape: Sequence[int | None] | None,
    ) -> None:
        super().__init__(name=name, dtype=dtype, trainable=trainable, input_shape=input_shape)
        self.epsilon = not_negative("epsilon", epsilon)
        self.center, self.scale = center, scale
        for weight, (initializer, regularizer, constraint) in (("beta", beta), ("gamma", gamma)):
            setattr(self, f"{weight}_initializer", initializers.get(initializer))
            setattr(self, f"{weight}_regularizer", regularizers.get(regularizer))
            setattr(self, f"{weight}_constraint", constraints.get(constraint))

    def make_gamma_and_beta(self, shape: tuple[int, ...]) -> None:
        """Make gamma and beta of `shape`, in this order, as far as they are wanted."""
        made = {}
        for name, wanted in (("gamma", self.scale), ("beta", self.center)):
            initializer, regularizer, constraint = (getattr(self, f"{name}_{kind}") for kind in KINDS)
            given = {"regularizer": regularizer, "constraint": constraint, "name": name}
            made[name] = self.add_weight(shape, initializer, **given) if wanted else None
        self.gamma, self.beta = made["gamma"], made["beta"]

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        described = [f"{weight}_{kind}" for kind in KINDS for weight in ("beta", "gamma")]
        return {
            **super().get_config(),
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            **{argument: describe(getattr(self, argument)) for argument in described},
        }


class BatchNormalization(Scaled):
    """Normalizes each channel of (batch, …, channels), then scales by gamma and adds beta, which are learnt.

    Channels lie along `axis`: the last, or another, as 1 of images whose channels are first.

    In training by the batch's mean and variance, of which moving averages are kept; otherwise, and when the layer is
    frozen (`trainable` False), by these averages. Weights: gamma, beta, moving_mean, moving_variance, each (channels,).
    See `functions.batch_norm`. In training each call moves

        average ← momentum·average + (1 − momentum)·statistic

    The statistic of the variance is the batch's own, Σ (x − mean)²/n, as in Keras 3; with `moving_variance="unbiased"`
    it is n/(n − 1) times that, as tf.keras has it for images.

    Where several ranks train a model (see `distributed`), each normalizes its share of a batch by itself, and their
    averages are averaged after each epoch; with `synchronized` all take the mean and variance of the whole batch.
    """

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: str | initializers.Initializer = "zeros",
        gamma_initializer: str | initializers.Initializer = "ones",
        moving_mean_initializer: str | initializers.Initializer = "zeros",
        moving_variance_initializer: str | initializers.Initializer = "ones",
        beta_regularizer: str | regularizers.L1L2 | None = None,
        gamma_regularizer: str | regularizers.L1L2 | None = None,
        beta_constraint: str | constraints.Rule | None = None,
        gamma_constraint: str | constraints.Rule | None = None,
        renorm: bool = False,
        renorm_clipping: None = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        *,
        moving_variance: str = "biased",
        name: str | None = None,
        dtype: str | None = None,
        trainable: bool = True,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(
            epsilon,
            center,
            scale,
            (beta_initializer, beta_regularizer, beta_constraint),
            (gamma_initializer, gamma_regularizer, gamma_constraint),
            name=name,
            dtype=dtype,
            trainable=trainable,
            input_shape=input_shape,
        )
        _refuse(renorm=renorm, renorm_clipping=renorm_clipping)
        _refuse(renorm_momentum=renorm_momentum if renorm_momentum != 0.99 else None)
        if not isinstance(axis, int | np.integer):
            raise ValueError(f"axis must be an integer, that of the channels, got {axis!r}")
        if not 0 <= momentum <= 1:
            raise ValueError(f"momentum must be in 0 … 1, got {momentum}")
        self.axis, self.momentum, self.synchronized = int(axis), float(momentum), flag("synchronized", synchronized)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.unbiased = look_up("moving_variance", moving_variance, {"biased": False, "unbiased": True})

    def build(self, input_shape: Shape) -> None:
        """Make gamma and beta where wanted, and the moving averages, (channels,) each."""
        shape = (known("channels", input_shape[self.axis]),)
        self.is_last = self.axis in (-1, len(input_shape) - 1)
        self.make_gamma_and_beta(shape)
        self.moving_mean, self.moving_variance = (
            self.add_weight(shape, initializer, trainable=False, name=name)
            for name, initializer in (
                ("moving_mean", self.moving_mean_initializer),
                ("moving_variance", self.moving_variance_initializer),
            )
        )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input's shape."""
        channels = known("channels", input_shape[channel_axis(self.axis, input_shape)])
        if self.built and channels != self.moving_mean.shape[0]:
            raise ValueError(f"its weights were built for {self.moving_mean.shape[0]} channels")
        return input_shape

    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return x normalized."""
        return self.normalize(x, training)

    def normalize(self, x: Tensor, training: bool, ceiling: float | None = None) -> Tensor:
        """Return x normalized, with a `ceiling` min(max(·, 0), ceiling) of it; in training move the averages."""
        if not self.is_last:
            return F.from_last(self.normalize_last(F.to_last(x, self.axis), training, ceiling), self.axis)
        return self.normalize_last(x, training, ceiling)

    def normalize_last(self, x: Tensor, training: bool, ceiling: float | None) -> Tensor:
        """Return the same of x whose channels are last."""
        if not (training and self.trainable):
            return F.scale_shift(x, self._scale(), self.beta, self.moving_mean, ceiling)
        if self.synchronized and current_share() is not None:
            y, mean, variance, count = F.synchronized_batch_norm(x, self.gamma, self.beta, self.epsilon, ceiling)
        else:
            y, mean, variance = F.batch_norm(x, self.gamma, self.beta, self.epsilon, ceiling)
            count = x.size // x.shape[-1]
        if self.unbiased:
            variance = variance * (count / max(1, count - 1))
        if count and not randomness.draws_repeat():  # an empty batch says nothing
            for average, statistic in ((self.moving_mean, mean), (self.moving_variance, variance)):
                average.data *= self.momentum
                average.data += (1 - self.momentum) * statistic
        return y

    def _scale(self) -> Tensor:
        """Return s = γ/√(variance + ε) of the moving average."""
        inverse = 1 / F.sqrt(self.moving_variance + self.epsilon)
        return inverse if self.gamma is None else self.gamma * inverse

    def scale_and_shift(self, bias: Tensor | None = None) -> Tensor:
        """Return s = γ/√(variance + ε) and β + (bias − mean)·s of the moving averages, rows of (2, channels).

        Outside training x + bias, normalized, is x times the first row plus the second.
        """
        return F.fold_normalization(self.moving_mean, self.moving_variance, self.gamma, self.beta, bias, self.epsilon)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer; `moving_variance`, which Keras lacks, only if it is needed."""
        config = {
            **super().get_config(),
            "axis": self.axis,
            "momentum": self.momentum,
            "moving_mean_initializer": describe(self.moving_mean_initializer),
            "moving_variance_initializer": describe(self.moving_variance_initializer),
        }
        if self.synchronized:
            config["synchronized"] = True
        return {**config, "moving_variance": "unbiased"} if self.unbiased else config


class LayerNormalization(Scaled):
    """Normalizes each sample's features (or each position's channels), then scales by gamma and adds beta.

    `axis` is one, or several, such as [1, 2, 3] of images. Weights: gamma and beta, with the lengths of these axes. See
    `functions.layer_norm`. With `rms_scaling`, which has no beta, y = x/√(variance + ε)·gamma: the mean stays.
    """

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: str | initializers.Initializer = "zeros",
        gamma_initializer: str | initializers.Initializer = "ones",
        beta_regularizer: str | regularizers.L1L2 | None = None,
        gamma_regularizer: str | regularizers.L1L2 | None = None,
        beta_constraint: str | constraints.Rule | None = None,
        gamma_constraint: str | constraints.Rule | None = None,
        *,
        rms_scaling: bool = False,
        name: str | None = None,
        dtype: str | None = None,
        trainable: bool = True,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(
            epsilon,
            center,
            scale,
            (beta_initializer, beta_regularizer, beta_constraint),
            (gamma_initializer, gamma_regularizer, gamma_constraint),
            name=name,
            dtype=dtype,
            trainable=trainable,
            input_shape=input_shape,
        )
        self.rms_scaling = rms_scaling
        if rms_scaling:
            self.scale, self.center = True, False
        self.axis, self.axes = axis_and_axes(axis)

    def build(self, input_shape: Shape) -> None:
        """Make gamma and beta where wanted."""
        self.lengths = lengths_along(self.axes, input_shape)
        rank = len(input_shape)
        axes = sorted(axis % rank for axis in self.axes)
        order = (*(axis for axis in range(rank) if axis not in axes), *axes)
        self.order = None if order == tuple(range(rank)) else order
        self.make_gamma_and_beta(self.lengths)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input's shape."""
        lengths = lengths_along(self.axes, input_shape)
        if self.built and lengths != self.lengths:
            raise ValueError(f"its weights were built for {' × '.join(map(str, self.lengths))} features")
        return input_shape

    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return x normalized."""
        if self.order is None:
            return self.normalize(x)
        if len(self.axes) == 1:
            return F.from_last(self.normalize(F.to_last(x, self.axes[0])), self.axes[0])
        y = self.normalize(F.transpose(x, self.order))
        return F.transpose(y, tuple(map(self.order.index, range(x.ndim))))

    def normalize(self, x: Tensor) -> Tensor:
        """Return x normalized over its last axes."""
        if self.rms_scaling:
            over = tuple(range(-len(self.axes), 0))
            return x / F.sqrt(F.var(x, over, keepdims=True) + self.epsilon) * self.gamma
        if len(self.axes) == 1:
            return F.layer_norm(x, self.gamma, self.beta, self.epsilon)
        features = (prod(self.lengths),)
        gamma, beta = (None if weight is None else F.reshape(weight, features) for weight in (self.gamma, self.beta))
        y = F.layer_norm(F.reshape(x, x.shape[: -len(self.axes)] + features), gamma, beta, self.epsilon)
        return F.reshape(y, x.shape)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {
            **super().get_config(),
            "axis": self.axes if self.built else self.axis,  # as in Keras, where building makes it a list
            "rms_scaling": self.rms_scaling,
        }


def channel_axis(axis: int, shape: Shape) -> int:
    """Return `axis`, after checking that a shape has it, and it is not the batch's."""
    rank = len(shape)
    if rank < 2:
        raise ValueError("needs at least 2 axes (batch, channels)")
    if not -rank < axis < rank or axis == 0:
        raise ValueError(f"its axis must be one of 1 … {rank - 1}, that of the channels, and is {axis}")
    return axis


def lengths_along(axes: Sequence[int], shape: Shape) -> tuple[int, ...]:
    """Return the lengths of axes of a shape, in their order; raise ValueError for axes that it has not."""
    rank = len(shape)
    if any(not -rank < axis < rank or axis == 0 for axis in axes) or len({axis % rank for axis in axes}) < len(axes):
        raise ValueError(f"its axis must be one of 1 … {rank - 1}, or several, and is {list(axes)}")
    return tuple(known("features", shape[axis]) for axis in sorted(axis % rank for axis in axes))


def last_lengths(axes: Sequence[int], shape: Shape) -> tuple[int, ...]:
    """Return the lengths of axes that together are the last ones of a shape; raise ValueError for others."""
    rank, count = len(shape), len(axes)
    if (
        count >= rank
        or any(not -rank <= axis < rank for axis in axes)
        or sorted(axis % rank for axis in axes) != list(range(rank - count, rank))
    ):
        raise ValueError(
            f"its axis must be the last, or the last ones, after the batch's, and is {axes[0] if count == 1 else axes}"
        )
    return tuple(known("features", length) for length in shape[-count:])


def _refuse(**arguments: Any) -> None:
    """Refuse arguments of Keras's layers, for what tinyconv does not have, unless they leave it off."""
    for argument, value in arguments.items():
        if value:
            raise ValueError(f"{argument} is not offered, got {argument}={value!r}: leave it out")
