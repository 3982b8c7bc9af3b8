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

Mode = Literal["train", "predict"]
Status = Literal["timed", "absent", "disagrees", "failed"]
OURS = "tinyconv"


@dataclass
class Figures:
    """One engine on one network: milliseconds a step, one number a round; MiB; or why there are none, in `detail`."""

    model: str
    mode: Mode
    engine: str
    batch: int
    status: Status = "timed"
    detail: str = ""
    steps: int = 0
    milliseconds: list[float] = field(default_factory=list)
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
    for heading in ("ms", "middle half", "images/s", "peak MiB", "× tinyconv's time"):
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
            _milliseconds(entry.median),
            f"{_milliseconds(low)} – {_milliseconds(high)}",
            f"{entry.images_per_second:,.0f}",
            "–" if entry.peak_mib is None else f"{entry.peak_mib:,.0f}",
            f"{entry.median / ours:.2f}" if ours else "–",
        )
    return table


def ratio_table(found: Sequence[Ratio]) -> Table:
    """The verdict, one row a network and mode."""
    table = Table(title="tinyconv against the best opponent", title_justify="left")
    for heading in ("model", "mode"):
        table.add_column(heading)
    table.add_column("times as fast", justify="right")
    table.add_column("as")
    table.add_column("times its memory", justify="right")
    table.add_column("of")
    for ratio in found:
        memory = "–" if ratio.memory is None else f"{ratio.memory:.2f}"
        smallest = CONTESTANTS[ratio.smallest].label if ratio.smallest else "–"
        fastest = CONTESTANTS[ratio.fastest].label
        table.add_row(ratio.model, ratio.mode, f"{ratio.speed:.2f}", fastest, memory, smallest)
    return table


def _milliseconds(value: float) -> str:
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
