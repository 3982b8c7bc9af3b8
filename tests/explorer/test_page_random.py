"""Random networks in the page: every sum that it writes equals what is stored, over all kinds of operations."""

import pytest
from page_opened import opened_file

import tinyconv as tc

# Ask for cells of every map of every operation; answer with those whose sum is another number than what is stored.
DISAGREEING = """async (chance) => {
    const { manifest, explain, explainUpdate } = tinyconvExplorer;
    const wrong = [];
    let asked = 0;
    const random = (length) => Math.floor((chance = (chance * 16807) % 2147483647) / 2147483647 * length);
    for (const operation of manifest.operations) {
        const targets = [["output", operation.output], ["d_output", operation.output]];
        operation.inputs.forEach((number, place) => targets.push([`d_input${place}`, number]));
        for (const [target, number] of targets) {
            for (let count = 0; count < 6; count++) {
                const cell = manifest.values[number].shape.map(random);
                const answer = await explain(operation.number, 0, target, cell);
                asked++;
                if (answer.agrees === false || (answer.stored === undefined && !answer.none)) {
                    wrong.push([operation.name, target, cell, answer.sum, answer.stored]);
                }
            }
        }
    }
    for (const update of manifest.updates) {
        const answer = await explainUpdate(update.value, 0, manifest.values[update.value].shape.map(random));
        if (answer.agrees !== true) wrong.push([update, answer]);
    }
    return [asked, wrong];
}"""


@pytest.mark.parametrize("seed", [3, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(100, 130))])
def test_sums_agree(browser, random_network, tmp_path, seed):
    model, x, y = random_network(seed)
    file = tmp_path / "random.html"
    tc.explore(model, x, y, file, steps=(0,))
    page, messages, _ = opened_file(browser, file)
    asked, wrong = page.evaluate(DISAGREEING, seed + 1)
    assert asked > 40
    assert wrong == []
    assert messages == []
    page.close()
