"""OpenVINO at its best on a CPU: compiled for the batch's shape, for the shortest time of one request, in float32.

Where the CPU has units for bfloat16 it would else compute in that, which is no longer the same network.
"""

import numpy as np
import openvino
from numpy.typing import NDArray

from ..inputs import Inputs
from ..models import Model
from .exported import exported


class Engine:
    """See `benchmarks.engines.Engine`: `predict` alone."""

    def __init__(self, model: Model, inputs: Inputs, threads: int) -> None:
        core = openvino.Core()
        settings = {
            "INFERENCE_NUM_THREADS": threads,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",
        }
        compiled = core.compile_model(core.read_model(exported(model, inputs)), "CPU", settings)
        self.request = compiled.create_infer_request()
        self.images = inputs.images

    def predict(self, index: int) -> NDArray[np.float32]:
        """One request; the outputs are copied out of its memory, which the next one uses again."""
        found = self.request.infer({0: self.images[index % len(self.images)]}, share_inputs=True)
        outputs: NDArray[np.float32] = found[0]
        return outputs
