"""From a model and samples to a page: recordings, one after the other, and what they become."""

from collections.abc import Sequence
from contextlib import closing
from html import escape
from pathlib import Path
from typing import Any

from .recording import Recording
from .steps import recorded_steps

STEPS = (0, 1, 10, 100)  # updates
BUDGET = 8.0  # megabytes


class Page:
    """A page of the explorer: its text, and the path of its file if it was written. Notebooks show it as it is."""

    def __init__(self, html: str, path: Path | None) -> None:
        self.html, self.path = html, path

    def __repr__(self) -> str:
        size = len(self.html.encode()) / 1e6
        return f"<Page of {size:.2f} MB, {self.path or 'in no file: explore(..., path=...) writes one'}>"

    def _repr_html_(self) -> str:
        """Return the page in a frame of its own, as a notebook shows it."""
        return (
            f'<iframe srcdoc="{escape(self.html)}" title="explorer" style="width:100%;height:900px;border:0"></iframe>'
        )


def explore(
    model: Any,
    x: Any,
    y: Any,
    path: str | Path | None = None,
    *,
    steps: Sequence[int] = STEPS,
    budget: float = BUDGET,
    classes: Sequence[str] | None = None,
) -> Page:
    """Show every step of backpropagation of a compiled model on samples x (n, …) and targets y, as an HTML page.

    The page has what is computed after each of so many updates (`steps`) on these samples, forward and backward, with
    the formulas and their numbers. It is one file that needs no network, of at most `budget` megabytes: of large arrays
    it has some maps only, and says which. It is written to `path`, if one is given; a notebook shows it. `classes` are
    the names of the classes. The model stays as it is. Raises ValueError for a model that is not compiled, samples that
    do not fit it, or a budget that nothing fits in.
    """
    return page_of(model, x, y, path, steps, budget, classes, str(getattr(model, "name", "model")))


def page_of(
    model: Any,
    x: Any,
    y: Any,
    path: str | Path | None,
    steps: Sequence[int],
    budget: float,
    classes: Sequence[str] | None,
    title: str,
) -> Page:
    """Return the page as `tc.explore` does, with a title of its own before the labels."""
    from .page.manifest import Manifest  # which few need
    from .page.write import NUMBERS, html, write

    manifest = None
    with closing(recorded_steps(model, x, y, steps)) as recordings:
        for step in steps:
            recording = next(recordings)
            if manifest is None:
                manifest = Manifest(recording, NUMBERS, classes, _labelled(title, recording, classes))
            manifest.add(recording, step)
            del recording  # before the next one is made: that of a large network takes gigabytes
    assert manifest is not None
    text = html(manifest, budget)
    if path is not None:
        write(Path(path), text)
    return Page(text, None if path is None else Path(path))


def _labelled(title: str, recording: Recording, classes: Sequence[str] | None) -> str:
    """Return a title with the classes of the samples behind it."""
    from .page.manifest import labels_of

    labels = labels_of(recording)
    if labels is None:
        return title
    names = [str(label) if classes is None else str(classes[label]) for label in labels]
    return f"{title}, label {', '.join(names)}" if len(names) < 5 else title
