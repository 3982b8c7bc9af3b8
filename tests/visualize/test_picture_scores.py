"""Precision and recall by hand, and as scikit-learn defines them; the prediction grid in order."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from tinyconv.visualize import class_scores, precision_recall, predictions, style

TRUTH = [0, 0, 0, 0, 1, 1, 2, 2, 2, 2]
GUESS = [0, 0, 0, 1, 1, 2, 2, 2, 0, 1]


def words(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def test_scores_by_hand():
    scores = class_scores(TRUTH, GUESS, 4)
    np.testing.assert_allclose(scores.precision, [3 / 4, 1 / 3, 2 / 3, np.nan])
    np.testing.assert_allclose(scores.recall, [3 / 4, 1 / 2, 2 / 4, np.nan])
    np.testing.assert_allclose(scores.f1, [3 / 4, 2 / 5, 4 / 7, np.nan])
    assert scores.images.tolist() == [4, 2, 4, 0]


def test_scores_are_those_of_the_confusion_matrix():
    rng = np.random.default_rng(5)
    truth, guess = rng.integers(0, 7, 500), rng.integers(0, 7, 500)
    scores = class_scores(truth, guess, 7)
    for k in range(7):  # true and false positives and negatives, as scikit-learn's documentation has them
        tp = np.sum((truth == k) & (guess == k))
        fp, fn = np.sum((truth != k) & (guess == k)), np.sum((truth == k) & (guess != k))
        precision, recall = tp / (tp + fp), tp / (tp + fn)
        assert scores.precision[k] == pytest.approx(precision)
        assert scores.recall[k] == pytest.approx(recall)
        assert scores.f1[k] == pytest.approx(2 * precision * recall / (precision + recall))


def test_a_class_that_is_always_missed_has_an_f1_of_zero():
    scores = class_scores([0, 0, 1], [1, 1, 0], 2)
    assert scores.f1.tolist() == scores.recall.tolist() == [0, 0]


def test_the_picture_has_all_numbers_and_marks_on_their_places():
    figure = precision_recall(TRUTH, GUESS, ["cat", "dog", "cow", "yak"], "run: precision and recall")
    found = words(figure)
    assert {"run: precision and recall", "cat", "75.0 %", "33.3 %", "50.0 %", "66.7 %", "57.1 %", "–"} <= set(found)
    assert found.count("–") == 3
    page = figure.axes[0]
    marks = [line for line in page.lines if line.get_marker() == "o" and len(line.get_xdata()) == 1]
    blue = [line.get_xdata()[0] for line in marks if to_hex(line.get_color()) == style.BLUE][1:]  # after the legend's
    ring = [line.get_xdata()[0] for line in marks if to_hex(line.get_color()) == style.ORANGE][1:]
    ticks = {t.get_text(): t.get_position()[0] for t in page.texts if t.get_text().endswith("0 %")}
    low, high = ticks["30 %"], ticks["100 %"]  # the lowest is 33.3 %
    np.testing.assert_allclose(blue[:3], low + (high - low) * (np.array([3 / 4, 1 / 3, 2 / 3]) - 0.3) / 0.7)
    np.testing.assert_allclose(ring[:3], low + (high - low) * (np.array([3 / 4, 1 / 2, 1 / 2]) - 0.3) / 0.7)


def test_words_of_the_picture_do_not_overlap():
    names = [f"{'long ' * k}name of class {k}" for k in range(12)]
    rng = np.random.default_rng(2)
    figure = precision_recall(rng.integers(0, 12, 9000), rng.integers(0, 12, 9000), names)
    renderer = figure.canvas.get_renderer()
    boxes = [t.get_window_extent(renderer).shrunk(0.98, 0.8) for t in figure.axes[0].texts]
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[i + 1 :])


def test_scores_refuse_what_does_not_fit():
    with pytest.raises(ValueError, match="got 2 labels and 1 predictions"):
        class_scores([0, 1], [0], 2)
    with pytest.raises(ValueError, match="predicted must be class numbers from 0 to 1, got 2"):
        precision_recall([0, 1], [0, 2], ["cat", "dog"])
    with pytest.raises(ValueError, match="at most 100 classes, got 101"):
        precision_recall([0], [0], [str(k) for k in range(101)])


def grid(figure):
    """The captions of a grid, from the first image to the last."""
    page = figure.axes[0]
    top = min(image.get_extent()[3] for image in page.images) - 50
    placed = [(t.get_position()[1], t.get_position()[0], t.get_text()) for t in page.texts if t.get_position()[1] > top]
    return [text for _, _, text in sorted(placed)]


def test_predictions_show_the_first_hundred_in_order():
    rng = np.random.default_rng(1)
    images, p = rng.integers(0, 256, (130, 9, 9), dtype=np.uint8), rng.dirichlet(np.ones(10), 130)
    labels = p.argmax(axis=1)
    labels[[4, 120]] = (labels[[4, 120]] + 1) % 10
    figure = predictions(images, p, labels, title="mnist: test images")
    page = figure.axes[0]
    assert len(page.images) == 100
    for shown, image in zip(page.images, images, strict=False):
        np.testing.assert_array_equal(shown.get_array(), image)
    said = " ".join(words(figure))
    assert "The first 100 of 130 images in order" in said
    assert "1 wrong, in red" in said
    assert sum(to_hex(patch.get_facecolor()) == style.RED for patch in page.patches) == 1


def test_predictions_without_labels_say_what_the_network_takes_images_for():
    figure = predictions(np.zeros((3, 8, 8)), [[0.9, 0.1], [0.3, 0.7], [0.004, 0.996]], class_names=["cat", "dog"])
    assert grid(figure) == ["cat: 90 %", "dog: 70 %", "dog: 99.6 %", "0", "1", "2"]
    assert "wrong" not in " ".join(words(figure))
    with pytest.raises(ValueError, match="probabilities must be from 0 to 1"):
        predictions(np.zeros((1, 8, 8)), [[3.0, -1.0]])
