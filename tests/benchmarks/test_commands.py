"""The command lines: what they refuse, and how a run goes with engines of canned speed."""

import io
import json
import os

import pytest
from rich.console import Console
from worker_standin import WorkerStandIn

from benchmarks import contest, machine, scaling, startup, training
from benchmarks.agreement import DRAWS, Evidence
from benchmarks.engines import CONTESTANTS
from benchmarks.models import Conv2D, Dense, Flatten, Model, RMSprop, weights
from benchmarks.networks import MODELS
from benchmarks.processes import Worker, WorkerError, environment


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--models", "mnist-cnn"], "no model is named 'mnist-cnn'; did you mean 'mnist-cnn5'?"),
        (["--models", "zzz"], "no model is named 'zzz'; there are mnist, mnist-cnn5, mnist-fc, mnist-sgd"),
        (["--batch", "0"], "'0' is not a whole number from 1 up"),
        (["--rounds", "-3"], "'-3' is not a whole number from 1 up"),
        (["--rounds", "many"], "'many' is not a whole number from 1 up"),
        (["--threads", "100000"], "threads on"),
        (["--json", "result.txt"], "'result.txt' should end in .json"),
        (["--plot", "no/such/folder/chart.png"], "cannot be written"),
        (["--models"], "expected at least one argument"),
        (["--engine"], "unrecognized arguments"),
    ],
)
def test_training_refuses(arguments, message, capsys):
    with pytest.raises(SystemExit) as ending:
        training.main(arguments)
    assert ending.value.code == 2
    assert message in capsys.readouterr().err


def test_startup_refuses(capsys):
    with pytest.raises(SystemExit) as ending:
        startup.main(["--runs", "0"])
    assert ending.value.code == 2
    assert "'0' is not a whole number from 1 up" in capsys.readouterr().err


def test_startup_table_and_measurements(monkeypatch, tmp_path, capsys):
    caches = []

    def run(arguments, settings):
        caches.append(settings.get("NUMBA_CACHE_DIR"))
        return "0.125\n"

    monkeypatch.setattr(startup, "_run", run)
    path = tmp_path / "startup.json"
    assert startup.main(["--runs", "2", "--json", str(path)]) == 0
    assert "import tinyconv" in capsys.readouterr().out
    assert [row["aim"] for row in json.loads(path.read_text())["results"]] == [12.0, 1.2, 0.25]
    bytecode, first, again, second, once_more, *imports = caches
    assert bytecode is None
    assert first == again != second == once_more
    assert imports == [None] * 5
    assert not os.path.exists(first)


@pytest.mark.slow
def test_scaling_tells_batches_and_threads_apart(monkeypatch, capsys):
    class Canned(WorkerStandIn):
        """3 ms and 2 an image, shared out perfectly."""

        def call(self, method, *arguments):
            if method == "build":
                _, model, inputs, threads = arguments
                assert threads == self.threads
                assert model.batch == inputs.images.shape[1]
                self.batch = model.batch
            return {"build": None, "calibrate": 3, "run": (3 + 2 * getattr(self, "batch", 0)) / self.threads}[method]

    monkeypatch.setattr(scaling, "Worker", Canned)
    monkeypatch.setattr(scaling, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(machine, "usable_cores", lambda: [0, 1])
    found = scaling.measure(MODELS["mnist-fc"], 2)
    assert found == {(b, t): (3 + 2 * b) / t for b in (50, 100, 200, 400) for t in (1, 2)}
    assert scaling.main(["--models", "mnist-fc", "--rounds", "1"]) == 0
    last = capsys.readouterr().out.splitlines()[-2].replace("│", " ").split()
    assert last == ["400", "803", "2.01", "402", "1", "2.00"]
    with pytest.raises(SystemExit):
        scaling.main(["--rounds", "0"])


def test_startup_says_why_there_is_no_first_step(monkeypatch, capsys):
    monkeypatch.setattr(startup, "IMPORT", "raise ImportError('no such engine')")
    monkeypatch.setattr(startup, "first_step", lambda cache: 1.0)
    assert startup.main(["--runs", "1"]) == 1
    assert "did not get to its first step: ImportError: no such engine" in capsys.readouterr().err


class CannedWorker:
    """Answers at once: `speeds` in milliseconds, `factors` by which gradients are wrong in the first `wrong_draws`."""

    speeds = {
        **{"tinyconv": 1.0, "keras": 3.0, "pytorch": 2.0, "pytorch-channels-last": 4.0},
        **{"onnx-runtime": 2.5, "openvino": 3.5},
    }
    factors: dict[str, float] = {}
    wrong_draws = 100
    draws: list[tuple[str, int]] = []
    dying: str | None = None
    turns: list[str] = []
    open_workers = 0

    def __init__(self, threads):
        self.engine = ""

    def __enter__(self):
        type(self).open_workers += 1
        return self

    def __exit__(self, *_):
        type(self).open_workers -= 1

    def call(self, method, *arguments):
        if method == "check":
            name, model, inputs, _, draw = arguments
            self.draws.append((name, draw))
            factor = self.factors.get(name, 1.0) if draw < self.wrong_draws else 1.0
            gradients = [w * factor + 1 for w in inputs.weights]
            assert [w.shape for w in gradients] == [weight.shape for weight in weights(model)]
            if not CONTESTANTS[name].trains:
                return Evidence(inputs.images[0] * factor, None, [], [])
            return Evidence(inputs.images[0], 1.0, gradients, [1.0])
        if method == "build":
            self.engine = arguments[0]
        if method == "calibrate":
            return 3
        if method == "run":
            self.turns.append(self.engine)
            if self.engine == self.dying:
                raise WorkerError("its process ended with code -9: it wrote nothing")
            return self.speeds[self.engine]
        if method == "latencies":
            self.turns.append(self.engine)
            return self.speeds[self.engine], 2 * self.speeds[self.engine]
        return 100.0


@pytest.fixture
def canned(monkeypatch):
    monkeypatch.setattr(contest, "Worker", CannedWorker)
    monkeypatch.setattr(contest, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(contest, "CONTESTANTS", dict(CONTESTANTS))
    monkeypatch.setattr(type(CONTESTANTS["keras"]), "missing", lambda self: None)
    for name, value in (("turns", []), ("draws", []), ("factors", {}), ("dying", None), ("open_workers", 0)):
        monkeypatch.setattr(CannedWorker, name, value)
    return CannedWorker


@pytest.mark.slow
def test_rounds_are_interleaved_and_results_written(canned, tmp_path, capsys):
    path, picture = tmp_path / "a.json", tmp_path / "a.png"
    arguments = ["--models", "mnist-fc", "--batch", "8", "--rounds", "2", "--predict", "--json", str(path)]
    assert training.main([*arguments, "--plot", str(picture)]) == 0
    assert (
        canned.turns
        == ["tinyconv", "keras", "pytorch"] * 2 + [*("tinyconv", "keras", "pytorch", "onnx-runtime", "openvino")] * 2
    )
    assert canned.open_workers == 0
    found = json.loads(path.read_text())
    assert [ratio["speed"] for ratio in found["ratios"]] == [2.0, 2.0]
    assert found["settings"] == {"threads": len(machine.usable_cores()), "rounds": 2, "models": ["mnist-fc"]}
    assert {result["batch"] for result in found["results"]} == {8}
    assert picture.stat().st_size > 1000
    assert "5 engines agree" in capsys.readouterr().out


def test_single_images_are_timed_one_by_one(canned, tmp_path, capsys):
    path = tmp_path / "a.json"
    canned.factors["openvino"] = 1.01
    arguments = ["--models", "mnist-fc", "--batch", "1", "--rounds", "1", "--predict", "--json", str(path)]
    assert training.main(arguments) == 1
    text = capsys.readouterr().out
    assert "95 % within" in text
    assert "mnist-fc: OpenVINO disagrees: outputs" in text
    found = {(each["engine"], each["mode"]): each for each in json.loads(path.read_text())["results"]}
    assert found["onnx-runtime", "predict"]["milliseconds"] == [2.5]
    assert found["onnx-runtime", "predict"]["late"] == [5.0]
    assert found["openvino", "predict"]["status"] == "disagrees"
    assert ("onnx-runtime", "train") not in found


def test_an_engine_that_disagrees_is_not_timed(canned, capsys):
    canned.factors["tinyconv"] = 1.01
    assert training.main(["--models", "mnist-sgd", "--batch", "4", "--rounds", "1"]) == 1
    assert canned.turns == ["keras", "pytorch"]
    assert {draw for _, draw in canned.draws} == set(range(DRAWS))
    assert "mnist-sgd: tinyconv disagrees: gradient of layer" in capsys.readouterr().out


@pytest.mark.slow
def test_engines_that_part_by_chance_are_asked_again(canned, monkeypatch, capsys):
    monkeypatch.setattr(canned, "wrong_draws", 1)
    canned.factors["tinyconv"] = 1.01
    assert training.main(["--models", "mnist-sgd", "--batch", "4", "--rounds", "1"]) == 0
    assert [draw for name, draw in canned.draws if name == "tinyconv"] == [0, 1]
    assert canned.turns == ["tinyconv", "keras", "pytorch"]
    assert "3 engines agree" in capsys.readouterr().out


def test_notes_and_both_modes_stand_in_the_output(canned, monkeypatch, capsys):
    layers = (Conv2D(2, 3), Flatten(), Dense(1, "sigmoid"))
    monkeypatch.setitem(MODELS, "tiny", Model("tiny", (300, 300, 1), layers, 1, RMSprop(), note="half as deep"))
    assert training.main(["--models", "tiny", "--rounds", "1", "--predict"]) == 0
    text = capsys.readouterr().out
    assert "tiny: 177,629 parameters, synthetic images, half as deep; 6 engines agree" in text
    assert "\ntiny: half as deep" in text
    row = next(line for line in text.splitlines() if line.startswith("│ tiny "))
    assert [cell.strip() for cell in row.split("│")[2:-1]] == ["2.00 PyTorch"] * 2 + ["1.00 Keras"] * 2


@pytest.mark.slow
def test_an_engine_that_dies_leaves_the_others_running(canned, capsys):
    canned.dying = "keras"
    assert training.main(["--models", "mnist-fc", "--batch", "4", "--rounds", "2"]) == 1
    assert canned.turns == ["tinyconv", "keras", "pytorch", "tinyconv", "pytorch"]
    assert "Keras/TensorFlow failed: its process ended with code -9" in capsys.readouterr().out


def test_ctrl_c_ends_the_workers(canned, monkeypatch, capsys):
    def interrupt(self, method, *arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(canned, "call", interrupt)
    assert training.main(["--models", "mnist-fc", "--batch", "4"]) == 130
    assert canned.open_workers == 0
    assert "Interrupted" in capsys.readouterr().out


def test_absent_engines_are_reported_in_one_line(canned, monkeypatch):
    def missing(self):
        return None if self.name == "tinyconv" else self.packages[-1]

    monkeypatch.setattr(type(CONTESTANTS["keras"]), "missing", missing)
    console = Console(file=io.StringIO(), width=200)
    run = contest.Benchmark([MODELS["mnist-fc"]], 4, 1, 1, console)
    run.run(["train"])
    text = console.file.getvalue()
    assert 'Keras/TensorFlow is absent: tensorflow is not installed (pip install -e ".[bench]")' in text
    assert [(entry.engine, entry.status) for entry in run.figures] == [
        ("keras", "absent"),
        ("pytorch", "absent"),
        ("tinyconv", "timed"),
    ]


def test_workers_get_their_threads_and_are_dead_afterwards():
    assert environment(3)["OMP_NUM_THREADS"] == environment(3)["NUMBA_NUM_THREADS"] == "3"
    with Worker(1) as worker:
        peak = worker.call("peak")
        process = worker.process
    assert process.poll() is not None
    assert peak is None or 5 < peak < 500
