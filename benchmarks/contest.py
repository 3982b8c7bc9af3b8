"""One run of the judge: agreement first, then interleaved rounds."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from rich.console import Console

from . import agreement, report
from .engines import CONTESTANTS, Contestant
from .inputs import Inputs, prepare
from .models import Model, parameter_count
from .processes import Worker, WorkerError
from .report import Figures, Mode

SLOT_SECONDS = 1.0
# OpenMP's threads spin for a while after their last work; the next engine's turn waits that out.
PAUSE_SECONDS = 0.25


class Benchmark:
    """One run over `models`: `figures` grows as it goes, and the tables are printed as they are ready."""

    def __init__(self, models: Sequence[Model], batch: int | None, threads: int, rounds: int, console: Console) -> None:
        self.models, self.batch, self.threads, self.rounds = models, batch, threads, rounds
        self.console = console
        self.figures: list[Figures] = []

    def run(self, modes: Sequence[Mode]) -> None:
        """Check all the networks, then time them."""
        present: list[Contestant] = []
        for contestant in CONTESTANTS.values():
            if not contestant.trains and "predict" not in modes:
                continue
            missing = contestant.missing()
            if missing is None:
                present.append(contestant)
            else:
                self._say(f"{contestant.label} is absent: {missing} is not installed ({contestant.install})")
                self._leave_out(contestant, "absent", f"{missing} is not installed")
        accepted = self._check(present)
        for model in self.models:
            inputs = prepare(model, self.batch or model.batch)
            for mode in modes:
                able = [each for each in accepted[model.name] if each.trains or mode == "predict"]
                race = self._race(model, mode, inputs, able)
                self.figures += race
                if race:
                    self.console.print(report.race_table(race))
                for entry in race:
                    if entry.status == "failed":
                        self._say(f"{CONTESTANTS[entry.engine].label} failed: {entry.detail}", style="red")

    def _say(self, line: str, style: str | None = None) -> None:
        """One line as it is: brackets are no markup, and a file's width is no reason to wrap."""
        self.console.print(line, style=style, markup=False, highlight=False, soft_wrap=True)

    def _check(self, present: Sequence[Contestant]) -> dict[str, list[Contestant]]:
        """Which engines may be timed on which network."""
        accepted: dict[str, list[Contestant]] = {}
        for model in self.models:
            with self.console.status(f"{model.name}: do the engines agree?"):
                accepted[model.name] = self._check_model(model, [c for c in present if c.runs(model)])
        return accepted

    def _check_model(self, model: Model, present: Sequence[Contestant]) -> list[Contestant]:
        """One process after the other: together the engines would need their memory at once."""
        inputs = prepare(model, self.batch or model.batch)
        running, hearing = list(present), agreement.Hearing(model)
        for draw in range(agreement.DRAWS):
            evidence: dict[str, agreement.Evidence] = {}
            for contestant in list(running):
                try:
                    with Worker(self.threads) as worker:
                        found = worker.call("check", contestant.name, model, inputs, self.threads, draw)
                    evidence[contestant.name] = found
                except WorkerError as error:
                    self._say(f"{model.name}: {contestant.label} failed: {error}", style="red")
                    self._leave_out(contestant, "failed", str(error), model)
                    running.remove(contestant)
            if hearing.hear(evidence):
                break
        refused = hearing.refused()
        for name, verdict in refused.items():
            detail = (
                f"{verdict.quantity} differs from {CONTESTANTS[verdict.judge].label}'s "
                f"by {verdict.error:.1e} ({verdict.allowed:.0e} allowed)"
            )
            self._say(f"{model.name}: {CONTESTANTS[name].label} disagrees: {detail}", style="red")
            self._leave_out(CONTESTANTS[name], "disagrees", detail, model)
        about = f"{model.name}: {parameter_count(model):,} parameters, {inputs.source} images"
        if model.note:
            about += f", {model.note}"
        if hearing.agreed:
            worst = max(hearing.agreed.values(), key=lambda verdict: verdict.severity)
            self._say(f"{about}; {len(hearing.accepted)} engines agree ({worst.quantity}: {worst.error:.1e})")
        elif running:
            self._say(f"{about}; no two engines agree")
        return [contestant for contestant in running if contestant.name not in refused]

    def _leave_out(
        self, contestant: Contestant, status: report.Status, detail: str, model: Model | None = None
    ) -> None:
        for each in self.models if model is None else [model]:
            if contestant.runs(each):
                batch = self.batch or each.batch
                mode: Mode = "train" if contestant.trains else "predict"
                self.figures.append(Figures(each.name, mode, contestant.name, batch, status, detail))

    def _race(self, model: Model, mode: Mode, inputs: Inputs, contestants: Sequence[Contestant]) -> list[Figures]:
        """Interleaved rounds of one network and mode."""
        race = [Figures(model.name, mode, c.name, inputs.images.shape[1]) for c in contestants]
        with ExitStack() as stack, self.console.status("") as status:
            workers = {entry.engine: stack.enter_context(Worker(self.threads)) for entry in race}
            for entry in race:
                status.update(f"{model.name}, {mode}: {CONTESTANTS[entry.engine].label} warms up")
                with _failing_alone(entry):
                    worker = workers[entry.engine]
                    worker.call("build", entry.engine, model, inputs, self.threads)
                    entry.steps = worker.call("calibrate", mode, SLOT_SECONDS)
            for number in range(self.rounds):
                for entry in _still_running(race):
                    label = CONTESTANTS[entry.engine].label
                    status.update(f"{model.name}, {mode}: round {number + 1} of {self.rounds}, {label}")
                    time.sleep(PAUSE_SECONDS)
                    with _failing_alone(entry):
                        first = number * (entry.steps + 1)
                        worker = workers[entry.engine]
                        if mode == "predict" and entry.batch == 1:
                            middle, late = worker.call("latencies", mode, first, entry.steps)
                            entry.milliseconds.append(middle)
                            entry.late.append(late)
                        else:
                            entry.milliseconds.append(worker.call("run", mode, first, entry.steps))
            for entry in _still_running(race):
                with _failing_alone(entry):
                    entry.peak_mib = workers[entry.engine].call("peak")
        return race


def _still_running(race: Sequence[Figures]) -> Iterator[Figures]:
    return (entry for entry in race if entry.status == "timed")


@contextmanager
def _failing_alone(entry: Figures) -> Iterator[None]:
    """An engine's failure is its own: it is written down, and the others go on."""
    try:
        yield
    except WorkerError as error:
        entry.status, entry.detail = "failed", str(error)
