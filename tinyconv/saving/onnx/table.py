"""Which nodes of ONNX each kind of layer becomes, and why some become none."""

from collections.abc import Callable
from typing import Any

from ... import activations
from ... import layers as L
from ...layers.layout import shape_last
from ...layers.stochastic import Stochastic
from . import normalization, operators, resizing
from .activations import ACTIVATIONS
from .graph import Value, value
from .operators import Call

LAYERS: dict[type, Callable[[Call], Value]] = {
    L.Activation: operators.activation,
    L.ActivityRegularization: operators.same,
    L.Add: operators.of_two("Add"),
    L.AlphaDropout: operators.same,
    L.Average: operators.of_many("Mean"),
    L.AveragePooling2D: operators.pooling("AveragePool", count_include_pad=0),
    L.BatchNormalization: normalization.batch_normalization,
    L.CenterCrop: resizing.center_crop,
    L.Concatenate: operators.concatenate,
    L.Conv2D: operators.conv2d,
    L.Conv2DTranspose: operators.conv2d_transpose,
    L.Cropping2D: resizing.cropping2d,
    L.Dense: operators.dense,
    L.DepthwiseConv2D: operators.depthwise_conv2d,
    L.Dot: operators.dot,
    L.Dropout: operators.same,
    L.ELU: operators.by_slope("Elu", "alpha"),
    L.Flatten: operators.flatten,
    L.GaussianDropout: operators.same,
    L.GaussianNoise: operators.same,
    L.GlobalAveragePooling2D: operators.global_pooling("ReduceMean"),
    L.GlobalMaxPooling2D: operators.global_pooling("ReduceMax"),
    L.GroupNormalization: normalization.group_normalization,
    L.Identity: operators.same,
    L.LayerNormalization: normalization.layer_normalization,
    L.LeakyReLU: operators.by_slope("LeakyRelu", "negative_slope"),
    L.Maximum: operators.of_many("Max"),
    L.MaxPooling2D: operators.pooling("MaxPool"),
    L.Minimum: operators.of_many("Min"),
    L.Multiply: operators.of_two("Mul"),
    L.Normalization: normalization.normalization,
    L.Permute: operators.permute,
    L.PReLU: operators.prelu,
    L.RandomBrightness: operators.same,
    L.RandomContrast: operators.same,
    L.RandomCrop: resizing.middle_crop,
    L.RandomFlip: operators.same,
    L.RandomGrayscale: operators.same,
    L.RandomHue: operators.same,
    L.RandomInvert: operators.same,
    L.RandomSaturation: operators.same,
    L.RandomShear: operators.same,
    L.RandomRotation: operators.same,
    L.RandomTranslation: operators.same,
    L.RandomZoom: operators.same,
    L.ReLU: operators.relu,
    L.Rescaling: operators.rescaling,
    L.Reshape: operators.reshape,
    L.Resizing: resizing.resizing,
    L.RMSNormalization: normalization.rms_normalization,
    L.SeparableConv2D: operators.separable_conv2d,
    L.Softmax: operators.softmax,
    L.SpatialDropout2D: operators.same,
    L.Subtract: operators.of_two("Sub"),
    L.UnitNormalization: normalization.unit_normalization,
    L.UpSampling2D: resizing.up_sampling2d,
    L.ZeroPadding2D: operators.zero_padding2d,
}


LAST = "channels_last"


def nodes_of(call: Call, training: bool | None) -> Value:
    """Add the nodes of a layer's call, which was told `training`; return its output.

    Raises ValueError, whose message goes on after the layer's name, for what ONNX has no meaning for.
    """
    layer = call.layer
    if type(layer) not in LAYERS:
        raise ValueError("has no meaning in ONNX that tinyconv knows")
    activation = getattr(layer, "activation", None)
    if activation is not None and activation not in ACTIVATIONS:
        raise ValueError(f"has the activation {activations.name_of(activation)}, which has no operator of ONNX here")
    if training and isinstance(layer, Stochastic | L.BatchNormalization):
        raise ValueError("is called with training=True, and what is exported does not train")
    if len(call.shapes[0]) == 4 and _takes_first(layer):
        return _turned(call)
    if getattr(layer, "data_format", LAST) != LAST or not _along_the_last(layer, len(call.shapes[0])):
        raise ValueError("works along axes that are exported only of images with channels first or last")
    return LAYERS[type(layer)](call)


def _takes_first(layer: Any) -> bool:
    """Return whether a layer of images has its channels on the axis behind the batch's."""
    if isinstance(layer, L.BatchNormalization | L.GroupNormalization):
        return layer.axis in (1, -3)
    if isinstance(layer, L.LayerNormalization):
        return layer.axes in ([1], [-3])
    return getattr(layer, "data_format", LAST) != LAST


def _along_the_last(layer: Any, rank: int) -> bool:
    """Return whether a normalization is along the last axis, or the last ones."""
    if isinstance(layer, L.BatchNormalization | L.GroupNormalization):
        return layer.axis in (-1, rank - 1)
    return not isinstance(layer, L.LayerNormalization) or (layer.order is None and not layer.rms_scaling)


def _turned(call: Call) -> Value:
    """Add the nodes of a layer whose images have their channels first, as ONNX's have."""
    given = [value(call.graph.last(each), each.rank, True) for each in call.given]
    shapes = [shape_last(shape) for shape in call.shapes]
    y = LAYERS[type(call.layer)](Call(call.graph, call.layer, given, shapes, shape_last(call.output_shape)))
    return value(call.graph.first(y), y.rank) if y.rank == 4 else y
