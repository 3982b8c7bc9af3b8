"""Figures of a script: `plt.show()` never waits, and keeps what it would show, if that is wanted."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def figures(folder: Path | None) -> Iterator[None]:
    """Have matplotlib draw without a screen; save each figure that is shown, or left open, in `folder` if given."""
    import os

    before = os.environ.get("MPLBACKEND")
    os.environ["MPLBACKEND"] = "agg"
    keeper = Keeper(folder)
    hook = _Hook(keeper)
    sys.meta_path.insert(0, hook)
    if "matplotlib.pyplot" in sys.modules:
        keeper.take(sys.modules["matplotlib.pyplot"])
    try:
        yield
        keeper.show()
    finally:
        sys.meta_path.remove(hook)
        keeper.give_back()
        if before is None:
            del os.environ["MPLBACKEND"]
        else:
            os.environ["MPLBACKEND"] = before


class Keeper:
    """Stands in for `plt.show`: saves the open figures, and closes them."""

    def __init__(self, folder: Path | None) -> None:
        self.folder, self.saved = folder, 0
        self.pyplot: Any = None
        self.original: Any = None

    def take(self, pyplot: Any) -> None:
        """Put itself in the place of `show`."""
        self.pyplot, self.original = pyplot, pyplot.show
        pyplot.switch_backend("agg")
        pyplot.show = self.show

    def give_back(self) -> None:
        """Give `show` back."""
        if self.pyplot is not None:
            self.pyplot.show = self.original

    def show(self, *_: Any, **__: Any) -> None:
        """Save and close every open figure."""
        if self.pyplot is None:
            return
        for number in self.pyplot.get_fignums():
            figure = self.pyplot.figure(number)
            if self.folder is not None and figure.axes:
                self.folder.mkdir(parents=True, exist_ok=True)
                self.saved += 1
                path = self.folder / f"figure-{self.saved:02d}.png"
                figure.savefig(path, bbox_inches="tight")
                print(f"figure saved: {path}", file=sys.stderr)
            self.pyplot.close(figure)


class _Hook:
    """Tells the keeper when a script imports matplotlib.pyplot."""

    def __init__(self, keeper: Keeper) -> None:
        self.keeper = keeper

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Find matplotlib.pyplot as it is found without this, and have the keeper told when it is loaded."""
        if name != "matplotlib.pyplot" or self.keeper.pyplot is not None:
            return None
        from importlib.machinery import PathFinder

        spec = PathFinder.find_spec(name, path)
        if spec is None or spec.loader is None:
            return None
        load = spec.loader.exec_module

        def loaded(module: Any) -> None:
            load(module)
            self.keeper.take(module)

        spec.loader.exec_module = loaded  # type: ignore[method-assign]
        return spec
