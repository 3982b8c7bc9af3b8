"""Same seed, same bits; resumed, the same bits; and what a resumed run refuses."""

import json
import os
import shlex
import signal
from pathlib import Path

import numpy as np
import pytest
from run_checks import SMALL, arrays, assert_same_run, contents, refused

from tinyconv import files
from tinyconv.optimizers import Optimizer


def test_same_seed_same_bits(command):
    for folder, seed in (("one", 7), ("two", 7), ("other", 8)):
        assert command(*SMALL, "--epochs", 2, "--seed", seed, "--output", folder).code == 0
    assert contents("one") == contents("two")
    one, other = arrays("one/last.weights.h5"), arrays("other/last.weights.h5")
    assert not np.array_equal(one["layers/dense/vars/0"], other["layers/dense/vars/0"])


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_resumed_run_equals_unbroken_run(command, backend):
    small = (*SMALL, "--backend", backend)
    assert command(*small, "--epochs", 4, "--output", "whole").code == 0
    assert command(*small, "--epochs", 1, "--output", "parts").code == 0
    for epochs in (2, 4):
        done = command("mnist-fc", "--resume", "--output", "parts", "--epochs", epochs)
        assert done.code == 0
        assert f"Resumed after epoch {epochs // 2} of {epochs}" in done.out
    assert_same_run("whole", "parts")
    assert contents("whole") == contents("parts")


def test_resuming_a_finished_run_changes_nothing(command):
    assert command(*SMALL, "--epochs", 2).code == 0
    before = contents("runs/mnist-fc")
    done = command("mnist-fc", "--resume")
    assert done.code == 0
    assert "test accuracy" in done.out
    assert "training time" not in done.out
    assert contents("runs/mnist-fc") == before


def test_history_csv_is_rewritten_from_the_checkpoint(command):
    assert command(*SMALL, "--epochs", 2).code == 0
    table = Path("runs/mnist-fc/history.csv")
    right = table.read_text()
    table.write_text(right + "3,1,1,1,1\n")
    assert command("mnist-fc", "--resume").code == 0
    assert table.read_text() == right
    table.unlink()
    assert command("mnist-fc", "--resume").code == 0
    assert table.read_text() == right


def test_a_run_may_end_earlier_than_it_was_meant_to(command, monkeypatch, interruptible):
    """Interrupted in epoch 3 of 5, and asked for 2 or 3 epochs: the bits are those of a run of as many."""
    assert command(*SMALL, "--epochs", 3, "--output", "whole").code == 0
    stop_at_update(monkeypatch, 9)
    assert command(*SMALL, "--epochs", 5, "--output", "parts").code == 130
    before = contents("parts")
    refused(
        command("mnist-fc", "--resume", "--epochs", 1, "--output", "parts"),
        "--epochs 1: the run in parts has done 2; give 2 or more",
    )
    assert contents("parts") == before
    done = command("mnist-fc", "--resume", "--epochs", 3, "--output", "parts")
    assert done.code == 0
    assert "Resumed after epoch 2 of 3" in done.out
    assert_same_run("whole", "parts")
    assert contents("whole") == contents("parts")


def stop_at_update(monkeypatch, when, number=signal.SIGINT):
    """Send a signal when update `when` begins."""
    apply, count = Optimizer.apply, 0

    def interrupted(self, *given):
        nonlocal count
        count += 1
        if count == when:
            signal.raise_signal(number)
        apply(self, *given)

    monkeypatch.setattr(Optimizer, "apply", interrupted)


@pytest.mark.parametrize("when", range(1, 9, 3))
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_interrupted_run_says_how_to_resume(command, monkeypatch, interruptible, when, number, code):
    """The signal comes during update `when`; an epoch has 4."""
    assert command(*SMALL, "--epochs", 2, "--output", "whole").code == 0
    stop_at_update(monkeypatch, when, number)
    stopped = command(*SMALL, "--epochs", 2, "--output", "a folder")
    assert stopped.code == code
    state = "after epoch 1" if when > 4 else "beginning, before epoch 1"
    state = f"holds the run {state}" if when > 4 else f"holds the run's {state}"
    advice = "python -m tinyconv.train mnist-fc --resume --output 'a folder'"
    assert stopped.err == f"Stopped. a folder {state}; continue with: {advice}\n"
    assert command(*shlex.split(advice)[3:]).code == 0
    assert_same_run("whole", "a folder")


def test_a_signal_waits_for_the_checkpoint(command, monkeypatch, interruptible):
    """It comes when the best weights of epoch 1 are written, and stops the run when all its files are."""
    replace, count = os.replace, 0

    def interrupted(source, target):
        nonlocal count
        count += "runs" in Path(target).parts  # Numba, too, may replace files
        if count == 4:
            signal.raise_signal(signal.SIGINT)
        replace(source, target)

    monkeypatch.setattr(files.os, "replace", interrupted)
    stopped = command(*SMALL, "--epochs", 2)
    assert stopped.code == 130
    assert "after epoch 1; continue with: python -m tinyconv.train mnist-fc --resume\n" in stopped.err
    assert len(Path("runs/mnist-fc/history.csv").read_text().splitlines()) == 2


def test_interrupted_before_anything_is_saved(command, monkeypatch, interruptible):
    from tinyconv.datasets import mnist

    monkeypatch.setattr(mnist, "load_data", lambda: signal.raise_signal(signal.SIGINT))
    assert command(*SMALL) == (130, "", "Stopped. Nothing was saved yet.\n")


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--batch-size", 40, "--batch-size 40 differs from the saved run's 50"),
        ("--learning-rate", 0.01, "--learning-rate 0.01 differs from the saved run's 0.001"),
        ("--seed", 9, "--seed 9 differs from the saved run's 0"),
        ("--limit", 300, "--limit 300 differs from the saved run's 200"),
        ("--backend", "reference", "--backend reference differs from the saved run's cpu"),
        ("--epochs", 1, "--epochs 1: the run in runs/mnist-fc has done 2; give 2 or more"),
    ],
)
def test_another_configuration_is_refused(command, option, value, message):
    assert command(*SMALL, "--epochs", 2).code == 0
    before = contents("runs/mnist-fc")
    refused(command("mnist-fc", "--resume", option, value), message)
    assert contents("runs/mnist-fc") == before


def test_another_recipe_is_refused(command):
    assert command(*SMALL, "--epochs", 1, "--output", "run").code == 0
    before = contents("run")
    refused(command("mnist", "--resume", "--output", "run"), "run holds a run of mnist-fc, not of mnist")
    assert contents("run") == before


def test_the_same_options_may_be_given_again(command):
    assert command(*SMALL, "--epochs", 1).code == 0
    assert command(*SMALL, "--epochs", 2, "--seed", 0, "--learning-rate", "1e-3", "--resume").code == 0


def truncated(path):
    path.write_bytes(path.read_bytes()[:-1000])


def flipped(path):
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 1
    path.write_bytes(whole)


def emptied(path):
    path.write_bytes(b"")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (truncated, "last.weights.h5"),
        (flipped, "last.weights.h5 is damaged"),
        (emptied, "last.weights.h5 is empty"),
        (Path.unlink, "last.weights.h5 is missing"),
    ],
)
def test_damaged_checkpoint_is_refused(command, damage, message):
    assert command(*SMALL, "--epochs", 1).code == 0
    folder = Path("runs/mnist-fc")
    damage(folder / "last.weights.h5")
    before = contents(folder)
    refused(command("mnist-fc", "--resume", "--epochs", 2), message, "start again in another --output")
    assert contents(folder) == before


def test_checkpoint_of_another_run_is_refused(command):
    assert command(*SMALL, "--epochs", 1, "--output", "one").code == 0
    assert command(*SMALL, "--epochs", 1, "--seed", 4, "--output", "two").code == 0
    os.replace("two/last.weights.h5", "one/last.weights.h5")
    before = contents("one")
    refused(command("mnist-fc", "--resume", "--output", "one"), "it was trained with seed 4, but config.json says 0")
    os.replace("two/best.weights.h5", "one/last.weights.h5")
    refused(command("mnist-fc", "--resume", "--output", "one"), "trained with seed 4")
    Path("one/last.weights.h5").write_bytes(before["last.weights.h5"])
    assert contents("one") == before


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text[:20], "it is not JSON"),
        (lambda text: "[]", "it is not an object"),
        (lambda text: text.replace('"seed": 0,', ""), "it has no 'seed'"),
        (lambda text: text.replace('"batch_size": 50', '"batch_size": "many"'), "batch_size needs a whole number"),
        (lambda text: text.replace('"batch_size": 50', '"batch_size": null'), "batch_size needs a whole number"),
        (lambda text: text.replace("mnist-fc", "mnist-vi"), "recipe 'mnist-vi' is none of this version's"),
        (lambda text: text.replace('"mnist-fc"', '["mnist-fc"]'), "recipe ['mnist-fc'] is none of this version's"),
    ],
)
def test_damaged_config_is_refused(command, damage, message):
    assert command(*SMALL, "--epochs", 1).code == 0
    path = Path("runs/mnist-fc/config.json")
    path.write_text(damage(path.read_text()))
    before = contents(path.parent)
    refused(command("mnist-fc", "--resume"), f"{path} is damaged: ", message)
    assert contents(path.parent) == before


def test_config_says_what_was_asked(command):
    assert command(*SMALL, "--epochs", 1, "--learning-rate", 0.002).code == 0
    found = json.loads(Path("runs/mnist-fc/config.json").read_text())
    assert found.pop("tinyconv")
    assert found == {
        "recipe": "mnist-fc",
        "epochs": 1,
        "batch_size": 50,
        "learning_rate": 0.002,
        "seed": 0,
        "backend": "cpu",
        "threads": None,
        "limit": 200,
        "data": None,
        "augment": None,
        "variant": None,
        "early_stop": None,
    }


def test_best_weights_are_those_of_the_best_epoch(command):
    from tinyconv.saving import read_note

    assert command(*SMALL, "--epochs", 6, "--learning-rate", 0.05).code == 0
    history = read_note("runs/mnist-fc/last.weights.h5")["history"]
    accuracies = history["val_accuracy"]
    note = read_note("runs/mnist-fc/best.weights.h5")
    assert note["epoch"] == accuracies.index(max(accuracies)) + 1
    assert note["history"]["val_accuracy"] == accuracies[: note["epoch"]]
