"""The page in a browser: cells pinned in every map of every operation, each number compared with NumPy's own sum."""

import numpy as np
import pytest
from page_networks import STEPS
from page_opened import numbers_of
from page_sums import sums_of


def cells_of(shape, rng, count=2):
    """Some cells of a shape: the first, the last, and others at random."""
    places = {0, int(np.prod(shape)) - 1, *rng.integers(int(np.prod(shape)), size=count).tolist()}
    return [[int(each) for each in np.unravel_index(place, shape)] for place in sorted(places)]


UPDATE = "(asked) => tinyconvExplorer.explainUpdate(...asked)"
EXPLAIN = """async (asked) => {
    const answers = [];
    for (const each of asked) answers.push(await tinyconvExplorer.explain(...each));
    return answers.map((answer) => ({ ...answer, terms: answer.terms.slice(0, 20) })); // the largest
}"""


@pytest.mark.parametrize("step", range(len(STEPS)))
def test_every_kind_of_map_has_numpys_sums(opened, step):
    rng = np.random.default_rng(step)
    recording = opened.recordings[step]
    asked, wanted = [], []
    for operation in recording.operations:
        for target, array in sums_of(recording, operation).items():
            stored = numbers_of(recording, operation, target)
            if stored is None:
                continue
            for cell in cells_of(stored.shape, rng):
                asked.append([operation.number, step, target, cell])
                wanted.append((array[tuple(cell)], stored[tuple(cell)]))
    for question, (number, stored), got in zip(asked, wanted, opened.page.evaluate(EXPLAIN, asked), strict=True):
        operation = recording.operations[question[0]]
        about = operation.name, question
        if got.get("stored") is None:  # of a later step, some maps may be left out
            assert step > 0, about
            continue
        assert np.float32(got["stored"]) == stored, about
        if got["agrees"] is None and got["left_out"]["count"]:  # the largest of what is not there
            assert step > 0, about
            continue
        assert got["agrees"] is True, about
        assert got["sum"] == pytest.approx(number, rel=1e-5, abs=1e-5 * got["size"] + 1e-30), about
        for each in got["terms"]:
            for factor in each["factors"]:
                # A factor that is a plain letter, not something computed of it, is the recorded number itself.
                if factor["map"] and factor["symbol"] in ("x", "w", "b", "a", "y", "dy", "γ", "β"):
                    array = numbers_of(recording, operation, factor["map"])
                    assert np.float32(factor["number"]) == array[tuple(factor["cell"])], (about, factor)


def test_a_gradient_is_the_sum_of_what_all_users_pass_back(opened):
    recording = opened.recordings[0]
    rng = np.random.default_rng(0)
    asked = [
        [operation.number, 0, "d_output", cell]
        for operation in recording.operations
        if recording.values[operation.output].gradient is not None and operation.output != recording.loss
        for cell in cells_of(recording.values[operation.output].array.shape, rng, 1)
    ]
    for question, got in zip(asked, opened.page.evaluate(EXPLAIN, asked), strict=True):
        output, cell = recording.operations[question[0]].output, tuple(question[3])
        passed = [user.passed[place] for user, place in recording.users(output)]
        parts = [dx[cell] for dx in passed if dx is not None]
        assert sorted(each["product"] for each in got["terms"]) == sorted(map(float, parts))
        assert got["agrees"] is True


@pytest.mark.parametrize("step", range(len(STEPS)))
def test_the_optimizers_rule_gives_the_new_weight(opened, step):
    rng = np.random.default_rng(step)
    for update in opened.recordings[step].updates:
        for cell in cells_of(update.before.shape, rng):
            got = opened.page.evaluate(
                "(asked) => tinyconvExplorer.explainUpdate(...asked)", [update.value, step, cell]
            )
            if got.get("before") is None:  # left out
                assert step > 0
                continue
            assert np.float32(got["before"]) == update.before[tuple(cell)]
            assert got["lines"][-1]["value"] == pytest.approx(update.after[tuple(cell)], rel=1e-5, abs=1e-8)
            assert got["agrees"] is True
            for line in got["lines"]:
                if line.get("stored") is not None:
                    assert line["value"] == pytest.approx(line["stored"], rel=1e-4, abs=1e-9), (cell, line)
