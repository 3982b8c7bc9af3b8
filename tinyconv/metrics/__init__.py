"""Metrics: what is reported of an epoch, with Keras's names and arguments."""

import re
from collections.abc import Mapping
from typing import Any

from .. import registry
from ..losses import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
)
from ..names import snake_case
from .accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from .auc import AUC
from .base import (
    Mean,
    MeanMetricWrapper,
    Metric,
    Sum,
    Variable,
)
from .confusion import (
    FalseNegatives,
    FalsePositives,
    Precision,
    PrecisionAtRecall,
    Recall,
    RecallAtPrecision,
    SensitivityAtSpecificity,
    SpecificityAtSensitivity,
    TrueNegatives,
    TruePositives,
)
from .correlation import ConcordanceCorrelation, PearsonCorrelation, concordance_correlation, pearson_correlation
from .errors import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    KLDivergence,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    RootMeanSquaredError,
    SparseCategoricalCrossentropy,
    SquaredHinge,
)
from .overlap import (
    BinaryIoU,
    IoU,
    MeanIoU,
    OneHotIoU,
    OneHotMeanIoU,
)
from .scores import (
    F1Score,
    FBetaScore,
    R2Score,
)

__all__ = [
    "AUC",
    "Accuracy",
    "BinaryAccuracy",
    "BinaryCrossentropy",
    "BinaryIoU",
    "CategoricalAccuracy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "ConcordanceCorrelation",
    "CosineSimilarity",
    "F1Score",
    "FBetaScore",
    "FalseNegatives",
    "FalsePositives",
    "Hinge",
    "IoU",
    "KLDivergence",
    "LogCoshError",
    "Mean",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanIoU",
    "MeanMetricWrapper",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Metric",
    "OneHotIoU",
    "OneHotMeanIoU",
    "PearsonCorrelation",
    "Poisson",
    "Precision",
    "PrecisionAtRecall",
    "R2Score",
    "Recall",
    "RecallAtPrecision",
    "RootMeanSquaredError",
    "SensitivityAtSpecificity",
    "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy",
    "SpecificityAtSensitivity",
    "SquaredHinge",
    "Sum",
    "TopKCategoricalAccuracy",
    "TrueNegatives",
    "TruePositives",
    "Variable",
    "binary_accuracy",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_accuracy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
    "concordance_correlation",
    "deserialize",
    "direction",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "pearson_correlation",
    "poisson",
    "serialize",
    "sparse_categorical_accuracy",
    "sparse_categorical_crossentropy",
    "sparse_top_k_categorical_accuracy",
    "squared_hinge",
    "top_k_categorical_accuracy",
]

METRICS: dict[str, type[Metric]] = {
    snake_case(kind.__name__): kind
    for kind in (
        AUC,
        BinaryAccuracy,
        BinaryCrossentropy,
        BinaryIoU,
        CategoricalAccuracy,
        CategoricalCrossentropy,
        CategoricalHinge,
        ConcordanceCorrelation,
        CosineSimilarity,
        F1Score,
        FBetaScore,
        FalseNegatives,
        FalsePositives,
        Hinge,
        KLDivergence,
        LogCoshError,
        MeanAbsoluteError,
        MeanAbsolutePercentageError,
        MeanSquaredError,
        MeanSquaredLogarithmicError,
        PearsonCorrelation,
        Poisson,
        Precision,
        R2Score,
        Recall,
        RootMeanSquaredError,
        SparseCategoricalAccuracy,
        SparseCategoricalCrossentropy,
        SparseTopKCategoricalAccuracy,
        SquaredHinge,
        TopKCategoricalAccuracy,
        TrueNegatives,
        TruePositives,
    )
}
ABBREVIATIONS: dict[str, type[Metric]] = {
    "bce": BinaryCrossentropy,
    "kld": KLDivergence,
    "mae": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError,
    "mse": MeanSquaredError,
    "msle": MeanSquaredLogarithmicError,
}
# Names for `get`: Keras writes the abbreviations in capitals, too, and up to Keras 2 had others for some.
NAMES: dict[str, type[Metric]] = {
    **METRICS,
    **ABBREVIATIONS,
    **{name.upper(): kind for name, kind in ABBREVIATIONS.items()},
    "cosine_proximity": CosineSimilarity,
    "kullback_leibler_divergence": KLDivergence,
    "log_cosh": LogCoshError,
    "logcosh": LogCoshError,
}
# What Keras has by class only, as it needs arguments; and "accuracy", which `get` resolves.
OTHERS: tuple[type[Metric], ...] = (
    IoU,
    MeanIoU,
    OneHotIoU,
    OneHotMeanIoU,
    PrecisionAtRecall,
    RecallAtPrecision,
    SensitivityAtSpecificity,
    SpecificityAtSensitivity,
    Accuracy,
    Mean,
    MeanMetricWrapper,
    Sum,
)
registry.add_kind("metric", "keras.metrics", Metric, {**NAMES, "accuracy": None}, OTHERS)

UP = {"acc", "accuracy", "auc", "correlation", "io", "iou", "precision", "recall", "sensitivity", "specificity"}
DOWN = {"bce", "crossentropy", "error", "hinge", "logcosh", "loss", "mae", "mape", "mse", "msle", "rmse"}


def direction(name: str) -> str | None:
    """Return which way a log of this name gets better: "max" for accuracies, "min" for losses and errors, else None."""
    words = re.findall("[a-z]+", name.lower())
    if UP.intersection(words):
        return "max"
    return "min" if DOWN.intersection(words) else None


def metric_of(metric: Any, target_shape: tuple[int, ...], output_shape: tuple[int | None, ...]) -> Metric:
    """Return a metric by name, from its description, of a function, or the given one.

    "accuracy" and "acc" mean what Keras resolves them to: binary for one output, sparse categorical for targets that
    are class numbers, categorical for one-hot targets. A metric that is asked for by name goes by that name.
    """
    if isinstance(metric, Metric):
        return metric
    found = metric
    if isinstance(metric, Mapping):
        found = registry.deserialize(metric, "metric")
    elif metric in ("accuracy", "acc"):
        if output_shape[-1] == 1:
            return BinaryAccuracy(metric)
        if len(target_shape) < len(output_shape) or target_shape[-1] == 1:
            return SparseCategoricalAccuracy(metric)
        return CategoricalAccuracy(metric)
    elif not callable(metric):
        found = registry.find("metric", metric)
    if isinstance(found, type) and issubclass(found, Metric):
        found = found()
        if isinstance(metric, str):
            found.name = metric
    return found if isinstance(found, Metric) else MeanMetricWrapper(found)


def get(identifier: Any) -> Any:
    """Return the metric of a name or a description, made with its defaults; None, and what can be called, as it is."""
    if identifier is None or isinstance(identifier, Metric):
        return identifier
    if isinstance(identifier, Mapping):
        return registry.deserialize(identifier, "metric")
    if callable(identifier) and not isinstance(identifier, type):
        return identifier
    found = identifier
    if isinstance(identifier, str):
        found = Accuracy if identifier == "accuracy" else registry.find("metric", identifier)
    return found() if isinstance(found, type) else found


def serialize(metric: Any) -> Any:
    """Return the description of a metric, or of a function, see `registry.serialize`."""
    return registry.serialize(metric)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return the metric that `serialize`, or Keras, has described; `custom_objects` has one's own by name."""
    with registry.custom_object_scope(custom_objects):
        return get(config)
