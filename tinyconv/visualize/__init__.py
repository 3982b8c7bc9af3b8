"""Pictures of a network and of its training: plain arrays in, a matplotlib Figure out, `save` to write it as PNG."""

from tinyconv.visualize.answers import confusion_matrix, predictions
from tinyconv.visualize.diagram import plot_model
from tinyconv.visualize.feature_maps import activations, all_activations
from tinyconv.visualize.page import save
from tinyconv.visualize.training_curves import curves
from tinyconv.visualize.weights import class_templates, filters, hidden_units

__all__ = [
    "activations",
    "all_activations",
    "class_templates",
    "confusion_matrix",
    "curves",
    "filters",
    "hidden_units",
    "plot_model",
    "predictions",
    "save",
]
