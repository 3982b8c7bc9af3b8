"""Gradient checks: `tinyconv.gradcheck(f, *inputs)`, and `python -m tinyconv.gradcheck` for the whole engine."""

from .check import GradientError, gradcheck

__all__ = ["GradientError", "gradcheck"]
