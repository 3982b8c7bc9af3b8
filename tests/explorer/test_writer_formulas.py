"""Formulas and sources of all operations: MathML is well-formed, and the code shown is the code that runs."""

import inspect
from xml.etree import ElementTree

import numpy as np
import pytest

from tinyconv import Tensor, functions, kernels
from tinyconv.explorer.page.formulas import formulas, shapes
from tinyconv.explorer.page.notation import NAMESPACE, mathml
from tinyconv.explorer.page.sources import sources
from tinyconv.functions.__main__ import formulas as known
from tinyconv.kernels import reference
from tinyconv.tensor import Function


def kinds():
    """Every operation that has a formula, by its name."""
    found, classes = {}, [Function]
    while classes:
        kind = classes.pop()
        classes += kind.__subclasses__()
        if kind.formula is not None and kind.__module__.startswith("tinyconv.functions"):
            found[kind.__name__] = kind
    return found


def text_of(element):
    return "".join(element.itertext()).replace("\u00a0", " ")


def test_every_operation_has_well_formed_formulas():
    found = kinds()
    assert set(found) == set(known())
    for kind in found.values():
        shown = formulas(kind)
        for part in (shown["forward"], *shown["backward"]):
            root = ElementTree.fromstring(part)
            assert root.tag == f"{{{NAMESPACE}}}math"
            assert "=" in text_of(root) or kind.__name__ == "Conv2DPooled"
            assert not set("{}_^") & set(text_of(root)) - {"^"}
        assert shown["text"]["forward"] == kind.formula.forward


@pytest.mark.parametrize(("kind", "parts"), [("Conv2D", 3), ("BatchNorm", 3), ("Add", 2), ("Relu", 1), ("GetItem", 1)])
def test_a_backward_formula_for_each_input(kind, parts):
    assert len(formulas(kinds()[kind])["backward"]) == parts


def test_notation():
    root = ElementTree.fromstring(mathml("y = {Σ_{i} x[i]²}/{√(σ + 1)}"))
    tags = [element.tag.rpartition("}")[2] for element in root.iter()]
    assert {"munder", "mfrac", "msqrt", "msub", "msup"} <= set(tags)
    assert text_of(ElementTree.fromstring(mathml("y = a where a < b, else 0"))) == "y=a where a<b, else 0"
    assert text_of(ElementTree.fromstring(shapes({"x": (1, 28), "y": ()}))) == "x∈ℝ1×28,y∈ℝ1"


def test_sources_are_the_functions_that_run():
    found = kinds()
    titles = {name: [each["title"] for each in sources(kind)] for name, kind in found.items()}
    assert titles["Conv2D"][:2] == ["conv2d", "conv2d_backward"]
    assert {"pad", "taps", "by_group", "conv2d_backward_kernel"} <= set(titles["Conv2D"])
    assert titles["Relu"] == ["relu", "relu_backward"]
    assert titles["Exp"] == ["Exp.forward", "Exp.backward"]
    assert {"Add.operate", "Add.gradient_a", "_sum_to"} <= set(titles["Add"])
    assert "Conv2DTranspose.forward" in titles["Conv2DTranspose"]  # which adds the bias itself
    assert all(titles.values())
    first = sources(found["Conv2D"])[0]
    assert first["code"] == inspect.getsource(reference.conv2d).rstrip()
    assert first["file"] == "kernels/reference/convolution.py"
    lines = inspect.getsource(inspect.getmodule(reference.conv2d)).splitlines()
    assert lines[first["line"] - 1].startswith("def conv2d(")


def test_kernels_that_are_shown_run_under_the_reference_backend():
    """Every kernel that a small convolution calls there is in what is shown."""
    called = set()

    def spying(name):
        kernel = getattr(reference, name)

        def spy(*arguments):
            called.add(name)
            return kernel(*arguments)

        return spy

    with pytest.MonkeyPatch.context() as patch, kernels.backend("reference"):
        for name in ("conv2d", "conv2d_backward", "max_pool2d", "max_pool2d_backward"):
            patch.setattr(reference, name, spying(name))
        image, kernel = Tensor(np.ones((1, 4, 4, 1), np.float32), True), Tensor(np.ones((3, 3, 1, 2), np.float32), True)
        functions.sum(functions.max_pool2d(functions.conv2d(image, kernel))).backward()
    shown = {each["title"] for name in ("Conv2D", "MaxPool2D") for each in sources(kinds()[name])}
    assert called == {"conv2d", "conv2d_backward", "max_pool2d", "max_pool2d_backward"}
    assert called <= shown
