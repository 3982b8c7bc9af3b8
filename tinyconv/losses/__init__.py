"""Losses, with Keras's names, arguments and defaults.

A loss gives one value a sample; the value that training minimises is Σ weightᵢ·lossᵢ / samples ("sum_over_batch_size").
Targets are t and predictions y, or probabilities p.
"""

from collections.abc import Callable, Mapping
from typing import Any

from .. import registry
from .base import Loss, LossFunctionWrapper
from .circle import Circle
from .cross_entropy import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalGeneralizedCrossEntropy,
    SparseCategoricalCrossentropy,
)
from .focal import BinaryFocalCrossentropy, CategoricalFocalCrossentropy, Dice, Tversky, dice, tversky
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
    "categorical_hinge",
    "cosine_similarity",
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


def get(loss: str | Mapping[str, Any] | Callable[..., Any] | Loss) -> Loss:
    """Return a loss by name ("categorical_crossentropy"), from its description, of a function, or the given one."""
    if isinstance(loss, Loss):
        return loss
    found = loss
    if isinstance(loss, Mapping):
        found = registry.deserialize(loss, "loss")
    elif not callable(loss):
        found = registry.find("loss", loss)
    if isinstance(found, type) and issubclass(found, Loss):
        found = found()
    return found if isinstance(found, Loss) else LossFunctionWrapper(found)  # type: ignore[arg-type]
