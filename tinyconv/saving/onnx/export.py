"""A model as an ONNX file: its graph walked call by call, and written in the format's own words."""

from pathlib import Path
from typing import Any

from ..._version import __version__
from ...files import replace_file
from ...layers import InputLayer
from ...layers.graph import Shape, SymbolicTensor, map_graph
from ...models import Functional, Model, Sequential
from .graph import Graph, Value, value
from .operators import Call
from .table import nodes_of

OPERATORS, LAYOUT = 17, 8  # the versions of the operators' set and of the file, which onnxruntime reads since 1.12
LARGEST = 2**31 - 2**20  # bytes: a message of protobuf's ends at 2 GB


def export_model(model: Any, filepath: str | Path) -> None:
    """Write a built model to an ONNX file, for inference: see the package's page.

    Inputs and outputs have the names of their layers and the shapes of Keras, the batch and open lengths of any size.
    What only trains, such as dropout and augmentation, is left out. Weights of float64 become float32. The file is
    written aside and renamed. Raises ValueError that names every layer without a meaning in ONNX, OSError if the file
    cannot be written.
    """
    try:
        import onnx
    except ModuleNotFoundError:
        raise ModuleNotFoundError('ONNX needs the package onnx: pip install "tinyconv[onnx]"', name="onnx") from None
    model.require_built()
    graph = Graph()
    symbols: list[SymbolicTensor] = model.inputs if isinstance(model, Functional | Sequential) else []
    inputs = [(graph.name(symbol.node.operation.name), symbol.shape) for symbol in symbols]
    refused: list[str] = []
    given = {symbol: value(name, len(shape)) for symbol, (name, shape) in zip(symbols, inputs, strict=True)}
    made = _walk(graph, model, given, refused)
    if refused:
        reasons = "; ".join(dict.fromkeys(refused))
        raise ValueError(f'model "{model.name}" cannot be exported to ONNX: {reasons}')
    names = graph.name_outputs([(graph.last(each), name) for each, name in zip(made, model.output_names, strict=True)])
    outputs = [(name, symbol.shape) for name, symbol in zip(names, model.outputs, strict=True)]
    size = sum(array.nbytes for array in graph.constants.values())
    if size > LARGEST:
        raise ValueError(f'model "{model.name}" has {size:,} bytes of weights, and an ONNX file holds less than 2 GB')
    proto = onnx.helper.make_model(
        onnx.helper.make_graph(
            [
                onnx.helper.make_node(operator, names, [output], name=output, **attributes)
                for operator, names, output, attributes in graph.nodes
            ],
            model.name,
            [_described(onnx, name, shape) for name, shape in inputs],
            [_described(onnx, name, shape) for name, shape in outputs],
            [onnx.numpy_helper.from_array(array, name) for name, array in graph.constants.items()],
        ),
        producer_name="tinyconv",
        producer_version=__version__,
        opset_imports=[onnx.helper.make_opsetid("", OPERATORS)],
        ir_version=LAYOUT,
    )
    replace_file(filepath, [proto.SerializeToString(deterministic=True)])


def _described(onnx: Any, name: str, shape: Shape) -> Any:
    """Return an input or an output with its shape, whose open lengths have names."""
    lengths = [f"{name}_{axis}" if length is None else length for axis, length in enumerate(shape)]
    return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", *lengths[1:]])


def _walk(
    graph: Graph, model: Any, values: dict[SymbolicTensor, Value], refused: list[str], place: str = ""
) -> list[Value]:
    """Add the nodes of a model whose inputs are in `values`, and to `refused` what has none; return its outputs."""
    if not isinstance(model, Functional | Sequential):
        refused.append(f'model "{place}{model.name}" calls its layers in Python of its own')
        return [value("", len(model.output_shape))]
    for node in map_graph(model.inputs, model.outputs)[0]:
        layer: Any = node.operation
        given = [values[symbol] for symbol in node.inputs]
        if isinstance(layer, InputLayer):
            continue
        if isinstance(layer, Model):
            made = _walk(graph, layer, dict(zip(layer.inputs, given, strict=True)), refused, f"{place}{layer.name}/")
        else:
            call = Call(graph, layer, given, [symbol.shape for symbol in node.inputs], node.outputs[0].shape)
            try:
                made = [nodes_of(call, node.training)]
            except ValueError as error:
                refused.append(f'layer "{place}{layer.name}" ({getattr(layer, "title", type(layer).__name__)}) {error}')
                made = [value("", len(call.output_shape))]
        values.update(zip(node.outputs, made, strict=True))
    return [values[symbol] for symbol in model.outputs]
