"""The page by keyboard alone: the walk, a cell pinned in every map, and the panel's text against what was recorded."""

import numpy as np
import pytest
from page_opened import number_of, numbers_of
from page_sums import sums_of

PANEL = """() => {
    const text = (selector) => document.querySelector(`#cell ${selector}`)?.textContent;
    const sum = [...document.querySelectorAll("#cell div.sum dd")].map((each) => each.textContent);
    const lit = tinyconvExplorer.explorer.operationView.maps.map((map) => [map.key, map.lit]);
    const { pinned } = tinyconvExplorer.explorer;
    const said = document.getElementById("announcer").textContent;
    return { name: text("h2"), stored: text("output.stored"), badge: text(".sum .badge"), zero: text(".zero"), sum,
        lit: Object.fromEntries(lit), pinned, said };
}"""


def stations_of(recording):
    """The walk: (phase, operation or update) from the first operation to the last update."""
    operations = recording.operations
    loss = [each for each in operations if not each.layer]
    back = [each for each in reversed(operations) if any(dx is not None for dx in each.passed)]
    return [
        *(("Forward", each) for each in operations if each.layer),
        *(("Loss", each) for each in loss),
        *(("Backward", each) for each in back),
        *(("Update", each) for each in recording.updates),
    ]


def go_to(page, place):
    """Walk to a station by the arrow keys, from wherever the walk is."""
    page.keyboard.press("Escape")
    at = int(page.evaluate("tinyconvExplorer.explorer.at"))
    for _ in range(abs(place - at)):
        page.keyboard.press("ArrowRight" if place > at else "ArrowLeft")
    page.wait_for_selector(f"body[data-at='{place}']")


def pin(page, key, moves=()):
    """Pin a cell of a map by keyboard, and return what the panel says."""
    page.focus(f"canvas[data-key='{key}']")
    for move in moves:
        page.keyboard.press(move)
    page.keyboard.press("Enter")
    page.wait_for_selector("#cell:not([data-pinned=''])")
    panel = page.evaluate(PANEL)
    page.keyboard.press("Escape")
    page.wait_for_selector("#cell[data-pinned='']", state="attached")
    return panel


def test_every_operation_and_every_map(opened):
    page, recording = opened.page, opened.recordings[0]
    rng = np.random.default_rng(0)
    for place, (phase, what) in enumerate(stations_of(recording)):
        go_to(page, place)
        head = page.text_content("#operation .operation-head")
        assert phase in head
        if phase == "Update":
            assert recording.values[what.value].name in head
            continue
        assert what.name in head
        assert page.get_attribute(".chip[aria-current]", "data-operation") == str(what.number)
        sums = sums_of(recording, what)
        # Forward, in what was computed; backward, in what came back.
        for key in page.evaluate("tinyconvExplorer.explorer.operationView.maps.map((map) => map.key)"):
            if key.startswith("d_") != (phase == "Backward") or (key.startswith("input") and what.number):
                continue
            moves = rng.choice(["ArrowDown", "ArrowRight", "PageDown", "End"], size=2)
            panel = pin(page, key, moves)
            cell = tuple(panel["pinned"]["cell"])
            stored = numbers_of(recording, what, key)[cell]
            about = what.name, key, cell, panel
            assert panel["pinned"]["target"] == key
            assert number_of(panel["stored"]) == pytest.approx(stored, rel=1e-7, abs=1e-37), about
            assert "pinned" in panel["said"]
            if key in sums:
                written = number_of(panel["sum"][-2])
                assert written == pytest.approx(sums[key][cell], rel=1e-5, abs=2e-6), about
                assert "equal" in panel["badge"], about
                if stored == 0 and key.startswith("d_"):
                    assert panel["zero"].startswith("Zero"), about


def test_tab_reaches_every_map_and_the_walk(opened):
    page = opened.page
    go_to(page, 0)
    keys = page.evaluate("tinyconvExplorer.explorer.operationView.maps.map((map) => map.key)")
    page.focus("#back" if page.is_enabled("#back") else "#next")
    wanted = {*keys, "steps", "signs", "root", "theme", "help-button"}
    for _ in range(120):
        page.keyboard.press("Tab")
        wanted.discard(page.evaluate("document.activeElement.dataset.key || document.activeElement.id"))
        if not wanted:
            break
    assert not wanted


def test_arrows_in_a_map_are_said_and_do_not_walk(opened):
    page = opened.page
    go_to(page, 0)
    page.focus("canvas[data-key='output']")
    page.keyboard.press("Home")
    for key in ("ArrowRight", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    row = int(page.evaluate("tinyconvExplorer.explorer.operationView.mapOf('output').cursor.row"))
    said = page.text_content("#announcer")
    assert f"row {row}, column 2" in said
    array = opened.recordings[0].values[opened.recordings[0].operations[0].output].array
    assert number_of(said.rpartition(": ")[2]) == pytest.approx(array[0, row, 2, 0], rel=1e-3)
    assert page.evaluate("tinyconvExplorer.explorer.at") == 0


def test_the_same_cell_after_updates(opened):
    page = opened.page
    go_to(page, 0)
    name = opened.recordings[0].operations[0]
    page.focus("canvas[data-key='d_input1']")
    page.keyboard.press("Enter")
    page.wait_for_selector("#cell .over-steps table")
    page.wait_for_selector("#cell:not([data-pinned=''])")
    cell = tuple(page.evaluate("tinyconvExplorer.explorer.pinned.cell"))
    page.keyboard.press("+")
    page.wait_for_selector("body[data-step='1']")
    page.wait_for_selector("#cell .over-steps tr.current:nth-child(2)")
    later = opened.recordings[1]
    stored = later.operations[name.number].passed[1][cell]
    assert number_of(page.text_content("#cell output.stored")) == pytest.approx(stored, rel=1e-7)
    row = [number_of(each) for each in page.locator("#cell .over-steps tr.current td").all_text_contents()]
    assert row[1] == pytest.approx(later.values[name.inputs[1]].array[cell], rel=1e-3)
    assert "updates, loss" in page.text_content("#step-text")
    update = next(each for each in later.updates if each.value == name.inputs[1])
    after = number_of(page.text_content("#cell .update dl.sum dd"))
    assert after == pytest.approx(update.after[cell], rel=1e-7)
    page.keyboard.press("-")
    page.wait_for_selector("body[data-step='0']")
    page.keyboard.press("Escape")


def test_following_a_factor_leads_to_where_it_was_made(opened):
    page, recording = opened.page, opened.recordings[0]
    stations = stations_of(recording)
    last = max(place for place, (phase, _) in enumerate(stations) if phase == "Forward")
    go_to(page, last)
    page.focus("canvas[data-key='output']")
    page.keyboard.press("Enter")
    page.wait_for_selector("#cell:not([data-pinned=''])")
    operation = stations[last][1]
    maker = recording.maker(operation.inputs[0])
    page.focus("#cell button.factor")
    page.keyboard.press("Enter")
    page.wait_for_selector(f"body[data-at='{stations.index(('Forward', maker))}']")
    pinned = page.evaluate("tinyconvExplorer.explorer.pinned")
    assert pinned["target"] == page.evaluate("document.activeElement.dataset.key") == "output"
    stored = recording.values[maker.output].array[tuple(pinned["cell"])]
    assert number_of(page.text_content("#cell output.stored")) == pytest.approx(stored, rel=1e-7)
    page.keyboard.press("Escape")
