"""What a program of Python 2 means in another way: the division of whole numbers, and ranges up to a fraction."""

import ast
from typing import Any

import numpy as np

DIVIDE = "__divide_as_python_2"


class _Divisions(ast.NodeTransformer):
    """Puts calls of a function in the place of divisions."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        """Replace a / b."""
        self.generic_visit(node)
        if not isinstance(node.op, ast.Div):
            return node
        call = ast.Call(ast.Name(DIVIDE, ast.Load()), [node.left, node.right], [])
        return ast.copy_location(call, node)


def dividing_as_python_2(tree: ast.Module, space: dict[str, Any]) -> ast.Module:
    """Return a program whose a / b rounds down where both are whole numbers, as in Python 2."""
    space[DIVIDE] = divide
    found: ast.Module = ast.fix_missing_locations(_Divisions().visit(tree))
    return found


def divide(a: Any, b: Any) -> Any:
    """Return a / b; a // b for whole numbers, and for arrays of them."""
    return a // b if _is_whole(a) and _is_whole(b) else a / b


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) or getattr(getattr(value, "dtype", None), "kind", "") in ("i", "u")


def whole_range(*ends: Any) -> range:
    """Return a range whose ends may be fractions, which are cut off: `xrange`, which warned of them."""
    return range(*(int(end) if isinstance(end, float | np.floating) else end for end in ends))
