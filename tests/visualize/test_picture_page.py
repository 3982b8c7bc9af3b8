"""The page in whole pixels, saving, and what the arguments may be."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tinyconv import visualize
from tinyconv.visualize import style
from tinyconv.visualize.arrays import class_numbers, names_for, numbers, showable
from tinyconv.visualize.page import Mosaic, Page, columns_for, save, tile_size, wrap_notes


def test_page_has_exactly_its_pixels(tmp_path):
    page = Page(701, 333)
    page.rectangle((10, 20, 5, 3), "#ff0000")
    save(page.figure, tmp_path / "page.png")
    with Image.open(tmp_path / "page.png") as image:
        assert (image.format, image.size) == ("PNG", (701, 333))
        red = np.all(np.asarray(image.convert("RGB")) == (255, 0, 0), axis=2)
    assert np.argwhere(red).min(axis=0).tolist() == [20, 10]
    assert np.argwhere(red).max(axis=0).tolist() == [22, 14]
    assert red.sum() == 15


def test_enlarged_image_is_drawn_as_exact_squares(tmp_path):
    data = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    page = Page(100, 90)
    page.image(data, (7, 11, 60, 40))
    save(page.figure, tmp_path / "page.png")
    with Image.open(tmp_path / "page.png") as image:
        drawn = np.asarray(image.convert("RGB"))[11:51, 7:67]
    np.testing.assert_array_equal(drawn, data.repeat(10, axis=0).repeat(10, axis=1))


def test_save_replaces_the_file_and_leaves_nothing_beside_it(tmp_path):
    path = tmp_path / "a.png"
    path.write_text("old")
    save(Page(60, 40).figure, path)
    assert path.read_bytes()[:4] == b"\x89PNG"
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_failed_save_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_text("old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save(Page(60, 40).figure, path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_save_wants_a_png_name_and_a_folder(tmp_path):
    with pytest.raises(ValueError, match=r"must end in \.png, got .*a\.jpg"):
        save(Page(60, 40).figure, tmp_path / "a.jpg")
    with pytest.raises(FileNotFoundError):
        save(Page(60, 40).figure, tmp_path / "missing" / "a.png")


def test_every_color_is_saved_in_a_large_picture_too(tmp_path):
    """More colors than a palette of 256 holds."""
    noise = np.random.default_rng(0).integers(0, 256, (500, 700, 3), dtype=np.uint8)
    page = Page(700, 500)
    page.image(noise, (0, 0, 700, 500))
    save(page.figure, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        drawn = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(drawn, noise)


def test_notes_are_lines_of_about_the_same_length():
    notes = "Words under a title that are somewhat longer than a line of this page, so that few of them are left over"
    lines = wrap_notes(notes, int(style.text_width(notes, style.BODY)) + 2 * style.MARGIN - 40)
    assert " ".join(lines) == notes
    assert len(lines) == 2
    assert len(lines[1]) > 0.4 * len(lines[0])


def test_words_are_not_mathematics():
    page = Page(100, 50)
    page.text(10, 10, "$x_1$ and 5 $")
    page.figure.canvas.draw()
    assert page.axes.texts[0].get_text() == "$x_1$ and 5 $"


def test_measured_width_is_the_drawn_width():
    page = Page(400, 50)
    page.text(0, 25, "What the network sees", size=style.TITLE, weight="bold")
    drawn = page.axes.texts[0].get_window_extent(page.figure.canvas.get_renderer()).width
    assert style.text_width("What the network sees", style.TITLE, "bold") == pytest.approx(drawn, rel=0.05)


def test_fit_size_and_wrap_keep_to_the_width():
    assert style.fit_size(["short"], 9.0, 500) == 9.0
    words = "a caption that is far too long for its tile"
    size = style.fit_size(["short", words], 9.0, 260)
    assert style.text_width(words, size) == pytest.approx(260, rel=0.03)
    lines = style.wrap(words, 9.0, 120)
    assert " ".join(lines) == words
    assert len(lines) > 1
    assert all(style.text_width(line, 9.0) <= 120 for line in lines)


def test_words_are_cut_only_where_they_do_not_fit():
    assert style.cut("automobile", 9.0, 200) == "automobile"
    short = style.cut("automobile", 9.0, 60)
    assert short.endswith("…")
    assert "automobile".startswith(short[:-1])
    assert 40 < style.text_width(short, 9.0) <= 60


@pytest.mark.parametrize(
    ("number", "words"), [(-0.4941, "−0.494"), (0.0, "0"), (12345.6, "12,346"), (-1000.0, "−1,000"), (1e-7, "1e−07")]
)
def test_short_numbers(number, words):
    assert style.short(number) == words


@pytest.mark.parametrize(
    ("count", "columns"), [(1, 1), (10, 5), (17, 5), (32, 8), (64, 8), (96, 12), (128, 16), (225, 15), (256, 16)]
)
def test_columns_for(count, columns):
    assert columns_for(count) == columns


@pytest.mark.parametrize(
    ("image", "room", "tile"),
    [((28, 28), 112, (112, 112)), ((3, 3), 96, (96, 96)), ((75, 75), 72, (75, 75)), ((150, 100), 96, (96, 64))],
)
def test_tile_size(image, room, tile):
    assert tile_size(image, room) == tile


def test_mosaic_places_tiles_row_by_row():
    mosaic = Mosaic(count=7, columns=3, tile=(20, 30), gap=(4, 6))
    assert (mosaic.width, mosaic.height) == (3 * 36 - 6, 3 * 24)
    assert mosaic.box(0, 100, 200) == (100, 200, 30, 20)
    assert mosaic.box(5, 100, 200) == (172, 224, 30, 20)


def test_numbers_refuses_what_is_not_an_array_of_finite_numbers():
    with pytest.raises(ValueError, match=r"k must have shape \(n, k\), got shape \(3,\)"):
        numbers("k", [1, 2, 3], "n k")
    with pytest.raises(ValueError, match=r"k must have shape \(n,\), got shape \(1, 2\)"):
        numbers("k", [[1, 2]], "n")
    with pytest.raises(ValueError, match="k must hold real numbers, got dtype <U1"):
        numbers("k", ["a"], "n")
    with pytest.raises(ValueError, match=r"k is empty: shape \(0,\)"):
        numbers("k", [], "n")
    with pytest.raises(ValueError, match="k holds 2 values of 3 that are NaN or infinite"):
        numbers("k", [np.nan, 1, np.inf], "n")


def test_class_numbers():
    np.testing.assert_array_equal(class_numbers("y", [[3], [0]], 4), [3, 0])
    np.testing.assert_array_equal(class_numbers("y", np.array([3.0, 0.0]), None), [3, 0])
    with pytest.raises(ValueError, match=r"got shape \(2, 3\); for one-hot rows pass \.argmax\(axis=1\)"):
        class_numbers("y", np.eye(3)[:2], 3)
    with pytest.raises(ValueError, match=r"whole class numbers, got 0\.5"):
        class_numbers("y", [1, 0.5], 3)
    with pytest.raises(ValueError, match="from 0 to 2, got 3"):
        class_numbers("y", [0, 3], 3)
    with pytest.raises(ValueError, match="from 0 or more, got -1"):
        class_numbers("y", [0, -1], None)


def test_names_for():
    assert names_for("f", None, 3) == ["0", "1", "2"]
    with pytest.raises(ValueError, match="f: 1 class names for 2 classes"):
        names_for("f", ["cat"], 2)


@pytest.mark.parametrize(
    ("pixels", "scale"),
    [
        (np.float32([0, 0.5, 1]), (0, 1)),
        (np.float32([0, 0.2, 0.3]), (0, 1)),
        (np.float32([0, 7, 255]), (0, 255)),
        (np.uint8([0, 1, 1]), (0, 255)),
        (np.float32([-2, 0, 3]), (-2, 3)),
        (np.float32([-2, -2, -2]), (-2, -1)),
    ],
)
def test_showable_settles_black_and_white(pixels, scale):
    gray = pixels.reshape(1, 1, 3)
    shown, black, white = showable("x", gray[..., np.newaxis])
    np.testing.assert_array_equal(shown, gray)
    assert (black, white) == scale
    rgb, _, _ = showable("x", pixels.reshape(1, 1, 1, 3))
    expected = pixels if pixels.dtype == np.uint8 else (pixels - scale[0]) / (scale[1] - scale[0])
    np.testing.assert_allclose(rgb[0, 0, 0], expected, rtol=1e-6)


def test_showable_refuses_two_channels():
    with pytest.raises(ValueError, match=r"x must have 1 or 3 channels, got shape \(1, 4, 4, 2\)"):
        showable("x", np.zeros((1, 4, 4, 2)))


def test_matplotlib_waits_for_the_first_picture_and_pyplot_never_comes():
    code = (
        "import sys, tinyconv.visualize as v\n"
        "assert 'matplotlib' not in sys.modules\n"
        "figure = v.curves({'loss': [1.0, 0.5]}, 'run')\n"
        "assert 'matplotlib' in sys.modules and 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_every_public_name_exists():
    assert all(callable(getattr(visualize, name)) for name in visualize.__all__)
