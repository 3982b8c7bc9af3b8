"""The tables of the documents' runs, made from what `benchmarks.seeds` wrote: `python -m benchmarks.reproduction`.

Each file docs/seeds/RECIPE.json gives a row; a recipe that has none is said not to have been run. The tables stand in
README.md and docs/ between two marks, and what is between them is replaced. `--check` changes nothing: its exit code is
1 when a table is not what the files say.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from math import isnan, nan
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from tinyconv.recipes import RECIPES, Recipe
from tinyconv.recipes.recipe import Figure

from .processes import ROOT
from .seeds import Runs, Spread, spread, standard_errors

FOLDER = ROOT / "docs" / "seeds"
BEGIN, END = "<!-- {}: made by python -m benchmarks.reproduction -->\n", "<!-- end -->"
NAMES = {"tinyconv": "tinyconv", "keras": "Keras"}
Found = dict[str, dict[str, Any]]  # what the files hold, by recipe


def read(folder: Path) -> Found:
    """Return what the files of a folder hold."""
    paths = {recipe.name: folder / f"{recipe.name}.json" for recipe in RECIPES}
    return {name: json.loads(path.read_text(encoding="utf-8")) for name, path in paths.items() if path.exists()}


def accuracies(found: Found) -> str:
    """Return the table of accuracies at the end, ours beside Keras's and the document's."""
    headings = ("recipe", "parameters", "tinyconv", "Keras", "apart", "epochs", "document")
    return markdown([headings, *(_accuracy_row(recipe, found.get(recipe.name)) for recipe in RECIPES)])


def _accuracy_row(recipe: Recipe, found: dict[str, Any] | None) -> tuple[str, ...]:
    first, claim = (f"`{recipe.name}`", f"{recipe.parameters:,}"), recipe.accuracy_figure.document
    if found is None:
        return *first, "not run yet", "–", "–", "–", claim
    runs = found["runs"]
    apart = standard_errors(runs)
    spreads = (_spread(spread(runs, engine)) for engine in NAMES)
    return *first, *spreads, "–" if apart is None else f"{apart:.1f}", str(found["settings"]["epochs"]), claim


def _spread(found: Spread | None) -> str:
    """Return mean ± standard deviation (how many): "98.87 ± 0.12 % (5)"."""
    if found is None:
        return "–"
    return f"{found.mean:.2f}{'' if found.deviation is None else f' ± {found.deviation:.2f}'} % ({found.n})"


def figures(found: Found) -> str:
    """Return the table of all figures that the documents print, of the recipes that were run."""
    rows = [("recipe", "figure", "document", *NAMES.values())]
    for recipe in RECIPES:
        if recipe.name in found:
            runs = found[recipe.name]["runs"]
            rows += [(f"`{recipe.name}`", *_figure_row(figure, runs)) for figure in recipe.figures]
    return markdown(rows) if len(rows) > 1 else "No run has been recorded yet.\n"


def _figure_row(figure: Figure, runs: Runs) -> tuple[str, ...]:
    cells = []
    for engine in NAMES:
        of_engine = [run for run in runs if run["engine"] == engine]
        values = [figure.value(run["history"], run["accuracy"]) for run in of_engine]
        known = [value for value in values if value is not None and not isnan(value)]
        deviation = stdev(known) if len(known) > 1 else nan
        cell = figure.write(mean(known)) if known else "not reached"
        cells.append(cell if isnan(deviation) else f"{cell} ± {figure.write(deviation)}")
    return figure.label, figure.document, *cells


def sources(found: Found) -> str:
    """Return a line for each recipe that was run: its images, how long a training took, the machine, and the date."""
    said = []
    for name, each in found.items():
        settings, runs = each["settings"], each["runs"]
        images = "{:,} + {:,} images".format(*runs[0]["images"])
        options = [f"--{option} {settings[option]}" for option in ("variant", "limit") if settings[option] is not None]
        options += ["--augment"] if settings["augment"] else []
        start = "from the same weights, " if settings["same_weights"] else ""
        times = " and ".join(f"{_seconds(runs, engine)} by {label}" for engine, label in NAMES.items())
        threads = "1 thread" if settings["threads"] == 1 else f"{settings['threads']} threads"
        load = each["machine"]["load"]
        busy = "" if load < settings["threads"] + 1 else f" beside other work (load {load:.0f})"
        machine = f"{each['machine']['cpu']}, {threads}{busy}, {each['date'][:10]}"
        said.append(f"- {' '.join([f'`{name}`', *options])}: {images}, {start}{times} a training; {machine}.")
    return "\n".join(said or ["No run has been recorded yet."]) + "\n"


def _seconds(runs: Runs, engine: str) -> str:
    taken = [run["seconds"] for run in runs if run["engine"] == engine]
    return f"{mean(taken):,.0f} s" if taken else "–"


def markdown(rows: Iterable[Sequence[str]]) -> str:
    """Return a table of Markdown; the first row holds the headings."""
    first, *rest = rows
    lines = [first, ["---"] * len(first), *rest]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


PAGES = {
    "README.md": {"accuracies": accuracies},
    "docs/recipes.md": {"accuracies": accuracies, "sources": sources},
    "docs/reproduction.md": {"accuracies": accuracies, "sources": sources, "figures": figures},
}


def filled(text: str, name: str, table: str) -> str:
    """Return a page with the table between its marks; raises ValueError if it has none."""
    begin = BEGIN.format(name)
    before, mark, rest = text.partition(begin)
    _, end, after = rest.partition(END)
    if not mark or not end:
        raise ValueError(f"a page needs the marks {begin.strip()} and {END}")
    return before + mark + table + end + after


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; see the module for its exit codes."""
    summary = (__doc__ or "").split("\n")[0]
    commands = argparse.ArgumentParser(prog="python -m benchmarks.reproduction", description=summary)
    commands.add_argument("--check", action="store_true", help="change nothing, say which pages are out of date")
    given = commands.parse_args(argv)
    found, stale = read(FOLDER), []
    for page, tables in PAGES.items():
        text = new = (ROOT / page).read_text(encoding="utf-8")
        for name, table in tables.items():
            new = filled(new, name, table(found))
        if new != text:
            stale.append(page)
            if not given.check:
                (ROOT / page).write_text(new, encoding="utf-8")
    verb = "is out of date" if given.check else "was filled in"
    print("\n".join(f"{page} {verb}" for page in stale) or "All pages say what the files say.")
    return int(given.check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
