"""Models as ONNX files, which other programs run: `model.export("m.onnx")`, for inference, in float32.

Keras's images are (n, h, w, c), ONNX's operators take (n, c, h, w). A tensor has up to two names in the graph, one for
each order, and is transposed where the other one is first asked for (`graph.py`): a network of convolutions is so
transposed once where its images come in, and once where they leave it.
"""

from .export import export_model

__all__ = ["export_model"]
