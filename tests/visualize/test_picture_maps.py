"""Activations of one layer, and of all layers on one page."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from tinyconv.visualize import activations, all_activations, save, style

rng = np.random.default_rng(3)


def relu_maps(h, w, k, dead=()):
    maps = np.maximum(rng.normal(size=(h, w, k)), 0).astype(np.float32) * np.linspace(0.1, 1, k, dtype=np.float32)
    maps[:, :, list(dead)] = 0
    return maps


def words(figure):
    return [t.get_text() for t in figure.axes[0].texts]


def bars(figure):
    """Widths of the bars under the maps, in pixels."""
    return [p.get_width() for p in figure.axes[0].patches if to_hex(p.get_facecolor()) == style.BLUE]


@pytest.mark.parametrize(("h", "w", "k"), [(26, 26, 32), (24, 20, 64), (5, 5, 256), (150, 150, 8), (1, 1, 3)])
def test_each_map_is_shown_in_order_on_its_own_scale(h, w, k):
    maps = relu_maps(h, w, k)
    maps[0, 0] = np.linspace(1, 2, k)
    figure = activations(maps, "conv2d")
    (page,) = figure.axes
    assert len(page.images) == k
    corners = []
    for i, image in enumerate(page.images):
        np.testing.assert_array_equal(image.get_array(), maps[:, :, i])
        assert image.get_clim() == (0, maps[:, :, i].max())
        assert image.get_cmap().name == style.SEQUENTIAL
        left, right, bottom, top = image.get_extent()
        assert max(right - left, bottom - top) >= 36  # pixels: still readable
        corners.append((top, left))
    assert corners == sorted(corners)
    assert "conv2d" in words(figure)
    assert f"{k} maps of {h}×{w}, none dead" in " ".join(words(figure))


def test_bar_is_the_peak_against_the_strongest_map():
    maps = np.ones((4, 4, 3)) * [1, 4, 2]
    figure = activations(maps, "conv2d")
    widths = bars(figure)
    assert np.divide(widths, max(widths)).tolist() == [0.25, 1, 0.5]
    left, right, _, _ = figure.axes[0].images[1].get_extent()
    assert widths[1] == right - left


def test_dead_maps_are_gray_crossed_out_and_counted():
    figure = activations(relu_maps(6, 6, 16, dead=(2, 9)), "conv2d")
    page = figure.axes[0]
    gray = [i for i, image in enumerate(page.images) if to_hex(image.get_cmap()(0.0)) == style.EMPTY]
    assert gray == [2, 9]
    assert len(page.lines) == 4
    assert len(bars(figure)) == 14
    assert any("16 maps of 6×6, 2 dead" in w for w in words(figure))


def test_share_of_zeros():
    maps = np.ones((2, 2, 2))
    maps[0, :, 0] = 0
    maps[0, 0, 1] = 0
    assert "none dead, 38 % of the values zero" in " ".join(words(activations(maps, "a")))


def test_signed_maps_are_about_zero():
    maps = rng.normal(size=(5, 5, 4))
    figure = activations(maps, "before ReLU")
    for i, image in enumerate(figure.axes[0].images):
        peak = np.abs(maps[:, :, i]).max()
        assert image.get_clim() == (-peak, peak)
        assert image.get_cmap().name == style.DIVERGING
    assert any("−peak (blue) to peak (red)" in w for w in " ".join(words(figure)).split("; "))


def test_a_layer_that_is_dead_can_be_drawn():
    figure = activations(np.zeros((3, 3, 2)), "dead")
    figure.canvas.draw()
    assert bars(figure) == []


def test_rows_are_numbered_by_their_first_unit():
    assert [w for w in words(activations(relu_maps(5, 5, 64), "a")) if w.isdigit()] == [str(i) for i in range(0, 64, 8)]


def test_file_has_the_size_of_the_figure_and_is_small(tmp_path):
    figure = activations(relu_maps(37, 37, 64), "conv2d_5")
    save(figure, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert image.size == figure.canvas.get_width_height()
        assert 1000 < image.width < 1600
    assert (tmp_path / "a.png").stat().st_size < 600_000


@pytest.mark.parametrize("image_shape", [(28, 28), (28, 28, 1), (20, 30, 3)])
def test_all_layers_on_one_page(image_shape):
    image = rng.random(image_shape)
    layers = {"conv2d": relu_maps(26, 26, 32), "conv2d_1": relu_maps(24, 24, 64, dead=(1,))}
    figure = all_activations(layers, image)
    (page,) = figure.axes
    assert len(page.images) == 1 + 32 + 64
    np.testing.assert_array_equal(
        page.images[0].get_array(), image.reshape(image_shape[:2] + image_shape[2:] * (3 in image_shape))
    )
    for i in (0, 31):
        np.testing.assert_array_equal(page.images[1 + i].get_array(), layers["conv2d"][:, :, i])
    for i in (0, 1, 63):
        np.testing.assert_array_equal(page.images[33 + i].get_array(), layers["conv2d_1"][:, :, i])
    tops = [page.images[i].get_extent()[3] for i in (0, 1, 33)]
    assert tops == sorted(set(tops))
    assert {"conv2d", "conv2d_1"} <= set(words(figure))
    assert any("64 maps of 24×24, 1 dead" in w for w in words(figure))


def test_many_maps_get_more_columns_and_stay_inside_the_page():
    figure = all_activations({"a": relu_maps(8, 8, 240), "b": relu_maps(4, 4, 32)}, rng.random((16, 16, 3)))
    page = figure.axes[0]
    width, height = figure.canvas.get_width_height()
    assert len({image.get_extent()[0] for image in page.images[1:]}) == 32
    for image in page.images:
        left, right, bottom, top = image.get_extent()
        assert 0 < left < right < width
        assert 0 < top < bottom < height


def test_wrong_shapes_are_refused_and_name_the_layer():
    with pytest.raises(ValueError, match=r"activations: maps must have shape \(h, w, k\), got shape \(1, 26, 26, 32\)"):
        activations(np.zeros((1, 26, 26, 32)), "conv2d")
    with pytest.raises(ValueError, match=r"maps of 'dense' must have shape \(h, w, k\), got shape \(128,\)"):
        all_activations({"dense": np.zeros(128)}, np.zeros((28, 28)))
    with pytest.raises(ValueError, match="layers is empty"):
        all_activations({}, np.zeros((28, 28)))
    with pytest.raises(ValueError, match="NaN or infinite"):
        activations(np.full((2, 2, 2), np.nan), "conv2d")
    with pytest.raises(ValueError, match="image must have"):
        all_activations({"a": np.ones((2, 2, 2))}, np.zeros(784))


@pytest.mark.parametrize(
    "title", ["mnist: what it sees", "a title that is so long that the page must be made wider for it"]
)
def test_the_page_of_all_layers_takes_a_title(title):
    figure = all_activations({"conv2d": relu_maps(4, 4, 2)}, rng.random((8, 8)), title)
    (line,) = [t for t in figure.axes[0].texts if t.get_text() == title]
    assert line.get_window_extent(figure.canvas.get_renderer()).x1 < figure.canvas.get_width_height()[0]


def test_a_page_of_very_many_maps_shows_the_first_of_each_layer():
    layers = {"wide": relu_maps(3, 3, 900, dead=[899]), "narrow": relu_maps(4, 4, 40), "last": relu_maps(2, 2, 100)}
    layers["wide"][0, 0, :899] = 1
    figure = all_activations(layers, np.zeros((8, 8)))
    page = figure.axes[0]
    assert len(page.images) == 1 + 64 + 40 + 64
    np.testing.assert_array_equal(page.images[64].get_array(), layers["wide"][:, :, 63])
    said = " ".join(words(figure))
    assert "900 maps of 3×3, 1 dead" in said
    assert said.count("the first 64 here") == 2
