"""Models as estimators of scikit-learn, where that is installed."""

import numpy as np
import pytest

from tinyconv.keras import era

RNG = np.random.default_rng(1)
X = RNG.normal(size=(60, 4)).astype(np.float32)
LABELS = np.array(["a", "b", "c"])[(X[:, 0] > 0.5).astype(int) + (X[:, 0] > -0.5)]


def build(units=8, outputs=3):
    """Return a compiled model: called inside an era."""
    from keras.layers import Dense
    from keras.models import Sequential

    model = Sequential([Dense(units, activation="relu", input_dim=4), Dense(outputs, activation="softmax")])
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


def test_a_classifier_among_those_of_scikit_learn():
    selection = pytest.importorskip("sklearn.model_selection", reason="scikit-learn is not installed")
    with era(2):
        from keras.wrappers.scikit_learn import KerasClassifier

        one = KerasClassifier(build_fn=build, epochs=60, batch_size=10, verbose=0)
        one.fit(X, LABELS)
        assert set(one.predict(X)) <= set("abc")
        assert one.predict_proba(X).shape == (60, 3)
        assert one.score(X, LABELS) == np.mean(one.predict(X) == LABELS) > 0.6
        search = selection.GridSearchCV(one, {"units": [2, 16]}, cv=2)
        search.fit(X, LABELS)
        assert search.best_params_["units"] in (2, 16)
