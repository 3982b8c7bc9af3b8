"""`tinyconv.explain`: where one number of a gradient comes from, back to the loss, in the terminal."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .checks import KINK, RIGHT, Check, check_operation, check_value
from .letters import letters
from .recording import CONSTANT, PARAMETER, Operation, Recording, Value, record
from .replay import Replay
from .terms import Terms, terms
from .terms.term import Cell, named

LARGEST = 10  # terms that are printed for each operation
MARKS = {RIGHT: "✓ right", KINK: "~ at a kink, where the slopes to the left and the right differ"}


@dataclass(eq=False)
class Link:
    """A cell of a value on the way to the loss, and what each operation that uses the value hands to it."""

    value: Value
    cell: Cell
    gradient: float
    shares: list[Terms]
    check: Check | None = None  # of the operation that hands it the most

    @property
    def sum(self) -> float:
        """Σ of all terms of all users, which is the gradient."""
        return sum(share.sum for share in self.shares)

    def next(self) -> tuple[Terms, int] | None:
        """Return the largest term, as its terms and the place in them; None when no cell of dy leads on.

        Where all are 0, it is the first with a factor: the 0 comes from there.
        """
        leading = [(share, int(at)) for share in self.shares for at in share.largest(1)]
        if leading:
            return max(leading, key=lambda pair: abs(pair[0].products[pair[1]]))
        open_ones = [(share, int(at)) for share in self.shares for at in np.flatnonzero(share.slopes)[:1]]
        return open_ones[0] if open_ones else None


@dataclass(eq=False)
class Explanation:
    """The chain of `links` from a number to the loss. `gradient` is None if it has none; then `reason` says why."""

    recording: Recording
    value: Value
    cell: Cell
    gradient: float | None
    links: list[Link]
    check: Check | None
    reason: str = ""

    def __repr__(self) -> str:
        found = "no gradient" if self.gradient is None else f"{self.gradient:.6g}"
        return f"<Explanation of ∂loss/∂{named(self.value.name, self.cell)}: {found}>"

    def __str__(self) -> str:
        target = named(self.value.name, self.cell)
        loss = float(self.recording.values[self.recording.loss].array)
        lines = [f"{target} = {float(self.value.array[self.cell]):.6g}, loss = {loss:.6g}"]
        if self.gradient is None:
            return "\n".join([*lines, f"no gradient: {self.reason}"])
        lines.append(f"∂loss/∂{target} = {self.gradient:.6g}")
        if self.check is not None:
            lines.append(f"    {_checked(self.check)}")
        for link in self.links:
            lines += ["", *_link_lines(link)]
        return "\n".join(lines)


def explain(model: Any, x: Any, y: Any, name: str, cell: Sequence[int]) -> Explanation:
    """Print where one number of a gradient comes from, and return the explanation.

    One training step of the compiled `model` on samples x and targets y is recorded; the model stays as it was. `name`
    is a weight's ("conv2d/kernel"), an input's ("input"), a layer's, for its output, or an operation's ("conv2d:
    Conv2D"); `cell` is the index of the number in it, of an activation or an input with the sample first.

    From the number to the loss, each operation on the way is printed with its formula and the ten largest terms of the
    sum that this gradient is; the way goes on by the largest. The gradient is compared with the central difference of
    the loss in float64, and so is that of each operation by itself.

    Raises ValueError for a model that is not compiled, data that do not fit it and a name that there is not, IndexError
    for a cell outside.
    """
    explanation = explanation_of(record(model, x, y), name, cell)
    print(explanation)
    return explanation


def explanation_of(recording: Recording, name: str, cell: Sequence[int], check: bool = True) -> Explanation:
    """Return the explanation of one number of a recording, with checks if wanted: see `explain`."""
    value = recording.find(name)
    at = _checked_cell(value, cell)
    if value.gradient is None:
        return Explanation(recording, value, at, None, [], None, why_none(recording, value))
    gradient = float(value.gradient[at])
    links = _chain(recording, value, at, check)
    checked = check_value(Replay(recording), value.number, at) if check else None
    return Explanation(recording, value, at, gradient, links, checked)


def why_none(recording: Recording, value: Value) -> str:
    """Say why a value has no gradient."""
    users = recording.users(value.number)
    if value.role == CONSTANT:
        return f"{value.name} is a constant"
    if value.role == PARAMETER:
        return f"{value.name} is not trainable"
    if value.layer and not users:
        return (
            f"the loss was not computed from {value.name}; that of softmax and sigmoid is computed from their input, "
            "the logits"
        )
    return f"nothing that the loss was computed from depends on {value.name}"


def _checked_cell(value: Value, cell: Sequence[int]) -> Cell:
    """Return a cell as a tuple of places counted from 0; negative ones count from the end."""
    shape = value.array.shape
    given = tuple(int(i) for i in cell)
    if len(given) != len(shape) or any(not -n <= i < n for i, n in zip(given, shape, strict=True)):
        raise IndexError(f"{value.name} has shape {shape}, there is no cell {given} in it")
    return tuple(i % n for i, n in zip(given, shape, strict=True))


def _chain(recording: Recording, value: Value, cell: Cell, check: bool) -> list[Link]:
    """Return the links from a cell of a value to the loss, each by the largest term of the one before."""
    links: list[Link] = []
    while value.number != recording.loss and value.gradient is not None:
        shares = [
            terms(recording, operation, place, cell)
            for operation, place in recording.users(value.number)
            if operation.passed[place] is not None
        ]
        link = Link(value, cell, float(value.gradient[cell]), shares)
        links.append(link)
        largest = link.next()
        if largest is None:
            break
        share, at = largest
        if check:
            link.check = check_operation(recording, share.operation, share.place, cell)
        value, cell = recording.values[share.operation.output], tuple(int(i) for i in share.outputs[at])
    return links


def _link_lines(link: Link) -> list[str]:
    """Return the lines of one link: each user's formula, terms and sum."""
    lines = []
    if len(link.shares) > 1:
        parts = " ".join(f"{share.sum:+.6g}" for share in link.shares)
        lines.append(f"{link.value.name} is used {len(link.shares)} times, its gradient is the sum: {parts}")
    for share in link.shares:
        lines += _share_lines(share)
    if link.check is not None:
        lines.append(f"    {_checked(link.check)}")
    return lines


def _share_lines(share: Terms) -> list[str]:
    operation = share.operation
    what = letters(operation.function, len(operation.inputs))[share.place]
    lines = [f"{operation.name}    {_formula(operation, what)}".rstrip()]
    target = named(f"d{what}", share.cell)
    order = share.largest(LARGEST)
    count = len(share.outputs)
    lines.append(f"    {target} = {share.sum:.6g}" + (f", the sum of {count} terms" if count > 1 else ""))
    for at in order:
        dy = f"{named('dy', share.outputs[at])} {share.dy[at]:.6g}"
        name = share.factor(int(at))
        factor = f" · {name} {share.slopes[at]:.6g}" if name or share.slopes[at] != 1 else ""
        lines.append(f"    {share.products[at]:+14.6g} = {dy}{factor}")
    rest = count - len(order)
    if order.size and rest:
        others = share.sum - float(share.products[order].sum())
        zeros = int((share.products == 0).sum())
        lines.append(f"    {others:+14.6g} : {rest} others" + (f", {zeros} of them 0" if zeros else ""))
    if not order.size and count:
        why = "every dy that it hears from is 0" if np.any(share.slopes) else "every factor is 0"
        only = "" if count > 1 else f": {named('dy', share.outputs[0])} = {share.dy[0]:.6g}"
        lines.append(f"    0, since {why}{only}")
    if share.note:
        lines.append(f"    {share.note}")
    return lines


def _formula(operation: Operation, what: str) -> str:
    """Return an operation's formula of the gradient of one input, or of all where it does not tell them apart."""
    formula = operation.function.formula
    if formula is None:
        return ""
    parts = re.split(r"[;,] (?=d\w*(?:\[[^]]*\])? [+=])", formula.backward)
    own = [part for part in parts if re.match(rf"d{what}\b", part)]
    return own[0] if own else formula.backward


def _checked(check: Check) -> str:
    """Return a check in one line."""
    found = MARKS.get(check.verdict, "✗ WRONG")
    numbers = f"in float64 {check.gradient:.9g}, central difference {check.difference:.9g}"
    return f"{numbers}, relative error {check.error:.1g}: {found}"
