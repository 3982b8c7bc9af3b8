"""New values of weights: checked first, all of them, and then read, straight into the weights' own arrays if they fit.

So that nothing is half loaded, whatever can fail is done before the first weight changes; so that loading takes no more
memory than the model, what cannot fail is done last: an array that lies in the file as it will lie in memory is read
only then.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..kernels import device, move
from . import hdf5

Change = Callable[[np.ndarray], np.ndarray]


class Values:
    """Values for `weight` in the dataset `stored`, of the shape of the weight once `change` has turned them.

    `place` names them in errors, which are FileError.
    """

    def __init__(self, weight: Any, stored: Any, place: str, change: Change | None = None) -> None:
        self.weight, self.stored, self.change = weight, stored, change
        self.held: np.ndarray | None = None
        dtype = weight.data.dtype
        if stored.dtype != dtype or stored.chunks is not None or stored.compression is not None:
            self.held = hdf5.converted(self._read(), dtype, place)

    def give(self) -> None:
        """Change the weight. The file must still be open."""
        data = self.weight.data
        straight = self.held is None and self.change is None and data.size and data.ndim
        if straight and device(data) == "cpu" and data.flags.c_contiguous:
            self.stored.read_direct(data)
        else:
            data[...] = move(self.read(), device(data))

    def read(self) -> np.ndarray:
        """Return the values, in the dtype of the weight."""
        return self._read() if self.held is None else self.held

    def _read(self) -> np.ndarray:
        values = np.asarray(self.stored[()])
        return values if self.change is None else self.change(values)
