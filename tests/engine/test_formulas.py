"""Every operation says its formula, and the page of formulas is what they say."""

import re
from pathlib import Path

import pytest

import tinyconv as tc
from tinyconv.functions.__main__ import main


def operations():
    """Every operation of the engine that is not a mere base of others."""
    found, classes = [], [tc.Function]
    while classes:
        classes += (subclasses := classes.pop().__subclasses__())
        found += [each for each in subclasses if each.__module__.startswith("tinyconv.functions.")]
    return sorted((each for each in found if each.formula or not each.__subclasses__()), key=lambda each: each.__name__)


@pytest.mark.parametrize("operation", operations(), ids=lambda operation: operation.__name__)
def test_every_operation_says_its_formula(operation):
    """One of its own, not one that it inherits."""
    formula = vars(operation)["formula"]
    assert formula.forward.startswith("y")
    assert re.search(r"\bd\w", formula.backward)


def test_the_page_of_formulas_is_what_the_operations_say(capsys):
    """To write it: python -m tinyconv.functions > docs/operations.md."""
    main([])
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    assert page == capsys.readouterr().out
    assert all(f"| `{operation.__name__}` |" in page for operation in operations())
