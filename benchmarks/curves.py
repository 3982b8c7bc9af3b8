"""A picture of a comparison over seeds: every training's curve, tinyconv's and Keras's in one plot."""

from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any

from tinyconv.visualize import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLORS = {"tinyconv": style.BLUE, "keras": style.ORANGE}
LABELS = {"tinyconv": "tinyconv", "keras": "Keras"}
LOGS = ("accuracy", "loss")  # one panel each


def draw(recipe: str, runs: list[dict[str, Any]], path: Path) -> None:
    """Write a PNG: accuracy and loss over the epochs, validation as a line, training dotted; one of each a training."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), dpi=style.DPI, layout="constrained", facecolor=style.PAPER)
    panels = figure.subplots(1, len(LOGS))
    for panel, log in zip(panels, LOGS, strict=True):
        for engine in COLORS:
            label: str | None = LABELS[engine]
            for run in (run for run in runs if run["engine"] == engine):
                _curve(panel, run["history"][f"val_{log}"], engine, "-", label)
                _curve(panel, run["history"][log], engine, ":", None)
                label = None
        panel.set_title(f"{recipe}: {log}", loc="left", fontsize=style.HEADING, color=style.INK)
        panel.set_xlabel("epoch (lines: validation, dotted: training)", fontsize=style.BODY, color=style.MUTED)
        panel.tick_params(labelsize=style.SMALL, colors=style.MUTED)
        panel.grid(color=style.FAINT, linewidth=0.5)
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].legend(fontsize=style.BODY, frameon=False, loc="lower right")
    figure.suptitle(_ends(runs), fontsize=style.SMALL, color=style.MUTED, x=0.01, ha="left")
    figure.savefig(path)


def _curve(panel: "Axes", values: list[float], engine: str, line: str, label: str | None) -> None:
    epochs = range(1, len(values) + 1)
    marker = "o" if len(values) == 1 else ""
    panel.plot(epochs, values, line, color=COLORS[engine], linewidth=1.2, label=label, marker=marker, markersize=4)


def _ends(runs: list[dict[str, Any]]) -> str:
    """Return in words where the engines end."""
    said = []
    for engine, label in LABELS.items():
        reached = [100 * run["accuracy"] for run in runs if run["engine"] == engine]
        if reached:
            trainings = "one training" if len(reached) == 1 else f"mean of {len(reached)} trainings"
            said.append(f"{label} ends at {mean(reached):.2f} % ({trainings})")
    return "; ".join(said)
