"""The textbook source of an operation: the functions of `kernels/reference` that `tc.backend("reference")` runs for it.

They are found by reading what the operation's forward and backward call, and so on from there. Of an operation that
needs no kernel, which is written in NumPy, it is its forward and its backward themselves; and these too where they do
more than call kernels.
"""

import ast
import inspect
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from textwrap import dedent
from types import FunctionType, ModuleType
from typing import Any

from ... import kernels
from ...kernels import reference
from ...kernels.operations import NAMES
from ...tensor import Function

HOMES = {Path(kernels.__file__).parent: "kernels", Path(__file__).parents[2]: "tinyconv"}


@cache
def sources(kind: Any) -> tuple[dict[str, Any], ...]:
    """Return the functions that compute an operation, forward and backward: title, file, line and code of each.

    There are none where Python has no source, as for a class that was typed in.
    """
    try:
        methods = list(_methods(kind))
        called = [name for method in methods for owner, name in _mentioned(method) if owner == "kernels"]
        found = [getattr(reference, name) for name in dict.fromkeys(called) if name in NAMES]
        if not found or any(map(_computes, methods)):
            found += methods
        return tuple(map(_source, _with_helpers(found)))
    except OSError:
        return ()


def _methods(kind: type[Function]) -> Iterator[FunctionType]:
    """Yield the forward of an operation, its backward, and the methods that these call."""
    waiting, seen = ["backward", "forward"], {"__init__"}
    while waiting:
        name = waiting.pop()
        method = next((vars(each)[name] for each in kind.__mro__ if name in vars(each)), None)
        if name in seen or not isinstance(method, FunctionType) or method is vars(Function).get(name):
            continue
        seen.add(name)
        yield method
        waiting.extend(reversed([called for owner, called in _mentioned(method) if owner == "self"]))


def _with_helpers(functions: list[FunctionType]) -> list[FunctionType]:
    """Return functions, and behind them those of the same package that they call."""
    found = dict.fromkeys(functions)
    waiting = list(functions)
    while waiting:
        each = waiting.pop(0)
        for owner, name in _mentioned(each):
            module = each.__globals__.get(owner) if owner else None
            helper = vars(module).get(name) if isinstance(module, ModuleType) else each.__globals__.get(name)
            if not isinstance(helper, FunctionType) or (owner and module is None) or helper in found:
                continue
            if helper.__module__.rpartition(".")[0] == each.__module__.rpartition(".")[0]:
                found[helper] = None
                waiting.append(helper)
    return list(found)


def _computes(function: FunctionType) -> bool:
    """Return whether a function computes something itself, and does not only call others."""
    body = ast.walk(ast.Module(_tree(function).body[0].body, []))  # type: ignore[attr-defined]
    return any(isinstance(node, ast.BinOp | ast.AugAssign) for node in body)


@cache
def _tree(function: FunctionType) -> ast.Module:
    """Return the syntax tree of a function."""
    return ast.parse(dedent(inspect.getsource(function)))


@cache
def _mentioned(function: FunctionType) -> list[tuple[str, str]]:
    """Return what a function mentions, in its order, as (owner, name).

    The owner is a module, "self", "kernels" for the backend that `kernels.of` chose, and "" for a plain name.
    """
    tree = _tree(function)
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Name | ast.Attribute)]
    backends = {
        ast.unparse(target)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and ast.unparse(node.value).startswith("kernels.of(")
        for target in node.targets
    }
    found = []
    for node in sorted(nodes, key=lambda node: (node.end_lineno, node.end_col_offset)):
        if isinstance(node, ast.Name):
            found.append(("", node.id))
        else:
            owner = ast.unparse(node.value)
            of_backend = owner in backends or owner.startswith("kernels.of(")
            found.append(("kernels" if of_backend else owner, node.attr))
    return list(dict.fromkeys(found))


def _source(function: FunctionType) -> dict[str, Any]:
    """Return what the page shows of a function."""
    lines, line = inspect.getsourcelines(function)
    file = Path(inspect.getfile(function))
    home = next((home for home in HOMES if file.is_relative_to(home)), None)
    shown = f"{HOMES[home]}/{file.relative_to(home).as_posix()}" if home else file.name
    return {"title": function.__qualname__, "file": shown, "line": line, "code": dedent("".join(lines)).rstrip()}
