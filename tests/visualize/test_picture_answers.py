"""Predictions on test images, and the confusion matrix."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from tinyconv.visualize import confusion_matrix, predictions, style

rng = np.random.default_rng(11)
ANIMALS = ["cat", "dog", "automobile"]


def texts(figure):
    return {t.get_text(): to_hex(t.get_color()) for t in figure.axes[0].texts}


def frames(figure):
    return sum(to_hex(p.get_facecolor()) == style.RED for p in figure.axes[0].patches)


def softmax_rows(n, k):
    p = np.exp(rng.normal(size=(n, k)))
    return p / p.sum(axis=1, keepdims=True)


def test_first_hundred_images_ten_a_row_with_class_and_probability():
    images = rng.integers(0, 256, (130, 28, 28, 1), dtype=np.uint8)
    p = softmax_rows(130, 10)
    labels = p.argmax(axis=1)
    figure = predictions(images, p, labels)
    (page,) = figure.axes
    assert len(page.images) == 100
    for i in (0, 9, 10, 99):
        np.testing.assert_array_equal(page.images[i].get_array(), images[i, :, :, 0])
        assert page.images[i].get_clim() == (0, 255)
    assert len({image.get_extent()[0] for image in page.images}) == 10
    assert len({image.get_extent()[3] for image in page.images}) == 10
    captions = [t.get_text() for t in page.texts][-100:]
    assert captions == [f"{labels[i]}: {100 * p[i].max():.0f} %" for i in range(100)]
    assert texts(figure)["Predictions: 100 of 100 right"] == style.INK
    assert any(w.startswith("The first 100 of 130 images") for w in texts(figure))
    assert frames(figure) == 0


def test_wrong_answers_are_red_and_name_the_true_class():
    p = np.array([[0.9, 0.1], [0.3, 0.7], [0.004, 0.996]])
    figure = predictions(rng.random((3, 28, 28)), p, [0, 0, 1])
    found = texts(figure)
    assert found["0: 90 %"] == style.INK
    assert found["1: 70 % (0)"] == style.RED
    assert found["1: 100 %"] == style.INK
    assert "Predictions: 2 of 3 right" in found
    assert frames(figure) == 1


def test_long_names_take_two_lines():
    figure = predictions(rng.random((2, 32, 32, 3)), [[0, 0.2, 0.8], [0.1, 0.8, 0.1]], [2, 2], ANIMALS)
    found = texts(figure)
    assert found["automobile: 80 %"] == style.INK
    assert found["dog: 80 %"] == style.RED
    assert found["(automobile)"] == style.RED
    heights = {t.get_text(): t.get_position()[1] for t in figure.axes[0].texts}
    assert heights["dog: 80 %"] < heights["(automobile)"] == heights["automobile: 80 %"]


@pytest.mark.parametrize("p", [np.array([0.2, 0.9]), np.array([[0.2], [0.9]])], ids=["(n,)", "(n, 1)"])
def test_one_probability_is_that_of_class_one(p):
    found = texts(predictions(rng.random((2, 20, 20, 3)), p, [[0], [0]], ["cat", "dog"]))
    assert found["cat: 80 %"] == style.INK
    assert found["dog: 90 % (cat)"] == style.RED


@pytest.mark.parametrize("last", ["automobile", "Staffordshire bullterrier, Staffordshire bull terrier"])
@pytest.mark.parametrize("side", [28, 150])
def test_captions_do_not_overlap(last, side):
    images = rng.integers(0, 256, (20, side, side, 3), dtype=np.uint8)
    figure = predictions(images, softmax_rows(20, 3), rng.integers(0, 3, 20), ["cat", "dog", last])
    renderer = figure.canvas.get_renderer()
    boxes = [t.get_window_extent(renderer) for t in figure.axes[0].texts]
    for i, box in enumerate(boxes):
        assert not any(box.shrunk(0.98, 0.8).overlaps(other.shrunk(0.98, 0.8)) for other in boxes[i + 1 :])


def test_predictions_refuses_what_does_not_fit():
    images, p, y = np.zeros((4, 8, 8)), np.full((4, 2), 0.5), np.zeros(4)
    with pytest.raises(ValueError, match="got 4 images, 3 rows of probabilities and 4 labels"):
        predictions(images, p[:3], y)
    with pytest.raises(ValueError, match=r"probabilities must be from 0 to 1, got 3\.5; logits need a softmax"):
        predictions(images, 7 * p, y)
    with pytest.raises(ValueError, match="labels must be class numbers from 0 to 1, got 2"):
        predictions(images, p, y + 2)
    with pytest.raises(ValueError, match=r"one-hot rows pass \.argmax"):
        predictions(images, p, np.eye(4)[:, :2])
    with pytest.raises(ValueError, match="3 class names for 2 classes"):
        predictions(images, p, y, ANIMALS)
    with pytest.raises(ValueError, match=r"images must have shape .* got shape \(4, 64\)"):
        predictions(images.reshape(4, 64), p, y)


def counted(labels, predicted, k):
    counts = np.zeros((k, k), int)
    for true, guess in zip(labels, predicted, strict=True):
        counts[true, guess] += 1
    return counts


def test_matrix_counts_rows_true_columns_predicted():
    labels = np.repeat([0, 1, 2, 3], [5, 1200, 30, 7])
    predicted = labels.copy()
    predicted[[0, 1, 10, 1210]] = [3, 3, 2, 0]
    counts = counted(labels, predicted, 4)
    figure = confusion_matrix(labels, predicted)
    (page,) = figure.axes
    errors, right = page.images
    off = ~np.eye(4, dtype=bool)
    np.testing.assert_allclose(errors.get_array().filled(0) ** 2, np.where(off, counts, 0))
    np.testing.assert_allclose(right.get_array().diagonal(), counts.diagonal() / counts.sum(axis=1))
    np.testing.assert_array_equal(np.ma.getmaskarray(right.get_array()), off)
    left, end, bottom, top = errors.get_extent()
    cell = (end - left) / 4
    placed = {}
    for t in page.texts:
        x, y = t.get_position()
        if left < x < end and top < y < bottom:
            placed[int((y - top) / cell), int((x - left) / cell)] = int(t.get_text().replace(",", ""))
    assert placed == {(i, j): counts[i, j] for i in range(4) for j in range(4) if counts[i, j]}


def test_title_has_the_accuracy_and_the_side_the_recall():
    found = texts(confusion_matrix([0, 0, 0, 1, 1, 1, 1, 1], [0, 0, 1, 1, 1, 1, 1, 0], ["cat", "dog"]))
    assert {"Accuracy 75.00 %: 6 of 8 right", "66.7 %", "80.0 %", "cat", "dog", "true", "predicted"} <= set(found)


def test_single_errors_are_visible_beside_a_large_diagonal():
    labels = np.repeat(np.arange(10), 1000)
    predicted = labels.copy()
    predicted[0] = 7
    figure = confusion_matrix(labels, predicted)
    image = figure.axes[0].images[0]
    red, _, blue, _ = image.to_rgba(image.get_array())[0, 7]
    assert red - blue > 0.3


def test_names_and_counts_do_not_overlap():
    names = ["a very long name of a class, far longer than a cell", "cat", "another name as long as the first", "dog"]
    figure = confusion_matrix(rng.integers(0, 4, 50_000), rng.integers(0, 4, 50_000), names)
    renderer = figure.canvas.get_renderer()
    flat = [t for t in figure.axes[0].texts if t.get_rotation() == 0]
    boxes = [t.get_window_extent(renderer).shrunk(0.98, 0.8) for t in flat]
    assert len(boxes) > 20
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[i + 1 :])
    width, height = figure.canvas.get_width_height()
    for t in figure.axes[0].texts:
        box = t.get_window_extent(renderer)
        assert 0 <= box.x0 < box.x1 <= width
        assert 0 <= box.y0 < box.y1 <= height


def test_all_right_and_a_class_without_images():
    figure = confusion_matrix([0, 2], [0, 2], ANIMALS)
    figure.canvas.draw()
    assert figure.axes[0].images[0].get_array().count() == 0
    assert {"–", "100.0 %", "Accuracy 100.00 %: 2 of 2 right"} <= set(texts(figure))


def test_matrix_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="got 2 labels and 1 predictions"):
        confusion_matrix([0, 1], [0])
    with pytest.raises(ValueError, match="predicted must be class numbers from 0 to 1, got 2"):
        confusion_matrix([0, 1], [0, 2], ["cat", "dog"])
    with pytest.raises(ValueError, match=r"one-hot rows pass \.argmax"):
        confusion_matrix([0, 1], np.eye(2))
    with pytest.raises(ValueError, match="at most 100 classes, got 1,001"):
        confusion_matrix([0, 1000], [0, 1])
