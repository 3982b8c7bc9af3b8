"""The diagram of a model, laid out and drawn without any program of the system's."""

from tinyconv.visualize.diagram.parts import Showing
from tinyconv.visualize.diagram.plot import draw_model, plot_model

__all__ = ["Showing", "draw_model", "plot_model"]
