"""From figures to tables and JSON."""

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Literal

import numpy as np
from rich.table import Table

from . import machine
from .engines import CONTESTANTS
from .networks import MODELS

Mode = Literal["train", "predict"]
Status = Literal["timed", "absent", "disagrees", "failed"]
OURS = "tinyconv"
MODES: dict[Mode, str] = {"train": "training", "predict": "prediction"}


@dataclass
class Figures:
    """One engine on one network: milliseconds a step, one number a round; MiB; or why there are none, in `detail`.

    Of single images each step is timed by itself: a round's number is the median, in `late` the 95th percentile.
    """

    model: str
    mode: Mode
    engine: str
    batch: int
    status: Status = "timed"
    detail: str = ""
    steps: int = 0
    milliseconds: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    peak_mib: float | None = None

    @property
    def median(self) -> float:
        """Milliseconds a step, of a timed engine."""
        return median(self.milliseconds)

    @property
    def quartiles(self) -> tuple[float, float]:
        """The middle half of the rounds lies between these."""
        low, high = np.percentile(self.milliseconds, [25, 75])
        return float(low), float(high)

    @property
    def images_per_second(self) -> float:
        """At the median."""
        return 1000 * self.batch / self.median


@dataclass(frozen=True)
class Ratio:
    """tinyconv against the opponents: `speed` = fastest's time / ours (> 1 is faster), `memory` = ours / smallest's."""

    model: str
    mode: Mode
    fastest: str
    speed: float
    smallest: str | None
    memory: float | None


def ratios(figures: Iterable[Figures]) -> list[Ratio]:
    """One for each network and mode in which tinyconv and at least one opponent were timed."""
    races: dict[tuple[str, Mode], list[Figures]] = {}
    for entry in figures:
        if entry.status == "timed":
            races.setdefault((entry.model, entry.mode), []).append(entry)
    found = []
    for (model, mode), race in races.items():
        ours = next((entry for entry in race if entry.engine == OURS), None)
        opponents = [entry for entry in race if entry.engine != OURS]
        if ours is None or not opponents:
            continue
        fastest = min(opponents, key=lambda entry: entry.median)
        peaks = {entry.engine: entry.peak_mib for entry in opponents if entry.peak_mib is not None}
        smallest = min(peaks, key=lambda engine: peaks[engine], default=None)
        memory = ours.peak_mib / peaks[smallest] if smallest and ours.peak_mib is not None else None
        found.append(Ratio(model, mode, fastest.engine, fastest.median / ours.median, smallest, memory))
    return found


def race_table(race: Sequence[Figures]) -> Table:
    """One row an engine for one network and mode."""
    first = race[0]
    title = f"{first.model}, batch {first.batch}: {'one training step' if first.mode == 'train' else 'prediction'}"
    table = Table(title=title, title_justify="left")
    table.add_column("engine")
    spread = "95 % within" if any(entry.late for entry in race) else "middle half"
    for heading in ("ms", spread, "images/s", "peak MiB", "× tinyconv's time"):
        table.add_column(heading, justify="right")
    ours = next((entry.median for entry in race if entry.engine == OURS and entry.status == "timed"), None)
    for entry in race:
        label = CONTESTANTS[entry.engine].label
        if entry.status != "timed":
            table.add_row(label, entry.status, *[""] * 4)
            continue
        low, high = entry.quartiles
        table.add_row(
            label,
            milliseconds(entry.median),
            milliseconds(median(entry.late)) if entry.late else f"{milliseconds(low)} – {milliseconds(high)}",
            f"{entry.images_per_second:,.0f}",
            "–" if entry.peak_mib is None else f"{entry.peak_mib:,.0f}",
            f"{entry.median / ours:.2f}" if ours else "–",
        )
    return table


def ratio_table(found: Sequence[Ratio]) -> Table:
    """The verdict, one row a network: each ratio with the library of the opponent it is to."""
    title = "tinyconv against the best opponent: times as fast, times its memory"
    table = Table(title=title, title_justify="left", caption_justify="left")
    modes = [mode for mode in MODES if any(ratio.mode == mode for ratio in found)]
    table.add_column("model")
    for what in ("speed", "memory"):
        for mode in modes:
            table.add_column(f"{what} in\n{MODES[mode]}")
    by_place = {(ratio.model, ratio.mode): ratio for ratio in found}
    names = list(dict.fromkeys(ratio.model for ratio in found))
    for name in names:
        row = [by_place.get((name, mode)) for mode in modes]
        speeds = [_ratio(ratio.speed, ratio.fastest) if ratio else "" for ratio in row]
        memories = [_ratio(ratio.memory, ratio.smallest) if ratio else "" for ratio in row]
        table.add_row(name, *speeds, *memories)
    table.caption = "\n".join(f"{name}: {MODELS[name].note}" for name in names if MODELS[name].note) or None
    return table


def _ratio(value: float | None, engine: str | None) -> str:
    """A ratio and the library it is to; a dash where the machine does not tell."""
    return "–" if value is None or engine is None else f"{value:.2f} {CONTESTANTS[engine].library}"


def milliseconds(value: float) -> str:
    """Three significant digits where that needs decimals."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def document(figures: Sequence[Figures], settings: dict[str, Any]) -> dict[str, Any]:
    """Everything of one run, ready for JSON: when, where, which versions, which settings, every round, the ratios."""
    results = []
    for entry in figures:
        summary: dict[str, Any] = {}
        if entry.status == "timed":
            low, high = entry.quartiles
            summary = {
                "median": entry.median,
                "quartiles": [low, high],
                "images_per_second": entry.images_per_second,
            }
        results.append({**asdict(entry), **summary})
    return {
        **heading("training"),
        "settings": settings,
        "results": results,
        "ratios": [asdict(ratio) for ratio in ratios(figures)],
    }


def heading(benchmark: str) -> dict[str, Any]:
    """What every result file starts with."""
    return {
        "benchmark": benchmark,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine.describe(),
        "versions": machine.versions(),
    }


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Written aside, then renamed: an older result is whole until the new one is."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        aside.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
