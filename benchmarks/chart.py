"""A picture of one run: each engine's speed on each network, as a multiple of the fastest opponent's."""

from collections.abc import Sequence
from pathlib import Path

from . import machine
from .engines import CONTESTANTS
from .networks import MODELS
from .report import OURS, Figures, Mode, milliseconds

COLORS = {
    **{"tinyconv": "#d1495b", "keras": "#edae49", "pytorch": "#30638e", "pytorch-channels-last": "#7fb0d8"},
    **{"onnx-runtime": "#4b9560", "openvino": "#8d6a9f"},
}
TITLES: dict[Mode, str] = {"train": "training step", "predict": "prediction"}


def draw(figures: Sequence[Figures], path: Path) -> None:
    """Write a PNG: one panel a mode, one group of bars a network, 1 = the fastest opponent.

    Raises `ValueError` where nothing was timed.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    timed = [entry for entry in figures if entry.status == "timed"]
    if not timed:
        raise ValueError("no engine was timed, so there is nothing to draw")
    modes = [mode for mode in TITLES if any(entry.mode == mode for entry in timed)]
    models = list(dict.fromkeys(entry.model for entry in timed))
    rows = 0.42 + 0.19 * max(len({e.engine for e in timed if e.model == model}) for model in models)
    with mpl.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(5.2 * len(modes) + 1.4, 1.5 + rows * len(models)), layout="constrained")
        panels = figure.subplots(1, len(modes), squeeze=False, sharey=True)[0]
        for panel, mode in zip(panels, modes, strict=True):
            _panel(panel, [entry for entry in timed if entry.mode == mode], models)
            panel.set_title(f"Speed, {TITLES[mode]} (fastest opponent = 1)", loc="left", fontweight="bold")
        handles, labels = panels[-1].get_legend_handles_labels()  # of prediction, which has the most engines
        figure.legend(handles, labels, loc="outside lower center", ncols=len(handles), frameon=False)
        found = machine.describe()
        notes = [f"{model}: {MODELS[model].note}" for model in models if MODELS[model].note]
        lines = [f"{found['cpu']}, {found['cores']} cores", *notes]
        figure.suptitle("\n".join(lines), fontsize=7.5, color="0.35")
        figure.savefig(path, dpi=150)


def _panel(panel, timed: Sequence[Figures], models: Sequence[str]) -> None:  # type: ignore[no-untyped-def]
    """Horizontal bars; the first network on top."""
    engines = [engine for engine in CONTESTANTS if any(entry.engine == engine for entry in timed)]
    height = 0.8 / len(engines)
    widest = 1.0
    for engine in engines:
        places, values, labels = [], [], []
        for row, model in enumerate(models):
            race = [entry for entry in timed if entry.model == model]
            running = [name for name in engines if any(entry.engine == name for entry in race)]
            entry = next((entry for entry in race if entry.engine == engine), None)
            if entry is None:
                continue
            best = min((e.median for e in race if e.engine != OURS), default=entry.median)
            places.append(row + height * (running.index(engine) - (len(running) - 1) / 2))
            values.append(best / entry.median)
            labels.append(f"{best / entry.median:.2f}   {milliseconds(entry.median)} ms")
        bars = panel.barh(places, values, 0.92 * height, color=COLORS[engine], label=CONTESTANTS[engine].label)
        panel.bar_label(bars, labels, padding=3, fontsize=7.5, bbox={"facecolor": "white", "linewidth": 0, "pad": 0.8})
        widest = max(widest, *values)
    panel.axvline(1, color="0.35", linewidth=0.8, linestyle=":")
    panel.set_yticks(range(len(models)), models)
    panel.set_ylim(len(models) - 0.5, -0.5)
    panel.set_xlim(0, 1.3 * widest)
    panel.tick_params(axis="y", length=0)
