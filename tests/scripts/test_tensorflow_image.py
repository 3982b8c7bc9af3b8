"""`tf.image` and `tf.io` in scripts, against live TensorFlow: pixels of floats and of whole numbers."""

import numpy as np
import pytest
from PIL import Image
from test_tensorflow_operations import faults, lines, of_both, plain

from tinyconv.keras import era

# Of f (7, 9, 3) and b (2, 7, 9, 3), floats of 0 … 1, and of u (7, 9, 3), whole numbers of 0 … 255.
CALLS = """
tf.image.resize(f, (4, 5))
tf.image.resize(u, [14, 20])
tf.image.resize(u, [7, 9])
tf.image.resize(b, (3, 3), method="nearest")
tf.image.resize(u, (3, 11), method=tf.image.ResizeMethod.NEAREST_NEIGHBOR)
tf.image.resize(f, (20, 20), method="bicubic")
tf.image.resize(f, (20, 20), method="lanczos3", antialias=True)
tf.image.resize(f, (3, 4), antialias=True)
tf.image.resize(f, (3, 4), method="area")
tf.image.resize(f, (14, 14), preserve_aspect_ratio=True)
tf.image.resize_with_pad(f, 12, 12)
tf.image.resize_with_pad(u, 5, 12)
tf.image.resize_with_crop_or_pad(f, 4, 12)
tf.image.resize_with_crop_or_pad(u, 12, 4)
tf.image.pad_to_bounding_box(f, 1, 2, 10, 12)
tf.image.crop_to_bounding_box(b, 1, 2, 3, 4)
tf.image.central_crop(f, 0.5)
tf.image.central_crop(u, 0.6)
tf.image.flip_left_right(f)
tf.image.flip_left_right(b)
tf.image.flip_up_down(u)
tf.image.transpose(f)
tf.image.rot90(f)
tf.image.rot90(b, k=3)
tf.image.convert_image_dtype(u, tf.float32)
tf.image.convert_image_dtype(f, tf.uint8)
tf.image.convert_image_dtype(f * 2, tf.uint8, saturate=True)
tf.image.convert_image_dtype(u, tf.uint16)
tf.image.convert_image_dtype(f, tf.float64)
tf.image.adjust_brightness(f, 0.2)
tf.image.adjust_brightness(u, delta=-0.3)
tf.image.adjust_contrast(f, 1.7)
tf.image.adjust_contrast(u, 0.5)
tf.image.adjust_saturation(f, 1.5)
tf.image.adjust_saturation(u, 0.4)
tf.image.adjust_hue(f, 0.2)
tf.image.adjust_hue(u, -0.1)
tf.image.adjust_gamma(f, 0.5)
tf.image.psnr(f, 1 - f, 1.0)
tf.image.psnr(b, b * b, max_val=2.0)
tf.image.psnr(u, u // 2, 255)
tf.image.ssim(b, b * b, 1.0, filter_size=7)
tf.image.ssim(f, 1 - f, max_val=1.0, filter_size=5, filter_sigma=1.0, k1=0.02, k2=0.05)
tf.image.ssim(u, u // 2, 255, filter_size=7)
tf.image.sobel_edges(b)
tf.image.rgb_to_yuv(f)
tf.image.yuv_to_rgb(b)
tf.image.extract_patches(b, [1, 3, 3, 1], [1, 3, 3, 1], [1, 1, 1, 1], "VALID")
tf.image.extract_patches(b, sizes=[1, 3, 2, 1], strides=[1, 2, 3, 1], rates=[1, 2, 1, 1], padding="SAME")
tf.nn.depth_to_space(tf.concat([b, b, b, b], -1), 2)
tf.nn.space_to_depth(b[:, :6, :6], 3)
tf.image.per_image_standardization(f)
tf.image.per_image_standardization(u)
tf.image.per_image_standardization(b)
tf.image.rgb_to_grayscale(f)
tf.image.rgb_to_grayscale(u)
tf.image.grayscale_to_rgb(f[..., :1])
tf.image.grayscale_to_rgb(u[..., :1])
tf.image.rgb_to_hsv(f)
tf.image.hsv_to_rgb(f)
tf.image.total_variation(b)
"""


def test_pixels(keras):
    rng = np.random.default_rng(5)
    f, u = rng.random((7, 9, 3)).astype(np.float32), rng.integers(0, 256, (7, 9, 3)).astype(np.uint8)
    calls = lines(CALLS)

    def compute(tf):
        known = {"tf": tf, "f": tf.constant(f), "b": tf.constant(np.stack([f, f[::-1]])), "u": tf.constant(u)}
        return [plain(eval(line, known)) for line in calls]

    found = {}
    for line, one, other in zip(calls, *of_both(compute), strict=True):
        fault = faults(one, other, 3e-6)
        if fault:
            found[line] = fault
    assert not found, "\n".join(f"{line}: {fault}" for line, fault in found.items())


def test_files(keras, tmp_path):
    rng = np.random.default_rng(6)
    pixels = np.kron(rng.integers(0, 256, (4, 6, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.jpg", quality=95)
    Image.fromarray(pixels).save(tmp_path / "drawing.png")
    Image.fromarray(pixels[..., 0]).save(tmp_path / "grey.png")
    Image.fromarray(pixels).save(tmp_path / "plain.bmp")

    def compute(tf):
        read = {path.name: tf.io.read_file(str(path)) for path in tmp_path.iterdir()}
        with tf.io.gfile.GFile(str(tmp_path / "grey.png"), "rb") as file:
            content = file.read()
        return [
            plain(each)
            for each in (
                *(tf.image.decode_jpeg(read["photo.jpg"]), tf.io.decode_jpeg(read["photo.jpg"], channels=3)),
                *(tf.image.decode_png(read["drawing.png"]), tf.io.decode_png(read["grey.png"])),
                *(tf.image.decode_png(read["grey.png"], channels=3), tf.io.decode_bmp(read["plain.bmp"])),
                tf.image.decode_image(read["drawing.png"], channels=3, expand_animations=False),
                tf.io.decode_image(read["drawing.png"], dtype=tf.float32),
                tf.image.decode_png(tf.io.encode_png(tf.constant(pixels))),
                tf.image.decode_image(content),
            )
        ]

    wanted, found = of_both(compute)
    for number, (one, other) in enumerate(zip(wanted, found, strict=True)):
        fault = faults(one, other, 2 if number < 2 else 1e-6)  # JPEG's arithmetic is not one
        assert not fault, f"{number}: {fault}"


@pytest.fixture
def tf():
    with era("tf2"):
        import tensorflow

        yield tensorflow


def test_images_to_come(tf):
    """Functions of images within a model, as in a graph of layers."""
    x = tf.keras.Input((8, 6, 3))
    y = tf.image.rgb_to_grayscale(tf.image.flip_left_right(tf.image.resize(x, (4, 3))))
    model = tf.keras.Model(x, tf.image.per_image_standardization(y))
    images = np.random.default_rng(0).random((2, 8, 6, 3)).astype(np.float32)
    wanted = tf.image.per_image_standardization(
        tf.image.rgb_to_grayscale(tf.image.flip_left_right(tf.image.resize(images, (4, 3))))
    )
    assert model.output_shape == (None, 4, 3, 1)
    np.testing.assert_allclose(model.predict(images, verbose=0), wanted.numpy(), rtol=1e-5)


def test_what_is_random(tf):
    image = tf.constant(np.random.default_rng(0).random((6, 6, 3)).astype(np.float32))
    flipped = [bool((tf.image.random_flip_left_right(image).numpy() != image.numpy()).any()) for _ in range(40)]
    assert 5 < sum(flipped) < 35
    both = tf.image.random_flip_up_down(tf.stack([image] * 40)).numpy()
    assert 5 < (both != image.numpy()).any(axis=(1, 2, 3)).sum() < 35
    changes = [float(tf.reduce_mean(tf.image.random_brightness(image, 0.3) - image)) for _ in range(40)]
    assert -0.3 <= min(changes) < -0.1
    assert 0.1 < max(changes) <= 0.3
    assert tf.image.random_crop(image, (3, 4, 3)).shape == (3, 4, 3)
    for change in (tf.image.random_contrast, tf.image.random_saturation):
        assert not np.array_equal(change(image, 0.2, 0.5), image)
    assert not np.array_equal(tf.image.random_hue(image, 0.3), image)


def test_random_numbers(tf):
    tf.random.set_seed(3)
    first = tf.random.normal((2000,), mean=2.0, stddev=3.0).numpy()
    assert first.dtype == np.float32
    assert abs(first.mean() - 2) < 0.3
    assert abs(first.std() - 3) < 0.3
    second = tf.random.normal((2000,)).numpy()
    tf.random.set_seed(3)
    np.testing.assert_array_equal(tf.random.normal((2000,), 2.0, 3.0).numpy(), first)
    np.testing.assert_array_equal(tf.random.normal((2000,)).numpy(), second)
    drawn = tf.random.uniform((2000,), 2, 5).numpy()
    assert 2 <= drawn.min() < 2.1
    assert 4.9 < drawn.max() < 5
    spread = tf.random.gamma([4000], [2.0, 5.0], beta=2.0).numpy()
    assert spread.shape == (4000, 2)
    np.testing.assert_allclose(spread.mean(0), [1, 2.5], rtol=0.1)
    np.testing.assert_allclose(spread.var(0), [0.5, 1.25], rtol=0.2)
    np.testing.assert_allclose(tf.random.poisson((4000,), 3.0).numpy().mean(), 3, rtol=0.1)
    whole = tf.random.uniform((2000,), 0, 3, dtype=tf.int32)
    assert set(whole.numpy().tolist()) == {0, 1, 2}
    assert np.abs(tf.random.truncated_normal((2000,)).numpy()).max() <= 2
    assert sorted(tf.random.shuffle(tf.range(20)).numpy().tolist()) == list(range(20))
    classes = tf.random.categorical(tf.math.log([[0.1, 0.9]]), 500).numpy()
    assert 0.8 < classes.mean() < 1
    dropped = tf.nn.dropout(tf.ones((2000,)), rate=0.25).numpy()
    np.testing.assert_allclose(np.unique(dropped), [0, 4 / 3])
    generator = tf.random.Generator.from_seed(1)
    assert generator.normal((2,)).numpy().tolist() != generator.normal((2,)).numpy().tolist()
