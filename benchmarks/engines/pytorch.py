"""PyTorch at its best on a CPU: eager, in-place ReLU, cross-entropy on logits, fused optimizers, gradients set to None.

Measured on two AVX-512 cores, milliseconds a step of `mnist-fc` / `mnist` channels_last, fastest of seven rounds: this
2.1 / 160; Adam by default 3.0 / 186, by `foreach` 2.9 / 175. RMSprop is written here, see `_RMSprop`. Weights are kept
in PyTorch's layouts and order of features, and given back in Keras's.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from math import sqrt

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ..inputs import Inputs
from ..models import (
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
    Step,
    steps,
)
from ..models import weights as weight_table


class Engine:
    """See `benchmarks.engines.Engine`. `channels_last` picks the memory layout of images and convolutions."""

    # Weight decay adds l2·w to the gradient, which is the penalty's; the loss itself is computed without it.
    penalty_in_loss = False

    def __init__(self, model: Model, inputs: Inputs, threads: int, channels_last: bool) -> None:
        torch.set_num_threads(threads)
        layout = torch.channels_last if channels_last else torch.contiguous_format
        self.spec = model
        self.network = _network(model.layers, iter(steps(model))).to(torch.from_numpy(inputs.images).dtype)
        self._set_weights(inputs.weights)
        self.network.to(memory_format=layout)
        self.optimizer = _optimizer(model, self.network)
        binary = model.outputs == "sigmoid"
        self.loss = nn.BCEWithLogitsLoss() if binary else nn.CrossEntropyLoss()
        self.batches = []
        for x, y in zip(inputs.images, inputs.labels, strict=True):
            images = torch.from_numpy(x)
            if images.ndim == 4:
                images = torch.flip(images, (1, 2)) if model.is_mirrored else images
                images = images.permute(0, 3, 1, 2).contiguous(memory_format=layout)
            labels = torch.from_numpy(y)
            self.batches.append((images, labels[:, None].float() if binary else labels))

    def step(self, index: int) -> float:
        """One step on one batch."""
        x, y = self.batches[index % len(self.batches)]
        self.__dict__.pop("inference", None)
        self.network.train()
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss(self.network(x), y)
        loss.backward()
        self.optimizer.step()
        return float(loss.item())

    @torch.inference_mode()
    def predict(self, index: int) -> NDArray[np.float32]:
        """One forward pass, with the softmax or sigmoid that training leaves to the loss."""
        x, _ = self.batches[index % len(self.batches)]
        logits = self.inference(x)
        match self.spec.outputs:
            case "softmax":
                logits = torch.softmax(logits, -1)
            case "sigmoid":
                logits = torch.sigmoid(logits)
        outputs: NDArray[np.float32] = logits.numpy()
        return outputs

    @cached_property
    def inference(self) -> nn.Module:
        """The network with each normalization folded into the convolution before it, as long as it is not trained."""
        return _folded(self.network.eval())

    def weights(self) -> list[NDArray[np.floating]]:
        """Copies of the weights in Keras's layout."""
        found = []
        for parameter, layer, flattened in self._parameters():
            value = parameter.detach()
            if value.ndim == 4:
                value = value.permute(2, 3, 0, 1) if isinstance(layer, DepthwiseConv2D) else value.permute(2, 3, 1, 0)
                value = torch.flip(value, (0, 1)) if self.spec.is_mirrored else value
            elif value.ndim == 2 and flattened:
                h, w, c = flattened
                value = value.reshape(-1, c, h, w).permute(2, 3, 1, 0).reshape(h * w * c, -1)
            elif value.ndim == 2:
                value = value.T
            found.append(np.array(value.numpy(), order="C"))
        return found

    @torch.no_grad()
    def _set_weights(self, values: list[NDArray[np.floating]]) -> None:
        for (parameter, layer, flattened), array in zip(self._parameters(), values, strict=True):
            value = torch.from_numpy(array)
            if value.ndim == 4:
                value = torch.flip(value, (0, 1)) if self.spec.is_mirrored else value
                value = value.permute(2, 3, 0, 1) if isinstance(layer, DepthwiseConv2D) else value.permute(3, 2, 0, 1)
            elif value.ndim == 2 and flattened:
                value = value.reshape(*flattened, -1).permute(3, 2, 0, 1).reshape(parameter.shape)
            elif value.ndim == 2:
                value = value.T
            parameter.copy_(value)

    def _parameters(self) -> Iterator[tuple[Tensor, Layer, tuple[int, ...] | None]]:
        """Each parameter and average, its layer, and behind a flatten the (h, w, c) whose order is not PyTorch's."""
        flattened: tuple[int, ...] | None = None
        state = self.network.state_dict(keep_vars=True).items()
        parameters = (value for name, value in state if not name.endswith("num_batches_tracked"))
        for step in steps(self.spec):
            match step.layer:
                case Flatten():
                    assert not self.spec.is_mirrored, "the features of a mirror image have another order"
                    flattened = step.before
                case Conv2D(bias=False) | DepthwiseConv2D():
                    yield next(parameters), step.layer, None
                case Conv2D() | Dense():
                    yield next(parameters), step.layer, flattened
                    yield next(parameters), step.layer, None
                    flattened = None
                case BatchNorm():
                    assert flattened is None, "features right behind a flatten have another order in PyTorch"
                    for _ in range(4):
                        yield next(parameters), step.layer, None


class _RMSprop(torch.optim.Optimizer):
    """RMSprop with ε under the root, as in Keras, and as fast as PyTorch's own (with `foreach` and without).

    `torch.optim.RMSprop` adds its ε to the root. With √ε there, the two rules are equal for gradients near zero and for
    large ones, not between: after two steps of `practicum` the losses differ by a quarter.
    """

    @torch.no_grad()
    def step(self) -> None:
        """One step of every parameter."""
        for group in self.param_groups:
            rho = group["alpha"]
            for parameter in group["params"]:
                gradient = parameter.grad
                if group["weight_decay"]:
                    gradient = gradient.add(parameter, alpha=group["weight_decay"])
                state = self.state[parameter]
                if not state:
                    state["square_avg"] = torch.zeros_like(parameter)
                mean = state["square_avg"].mul_(rho).addcmul_(gradient, gradient, value=1 - rho)
                parameter.addcdiv_(gradient, mean.add(group["eps"]).sqrt_(), value=-group["lr"])


class _Residual(nn.Module):
    def __init__(self, main: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.shortcut, self.main = shortcut, main

    def forward(self, x: Tensor) -> Tensor:
        return self.main(x).add_(self.shortcut(x)).relu_()


class _GlobalAverage(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3))


def _network(layers: Sequence[Layer], sizes: Iterator[Step]) -> nn.Sequential:
    """The layer list up to its logits; `sizes` are `models.steps`, which residuals use up in their order."""
    modules: list[nn.Module] = []
    for layer in layers:
        if isinstance(layer, Residual):
            shortcut = _network(layer.shortcut, sizes)
            modules.append(_Residual(_network(layer.main, sizes), shortcut))
        shape = next(sizes).before
        match layer:
            case Conv2D(filters=filters, size=size, padding=padding, stride=stride, bias=bias, relu=relu):
                # With a stride, see `Model.is_mirrored`.
                zeros = size // 2 if padding == "same" and stride > 1 else padding
                modules.append(nn.Conv2d(shape[-1], filters, size, stride, zeros if zeros != "valid" else 0, bias=bias))
                if relu:
                    modules.append(nn.ReLU(inplace=True))
            case DepthwiseConv2D(size=size, stride=stride):
                width = shape[-1]
                modules.append(nn.Conv2d(width, width, size, stride, size // 2, groups=width, bias=False))
            case MaxPool2D(size=size, stride=stride, padding=padding):
                modules.append(nn.MaxPool2d(size, stride, padding))
            case GlobalAveragePool2D():
                modules.append(_GlobalAverage())
            case ReLU(limit=limit):
                modules.append(nn.ReLU(inplace=True) if limit is None else nn.Hardtanh(0, limit, inplace=True))
            case Flatten():
                modules.append(nn.Flatten())
            case Dense(units=units, activation=activation):
                modules.append(nn.Linear(shape[-1], units))
                if activation == "relu":
                    modules.append(nn.ReLU(inplace=True))
            case Dropout(rate=rate):
                modules.append(nn.Dropout(rate))
            case BatchNorm(momentum=momentum, epsilon=epsilon):
                # PyTorch's momentum is the share of the new.
                kind = nn.BatchNorm2d if len(shape) == 3 else nn.BatchNorm1d
                modules.append(kind(shape[-1], eps=epsilon, momentum=1 - momentum))
    return nn.Sequential(*modules)


def _folded(module: nn.Module) -> nn.Module:
    if isinstance(module, _Residual):
        return _Residual(_folded(module.main), _folded(module.shortcut))
    if not isinstance(module, nn.Sequential):
        return module
    modules: list[nn.Module] = []
    for each in module:
        if modules and isinstance(modules[-1], nn.Conv2d) and isinstance(each, nn.BatchNorm2d):
            modules[-1] = fuse_conv_bn_eval(modules[-1], each)
        else:
            modules.append(_folded(each))
    return nn.Sequential(*modules)


def _optimizer(model: Model, network: nn.Sequential) -> torch.optim.Optimizer:
    """Fused; the L2 penalty as weight decay, one group of parameters for each strength."""
    by_decay: dict[float, list[Tensor]] = {}
    learnt = [weight for weight in weight_table(model) if weight.learnt]
    for weight, parameter in zip(learnt, network.parameters(), strict=True):
        by_decay.setdefault(weight.l2, []).append(parameter)
    groups = [{"params": parameters, "weight_decay": decay} for decay, parameters in by_decay.items()]
    match model.optimizer:
        case Adam(learning_rate=rate):
            # Keras adds its ε of 1e-7 before the bias correction, PyTorch after: this one makes the first steps equal.
            return torch.optim.Adam(groups, lr=rate, eps=1e-7 / sqrt(1 - 0.999), fused=True)
        case RMSprop(learning_rate=rate):
            return _RMSprop(groups, {"lr": rate, "alpha": 0.9, "eps": 1e-7})
        case SGD(learning_rate=rate):
            return torch.optim.SGD(groups, lr=rate, fused=True)
