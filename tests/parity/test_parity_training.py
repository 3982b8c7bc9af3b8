"""`fit`, `evaluate`, `predict` and the single-batch methods against Keras's own, argument by argument."""

import numpy as np
import pytest
from parity_checks import both_models, close, close_numbers, in_single, penalty, slow

import tinyconv as tc

N = 77  # batches of 16 leave a last one of 13
BODY = [
    ("Conv2D", dict(filters=4, kernel_size=3, activation="relu", kernel_regularizer=penalty("L2", l2=2**-8))),
    ("MaxPooling2D", {}),
    ("Flatten", {}),
    ("Dense", dict(units=8, activation="relu")),
]
HEADS = {
    "categorical_crossentropy": ("softmax", 4),
    "sparse_categorical_crossentropy": ("softmax", 4),
    "binary_crossentropy": ("sigmoid", 1),
    "mse": (None, 4),
}
WEIGHTS = np.linspace(0, 3, N)
CLASSES = {0: 0.5, 1: 2.0, 2: 1.0, 3: 3.0}


def data(rng, loss, n, dtype):
    """Return inputs, and targets as the loss wants them, that the inputs have something to do with."""
    x = rng.normal(size=(n, 8, 8, 1)).astype(dtype)
    labels = (x.sum(axis=(1, 2, 3)) > 0) + 2 * (x[:, :4].sum(axis=(1, 2, 3)) > 0)
    if loss == "sparse_categorical_crossentropy":
        return x, labels
    if loss == "binary_crossentropy":
        return x, (labels > 1).astype(dtype)
    return x, np.eye(4, dtype=dtype)[labels]


def pair_of_models(keras, rng, loss, metrics, optimizer=("SGD", dict(learning_rate=0.05, momentum=0.9))):
    last, units = HEADS[loss]
    ours, theirs = both_models(keras, [*BODY, ("Dense", dict(units=units, activation=last))], (8, 8, 1), rng)
    name, arguments = optimizer[0], in_single(*optimizer)
    ours.compile(getattr(tc.optimizers, name)(**arguments), loss, metrics=metrics)
    theirs.compile(getattr(keras.optimizers, name)(**arguments), loss, metrics=metrics, jit_compile=False)
    return ours, theirs


FITS = {
    "validation data": ("categorical_crossentropy", ["accuracy"], {}, True),
    "validation split": ("sparse_categorical_crossentropy", ["acc"], dict(validation_split=0.23), False),
    "both, split ignored": ("categorical_crossentropy", ["accuracy"], dict(validation_split=0.5), True),
    "class weight": (
        "categorical_crossentropy",
        ["accuracy", "categorical_accuracy"],
        dict(class_weight=CLASSES, validation_split=0.2),
        False,
    ),
    "class weight of labels": ("sparse_categorical_crossentropy", ["accuracy"], dict(class_weight=CLASSES), True),
    "class weight, binary": ("binary_crossentropy", ["accuracy"], dict(class_weight={0: 0.3, 1: 2.0}), True),
    "sample weight": ("sparse_categorical_crossentropy", ["accuracy"], dict(sample_weight=WEIGHTS), True),
    "sample weight, split": (
        "binary_crossentropy",
        ["binary_accuracy"],
        dict(sample_weight=WEIGHTS, validation_split=0.3),
        False,
    ),
    "no metrics": ("mse", None, {}, True),
    "initial epoch": (
        "categorical_crossentropy",
        ["top_k_categorical_accuracy", "accuracy"],
        dict(initial_epoch=1, batch_size=None),
        True,
    ),
}

QUICK = "validation data", "class weight", "sample weight, split", "initial epoch"


@pytest.mark.parametrize("case", [case if case in QUICK else slow(case) for case in FITS])
def test_fit(keras, precision, rng, case):
    """The history has Keras's keys and numbers; so have evaluate and predict afterwards. (Keras 3 sorts the keys.)"""
    loss, metrics, arguments, validate = FITS[case]
    if precision.dtype == "float64" and metrics:
        metrics = [metric for metric in metrics if "top_k" not in metric]  # TensorFlow has no in_top_k of float64
    ours, theirs = pair_of_models(keras, rng, loss, metrics)
    x, y = data(rng, loss, N, precision.dtype)
    arguments = {"batch_size": 16, "epochs": 3, "shuffle": False, "verbose": 0, **arguments}
    if validate:
        held = data(rng, loss, 37, precision.dtype)
        arguments["validation_data"] = (*held, np.linspace(2, 0, 37)) if "weight" in case else held
    ours_history, history = (model.fit(x, y, **arguments) for model in (ours, theirs))
    assert ours_history.epoch == history.epoch
    assert set(ours_history.history) == set(history.history)
    bound = 1e-5 if precision.dtype == "float32" else 1e-10
    for key, values in history.history.items():
        close_numbers("epoch averages", ours_history.history[key], values, bound, precision.dtype, f"{case}: {key}")
    assert history.history["loss"][0] > 1.02 * history.history["loss"][-1]

    options = dict(batch_size=30, verbose=0, sample_weight=WEIGHTS if "weight" in case else None)
    results = [model.evaluate(x, y, **options, return_dict=True) for model in (ours, theirs)]
    assert set(results[0]) == set(results[1])
    for key, value in results[1].items():
        close_numbers("evaluate", results[0][key], value, bound, precision.dtype, f"{case}: {key}")
    flat = [model.evaluate(x, y, **options) for model in (ours, theirs)]
    assert type(flat[0]) is type(flat[1])
    close_numbers("evaluate", *flat, bound, precision.dtype, case)
    close("predict", ours.predict(x, batch_size=30), theirs.predict(x, batch_size=30, verbose=0), bound, case)


def test_single_batches(keras, precision, rng):
    """`train_on_batch` and `test_on_batch`; Keras's running means are reset, ours never run on."""
    ours, theirs = pair_of_models(keras, rng, "categorical_crossentropy", ["accuracy"], ("Adam", {}))
    x, y = data(rng, "categorical_crossentropy", 16, precision.dtype)
    weight = np.linspace(0, 2, 16)
    bound = 1e-5 if precision.dtype == "float32" else 1e-10
    for _ in range(3):
        for method in ("train_on_batch", "test_on_batch"):
            theirs.reset_metrics()
            ours_values, values = (
                getattr(model, method)(x, y, sample_weight=weight, return_dict=True) for model in (ours, theirs)
            )
            assert set(ours_values) == set(values)
            for key, value in values.items():
                close_numbers(method, ours_values[key], value, bound, precision.dtype, key)


def test_shuffled_epochs_see_everything_once(keras, rng):
    """With a learning rate of 0 the order cannot matter, so shuffled epochs must report what Keras reports."""
    still = ("SGD", dict(learning_rate=0.0))
    ours, theirs = pair_of_models(keras, rng, "categorical_crossentropy", ["accuracy"], still)
    x, y = data(rng, "categorical_crossentropy", N, "float32")
    histories = [model.fit(x, y, batch_size=16, epochs=2, verbose=0).history for model in (ours, theirs)]
    for key, values in histories[1].items():
        close_numbers("epoch averages", histories[0][key], values, 1e-5, "float32", f"shuffled: {key}")


def test_defaults_of_compile_and_fit(keras, rng):
    """RMSprop, one epoch, batches of 32."""
    ours, theirs = pair_of_models(keras, rng, "mse", None)
    x, y = data(rng, "mse", N, "float32")
    ours.compile(loss="mse")
    theirs.compile(loss="mse", jit_compile=False)
    histories = [model.fit(x, y, shuffle=False, verbose=0).history for model in (ours, theirs)]
    assert set(histories[0]) == set(histories[1]) == {"loss"}
    close_numbers("epoch averages", histories[0]["loss"], histories[1]["loss"], 1e-5, "float32", "defaults")
    for weight, variable in zip(ours.weights, theirs.weights, strict=True):
        close("weights after an epoch", weight.data, variable.numpy(), 1e-4, weight.path)


def test_saturated_softmax_learns(keras, precision, rng):
    """Pixels 0..255 saturate the first steps, as in the document's MNIST run: gradients must come from the logits."""
    ours, theirs = pair_of_models(keras, rng, "categorical_crossentropy", ["accuracy"], ("Adam", {}))
    x, y = data(rng, "categorical_crossentropy", N, precision.dtype)
    arguments = dict(batch_size=16, epochs=2, shuffle=False, verbose=0)
    histories = [model.fit(200 * np.abs(x), y, **arguments).history for model in (ours, theirs)]
    assert histories[1]["loss"][0] > 16.2  # more than a clipped probability can cost
    bound = 1e-4 if precision.dtype == "float32" else 1e-10
    for key, values in histories[1].items():
        close_numbers("saturated training", histories[0][key], values, bound, precision.dtype, key)
