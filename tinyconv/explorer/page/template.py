"""The page's own files, HTML, CSS and JavaScript, as one text: `static/page.html` with all that it refers to inside."""

import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

PLACE = "<!-- manifest and arrays -->"
STYLE = re.compile(r'<link rel="stylesheet" href="([\w./-]+)"\s*/?>')
SCRIPT = re.compile(r'<script( type="module")?( defer)? src="([\w./-]+)"( defer)?></script>')


@cache
def static(name: str) -> str:
    """Return the text of one of the page's files."""
    return (files(__package__) / "static" / name).read_text(encoding="utf-8")


@cache
def template() -> tuple[str, str]:
    """Return the page before and after the place for its data."""
    styled = STYLE.sub(lambda match: f"<style>\n{static(match[1])}</style>", static("page.html"))
    whole = SCRIPT.sub(lambda match: f"<script{match[1] or ''}>\n{static(match[3])}</script>", styled)
    before, _, after = whole.partition(PLACE)
    return before, after


def page(manifest: str, arrays: Sequence[str]) -> str:
    """Return the page with its data: the manifest as JSON, and the arrays as elements."""
    before, after = template()
    element = f'<script type="application/json" id="manifest">{manifest}</script>'
    return "\n".join([before.rstrip("\n"), element, *arrays, after.lstrip("\n")])
