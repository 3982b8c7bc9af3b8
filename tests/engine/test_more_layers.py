"""What the normalizations of groups and lengths, noise and losses of labels refuse, in one line each."""

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import layers

REFUSED = [
    (lambda: layers.GroupNormalization(0), "groups must be a positive integer, got 0"),
    (lambda: layers.GroupNormalization(epsilon=-1), "epsilon must be a finite number of at least 0, got -1"),
    (lambda: layers.UnitNormalization("last"), "axis must be an integer or several, got 'last'"),
    (lambda: layers.RMSNormalization([]), r"axis must be an integer or several, got \[\]"),
    (lambda: layers.AlphaDropout(1), "rate must be below 1, got 1"),
    (lambda: layers.GaussianDropout(1), "rate must be below 1, got 1"),
    (lambda: layers.GaussianDropout(1.5), r"rate must be in 0 … 1, got 1\.5"),
    (lambda: layers.ActivityRegularization(l1=-1), "l1 must be a finite number of at least 0, got -1"),
    (lambda: layers.UpSampling2D(interpolation="area"), "interpolation must be one of 'nearest', .*, got 'area'"),
    (lambda: tc.losses.Circle(gamma=0), "gamma must be a finite number above 0, got 0"),
    (lambda: tc.losses.CategoricalGeneralizedCrossEntropy(1), "q must be above 0 and below 1, got 1"),
    (lambda: tc.losses.Circle()(np.zeros((3, 2)), np.zeros((3, 4))), "needs embeddings .n, d. and a label for each"),
    (
        lambda: tc.losses.CategoricalGeneralizedCrossEntropy()(np.eye(3), np.eye(3)),
        r"loss categorical_generalized_cross_entropy got targets of shape \(3, 3\), needs whole numbers",
    ),
]


@pytest.mark.parametrize(("make", "message"), REFUSED, ids=range(len(REFUSED)))
def test_refused_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("layer", "sample", "message"),
    [
        (lambda: layers.GroupNormalization(3), (5, 4), "its 4 channels cannot be divided by groups=3"),
        (lambda: layers.GroupNormalization(2, axis=3), (5, 4), "its axis must be one of 1 … 2, .*, and is 3"),
        (lambda: layers.UnitNormalization(0), (5, 4), "its axis must be one of 1 … 2, or several, and is 0"),
        (lambda: layers.UnitNormalization([1, 3]), (5, 4), r"its axis must be one of 1 … 2, .* and is \[1, 3\]"),
        (lambda: layers.RMSNormalization(1), (5, 4), "its axis must be the last, or the last ones, .*, and is 1"),
        (lambda: layers.Softmax(3), (5, 4), "its axis must be one of 1 … 2, or several, and is 3"),
        (lambda: layers.Dropout(0.5, (None, 1)), (5, 4), r"its noise_shape must have 1, None or .* and is \(None, 1\)"),
        (lambda: layers.AlphaDropout(0.5, (1, 2, 4)), (5, 4), r"its noise_shape must have .* and is \(1, 2, 4\)"),
    ],
)
def test_inputs_that_do_not_fit(layer, sample, message):
    made = layer()
    with pytest.raises(ValueError, match=rf'layer "{made.name}" \({type(made).__name__}\) .*{message}'):
        made(np.zeros((2, *sample), np.float32))


@pytest.mark.parametrize("layer", [layers.GroupNormalization, layers.RMSNormalization], ids=lambda kind: kind.__name__)
def test_weights_are_for_one_number_of_channels(layer):
    made = layer(**({"groups": 2} if layer is layers.GroupNormalization else {}))
    made(np.zeros((2, 5, 4), np.float32))
    with pytest.raises(ValueError, match=r"(was|were) built for 4"):
        made(np.zeros((2, 5, 6), np.float32))


def test_groups_of_nothing():
    """An empty batch passes, and one image of one place is normalized over its group's channels."""
    layer = layers.GroupNormalization(2)
    assert layer(np.zeros((0, 3, 3, 4), np.float32)).shape == (0, 3, 3, 4)
    y = layer(np.array([[[[1.0, 3.0, 5.0, 5.0]]]])).numpy()
    np.testing.assert_allclose(y, [[[[-1, 1, 0, 0]]]], atol=1e-3)
