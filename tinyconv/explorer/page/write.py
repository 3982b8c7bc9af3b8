"""One HTML file of a manifest, its arrays, and the page's own files: as large as a budget allows."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...files import replace_file
from .arrays import Elements
from .manifest import Kept, Manifest
from .maps import Maps
from .template import page

MEGABYTE = 1_000_000
NUMBERS = 3 << 13  # that an array has at most, where the budget does not matter
STEPS = 24  # in which an array's numbers are halved, two steps a time, until a page fits into its budget


def html(manifest: Manifest, budget: float) -> str:
    """Return the page, with as many maps of each array as fit into a budget in megabytes.

    Raises ValueError if nothing fits.
    """
    low, high = 0, STEPS  # the step is to be found that is the first to fit
    best = None
    while low < high:
        middle = (low + high) // 2
        text = filled(manifest.json, NUMBERS * 2 ** (-middle / 2))
        if len(text.encode()) <= budget * MEGABYTE:
            best, high = text, middle
        else:
            low = middle + 1
    if best is None:
        best = filled(manifest.json, 0)
        size = len(best.encode()) / MEGABYTE
        if size > budget:
            raise ValueError(f"nothing fits into a budget of {budget:g} MB: without maps the page has {size:.2f} MB")
    return best


def filled(manifest: dict[str, Any], most: float) -> str:
    """Return the page whose arrays have at most so many numbers."""
    elements = Elements()
    whole = _replaced({**manifest, "left_out": list(left_out(manifest, most))}, elements, most)
    text = json.dumps(whole, ensure_ascii=False, separators=(",", ":"), allow_nan=False).replace("</", "<\\/")
    return page(text, elements.texts)


def _replaced(part: Any, elements: Elements, most: float) -> Any:
    """Return a part of the manifest with names in the place of arrays."""
    if isinstance(part, Maps):
        packed = part.packed(most)
        return None if packed is None else elements.add(packed, part.helper)
    if isinstance(part, Kept):
        kept = part.maps.kept(most)
        return None if kept is None else list(kept)
    if isinstance(part, dict):
        return {name: _replaced(each, elements, most) for name, each in part.items()}
    return [_replaced(each, elements, most) for each in part] if isinstance(part, list | tuple) else part


def left_out(manifest: dict[str, Any], most: float) -> Iterator[dict[str, Any]]:
    """Yield what the page says of values that it does not have whole."""
    for value in manifest["values"]:
        kept = [step["kept"].maps.kept(most) for step in value["steps"]]
        of = (value["shape"] or [1])[-1]
        counts = [of if each is None else len(each) for each in kept]
        if counts and counts[0] < of:
            yield {"name": value["name"], "kept": counts[0], "of": of, "steps": "all"}
        if counts[1:] and min(counts[1:]) < counts[0]:
            yield {"name": value["name"], "kept": min(counts[1:]), "of": of, "steps": "later"}


def write(path: Path, text: str) -> None:
    """Write the page; raises OSError, and leaves nothing behind, if that cannot be."""
    replace_file(path, [text.encode()])
