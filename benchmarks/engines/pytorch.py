"""PyTorch at its best on a CPU: eager, in-place ReLU, cross-entropy on logits, fused optimizers, gradients set to None.

Measured on two AVX-512 cores, milliseconds a step of `mnist-fc` / `mnist` channels_last, fastest of seven rounds: this
2.1 / 160; Adam by default 3.0 / 186, by `foreach` 2.9 / 175. RMSprop is written here, see `_RMSprop`. Weights are kept
in PyTorch's layouts and order of features, and given back in Keras's.
"""

from collections.abc import Iterator
from math import sqrt

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..inputs import Inputs
from ..models import SGD, Adam, BatchNorm, Conv2D, Dense, Dropout, Flatten, MaxPool2D, Model, RMSprop, shapes
from ..models import weights as weight_table


class Engine:
    """See `benchmarks.engines.Engine`. `channels_last` picks the memory layout of images and convolutions."""

    # Weight decay adds l2·w to the gradient, which is the penalty's; the loss itself is computed without it.
    penalty_in_loss = False

    def __init__(self, model: Model, inputs: Inputs, threads: int, channels_last: bool) -> None:
        torch.set_num_threads(threads)
        layout = torch.channels_last if channels_last else torch.contiguous_format
        self.spec = model
        self.network = _network(model)
        self._set_weights(inputs.weights)
        self.network.to(memory_format=layout)
        self.optimizer = _optimizer(model, self.network)
        binary = model.outputs == "sigmoid"
        self.loss = nn.BCEWithLogitsLoss() if binary else nn.CrossEntropyLoss()
        self.batches = []
        for x, y in zip(inputs.images, inputs.labels, strict=True):
            images = torch.from_numpy(x)
            if images.ndim == 4:
                images = images.permute(0, 3, 1, 2).contiguous(memory_format=layout)
            labels = torch.from_numpy(y)
            self.batches.append((images, labels[:, None].float() if binary else labels))

    def step(self, index: int) -> float:
        """One step on one batch."""
        x, y = self.batches[index % len(self.batches)]
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
        self.network.eval()
        logits = self.network(x)
        match self.spec.outputs:
            case "softmax":
                logits = torch.softmax(logits, -1)
            case "sigmoid":
                logits = torch.sigmoid(logits)
        outputs: NDArray[np.float32] = logits.numpy()
        return outputs

    def weights(self) -> list[NDArray[np.float32]]:
        """Copies of the weights in Keras's layout."""
        found = []
        for parameter, flattened in self._parameters():
            value = parameter.detach()
            if value.ndim == 4:
                value = value.permute(2, 3, 1, 0)
            elif value.ndim == 2 and flattened:
                h, w, c = flattened
                value = value.reshape(-1, c, h, w).permute(2, 3, 1, 0).reshape(h * w * c, -1)
            elif value.ndim == 2:
                value = value.T
            found.append(np.array(value.numpy(), order="C"))
        return found

    @torch.no_grad()
    def _set_weights(self, values: list[NDArray[np.float32]]) -> None:
        for (parameter, flattened), array in zip(self._parameters(), values, strict=True):
            value = torch.from_numpy(array)
            if value.ndim == 4:
                value = value.permute(3, 2, 0, 1)
            elif value.ndim == 2 and flattened:
                value = value.reshape(*flattened, -1).permute(3, 2, 0, 1).reshape(parameter.shape)
            elif value.ndim == 2:
                value = value.T
            parameter.copy_(value)

    def _parameters(self) -> Iterator[tuple[Tensor, tuple[int, ...] | None]]:
        """Each parameter and average, and if it follows a flatten the (h, w, c) whose order is not PyTorch's."""
        sizes = shapes(self.spec)
        flattened: tuple[int, ...] | None = None
        state = self.network.state_dict(keep_vars=True).items()
        parameters = (value for name, value in state if not name.endswith("num_batches_tracked"))
        for layer, before in zip(self.spec.layers, sizes, strict=False):
            match layer:
                case Flatten():
                    flattened = before
                case Conv2D() | Dense():
                    yield next(parameters), flattened
                    yield next(parameters), None
                    flattened = None
                case BatchNorm():
                    assert flattened is None, "features right behind a flatten have another order in PyTorch"
                    for _ in range(4):
                        yield next(parameters), None


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


def _network(model: Model) -> nn.Sequential:
    """The layer list up to its logits."""
    modules: list[nn.Module] = []
    for layer, shape in zip(model.layers, shapes(model), strict=False):
        match layer:
            case Conv2D(filters=filters, size=size, padding=padding):
                modules += [nn.Conv2d(shape[-1], filters, size, padding=padding), nn.ReLU(inplace=True)]
            case MaxPool2D(size=size):
                modules.append(nn.MaxPool2d(size))
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
