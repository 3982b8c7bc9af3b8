"""What ImageDataGenerator does to the pixels of one image (h,w,c): affine maps, brightness, shifted channels.

Each is Keras's, of keras/src/legacy/preprocessing/image.py, in the same order of operations.
"""

import numpy as np

from .. import kernels

# By fill mode, what the warp calls it. SciPy's "constant" does not mix at the edge, its "wrap" is a cell shorter.
SEEN_BEYOND = {"constant": "cut", "nearest": "nearest", "reflect": "reflect", "wrap": "overlap"}
FILL_MODES = tuple(SEEN_BEYOND)


def affine_map(
    height: int,
    width: int,
    theta: float = 0,
    tx: float = 0,
    ty: float = 0,
    shear: float = 0,
    zx: float = 1,
    zy: float = 1,
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return (A, b): the result's pixel p = (row, column) is taken from A·p + b. None where no pixel moves.

        M = rotation(θ)·shift(tx, ty)·shear·zoom(zx, zy), about the centre, in coordinates (x, y): column, row

    `theta` and `shear` are in degrees, `tx` and `ty` in pixels; zx > 1 shows more of the image, smaller. The centre is
    Keras's, (h/2 − ½, w/2 − ½) in the order x, y: for images that are not square it lies off the middle.
    """
    if theta == 0 and tx == 0 and ty == 0 and shear == 0 and zx == 1 and zy == 1:
        return None
    turn, lean = np.deg2rad(theta), np.deg2rad(shear)
    rotation = np.array([[np.cos(turn), -np.sin(turn), 0.0], [np.sin(turn), np.cos(turn), 0.0], [0.0, 0.0, 1.0]])
    shift = np.array([[1.0, 0.0, tx], [0.0, 1.0, ty], [0.0, 0.0, 1.0]])
    leaning = np.array([[1.0, -np.sin(lean), 0.0], [0.0, np.cos(lean), 0.0], [0.0, 0.0, 1.0]])
    zoom = np.diag([zx, zy, 1.0])
    # In Keras's order of operations: where a place falls on an edge, or midway, the last bit decides what shows.
    x, y = height / 2 - 0.5, width / 2 - 0.5
    to_centre = np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])
    from_centre = np.array([[1.0, 0.0, -x], [0.0, 1.0, -y], [0.0, 0.0, 1.0]])
    moved = to_centre @ (rotation @ shift @ leaning @ zoom) @ from_centre
    return moved[1::-1, 1::-1].copy(), moved[1::-1, 2].copy()


def warped(
    x: np.ndarray, linear: np.ndarray, offset: np.ndarray, fill_mode: str, cval: float, order: int
) -> np.ndarray:
    """Return y (h,w,c) with y[p] = x[linear·p + offset], by splines of `order` 0 … 5; see `affine_map`.

    As SciPy's `affine_transform` does it, in double. Linear splines are the engine's warp. For the nearest pixel SciPy
    itself is asked: it rounds the double next to ½ up, the warp down, as TensorFlow does.
    """
    if order == 1 and x.dtype.kind == "f":
        maps = np.column_stack([linear, offset])[None]
        images = x[None].astype(np.float64, order="C")
        y = kernels.host().warp(images, maps, x.shape[:2], SEEN_BEYOND[fill_mode], cval, True)
        return np.asarray(y[0].astype(x.dtype))
    from scipy.ndimage import affine_transform

    planes = np.moveaxis(x, -1, 0)
    moved = [affine_transform(plane, linear, offset, order=order, mode=fill_mode, cval=cval) for plane in planes]
    return np.stack(moved, axis=-1)


def shifted_channels(x: np.ndarray, intensity: float) -> np.ndarray:
    """Return x + intensity, held between the least and the largest number of x."""
    return np.clip(x + float(intensity), x.min(), x.max())


def brightened(x: np.ndarray, brightness: float) -> np.ndarray:
    """Return the image (h,w,c) times `brightness`, in whole numbers of 0 … 255, as Pillow's enhancer has them.

    A fourth channel (alpha) stays; images of integers become float32. Numbers outside 0 … 255 are scaled into that
    range and, afterwards, back. A brightness of 1 changes nothing, where Keras cuts fractions off.
    """
    if brightness == 1:
        return x
    low, high = np.float32(x.min()), np.float32(x.max())
    outside = bool(low < 0 or high > 255)
    pixels = x.astype(np.float32)
    if outside:
        pixels = pixels - low
        largest = pixels.max()
        pixels = pixels / (largest if largest else np.float32(1)) * np.float32(255)
    pixels = np.trunc(pixels)
    colors = 3 if x.shape[-1] == 4 else x.shape[-1]
    brighter = np.trunc(np.clip(np.float32(brightness) * pixels[..., :colors], 0, 255))
    pixels = np.concatenate([brighter, pixels[..., colors:]], axis=-1)
    if outside:
        pixels = pixels / np.float32(255) * (high - low) + low
    return pixels.astype(x.dtype if x.dtype.kind == "f" else np.float32)
