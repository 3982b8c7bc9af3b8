"""Sizes of pages: small networks under 3 MB, large ones under their budget, and what is left out is said."""

import numpy as np
import pytest
from page_opened import opened_file
from test_writer_page import read

import tinyconv as tc
from tinyconv.explorer.page import manifest as manifests
from tinyconv.explorer.page.badges import NOTHING
from tinyconv.recipes import BY_NAME

pytestmark = pytest.mark.usefixtures("without_keras")

MEGABYTE = 1_000_000


def explored(model, budget=8.0, steps=(0, 1, 10, 100)):
    tc.set_seed(0)
    x = np.random.default_rng(0).random((1, *model.input_shape[1:])).astype(np.float32)
    y = np.eye(model.output_shape[-1], dtype=np.float32)[[2]]
    model.compile("adam", "categorical_crossentropy")
    page = tc.explore(model, x, y, steps=steps, budget=budget)
    assert len(page.html.encode()) <= budget * MEGABYTE
    return page, *read(page)


def says_what_it_lacks(manifest, arrays):
    """Assert that each array has the maps that its value says, evenly spaced, and that `left_out` has the others."""
    left_out = {(each["name"], each["steps"]): each["kept"] for each in manifest["left_out"]}
    for value in manifest["values"]:
        counts = []
        for step in value["steps"]:
            kept, maps = step["kept"], (value["shape"] or [1])[-1]
            counts.append(maps if kept is None else len(kept))
            if kept is not None:
                assert kept == list(range(0, maps, kept[1] if len(kept) > 1 else maps))[: len(kept)]
            if step["data"] is None:
                assert kept == []
            else:
                assert arrays[step["data"]].size == np.prod(value["shape"][:-1], dtype=int) * counts[-1]
            if step["gradient"] not in ("none", None):
                assert arrays[step["gradient"]].size == arrays[step["data"]].size
        maps = (value["shape"] or [1])[-1]
        assert left_out.get((value["name"], "all"), maps) == counts[0]
        if min(counts) < counts[0]:
            assert left_out[value["name"], "later"] == min(counts[1:])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_pages_of_the_documents_networks_are_under_3_mb(name):
    page, manifest, arrays = explored(BY_NAME[name].build())
    assert len(page.html.encode()) < 3 * MEGABYTE
    says_what_it_lacks(manifest, arrays)
    first = [step["kept"] for step in (value["steps"][0] for value in manifest["values"]) if step["kept"] is not None]
    assert len(first) <= 6  # of a few arrays only are there not all maps at first


def test_a_small_budget_keeps_fewer_maps():
    def network():
        layers = [tc.Input((20, 20, 3)), tc.layers.Conv2D(64, 3, activation="relu"), tc.layers.GlobalAveragePooling2D()]
        return tc.Sequential([*layers, tc.layers.Dense(3, activation="softmax")])

    large, *_ = explored(network(), steps=(0, 1))
    page, manifest, arrays = explored(network(), 0.35, steps=(0, 1))
    assert len(page.html) < len(large.html)
    says_what_it_lacks(manifest, arrays)
    relu = next(value for value in manifest["values"] if value["name"].endswith("Relu"))
    counts = [len(step["kept"]) for step in relu["steps"]]
    assert 64 > counts[0] > counts[1]
    operation = next(each for each in manifest["operations"] if each["output"] == relu["number"])
    slope = operation["steps"][0]["arrays"]["slope0"]
    assert arrays[slope].shape[-1] == counts[0]  # cut like the output


@pytest.mark.slow
def test_nobody_wins_a_window_that_is_left_out(browser, tmp_path):
    layers = [tc.Input((20, 20, 1)), tc.layers.Conv2D(64, 3, activation="relu"), tc.layers.MaxPooling2D()]
    layers += [tc.layers.GlobalAveragePooling2D(), tc.layers.Dense(3, activation="softmax")]
    page, manifest, _ = explored(tc.Sequential(layers), steps=(0, 1))
    pooling = next(each for each in manifest["operations"] if each["kind"] == "max_pooling")
    x, y = (manifest["values"][number]["steps"][1]["kept"] for number in (*pooling["inputs"], pooling["output"]))
    lacking = next(channel for channel in y if channel not in x)
    (tmp_path / "page.html").write_text(page.html, encoding="utf-8")
    opened, messages, _ = opened_file(browser, tmp_path / "page.html")
    asked = [[pooling["number"], 1, "output", [0, 2, 3, channel]] for channel in (x[0], lacking)]
    known, unknown = (opened.evaluate("(asked) => tinyconvExplorer.explain(...asked)", each) for each in asked)
    assert known["agrees"] is True
    assert "wins the window" in known["note"]
    assert unknown["agrees"] is None
    assert "left out of the page" in unknown["note"]
    assert messages == []


@pytest.mark.slow
@pytest.mark.parametrize("network", [tc.zoo.VGG16, tc.zoo.ResNet50], ids=["VGG16", "ResNet50"])
def test_pages_of_large_networks_fit_into_the_budget(network, monkeypatch):
    monkeypatch.setattr(manifests, "badges", lambda recording, keras: [NOTHING] * len(recording.operations))
    page, manifest, arrays = explored(network(weights=None), steps=(0, 1))
    says_what_it_lacks(manifest, arrays)
    assert len(page.html.encode()) > 4 * MEGABYTE  # the budget is used
    assert [each for each in manifest["values"][-1]["steps"] if each["data"] is None] == []
