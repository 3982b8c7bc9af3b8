"""The page on any screen: nothing beyond the edge, contrast, light and dark, paper; badges are never colour alone."""

import json
import re

import numpy as np
import pytest
from page_networks import picture
from page_opened import opened_file

import tinyconv as tc

MANIFEST = re.compile(r'(<script type="application/json" id="manifest">)(.*?)(</script>)', re.DOTALL)

# For each selector the lowest contrast of its letters to what is behind them.
CONTRAST = """(selectors) => {
    const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const light = ([red, green, blue]) => {
        const [r, g, b] = [red, green, blue].map((each) => {
            const share = each / 255;
            return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (element) => {
        for (let each = element; each; each = each.parentElement) {
            const found = channels(getComputedStyle(each).backgroundColor);
            if (found.length === 3 || found[3] > 0.99) return found;
        }
        return [255, 255, 255];
    };
    const contrast = (element) => {
        const pair = [channels(getComputedStyle(element).color), behind(element)].map(light);
        return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    };
    return selectors.map((selector) => {
        const found = [...document.querySelectorAll(selector)].filter((each) => each.offsetWidth);
        return [selector, Math.min(...found.map(contrast))];
    });
}"""
TEXTS = [
    *(
        "h1",
        "h3",
        "#subtitle",
        "#walk-text",
        "button",
        ".badge",
        ".layer-name",
        ".facts",
        ".chip",
        ".norm-text",
        ".dark",
    ),
    *(".phase", ".letters dd", ".symbol", ".shape", ".legend span", ".readout"),
    *(".where", ".numbers", ".symbols", ".factor"),
]

only_digits = pytest.mark.parametrize("opened", ["digits"], indirect=True)


@only_digits
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_any_screen(opened, browser, scheme):
    page, messages, _ = opened_file(browser, opened.file, color_scheme=scheme, reduced_motion="reduce")
    page.focus("canvas[data-key='output']")
    page.keyboard.press("Enter")
    page.wait_for_selector("#cell:not([data-pinned=''])")
    for width in (390, 820, 1280, 2560):
        page.set_viewport_size({"width": width, "height": 900})
        beyond = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert beyond <= 0, width
    for selector, contrast in page.evaluate(CONTRAST, TEXTS):
        assert contrast >= 4.5, (selector, contrast)
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.focus("#next")
    page.keyboard.press("d")  # the other theme
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != paper
    for selector, contrast in page.evaluate(CONTRAST, TEXTS):
        assert contrast >= 4.5, (selector, contrast)
    page.emulate_media(media="print")
    assert not page.is_visible("#theme")
    assert page.is_visible("canvas.cells >> nth=0")
    assert page.evaluate("getComputedStyle(document.getElementById('network')).overflowY") == "visible"
    assert messages == []
    page.close()


@only_digits
def test_zero_is_one_thing_and_no_gradient_another(opened):
    page = opened.page
    zeros = """async (kind) => {
        const { manifest, explain } = tinyconvExplorer;
        const found = manifest.operations.find((each) => each.function === kind);
        const shape = manifest.values[found.inputs[0]].shape;
        for (let place = 0; place < shape.reduce((size, length) => size * length, 1); place++) {
            let rest = place;
            const cell = shape.map((length, axis) => {
                const size = shape.slice(axis + 1).reduce((product, each) => product * each, 1);
                const index = Math.floor(rest / size);
                rest %= size;
                return index;
            });
            const answer = await explain(found.number, 0, "d_input0", cell);
            if (answer.stored === 0 && answer.terms.some((term) => term.factors[0].number !== 0)) return answer.zero;
        }
    }"""
    assert "the ReLU is shut here" in page.evaluate(zeros, "Relu")
    assert "Only the winner of a window was handed on" in page.evaluate(zeros, "MaxPool2D")
    assert "dropped in this step" in page.evaluate(zeros, "Dropout")
    softmax = next(each for each in opened.recordings[0].operations if type(each.function).__name__ == "Softmax")
    answer = page.evaluate("(n) => tinyconvExplorer.explain(n, 0, 'd_output', [0, 0])", softmax.number)
    assert answer["none"].startswith("No gradient: nothing that the loss is computed from uses it")
    assert "zero" not in answer


@only_digits
def test_a_wrong_check_is_red_with_a_cross_and_both_numbers(opened, browser, tmp_path):
    before, text, after = MANIFEST.search(opened.html).groups()
    manifest = json.loads(text)
    for operation in manifest["operations"]:
        operation["checks"], operation["backends"] = [], {"reference": None, "keras": None}
    numbers = {"input": 0, "cell": [0, 1, 2, 0], "gradient": 0.5, "difference": 0.25, "error": 0.5}
    manifest["operations"][2]["checks"] = [
        {**numbers, "difference": 0.5, "error": 1e-9, "verdict": "right"},
        {**numbers, "verdict": "wrong"},
        {**numbers, "verdict": "kink"},
    ]
    manifest["keras"] = None
    file = tmp_path / "wrong.html"
    element = before + json.dumps(manifest).replace("</", "<\\/") + after
    file.write_text(MANIFEST.sub(lambda _: element, opened.html), encoding="utf-8")
    page, messages, _ = opened_file(browser, file)
    assert page.text_content("#verdict").strip() == "✗ 1 of 2 checks wrong"
    assert "✗" in page.text_content(".chip.wrong")
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    page.wait_for_selector("body[data-at='2']")
    rows = page.locator(".checks tbody tr").all_text_contents()
    assert ["✓ right" in rows[0], "✗ wrong" in rows[1], "∧ at a kink" in rows[2]] == [True] * 3
    assert "0.50.250.5" in rows[1]
    assert "dx[0,1,2,0]" in rows[1]
    assert "not installed where this page was made" in page.text_content(".backends")
    red = page.evaluate("getComputedStyle(document.querySelector('tr .badge.wrong')).backgroundColor")
    green = page.evaluate("getComputedStyle(document.querySelector('tr .badge.right')).color")
    assert red != green
    assert messages == []
    page.close()


def test_what_is_left_out_is_said(browser, tmp_path):
    layers = tc.layers
    parts = [layers.Conv2D(48, 3), layers.BatchNormalization(), layers.ReLU(), layers.MaxPooling2D()]
    more = [layers.Conv2D(24, 3), layers.Flatten(), layers.Dropout(0.2), layers.Dense(3, activation="softmax")]
    model = tc.Sequential([layers.Input((14, 14, 1)), *parts, *more])
    model.compile("adam", "categorical_crossentropy")
    file = tmp_path / "small.html"
    tc.explore(model, picture(14, 14, 1), np.eye(3, dtype=np.float32)[[1]], file, steps=(0,), budget=0.3)
    page, messages, _ = opened_file(browser, file)
    left_out = page.evaluate("tinyconvExplorer.manifest.left_out")
    assert left_out
    assert f"{left_out[0]['kept']} of {left_out[0]['of']} units are kept" in page.text_content(".left-out-list")
    counts = page.evaluate("""async () => {
        const { manifest, explain } = tinyconvExplorer;
        const found = [];
        for (const operation of manifest.operations) {
            const targets = operation.inputs.map((number, place) => [`d_input${place}`, number]);
            for (const [target, number] of [["output", operation.output], ...targets]) {
                const { shape, steps } = manifest.values[number];
                const cell = shape.map(() => 0);
                for (const unit of steps[0].kept || [0, shape.at(-1) - 1]) {
                    if (shape.length) cell[cell.length - 1] = unit;
                    const answer = await explain(operation.number, 0, target, cell);
                    found.push([operation.name, target, answer.left_out, answer.sum, answer.stored, answer.agrees]);
                }
            }
        }
        return found;
    }""")
    assert sum(left["count"] > 0 for _, _, left, *_ in counts) >= 3
    for name, target, left, total, stored, agrees in counts:
        assert agrees is not False, (name, target, left, total, stored)
        if left["count"] and total is not None:
            assert total == pytest.approx(stored, rel=1e-6, abs=1e-12)
    assert messages == []
    page.close()
