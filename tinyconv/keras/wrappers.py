"""`keras.wrappers.scikit_learn`: models as estimators of scikit-learn, which is imported when one is asked for."""

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from inspect import signature
from typing import Any

import numpy as np

from ..datasets import to_categorical
from ..models import Model

OF_FIT = ("batch_size", "epochs", "nb_epoch", "verbose", "callbacks", "validation_split", "validation_data", "shuffle")
OF_PREDICT = ("batch_size", "verbose")


class Wrapped:
    """A function that builds a compiled model, with arguments for it and for `fit`, as an estimator."""

    def __init__(self, build_fn: Callable[..., Model], **sk_params: Any) -> None:
        self.build_fn, self.sk_params = build_fn, sk_params

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the arguments."""
        return {**self.sk_params, "build_fn": self.build_fn}

    def set_params(self, **params: Any) -> "Wrapped":
        """Change arguments."""
        self.build_fn = params.pop("build_fn", self.build_fn)
        self.sk_params = {**self.sk_params, **params}
        return self

    def _given(self, names: Any, more: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in {**self.sk_params, **more}.items() if name in names}

    def fit(self, x: Any, y: Any, **more: Any) -> Any:
        """Build the model, and train it."""
        self.model = self.build_fn(**self._given(signature(self.build_fn).parameters, {}))
        return self.model.fit(x, self._targets(np.asarray(y)), **self._given(OF_FIT, more))

    def _targets(self, y: np.ndarray) -> np.ndarray:
        return y

    def _predicted(self, x: Any, more: Mapping[str, Any]) -> np.ndarray:
        found: np.ndarray = self.model.predict(np.asarray(x), **{"verbose": 0, **self._given(OF_PREDICT, more)})
        return found


class Classifier(Wrapped):
    """An estimator of classes."""

    def _targets(self, y: np.ndarray) -> np.ndarray:
        """Return targets as the loss takes them: one-hot labels, where there are more classes than two."""
        if y.ndim == 2 and y.shape[1] > 1:
            self.classes_ = np.arange(y.shape[1])
            return y
        self.classes_, numbers = np.unique(y, return_inverse=True)
        wants_rows = self.model.output_shape[-1] > 1 and "sparse" not in self.model.loss.name
        return to_categorical(numbers, len(self.classes_)) if wants_rows else numbers.reshape(y.shape)

    def predict(self, x: Any, **more: Any) -> np.ndarray:
        """Return the class of each sample."""
        y = self._predicted(x, more)
        numbers = y.argmax(axis=-1) if y.shape[-1] > 1 else (y > 0.5).astype(int)[:, 0]
        found: np.ndarray = self.classes_[numbers]
        return found

    def predict_proba(self, x: Any, **more: Any) -> np.ndarray:
        """Return the share of each class."""
        y = self._predicted(x, more)
        return np.hstack([1 - y, y]) if y.shape[-1] == 1 else y

    def score(self, x: Any, y: Any, **more: Any) -> float:
        """Return the accuracy."""
        labels = np.asarray(y)
        labels = self.classes_[labels.argmax(axis=1)] if labels.ndim == 2 and labels.shape[1] > 1 else labels.ravel()
        return float(np.mean(self.predict(x, **more) == labels))


class Regressor(Wrapped):
    """An estimator of numbers."""

    def predict(self, x: Any, **more: Any) -> np.ndarray:
        """Return the outputs, without an axis of length 1."""
        return np.squeeze(self._predicted(x, more), -1)

    def score(self, x: Any, y: Any, **more: Any) -> float:
        """Return the loss with its sign changed: the greater, the better."""
        found = self.model.evaluate(x, y, verbose=0)
        return -float(found[0] if isinstance(found, list) else found)


@cache
def _estimator(name: str) -> type:
    """Return the class as one that scikit-learn takes for its own."""
    base = import_module("sklearn.base")
    kind, mixin = {
        "KerasClassifier": (Classifier, base.ClassifierMixin),
        "KerasRegressor": (Regressor, base.RegressorMixin),
    }[name]
    return type(name, (kind, mixin, base.BaseEstimator), {"__doc__": kind.__doc__})


def __getattr__(name: str) -> Any:
    if name in ("KerasClassifier", "KerasRegressor"):
        return _estimator(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
