"""Filters, hidden units and class templates."""

import numpy as np
import pytest
from PIL import Image

from tinyconv.visualize import class_templates, filters, hidden_units, save

rng = np.random.default_rng(7)


def words(figure):
    return [t.get_text() for t in figure.axes[0].texts]


@pytest.mark.parametrize(("size", "k", "columns"), [((3, 3), 32, 8), ((5, 5), 64, 8), ((3, 2), 7, 3), ((1, 1), 1, 1)])
def test_gray_filters_are_the_kernel_in_order_about_zero(size, k, columns):
    kernel = rng.normal(size=(*size, 1, k)).astype(np.float32)
    figure = filters(kernel)
    page, bar = figure.axes
    assert len(page.images) == k
    lefts = sorted({image.get_extent()[0] for image in page.images})
    assert len(lefts) == columns
    peak = float(np.abs(kernel).max())
    for i, image in enumerate(page.images):
        np.testing.assert_array_equal(image.get_array(), kernel[:, :, 0, i])
        assert image.get_clim() == (-peak, peak)
        assert image.get_extent()[0] == lefts[i % columns]
    assert page.images[0].get_extent()[3] < page.images[-1].get_extent()[2]
    assert "First-layer filters" in words(figure)
    assert f"{k} filters of {size[0]}×{size[1]}." in " ".join(words(figure))
    assert {f"{peak:.3g}", f"−{peak:.3g}", "0"} <= set(words(figure))
    assert bar.get_position().height > 0


def test_rgb_filters_are_scaled_one_by_one_with_zero_gray():
    kernel = rng.normal(size=(3, 3, 3, 32)) * np.arange(1, 33)
    kernel[..., 5] = 0
    figure = filters(kernel)
    (page,) = figure.axes
    assert len(page.images) == 32
    for i, image in enumerate(page.images):
        shown = np.asarray(image.get_array())
        assert shown.shape == (3, 3, 3)
        peak = np.abs(kernel[..., i]).max() or 1
        np.testing.assert_allclose((shown - 0.5) * 2 * peak, kernel[..., i], rtol=1e-12, atol=1e-12)
        if i != 5:
            assert np.abs(shown - 0.5).max() == pytest.approx(0.5)
    assert "32 filters of 3×3×3." in " ".join(words(figure))


def test_filters_of_zero_can_be_drawn():
    figure = filters(np.zeros((3, 3, 1, 4)))
    figure.canvas.draw()
    assert figure.axes[0].images[0].get_clim() == (-1, 1)


def test_filters_refuses_other_shapes():
    with pytest.raises(ValueError, match=r"kernel must have shape \(kh, kw, c, k\), got shape \(784, 10\)"):
        filters(np.zeros((784, 10)))
    with pytest.raises(ValueError, match=r"1 or 3 input channels .* got 32 .* first layer"):
        filters(np.zeros((3, 3, 32, 64)))
    with pytest.raises(ValueError, match="filters: kernel holds 1 values of 9 that are NaN"):
        filters(np.where(np.arange(9).reshape(3, 3, 1, 1) == 4, np.nan, 1.0))


def test_hidden_units_fill_the_grid_in_order_on_one_scale():
    kernel = rng.normal(size=(12, 300)).astype(np.float32)
    figure = hidden_units(kernel, (4, 3))
    page = figure.axes[0]
    assert len(page.images) == 225
    assert len({image.get_extent()[0] for image in page.images}) == 15
    for unit in (0, 14, 15, 224):
        np.testing.assert_array_equal(page.images[unit].get_array(), kernel[:, unit].reshape(4, 3))
    (limits,) = {image.get_clim() for image in page.images}
    most = np.sort(np.abs(kernel[:, :225]).ravel())[round(0.995 * 12 * 225)]
    assert limits == pytest.approx((-most, most), rel=0.02)
    assert "Weights of hidden units" in words(figure)
    assert "The first 225 of 300 units." in " ".join(words(figure))
    numbered = {t.get_text(): t.get_position() for t in page.texts if t.get_text().isdigit()}
    del numbered["0"]  # also in the middle of the color bar
    assert list(numbered) == [str(i) for i in range(15, 225, 15)]
    for number, (x, y) in numbered.items():
        left, _, bottom, top = page.images[int(number)].get_extent()
        assert x < left
        assert top < y < bottom


def test_fewer_hidden_units_than_cells():
    figure = hidden_units(rng.normal(size=(16, 5)), (4, 4, 1), grid=(2, 3))
    assert len(figure.axes[0].images) == 5
    assert "5 units." in " ".join(words(figure))


def test_rgb_hidden_units():
    kernel = rng.normal(size=(12, 4))
    figure = hidden_units(kernel, (2, 2, 3))
    shown = np.asarray(figure.axes[0].images[3].get_array())
    np.testing.assert_allclose((shown - 0.5) * 2 * np.abs(kernel[:, 3]).max(), kernel[:, 3].reshape(2, 2, 3))
    assert len(figure.axes) == 1


def test_hidden_units_refuses_other_shapes():
    with pytest.raises(ValueError, match=r"image_shape \(28, 28\) has 784 values, but the kernel has 785 rows"):
        hidden_units(np.zeros((785, 3)), (28, 28))
    with pytest.raises(ValueError, match=r"image_shape must be \(h, w\).* got \(28,\)"):
        hidden_units(np.zeros((28, 3)), (28,))
    with pytest.raises(ValueError, match=r"grid must be \(rows, columns\).* got \(0, 15\)"):
        hidden_units(np.zeros((4, 3)), (2, 2), grid=(0, 15))
    with pytest.raises(ValueError, match=r"kernel must have shape \(m, k\), got shape \(3, 3, 1, 32\)"):
        hidden_units(np.zeros((3, 3, 1, 32)), (3, 3))


def test_templates_are_the_product_of_the_kernels():
    w1, w2, w3 = (rng.normal(size=shape).astype(np.float32) for shape in ((784, 20), (20, 15), (15, 10)))
    figure = class_templates([w1, w2, w3], (28, 28))
    page, _ = figure.axes
    assert len(page.images) == 10
    for j, image in enumerate(page.images):
        template = [w1[p].astype(float) @ w2 @ w3[:, j] for p in range(784)]
        np.testing.assert_allclose(image.get_array(), np.reshape(template, (28, 28)), rtol=1e-4, atol=1e-4)
        low, high = image.get_clim()
        assert low == -high < 0
    assert [w for w in words(figure) if w.isdigit()][:10] == [str(j) for j in range(10)]
    assert any(w.startswith("W1 · W2 · W3:") for w in words(figure))


def test_templates_refuses_kernels_that_do_not_chain():
    with pytest.raises(ValueError, match=r"kernel 2 of shape \(5, 10\) cannot follow a kernel of 6 outputs"):
        class_templates([np.zeros((784, 6)), np.zeros((5, 10))], (28, 28))
    with pytest.raises(ValueError, match=r"got one array; pass \[kernel\]"):
        class_templates(np.zeros((784, 10)), (28, 28))
    with pytest.raises(ValueError, match="kernels is empty"):
        class_templates([], (28, 28))
    with pytest.raises(ValueError, match=r"kernel 2 must have shape \(m, k\), got shape \(6,\)"):
        class_templates([np.zeros((784, 6)), np.zeros(6)], (28, 28))


def test_every_picture_takes_a_title():
    kernel = rng.normal(size=(16, 5))
    pictures = [
        filters(kernel.reshape(4, 4, 1, 5), title="mnist: filters"),
        hidden_units(kernel, (4, 4), title="mnist: units"),
        class_templates([kernel], (4, 4), title="mnist: templates"),
    ]
    assert [words(figure)[0] for figure in pictures] == ["mnist: filters", "mnist: units", "mnist: templates"]


def test_colors_of_hidden_units_survive_saving(tmp_path):
    kernel = rng.normal(size=(784, 225))
    figure = hidden_units(kernel, (28, 28))
    save(figure, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as picture:
        drawn = np.asarray(picture.convert("RGB"))
    for i in (0, 113, 224):
        image = figure.axes[0].images[i]
        left, right, bottom, top = (round(edge) for edge in image.get_extent())
        shown = image.to_rgba(kernel[:, i].reshape(28, 28), bytes=True)[..., :3]
        size = (right - left) // 28
        np.testing.assert_array_equal(drawn[top:bottom, left:right][::size, ::size], shown)
