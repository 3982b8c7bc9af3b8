"""The networks as ONNX, for the runtimes that models are deployed with: tinyconv's own export, in the batch's shape."""

from pathlib import Path
from tempfile import TemporaryDirectory

import onnx

import tinyconv

from ..inputs import Inputs
from ..models import Model
from . import keras_api


def exported(model: Model, inputs: Inputs) -> bytes:
    """Return a network with its initial weights as an ONNX model for batches of the inputs' shape."""
    tinyconv.set_floatx(inputs.images.dtype.name)
    network = keras_api.Network(tinyconv, model)
    network.set_weights(inputs.weights)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        network.model.export(str(path))
        made = onnx.load(str(path))
    made.graph.input[0].type.tensor_type.shape.dim[0].dim_value = inputs.images.shape[1]
    return made.SerializeToString()
