"""Random networks in the page: every sum that it writes equals what is stored, over all kinds of operations."""

import numpy as np
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


def test_what_activations_compute_is_written_out(browser, tmp_path):
    names = ["relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "softplus", "softsign"]
    names += ["tanh", "sigmoid", "hard_sigmoid", "exponential"]
    image = tc.Input((6,))
    parts = [tc.layers.Activation(name)(image) for name in names]
    model = tc.Model(image, tc.layers.Add()(parts))
    model.compile("sgd", "mean_squared_error")
    x = np.array([[-3.0, -0.7, -0.01, 0.2, 1.3, 7.0]], np.float32)
    file = tmp_path / "activations.html"
    tc.explore(model, x, np.zeros((1, 6), np.float32), file, steps=(0,))
    page, messages, _ = opened_file(browser, file)
    answers = page.evaluate("""async () => {
        const { manifest, explain } = tinyconvExplorer;
        const found = [];
        for (const operation of manifest.operations.filter((each) => each.kind === "elementwise")) {
            for (let unit = 0; unit < 6; unit++) {
                const cell = manifest.values[operation.output].shape.map((length, axis) => (axis === 0 ? 0 : unit));
                found.push([operation.function, cell, (await explain(operation.number, 0, "output", cell)).agrees]);
            }
        }
        return found;
    }""")
    assert {"Rectifier", "LeakyRelu", "Elu", "Selu", "Gelu", "Silu"} <= {name for name, *_ in answers}
    assert [answer for answer in answers if answer[2] is not True] == []
    assert messages == []
    page.close()
