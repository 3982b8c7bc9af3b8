"""The contestants. Each module here defines `Engine`, one network in one library; a worker imports only its own.

Every engine trains as that library's user would at their best; the choices were measured, and each module says which.
"""

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from ..inputs import Inputs
from ..models import Model


class Engine(Protocol):
    """A network with its initial weights, its optimizer and its batches, which it has in its own favourite form.

    It computes in float32, or in float64 if the images are that. What is not for training has `predict` alone.

    `penalty_in_loss` says whether `step` returns the L2 penalty with the loss; its gradient is applied either way.
    """

    penalty_in_loss: bool

    def step(self, index: int) -> float:
        """One whole training step on batch `index`, counted round: forward, backward, update. Returns the loss."""

    def predict(self, index: int) -> NDArray[np.float32]:
        """The network's outputs (n, classes) for batch `index`, counted round, as in inference."""

    def weights(self) -> list[NDArray[np.floating]]:
        """Every weight in the order and layout of `models.weights`."""


@dataclass(frozen=True)
class Contestant:
    """How an engine is found: the packages it imports, what `pip install` brings them, for which networks it runs."""

    name: str
    label: str
    library: str
    module: str
    packages: tuple[str, ...]
    install: str
    options: dict[str, bool]
    only_convolutional: bool = False
    trains: bool = True  # a runtime for deployment predicts only

    def missing(self) -> str | None:
        """The first package that is not installed, or None."""
        return next((package for package in self.packages if find_spec(package) is None), None)

    def runs(self, model: Model) -> bool:
        """Whether this engine differs from the others on `model`."""
        return model.is_convolutional or not self.only_convolutional

    def build(self, model: Model, inputs: Inputs, threads: int) -> Engine:
        """The engine, ready for its first step."""
        module = import_module(f"benchmarks.engines.{self.module}")
        return cast(Engine, module.Engine(model, inputs, threads, **self.options))


_ONNX = "onnxruntime", "onnx"
_BENCH = 'pip install -e ".[bench]"'

CONTESTANTS: dict[str, Contestant] = {
    contestant.name: contestant
    for contestant in (
        Contestant("tinyconv", "tinyconv", "tinyconv", "tinyconv", ("tinyconv",), "pip install .", {}),
        Contestant("keras", "Keras/TensorFlow", "Keras", "keras", ("keras", "tensorflow"), _BENCH, {}),
        Contestant("pytorch", "PyTorch", "PyTorch", "pytorch", ("torch",), _BENCH, {"channels_last": False}),
        Contestant(
            "pytorch-channels-last",
            "PyTorch channels_last",
            "PyTorch",
            "pytorch",
            ("torch",),
            _BENCH,
            {"channels_last": True},
            only_convolutional=True,
        ),
        Contestant("onnx-runtime", "ONNX Runtime", "ONNX Runtime", "onnx_runtime", _ONNX, _BENCH, {}, trains=False),
        Contestant("openvino", "OpenVINO", "OpenVINO", "openvino", ("openvino", "onnx"), _BENCH, {}, trains=False),
    )
}
