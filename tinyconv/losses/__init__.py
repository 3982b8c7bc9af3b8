"""Losses, with Keras's names, arguments and defaults.

A loss gives one value a sample; the value that training minimises is Σ weightᵢ·lossᵢ / samples ("sum_over_batch_size").
Targets are t and predictions y, or probabilities p.
"""

from collections.abc import Callable, Mapping
from typing import Any

from .. import registry
from .base import Loss, LossFunctionWrapper
from .circle import Circle, circle
from .cross_entropy import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalGeneralizedCrossEntropy,
    SparseCategoricalCrossentropy,
    binary_crossentropy,
    categorical_crossentropy,
    categorical_generalized_cross_entropy,
    sparse_categorical_crossentropy,
)
from .focal import (
    BinaryFocalCrossentropy,
    CategoricalFocalCrossentropy,
    Dice,
    Tversky,
    binary_focal_crossentropy,
    categorical_focal_crossentropy,
    dice,
    tversky,
)
from .margin import (
    CategoricalHinge,
    Hinge,
    KLDivergence,
    Poisson,
    SquaredHinge,
    categorical_hinge,
    hinge,
    kl_divergence,
    poisson,
    squared_hinge,
)
from .regression import (
    CosineSimilarity,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    cosine_similarity,
    huber,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
)

__all__ = [
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy",
    "CategoricalHinge",
    "Circle",
    "CosineSimilarity",
    "Dice",
    "Hinge",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "Loss",
    "LossFunctionWrapper",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "Tversky",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_generalized_cross_entropy",
    "categorical_hinge",
    "circle",
    "cosine_similarity",
    "deserialize",
    "dice",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "serialize",
    "sparse_categorical_crossentropy",
    "squared_hinge",
    "tversky",
]

LOSSES: dict[str, type[Loss]] = {
    "binary_crossentropy": BinaryCrossentropy,
    "binary_focal_crossentropy": BinaryFocalCrossentropy,
    "categorical_crossentropy": CategoricalCrossentropy,
    "categorical_focal_crossentropy": CategoricalFocalCrossentropy,
    "categorical_hinge": CategoricalHinge,
    "circle": Circle,
    "cosine_similarity": CosineSimilarity,
    "dice": Dice,
    "hinge": Hinge,
    "huber": Huber,
    "kl_divergence": KLDivergence,
    "log_cosh": LogCosh,
    "mean_absolute_error": MeanAbsoluteError,
    "mean_absolute_percentage_error": MeanAbsolutePercentageError,
    "mean_squared_error": MeanSquaredError,
    "mean_squared_logarithmic_error": MeanSquaredLogarithmicError,
    "poisson": Poisson,
    "sparse_categorical_crossentropy": SparseCategoricalCrossentropy,
    "squared_hinge": SquaredHinge,
    "tversky": Tversky,
}
ABBREVIATIONS: dict[str, type[Loss]] = {
    "bce": BinaryCrossentropy,
    "kld": KLDivergence,
    "mae": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError,
    "mse": MeanSquaredError,
    "msle": MeanSquaredLogarithmicError,
}
# Names for `get`: Keras writes the abbreviations in capitals, too, and up to Keras 2 had others for some.
NAMES: dict[str, type[Loss]] = {
    **LOSSES,
    **ABBREVIATIONS,
    **{name.upper(): kind for name, kind in ABBREVIATIONS.items()},
    "cosine_proximity": CosineSimilarity,
    "huber_loss": Huber,
    "kullback_leibler_divergence": KLDivergence,
    "logcosh": LogCosh,
}
# What Keras has by class only.
OTHERS: tuple[type[Loss], ...] = (CategoricalGeneralizedCrossEntropy, LossFunctionWrapper)
registry.add_kind("loss", "keras.losses", Loss, NAMES, OTHERS)


# The functions that the classes are of, by name: each gives one value a sample.
FUNCTIONS: dict[str, Callable[..., Any]] = {
    each.__name__: each
    for each in (
        *(binary_crossentropy, binary_focal_crossentropy, categorical_crossentropy, categorical_focal_crossentropy),
        *(categorical_hinge, circle, cosine_similarity, dice, hinge, huber, kl_divergence, log_cosh, poisson),
        *(mean_absolute_error, mean_absolute_percentage_error, mean_squared_error, mean_squared_logarithmic_error),
        *(sparse_categorical_crossentropy, squared_hinge, tversky),
    )
}
CLASSES = {id(function): LOSSES[name] for name, function in FUNCTIONS.items()}


def loss_of(loss: str | Mapping[str, Any] | Callable[..., Any] | Loss) -> Loss:
    """Return a loss by name ("categorical_crossentropy"), from its description, of a function, or the given one."""
    if isinstance(loss, Loss):
        return loss
    found = loss
    if isinstance(loss, Mapping):
        found = registry.deserialize(loss, "loss")
    elif not callable(loss):
        found = registry.find("loss", loss)
    found = CLASSES.get(id(found), found)
    if isinstance(found, type) and issubclass(found, Loss):
        found = found()
    return found if isinstance(found, Loss) else LossFunctionWrapper(found)  # type: ignore[arg-type]


def get(identifier: Any) -> Any:
    """Return the function that a name means, the object of a class's name or a description; all else as it is.

    It is what `compile(loss=identifier)` computes for each sample.
    """
    if isinstance(identifier, Mapping):
        found, is_name = registry.deserialize(identifier, "loss"), identifier.get("class_name") == registry.FUNCTION
    elif isinstance(identifier, str):
        found, is_name = registry.find("loss", identifier), identifier in NAMES
    else:
        return identifier
    if is_name and found in CLASSES.values():
        return next(FUNCTIONS[name] for name, kind in LOSSES.items() if kind is found)
    return found() if isinstance(found, type) else found


def serialize(loss: Any) -> Any:
    """Return the description of a loss, or of a function, see `registry.serialize`."""
    return registry.serialize(loss)


def deserialize(name: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return the loss that `serialize`, or Keras, has described; `custom_objects` has one's own by name."""
    with registry.custom_object_scope(custom_objects):
        return get(name)
