"""Warps: against SciPy's, against array indexing, and their gradients against differences."""

import numpy as np
import pytest
from kernel_checks import assert_close, assert_gradient
from scipy import ndimage

from tinyconv.kernels.shared import FILL_MODES

SHAPES = [(2, 7, 5, 3), (1, 1, 1, 1), (3, 1, 6, 2), (2, 6, 1, 1), (0, 4, 3, 2)]
SCIPYS = {"cut": "constant", "constant": "constant", "nearest": "nearest", "reflect": "reflect", "overlap": "wrap"}

each_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)
each_mode = pytest.mark.parametrize("mode", FILL_MODES)
both_ways = pytest.mark.parametrize("bilinear", [False, True], ids=["nearest", "bilinear"])


def random_maps(rng, shape, dtype, spread=1.0):
    """Maps (n,2,3) that turn, stretch and shift, near and far beyond the edges."""
    n, h, w, _ = shape
    maps = rng.normal(size=(n, 2, 3))
    maps[:, :, 2] *= spread * np.array([h, w])
    return maps.astype(dtype)


def in_scipy(x, maps, size, mode, fill_value, bilinear):
    """Of one image and channel at a time; "constant" with a frame of `fill_value` about it, to mix with."""
    y = np.empty((len(x), *size, x.shape[3]))
    if mode == "constant":
        x = np.pad(x, ((0, 0), (2, 2), (2, 2), (0, 0)), constant_values=fill_value)
        maps = maps + np.array([[0, 0, 2], [0, 0, 2]])
    for image, places, result in zip(x, maps.astype(np.float64), y, strict=True):
        for channel in range(x.shape[3]):
            result[..., channel] = ndimage.affine_transform(
                image[..., channel].astype(np.float64),
                places[:, :2],
                places[:, 2],
                size,
                order=int(bilinear),
                mode=SCIPYS[mode],
                cval=fill_value,
            )
    return y


@both_ways
@pytest.mark.parametrize("mode", SCIPYS)
@each_shape
def test_as_scipy(kernels, shape, mode, bilinear, rng):
    x, maps = rng.random(shape) + 1, random_maps(rng, shape, np.float64)
    got = kernels.warp(x, maps, (6, 8), mode, 0.7, bilinear)
    assert_close(got, in_scipy(x, maps, (6, 8), mode, 0.7, bilinear))


@both_ways
@each_mode
def test_in_single_precision(kernels, dtype, mode, bilinear, rng):
    """Maps of small whole numbers and halves, which are exact in either precision."""
    x = (rng.random((4, 6, 9, 3)) + 1).astype(dtype)
    maps = rng.integers(-3, 4, (4, 2, 3)) / 2 + np.array([[1, 0, 0], [0, 1, 0]])
    got = kernels.warp(x, maps.astype(dtype), (7, 5), mode, 0.7, bilinear)
    wide = kernels.warp(x.astype(np.float64), maps.astype(np.float64), (7, 5), mode, 0.7, bilinear)
    assert_close(got, wide, dtype)


MOVES = {
    "nothing": ([[1, 0, 0], [0, 1, 0]], lambda x: x),
    "mirrored": ([[1, 0, 0], [0, -1, 4]], lambda x: x[:, :, ::-1]),
    "upside down": ([[-1, 0, 6], [0, 1, 0]], lambda x: x[:, ::-1]),
    "transposed": ([[0, 1, 0], [1, 0, 0]], lambda x: x.transpose(0, 2, 1, 3)),
}


@both_ways
@each_mode
@pytest.mark.parametrize("move", MOVES)
def test_whole_pixels_are_copied(kernels, dtype, move, mode, bilinear, rng):
    x = rng.random((2, 7, 5, 3)).astype(dtype)
    places, moved = MOVES[move]
    wanted = moved(x)
    got = kernels.warp(x, np.array([places] * 2, dtype), wanted.shape[1:3], mode, 0.0, bilinear)
    np.testing.assert_array_equal(got, wanted, strict=True)


ROWS = {
    "constant": [9, 9, 9, 0, 1, 2, 3, 9, 9, 9],
    "cut": [9, 9, 9, 0, 1, 2, 3, 9, 9, 9],
    "nearest": [0, 0, 0, 0, 1, 2, 3, 3, 3, 3],
    "reflect": [2, 1, 0, 0, 1, 2, 3, 3, 2, 1],
    "wrap": [3, 2, 3, 0, 1, 2, 3, 0, 1, 0],
    "overlap": [3, 1, 2, 0, 1, 2, 3, 1, 2, 0],
}


@both_ways
@each_mode
def test_what_shows_beyond_the_edges(kernels, dtype, mode, bilinear):
    """Of a row 0 1 2 3, three pixels either way: there "wrap" has begun to show nothing but the edge."""
    x = np.arange(4, dtype=dtype).reshape(1, 1, 4, 1)
    for shape, places in (((1, 10), [[1, 0, 0], [0, 1, -3]]), ((10, 1), [[0, 1, 0], [1, 0, -3]])):
        y = kernels.warp(x, np.array([places], dtype), shape, mode, 9.0, bilinear)
        np.testing.assert_array_equal(y.reshape(-1), ROWS[mode])


def test_an_edge_mixes_with_what_lies_beyond(kernels, dtype):
    x = np.full((1, 1, 3, 1), 4, dtype)
    places = np.array([[[1, 0, 0], [0, 1, -0.75]]], dtype)
    for mode, wanted in (("constant", [7, 4, 4, 5]), ("cut", [8, 4, 4, 8]), ("reflect", [4, 4, 4, 4])):
        y = kernels.warp(x, places, (1, 4), mode, 8.0, True)
        np.testing.assert_array_equal(y.reshape(-1), wanted)


def test_halves_are_rounded_away_from_zero(kernels, dtype):
    x = np.arange(1, 4, dtype=dtype).reshape(1, 1, 3, 1)
    y = kernels.warp(x, np.array([[[1, 0, 0], [0, 1, -1.5]]], dtype), (1, 5), "constant", 0.0, False)
    np.testing.assert_array_equal(y.reshape(-1), [0, 0, 2, 3, 0])


@both_ways
@each_mode
def test_places_that_are_no_numbers(kernels, dtype, mode, bilinear):
    x = np.ones((3, 4, 5, 2), dtype)
    maps = np.full((3, 2, 3), np.nan, dtype)
    maps[1] = np.inf
    maps[2] = 1e30
    y = kernels.warp(x, maps, (3, 3), mode, 0.25, bilinear)
    assert set(y.reshape(-1).tolist()) <= {1.0, 0.25}


@both_ways
@each_mode
@pytest.mark.parametrize("shape", [(2, 7, 5, 3), (1, 3, 2, 1)], ids=str)
def test_gradient(kernels, shape, mode, bilinear, rng):
    x, maps = rng.random(shape), random_maps(rng, shape, np.float64, spread=0.3)
    maps[:, :, :2] = np.eye(2) + 0.2 * maps[:, :, :2]

    def forward(x):
        return kernels.warp(x, maps, (6, 8), mode, 0.0, bilinear)

    def backward(dy):
        return kernels.warp_backward(dy, maps, shape[1:3], mode, bilinear)

    assert_gradient(forward, backward, x, rng)


def test_large_images_on_every_thread(kernels, dtype, rng):
    x = rng.random((3, 90, 70, 3)).astype(dtype)
    maps = np.array([[[0.5, 0.25, 3], [-0.25, 0.5, 20]]] * 3, dtype)
    assert_close(
        kernels.warp(x, maps, (90, 70), "cut", 0.0, True), in_scipy(x, maps, (90, 70), "cut", 0.0, True), dtype
    )
