"""README.md and docs/: short where they shall be, and true about what there is."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
IN_TREE = re.compile(r"`((?:tinyconv|kernels|tests|benchmarks|examples|docs)/[\w./-]*)`")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)\)")


def test_readme_is_a_landing_page():
    assert len(PAGES[0].read_text(encoding="utf-8").splitlines()) <= 150


def test_readme_links_every_page():
    linked = LINK.findall(PAGES[0].read_text(encoding="utf-8"))
    assert {f"docs/{page.name}" for page in PAGES[1:]} <= set(linked)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_points_to_is_there(page):
    text = page.read_text(encoding="utf-8")
    missing = [name for name in LINK.findall(text) if not (page.parent / name).exists()]
    missing += [name for name in IN_TREE.findall(text) if not (ROOT / name).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_on_a_page_can_be_read(page):
    for block in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        compile(block, page.name, "exec")


@pytest.mark.parametrize(
    ("page", "opens", "also"),
    [
        (
            "getting-started.md",
            "image = tc.Input",
            "import tinyconv as tc\nfrom tinyconv.layers import Conv2D, Dense\n",
        ),
        ("gradients.md", "import numpy as np", ""),
        ("own-models.md", "import numpy as np", ""),
        (
            "callbacks.md",
            "class Tiles",
            "import numpy as np\nimport tinyconv as tc\n"
            "x, y = x_test, y_test = np.ones((96, 4)), np.zeros(96)\n"
            "model = tc.Sequential([tc.Input((4,)), tc.layers.Dense(1)])\n"
            "model.compile('sgd', 'mse')\n",
        ),
    ],
)
def test_a_pages_example_runs(page, opens, also, capsys):
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    (block,) = [b for b in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if b.startswith(opens)]
    exec(also + block, {})
    assert "Error" not in capsys.readouterr().out
