"""Data sets by the arguments and the order of axes of the eras before Keras 3, cut down for a quick look."""

from functools import partial
from types import ModuleType, SimpleNamespace
from typing import Any

from .. import config
from ..datasets import cifar10, cifar100, fashion_mnist, mnist
from .eras import Era
from .quick_look import Caps, short
from .spelling import Names
from .tensorflow.input_data import read_data_sets

OF_COLOUR = (cifar10, cifar100)


def spelled_names(era: Era, caps: Caps) -> Names:
    """Return the data sets of an era, by module."""
    found: dict[str, dict[str, Any]] = {"datasets": {}}
    for module in (mnist, fashion_mnist, cifar10, cifar100):
        name = module.__name__.rpartition(".")[2]
        load = _loader(module, era, caps)
        found[f"datasets.{name}"] = {"load_data": load}
        found["datasets"][name] = SimpleNamespace(load_data=load, __name__=f"keras.datasets.{name}")
    found["keras.tensorflow.input_data"] = {"read_data_sets": partial(read_data_sets, samples=caps.samples)}
    return found


def _loader(module: ModuleType, era: Era, caps: Caps) -> Any:
    def load_data(*given: Any, **named: Any) -> Any:
        """Return ((x_train, y_train), (x_test, y_test)); a file's path, which older versions take, is passed over."""
        modes = {"label_mode": named["label_mode"]} if "label_mode" in named else {}
        if module is cifar100 and given:
            modes["label_mode"] = given[0]
        parts = tuple((short(x, caps.samples), short(y, caps.samples)) for x, y in module.load_data(**modes))
        first = era.before(1, 1) or (era.old and config.image_data_format() == "channels_first")
        if first and module in OF_COLOUR:
            parts = tuple((x.transpose(0, 3, 1, 2), y) for x, y in parts)
        return parts

    return load_data
