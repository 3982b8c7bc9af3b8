"""ONNX Runtime at its best on a CPU: all optimizations of the graph, one operation after the other on all threads."""

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from ..inputs import Inputs
from ..models import Model
from .exported import exported


class Engine:
    """See `benchmarks.engines.Engine`: `predict` alone."""

    def __init__(self, model: Model, inputs: Inputs, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        self.session = onnxruntime.InferenceSession(exported(model, inputs), options, ["CPUExecutionProvider"])
        self.name = self.session.get_inputs()[0].name
        self.images = inputs.images

    def predict(self, index: int) -> NDArray[np.float32]:
        """One run of the session."""
        outputs: NDArray[np.float32] = self.session.run(None, {self.name: self.images[index % len(self.images)]})[0]
        return outputs
