"""Gradient checks: `tinyconv.gradcheck(f, *inputs)`, and `python -m tinyconv.gradcheck` for the whole engine."""

from .check import GradientError, KinkError, gradcheck

__all__ = ["GradientError", "KinkError", "gradcheck"]
