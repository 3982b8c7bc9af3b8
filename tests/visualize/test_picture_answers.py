"""Predictions on test images, and the confusion matrix."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from tinyconv.visualize import confusion_matrix, mistakes, style

rng = np.random.default_rng(11)
ANIMALS = ["cat", "dog", "automobile"]


def texts(figure):
    return {t.get_text(): to_hex(t.get_color()) for t in figure.axes[0].texts}


def frames(figure):
    return sum(to_hex(p.get_facecolor()) == style.RED for p in figure.axes[0].patches)


def softmax_rows(n, k):
    p = np.exp(rng.normal(size=(n, k)))
    return p / p.sum(axis=1, keepdims=True)


def captions(figure):
    """The words above and below the images, row by row and from left to right, without the header."""
    top = min(image.get_extent()[3] for image in figure.axes[0].images) - 50
    placed = [(t.get_position(), t.get_text()) for t in figure.axes[0].texts if t.get_position()[1] > top]
    return [words for _, words in sorted(placed, key=lambda at: (at[0][1], at[0][0]))]


def test_worst_errors_come_first_then_the_least_sure_right_answers():
    images = rng.integers(0, 256, (130, 28, 28, 1), dtype=np.uint8)
    p = softmax_rows(130, 10)
    labels = p.argmax(axis=1)
    wrong = [3, 40, 77, 129]
    labels[wrong] = (labels[wrong] + 1) % 10
    figure = mistakes(images, p, labels)
    right = [i for i in range(130) if i not in wrong]
    expected = sorted(wrong, key=lambda i: -p[i].max()) + sorted(right, key=lambda i: p[i].max())
    (page,) = figure.axes
    assert len(page.images) == 100
    for shown, i in zip(page.images, expected, strict=False):
        np.testing.assert_array_equal(shown.get_array(), images[i, :, :, 0])
        assert shown.get_clim() == (0, 255)
    assert len({image.get_extent()[0] for image in page.images}) == 10
    assert len({image.get_extent()[3] for image in page.images}) == 10
    places = [t.get_text() for t in page.texts if t.get_fontsize() == style.TINY]
    assert places == [str(i) for i in expected[:100]]
    assert "4 errors among 130 images, the most confident first: " in " ".join(texts(figure))
    assert frames(figure) == 4


def test_only_the_worst_hundred_of_many_errors():
    p = rng.dirichlet(np.ones(3), 250)
    figure = mistakes(rng.random((250, 8, 8)), p, (p.argmax(axis=1) + 1) % 3)
    assert frames(figure) == len(figure.axes[0].images) == 100
    assert "250 errors among 250 images, here the 100 most confident first: " in " ".join(texts(figure))
    places = [int(t.get_text()) for t in figure.axes[0].texts if t.get_fontsize() == style.TINY]
    assert p.max(axis=1)[places].min() >= np.delete(p.max(axis=1), places).max()


def test_a_picture_without_errors_says_so_and_shows_right_answers():
    figure = mistakes(rng.random((2, 8, 8)), [[0.9, 0.1], [0.3, 0.7]], [0, 1])
    assert "0 errors among 2 images. Right answers follow" in " ".join(texts(figure))
    assert captions(figure) == ["1: 70 %", "0: 90 %", "1", "0"]
    assert frames(figure) == 0


def test_wrong_answers_are_red_and_name_the_true_class():
    p = np.array([[0.9, 0.1], [0.3, 0.7], [0.004, 0.996]])
    figure = mistakes(rng.random((3, 28, 28)), p, [0, 0, 0], title="mnist: worst errors")
    found = texts(figure)
    assert found["mnist: worst errors"] == style.INK
    assert found["0: 90 %"] == style.INK
    assert found["1: 70 %"] == style.RED
    assert found["true 0: 30 %"] == style.INK
    assert captions(figure) == ["1: 99.6 %", "1: 70 %", "true 0: 0.4 %", "true 0: 30 %", "0: 90 %", "2", "1", "0"]
    assert frames(figure) == 2


@pytest.mark.parametrize("p", [np.array([0.2, 0.9]), np.array([[0.2], [0.9]])], ids=["(n,)", "(n, 1)"])
def test_one_probability_is_that_of_class_one(p):
    found = texts(mistakes(rng.random((2, 20, 20, 3)), p, [[0], [0]], ["cat", "dog"]))
    assert found["cat: 80 %"] == style.INK
    assert found["dog: 90 %"] == style.RED
    assert found["true cat: 10 %"] == style.INK


@pytest.mark.parametrize("last", ["automobile", "Staffordshire bullterrier, Staffordshire bull terrier"])
@pytest.mark.parametrize("side", [28, 150])
def test_captions_do_not_overlap(last, side):
    images = rng.integers(0, 256, (20, side, side, 3), dtype=np.uint8)
    figure = mistakes(images, softmax_rows(20, 3), rng.integers(0, 3, 20), ["cat", "dog", last])
    renderer = figure.canvas.get_renderer()
    boxes = [t.get_window_extent(renderer) for t in figure.axes[0].texts]
    for i, box in enumerate(boxes):
        assert not any(box.shrunk(0.98, 0.8).overlaps(other.shrunk(0.98, 0.8)) for other in boxes[i + 1 :])


def test_predictions_refuses_what_does_not_fit():
    images, p, y = np.zeros((4, 8, 8)), np.full((4, 2), 0.5), np.zeros(4)
    with pytest.raises(ValueError, match="got 4 images, 3 rows of probabilities and 4 labels"):
        mistakes(images, p[:3], y)
    with pytest.raises(ValueError, match=r"probabilities must be from 0 to 1, got 3\.5; logits need a softmax"):
        mistakes(images, 7 * p, y)
    with pytest.raises(ValueError, match="labels must be class numbers from 0 to 1, got 2"):
        mistakes(images, p, y + 2)
    with pytest.raises(ValueError, match=r"one-hot rows pass \.argmax"):
        mistakes(images, p, np.eye(4)[:, :2])
    with pytest.raises(ValueError, match="3 class names for 2 classes"):
        mistakes(images, p, y, ANIMALS)
    with pytest.raises(ValueError, match=r"images must have shape .* got shape \(4, 64\)"):
        mistakes(images.reshape(4, 64), p, y)


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
    page, _ = figure.axes
    (errors,) = page.images
    off = ~np.eye(4, dtype=bool)
    share = 100 * counts / counts.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(errors.get_array().filled(0), np.where(off, share, 0))
    assert errors.get_clim() == (0, 40)
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
    assert {"66.7 %", "80.0 %", "cat", "dog", "true", "predicted"} <= set(found)
    assert "Accuracy 75.00 %: 6 of 8 right" in " ".join(found)


def darkness(figure):
    """How far each error's color is from white, from 0 to 1."""
    image = figure.axes[0].images[0]
    return 1 - image.to_rgba(image.get_array())[..., :3].mean(axis=2)


def test_a_single_error_is_paler_than_a_hundred():
    labels = np.repeat(np.arange(3), 1000)
    predicted = labels.copy()
    predicted[0] = 1
    predicted[1000:1100] = 2
    figure = confusion_matrix(labels, predicted, title="mnist: confusion matrix")
    dark = darkness(figure)
    assert dark[0, 1] < 0.1 < 0.6 < dark[1, 2]
    assert {"mnist: confusion matrix", "1", "100", "0 %", "5 %", "10 %"} <= set(texts(figure))


def test_errors_weigh_as_a_share_of_their_true_class():
    labels = np.repeat([0, 1], [10, 1000])
    predicted = labels.copy()
    predicted[:2] = 1  # 20 % of ten
    predicted[10:110] = 0  # 10 % of a thousand
    dark = darkness(confusion_matrix(labels, predicted))
    assert dark[0, 1] > dark[1, 0] > 0.2


def test_errors_below_one_percent_are_never_dark():
    labels = np.repeat(np.arange(10), 1000)
    predicted = labels.copy()
    predicted[0] = 7
    figure = confusion_matrix(labels, predicted)
    assert 0 < darkness(figure)[0, 7] < 0.1
    assert figure.axes[0].images[0].get_clim() == (0, 1)


def test_counts_can_be_read_on_their_color():
    labels = np.repeat([0, 1], 1000)
    predicted = labels.copy()
    predicted[:400] = 1
    predicted[1000:1004] = 0
    found = texts(confusion_matrix(labels, predicted))
    assert found["400"] == style.PAPER
    assert found["4"] == found["600"] == found["996"] == style.INK


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
    assert {"–", "100.0 %"} <= set(texts(figure))
    assert "Accuracy 100.00 %: 2 of 2 right" in " ".join(texts(figure))


def test_matrix_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="got 2 labels and 1 predictions"):
        confusion_matrix([0, 1], [0])
    with pytest.raises(ValueError, match="predicted must be class numbers from 0 to 1, got 2"):
        confusion_matrix([0, 1], [0, 2], ["cat", "dog"])
    with pytest.raises(ValueError, match=r"one-hot rows pass \.argmax"):
        confusion_matrix([0, 1], np.eye(2))
    with pytest.raises(ValueError, match="at most 100 classes, got 1,001"):
        confusion_matrix([0, 1000], [0, 1])
