"""Pictures of a network and of its training: plain arrays in, a matplotlib Figure out, `save` to write it as PNG.

What the pictures of a model's inside show is computed by `feature_maps`, `class_gradient`, `grad_cam_maps` and
`exciting_images`. `python -m tinyconv.visualize RUN` draws all that a run gives.
"""

from tinyconv.visualize.answers import mistakes, predictions
from tinyconv.visualize.confusion import confusion_matrix
from tinyconv.visualize.convolution import confirm_convolution
from tinyconv.visualize.diagram import plot_model
from tinyconv.visualize.explanations import exciting, grad_cam, saliency
from tinyconv.visualize.feature_maps import activations, all_activations, sparsity
from tinyconv.visualize.looking import class_gradient, convolutions, exciting_images, feature_maps, grad_cam_maps
from tinyconv.visualize.page import save
from tinyconv.visualize.scores import class_scores, precision_recall
from tinyconv.visualize.training_curves import curves
from tinyconv.visualize.weights import class_templates, filters, hidden_units

__all__ = [
    "activations",
    "all_activations",
    "class_gradient",
    "class_scores",
    "class_templates",
    "confirm_convolution",
    "confusion_matrix",
    "convolutions",
    "curves",
    "exciting",
    "exciting_images",
    "feature_maps",
    "filters",
    "grad_cam",
    "grad_cam_maps",
    "hidden_units",
    "mistakes",
    "plot_model",
    "precision_recall",
    "predictions",
    "saliency",
    "save",
    "sparsity",
]
