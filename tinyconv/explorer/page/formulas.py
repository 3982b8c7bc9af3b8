"""The formulas of an operation as MathML: those of its docstring, the main ones with sums and fractions written out."""

import re
from functools import cache
from typing import Any

from ...tensor import Formula
from .notation import mathml

# In the notation of `notation.py`. A sum's indices stand below it.
WRITTEN_OUT: dict[str, tuple[str, str]] = {
    "Conv2D": (
        "y[n,i,j,k] = b[k] + Σ_{p,q,c} x[n, i·s + p·d, j·s + q·d, c]·w[p,q,c,k]",
        "dx[n,u,v,c] = Σ_{p,q,k} dy[n,i,j,k]·w[p,q,c,k] over the i, j with i·s + p·d = u, j·s + q·d = v; "
        "dw[p,q,c,k] = Σ_{n,i,j} x[n, i·s + p·d, j·s + q·d, c]·dy[n,i,j,k]; "
        "db[k] = Σ_{n,i,j} dy[n,i,j,k]",
    ),
    "DepthwiseConv2D": (
        "y[n,i,j,c·m + t] = b[c·m + t] + Σ_{p,q} x[n, i·s + p·d, j·s + q·d, c]·w[p,q,c,t]",
        "dx[n,u,v,c] = Σ_{p,q,t} dy[n,i,j,c·m + t]·w[p,q,c,t] over the i, j with i·s + p·d = u, j·s + q·d = v; "
        "dw[p,q,c,t] = Σ_{n,i,j} x[n, i·s + p·d, j·s + q·d, c]·dy[n,i,j,c·m + t]; "
        "db[c·m + t] = Σ_{n,i,j} dy[n,i,j,c·m + t]",
    ),
    "Conv2DTranspose": (
        "y[n,u,v,k] = b[k] + Σ_{p,q,c} x[n,i,j,c]·w[p,q,k,c] over the i, j with i·s + p·d = u, j·s + q·d = v",
        "dx[n,i,j,c] = Σ_{p,q,k} dy[n, i·s + p·d, j·s + q·d, k]·w[p,q,k,c]; "
        "dw[p,q,k,c] = Σ_{n,i,j} dy[n, i·s + p·d, j·s + q·d, k]·x[n,i,j,c]; "
        "db[k] = Σ_{n,i,j} dy[n,i,j,k]",
    ),
    "Dense": (
        "y[n,k] = b[k] + Σ_{m} x[n,m]·w[m,k]",
        "dx[n,m] = Σ_{k} dy[n,k]·w[m,k]; dw[m,k] = Σ_{n} x[n,m]·dy[n,k]; db[k] = Σ_{n} dy[n,k]",
    ),
    "AveragePool2D": (
        "y = {Σ x}/{cells} over each window",
        "dx = Σ {dy}/{cells} over the windows that hold it",
    ),
    "GlobalAveragePool2D": ("y[n,c] = {Σ_{i,j} x[n,i,j,c]}/{h·w}", "dx[n,i,j,c] = {dy[n,c]}/{h·w}"),
    "BatchNorm": (
        "y = γ·x̂ + β, x̂ = {x − μ}/{√(σ² + ε)}",
        "dx = {γ}/{√(σ² + ε)}·(dy − mean dy − x̂·mean(dy·x̂)); dγ = Σ dy·x̂; dβ = Σ dy",
    ),
    "LayerNorm": (
        "y = γ·x̂ + β, x̂ = {x − μ}/{√(σ² + ε)}",
        "dx = {g − mean g − x̂·mean(g·x̂)}/{√(σ² + ε)} with g = γ·dy; dγ = Σ dy·x̂; dβ = Σ dy",
    ),
    "Dropout": (
        "y = {x}/{1 − rate} where u ≥ rate, else 0; 0 ≤ u < 1, uniform",
        "dx = {dy}/{1 − rate} where u ≥ rate, else 0",
    ),
    "Softmax": (
        "y[k] = {e^{x[k]}}/{Σ_{j} e^{x[j]}}",
        "dx[k] = y[k]·(dy[k] − Σ_{j} dy[j]·y[j])",
    ),
    "SoftmaxCrossEntropy": (
        "y = −Σ_{k} t[k]·ln p[k], p = softmax(x)",
        "dx[k] = dy·(p[k]·Σ_{j} t[j] − t[k])",
    ),
    "SparseSoftmaxCrossEntropy": (
        "y = −ln p[label], p = softmax(x)",
        "dx[k] = dy·(p[k] − [k = label])",
    ),
    "Sigmoid": ("y = {1}/{1 + e^{−x}}", "dx = dy·y·(1 − y)"),
    "Divide": ("y = {a}/{b}", "da = {dy}/{b}; db = −{dy·y}/{b}"),
    "Log": ("y = ln x", "dx = {dy}/{x}"),
    "Sqrt": ("y = √x", "dx = {dy}/{2·y}"),
    "Softsign": ("y = {x}/{1 + |x|}", "dx = {dy}/{(1 + |x|)²}"),
    "Mean": ("y = {Σ x}/{count}", "dx = {dy}/{count}, repeated along the reduced axes"),
    "Var": ("y = {Σ (x − mean)²}/{count}", "dx = {dy·2·(x − mean)}/{count}"),
}
PARTS = re.compile(r"[,;] (?=d\S*(?:\[[^]]*\])? \+?= )")  # between the gradients of two inputs


@cache
def formulas(kind: Any) -> dict[str, Any] | None:
    """Return the formulas of an operation, forward and backward, as MathML and as text; None if it has none."""
    if kind.formula is None:
        return None
    shown = Formula(*WRITTEN_OUT[kind.__name__]) if kind.__name__ in WRITTEN_OUT else kind.formula
    return {
        "forward": mathml(shown.forward),
        "backward": [mathml(part) for part in PARTS.split(shown.backward)],
        "text": {"forward": kind.formula.forward, "backward": kind.formula.backward},
    }


def shapes(letters: dict[str, tuple[int, ...]]) -> str:
    """Return as MathML which shapes the letters of a formula have: x ∈ ℝ^{1×28×28×1}."""
    return mathml(
        ", ".join(f"{letter} ∈ ℝ^{{{'×'.join(map(str, shape)) or '1'}}}" for letter, shape in letters.items())
    )
