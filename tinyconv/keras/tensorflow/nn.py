"""`tf.nn`: activations, convolutions, pooling, cross-entropies."""

from typing import Any

import numpy as np

from ...symbol import on_symbols
from ..operations import drawing, neural, reduction, shaping, tensor
from ..vocabulary import missing, public, renamed

relu, relu6, elu, selu = (
    renamed(function, features="x") for function in (neural.relu, neural.relu6, neural.elu, neural.selu)
)
sigmoid, tanh, gelu = neural.sigmoid, neural.tanh, renamed(neural.gelu, features="x")
softplus, softsign = renamed(neural.softplus, features="x"), renamed(neural.softsign, features="x")
silu = swish = renamed(neural.silu, features="x")
leaky_relu = neural.leaky_relu
softmax, log_softmax = renamed(neural.softmax, logits="x"), renamed(neural.log_softmax, logits="x")
softmax_cross_entropy_with_logits = neural.softmax_cross_entropy_with_logits
softmax_cross_entropy_with_logits_v2 = neural.softmax_cross_entropy_with_logits
sparse_softmax_cross_entropy_with_logits = neural.sparse_softmax_cross_entropy_with_logits
sigmoid_cross_entropy_with_logits = neural.sigmoid_cross_entropy_with_logits
conv2d, depthwise_conv2d, bias_add = neural.conv2d, neural.depthwise_conv2d, neural.bias_add
max_pool = max_pool2d = renamed(neural.max_pool, value="input")
avg_pool = avg_pool2d = renamed(neural.avg_pool, value="input")
l2_loss, batch_normalization = neural.l2_loss, neural.batch_normalization
dropout, l2_normalize, moments = drawing.dropout, renamed(reduction.l2_normalize, dim="axis"), reduction.moments
lrn = local_response_normalization = neural.local_response_normalization
depth_to_space, space_to_depth = shaping.depth_to_space, shaping.space_to_depth
top_k, in_top_k = reduction.top_k, reduction.in_top_k


@on_symbols
def compute_average_loss(per_example_loss: Any, sample_weight: Any = None, global_batch_size: Any = None) -> Any:
    """Return the sum of losses over the number of samples in all batches that are added up."""
    losses = tensor(per_example_loss)
    if sample_weight is not None:
        losses = losses * tensor(sample_weight)
    return reduction.sum(losses) / float(
        np.size(losses) if global_batch_size is None else np.asarray(global_batch_size)
    )


__all__ = public(globals())
__getattr__ = missing("tensorflow.nn", globals())
