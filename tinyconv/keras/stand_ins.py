"""Stand-ins for modules that scripts import and that are gone, moved, or absent: what scripts take from them."""

from collections.abc import Callable
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import numpy as np

Names = dict[str, Any]

RESAMPLING = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "cubic": 3}  # Pillow's numbers


def _imread(name: Any, flatten: bool = False, mode: str | None = None) -> np.ndarray:
    """Return an image file as an array: `scipy.misc.imread`, gone since SciPy 1.2."""
    from PIL import Image

    image: Any = Image.open(name)
    if mode is not None and image.mode != mode:
        image = image.convert(mode)
    elif image.mode == "P":
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    return np.array(image.convert("F") if flatten else image)


def _imresize(arr: Any, size: Any, interp: str = "bilinear", mode: str | None = None) -> np.ndarray:
    """Return an image in another size: a factor, a number of per cent, or (h, w), as `scipy.misc.imresize`."""
    image = _toimage(arr, mode=mode)
    if isinstance(size, int | np.integer):
        size = size / 100
    if isinstance(size, float):
        width, height = (round(length * size) for length in image.size)
    else:
        height, width = size[:2]
    return np.array(image.resize((int(width), int(height)), RESAMPLING[interp]))


def _toimage(arr: Any, *_: Any, mode: str | None = None, cmin: Any = None, cmax: Any = None, **__: Any) -> Any:
    """Return an array as an image of Pillow's, its values spread over 0 … 255, as `scipy.misc.toimage`."""
    from PIL import Image

    x = np.squeeze(np.asarray(arr))
    if x.ndim == 3 and x.shape[0] in (3, 4) and x.shape[2] not in (3, 4):
        x = x.transpose(1, 2, 0)
    if x.dtype != np.uint8:
        low, high = (x.min() if cmin is None else cmin), (x.max() if cmax is None else cmax)
        x = np.clip((x - low) * (255.0 / ((high - low) or 1)) + 0.5, 0, 255).astype(np.uint8)
    return (
        Image.fromarray(x, mode) if mode in ("L", "RGB") and x.ndim == (2 if mode == "L" else 3) else Image.fromarray(x)
    )


def _imsave(name: Any, arr: Any, format: str | None = None) -> None:
    """Write an array as an image file, as `scipy.misc.imsave`."""
    _toimage(arr).save(name, format=format)


def _imrotate(arr: Any, angle: float, interp: str = "bilinear") -> np.ndarray:
    """Return an image turned by an angle in degrees, as `scipy.misc.imrotate`."""
    return np.array(_toimage(arr).rotate(angle, resample=RESAMPLING[interp]))


def _misc() -> Names:
    return {"imread": _imread, "imresize": _imresize, "imsave": _imsave, "toimage": _toimage, "imrotate": _imrotate}


def _moved(module: str, *others: str) -> Callable[[], Names]:
    """Return what makes a module of another's names."""

    def made() -> Names:
        found: Names = {}
        for name in (module, *others):
            found |= {key: value for key, value in vars(import_module(name)).items() if not key.startswith("__")}
        return found

    return made


def _nothing(*_: Any, **__: Any) -> None:
    """Do nothing."""


class _Drawing:
    """Of Graphviz's wrappers, what scripts make and never look into."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _nothing

    @staticmethod
    def create(*_: Any, **__: Any) -> bytes:
        """Return no drawing."""
        return b""


def _graphviz() -> Names:
    kinds = ("Dot", "Digraph", "Graph", "Source", "Node", "Edge", "Cluster", "Subgraph")
    return {**dict.fromkeys(kinds, _Drawing), "find_graphviz": lambda: {"dot": "dot"}, "graph_from_dot_data": _nothing}


def _colab() -> Names:
    drive = SimpleNamespace(mount=_nothing, flush_and_unmount=_nothing)
    files = SimpleNamespace(upload=dict, download=_nothing, view=_nothing)
    return {"drive": drive, "files": files, "output": SimpleNamespace(clear=_nothing, eval_js=_nothing), "__path__": []}


MODULES: dict[str, Callable[[], Names]] = {
    "scipy.misc": _misc,
    "cPickle": _moved("pickle"),
    "urllib2": _moved("urllib.request", "urllib.error", "urllib.parse"),
    "Queue": _moved("queue"),
    "StringIO": _moved("io"),
    "sklearn.cross_validation": _moved("sklearn.model_selection"),
    "sklearn.grid_search": _moved("sklearn.model_selection"),
    "sklearn.externals.joblib": _moved("joblib"),
    "pydot": _graphviz,
    "pydot_ng": _graphviz,
    "pydotplus": _graphviz,
    "graphviz": _graphviz,
    "google.colab": _colab,
    "google.colab.drive": lambda: dict(vars(_colab()["drive"])),
    "google.colab.files": lambda: dict(vars(_colab()["files"])),
    "google.colab.patches": lambda: {"cv2_imshow": _nothing},
    "google": lambda: {"__path__": []},
}
# Modules of which the real one, where there is one, lacks what scripts take from it.
GONE = ("scipy.misc",)
