"""The curves of a training run."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from tinyconv.visualize import curves, style

HISTORY = {
    "accuracy": [0.80, 0.90, 0.95],
    "loss": [0.7, 0.4, 0.2],
    "val_accuracy": [0.85, 0.93, 0.92],
    "val_loss": [0.5, 0.3, 0.35],
}


def panels(figure):
    return figure.axes[1:]  # the first axes is the page


def words(figure):
    return [t.get_text() for t in figure.axes[0].texts]


def data(panel):
    """{color: values} of the curves; the ring has one point and no face."""
    curves = [line for line in panel.lines if line.get_markerfacecolor() != "none"]
    return {to_hex(line.get_color()): list(line.get_ydata()) for line in curves}


def ring(panel):
    (line,) = [line for line in panel.lines if line.get_markerfacecolor() == "none"]
    return float(line.get_xdata()[0]), float(line.get_ydata()[0])


def test_both_metrics_side_by_side_loss_first():
    figure = curves(HISTORY, "Training of mnist")
    loss, accuracy = panels(figure)
    assert loss.get_position().x1 < accuracy.get_position().x0
    assert data(loss) == {style.BLUE: HISTORY["loss"], style.ORANGE: HISTORY["val_loss"]}
    assert data(accuracy) == {style.BLUE: HISTORY["accuracy"], style.ORANGE: HISTORY["val_accuracy"]}
    assert all(list(line.get_xdata()) == [1, 2, 3] for line in loss.lines[:2])
    assert [w for w in words(figure) if w in ("Loss", "Accuracy")] == ["Loss", "Accuracy"]
    assert {"Training of mnist", "training", "validation"} <= set(words(figure))


def test_best_epoch_is_the_lowest_validation_loss_and_the_highest_validation_accuracy():
    figure = curves(HISTORY, "run")
    assert [ring(p) for p in panels(figure)] == [(2, 0.3), (2, 0.93)]
    assert {"best validation 0.3 in epoch 2", "best validation 93.00 % in epoch 2"} <= set(words(figure))


def test_without_validation_the_best_epoch_is_of_training():
    figure = curves({k: v for k, v in HISTORY.items() if not k.startswith("val_")}, "run")
    assert [list(data(p)) for p in panels(figure)] == [[style.BLUE], [style.BLUE]]
    assert [ring(p) for p in panels(figure)] == [(3, 0.2), (3, 0.95)]
    assert "best training 95.00 % in epoch 3" in words(figure)
    assert "validation" not in words(figure)


def ticks(axis):
    """The labels that are drawn: those of ticks within the view."""
    low, high = sorted(axis.get_view_interval())
    return [(t.get_loc(), t.label1.get_text()) for t in axis.get_major_ticks() if low <= t.get_loc() <= high]


@pytest.mark.parametrize("epochs", [1, 2, 7, 10, 200])
def test_epochs_are_whole_numbers_from_one(epochs):
    figure = curves({"loss": list(np.linspace(2, 1, epochs))}, "run")
    figure.canvas.draw()
    (panel,) = panels(figure)
    shown = ticks(panel.xaxis)
    assert shown
    assert all(place == int(place) and 1 <= place <= epochs and label == str(int(place)) for place, label in shown)


def test_accuracy_is_in_percent():
    figure = curves({"accuracy": [0.5, 0.9]}, "run")
    figure.canvas.draw()
    shown = ticks(panels(figure)[0].yaxis)
    assert len(shown) > 2
    assert all(float(label.removesuffix(" %")) == pytest.approx(100 * place) for place, label in shown)


def test_accuracy_axis_ends_at_all():
    figure = curves({"accuracy": [1.0, 1.0]}, "run")
    assert panels(figure)[0].get_ylim()[1] == 1


def edge_words(panel):
    """The values that are written in a panel, because they lie beyond it."""
    return {t.get_text(): to_hex(t.get_color()) for t in panel.texts}


@pytest.mark.parametrize("name", ["accuracy", "loss"])
def test_a_first_epoch_does_not_squeeze_the_others(name):
    training, validation = [0.60, 0.95, 0.97, 0.98, 0.985], [0.94, 0.985, 0.985, 0.987, 0.988]
    if name == "loss":
        training, validation = [[1.1 - v for v in values] for values in (training, validation)]
    (panel,) = panels(curves({name: training, f"val_{name}": validation}, "run"))
    low, high = panel.get_ylim()
    shown = training[1:] + validation  # the first epoch of validation is near enough
    assert low < min(shown) < max(shown) < high
    assert max(shown) - min(shown) > 0.8 * (high - low)
    assert edge_words(panel) == {"↓ 60.00 %" if name == "accuracy" else "↑ 0.5": style.BLUE}


@pytest.mark.parametrize(
    "values",
    [[0.5, 0.9, 0.95], [0.7, 0.8, 0.85, 0.9, 0.92], [0.5, 0.9, 0.9, 0.9], [0.5, np.nan, np.nan, np.nan]],
    ids=["few epochs", "even steps", "nothing moves later", "diverged"],
)
def test_a_first_epoch_stays_where_it_squeezes_nothing(values):
    (panel,) = panels(curves({"accuracy": values}, "run"))
    low, high = panel.get_ylim()
    assert low <= np.nanmin(values) <= np.nanmax(values) <= high
    assert not panel.texts


@pytest.mark.parametrize(("last", "scale"), [(7000.0, "linear"), (2650.0, "log"), (1e-9, "log")])
def test_loss_that_falls_far_is_on_a_log_scale(last, scale):
    figure = curves({"loss": [70_188.0, 13_980.0, last]}, "run")
    figure.canvas.draw()
    (panel,) = panels(figure)
    assert panel.get_yscale() == scale
    assert len(ticks(panel.yaxis)) >= 3
    if scale == "log":
        assert all(
            float(label.replace("−", "-").replace(",", "")) == pytest.approx(at) for at, label in ticks(panel.yaxis)
        )


@pytest.mark.parametrize("scale", [1e-6, 1.0, 3e6])
def test_ticks_say_their_whole_value(scale):
    figure = curves({"loss": [2.0 * scale, 1.0 * scale]}, "run")
    figure.canvas.draw()
    (panel,) = panels(figure)
    shown = ticks(panel.yaxis)
    assert len(shown) >= 3
    assert all(float(label.replace("−", "-").replace(",", "")) == pytest.approx(place) for place, label in shown)
    left_of_panel = min(t.label1.get_window_extent().x0 for t in panel.yaxis.get_major_ticks())
    assert left_of_panel > 0


def test_only_validation_and_a_third_metric_and_the_learning_rate():
    figure = curves({"learning_rate": [0.1, 0.05], "val_top_2_accuracy": [0.7, 0.6], "loss": [2, 1]}, "run")
    loss, top, rate = panels(figure)
    assert data(loss) == {style.BLUE: [2, 1]}
    assert data(top) == {style.ORANGE: [0.7, 0.6]}
    assert ring(top) == (1, 0.7)
    assert len(rate.lines) == 1  # no epoch of the learning rate is the best
    assert "Top 2 accuracy" in words(figure)


def test_a_learning_rate_that_never_changed_is_left_out():
    assert len(panels(curves({"loss": [2, 1], "learning_rate": [0.1, 0.1]}, "run"))) == 1
    assert len(panels(curves({"learning_rate": [0.1, 0.1]}, "run"))) == 1


def test_diverged_epochs_are_gaps():
    figure = curves({"loss": [1.0, np.nan, np.inf, 0.5], "val_loss": [np.nan] * 4}, "run")
    figure.canvas.draw()
    np.testing.assert_array_equal(panels(figure)[0].lines[0].get_ydata(), [1.0, np.nan, np.nan, 0.5])
    assert not any(w.startswith("best") for w in words(figure))


def test_no_epoch_and_uneven_lists_are_refused():
    for empty in ({}, {"loss": []}):
        with pytest.raises(ValueError, match="at least one epoch"):
            curves(empty, "run")
    with pytest.raises(ValueError, match=r"same number of epochs, got \{'loss': 2, 'val_loss': 1\}"):
        curves({"loss": [1, 2], "val_loss": [1]}, "run")
