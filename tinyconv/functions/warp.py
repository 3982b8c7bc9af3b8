"""Images seen through affine maps: turned, shifted, sheared, enlarged, mirrored."""

from typing import Any

import numpy as np

from .. import kernels
from ..kernels.shared import FILL_MODES
from ..names import look_up
from ..tensor import Formula, Function, Tensor, as_tensor

INTERPOLATIONS = {"nearest": False, "bilinear": True}


class Warp(Function):
    """Images seen through an affine map each. Shares and what lies beyond the edges: `kernels/reference/warp.py`."""

    formula = Formula(
        "y[n,p,q,c] = Σ s·x[n,i,j,c] over the pixels at A(p,q) + b, each with its share s",
        "dx[n,i,j,c] = Σ s·dy[n,p,q,c] over the p, q that it has a share in",
    )

    def __init__(self, maps: Any, size: tuple[int, int], fill_mode: str, fill_value: float, bilinear: bool) -> None:
        self.maps, self.size, self.bilinear = maps, size, bilinear
        self.fill_mode, self.fill_value = fill_mode, fill_value

    def forward(self, x: Any) -> Any:
        self.image = x.shape[1:3]
        return kernels.of(x).warp(x, self.maps, self.size, self.fill_mode, self.fill_value, self.bilinear)

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return (kernels.of(dy).warp_backward(dy, self.maps, self.image, self.fill_mode, self.bilinear),)


def warp(
    x: Any,
    maps: np.ndarray,
    size: tuple[int, int] | None = None,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    interpolation: str = "bilinear",
) -> Tensor:
    """Return the images x (n,h,w,c) seen through maps (n,2,3), of `size` (height, width) or their own. See `Warp`.

    The result's pixel (p, q) shows the place (a·p + b·q + e, c·p + d·q + f), with [[a, b, e], [c, d, f]] an image's
    map. `fill_mode` is one of `kernels/shared.py`'s FILL_MODES, `interpolation` "nearest" or "bilinear".
    """
    x = as_tensor(x)
    if maps.shape != (len(x.data), 2, 3):
        raise ValueError(f"warp of images {x.shape} needs maps of shape {(x.shape[0], 2, 3)}, got {maps.shape}")
    bilinear = look_up("interpolation", interpolation, INTERPOLATIONS)
    look_up("fill_mode", fill_mode, dict.fromkeys(FILL_MODES))
    placed = kernels.move(np.ascontiguousarray(maps, x.dtype), x.device)
    return Warp(placed, size or (x.shape[1], x.shape[2]), fill_mode, float(fill_value), bilinear)(x)
