"""Every public name of Keras is tinyconv's, too, or is refused with what there is instead."""

import re
from fnmatch import fnmatchcase

import pytest

import tinyconv as tc
from tinyconv.offered import INSTEAD, public_names

# tinyconv's modules and Keras's.
MODULES = {
    "": "",
    **{name: name for name in ("activations", "callbacks", "datasets", "initializers", "layers", "losses", "metrics")},
    **{name: name for name in ("models", "optimizers", "regularizers")},
    "schedules": "optimizers.schedules",
    "zoo": "applications",
}
STRINGS = ("activations", "initializers", "losses", "metrics", "optimizers", "regularizers")


def module(engine, dotted):
    for part in filter(None, dotted.split(".")):
        engine = getattr(engine, part)
    return engine


def said(name, dotted):
    """Return what tinyconv says about an attribute that it has not."""
    with pytest.raises(AttributeError) as raised:
        getattr(module(tc, dotted), name)
    return str(raised.value)


@pytest.mark.parametrize(("ours", "theirs"), MODULES.items())
def test_attributes(keras, ours, theirs):
    names = [name for name in dir(module(keras, theirs)) if not name.startswith("_")]
    missing = [name for name in names if not hasattr(module(tc, ours), name)]
    assert len(missing) < len(names)
    for name in missing:
        message = said(name, ours)
        whole = f"tinyconv.{ours}".rstrip(".")
        refused = rf"{whole} does not offer {name}: \w.+"
        placed = rf"{whole} has no {name}: it is (tinyconv\.[\w.]+)"
        found = re.fullmatch(f"{refused}|{placed}", message)
        assert found, message
        assert "\n" not in message
        if found[1]:
            assert found[1].endswith(f".{name}")
            assert module(tc, found[1].removeprefix("tinyconv.")) is not None


def compiled(metric):
    tc.Sequential([tc.Input((4,)), tc.layers.Dense(3)]).compile("sgd", "mse", metrics=[metric])


@pytest.mark.parametrize("kind", STRINGS)
def test_strings(keras, kind):
    """The strings that Keras takes for a loss, an activation, …; but not of base classes and wrappers."""
    import keras.src

    get = compiled if kind == "metrics" else getattr(tc, kind).get
    nobodys = re.compile("Initializer|Loss|Mean|Metric|Optimizer|Regularizer|.*Wrapper", re.IGNORECASE)
    unknown = []
    for name in getattr(keras.src, kind).ALL_OBJECTS_DICT:
        try:
            get(name)
        except ValueError as error:
            helpful = re.match(r"tinyconv does not offer the \w+ ", str(error)) or "did you mean" in str(error)
            if not (helpful or nobodys.fullmatch(name.replace("_", ""))):
                unknown.append(str(error))
    assert unknown == []


def test_the_table_names_nothing_that_tinyconv_has():
    """Who adds one of these takes its name out of `tinyconv.offered.INSTEAD`."""
    for place, table in INSTEAD.items():
        here = tc if place == "tinyconv" else getattr(tc, place)
        assert not set(" ".join(table).split()) & public_names(here)


def test_each_name_stands_once():
    for place, table in INSTEAD.items():
        names = " ".join(table).split()
        for name in names:
            assert [pattern for pattern in names if fnmatchcase(name, pattern)] == [name], f"{place}.{name}"


@pytest.mark.parametrize(
    ("dotted", "name", "message"),
    [
        ("layers", "Dens", "tinyconv.layers has no Dens: did you mean Dense?"),
        ("layers", "conv2d", "tinyconv.layers has no conv2d: did you mean Conv2D?"),
        ("layers", "Adam", "tinyconv.layers has no Adam: it is tinyconv.optimizers.Adam"),
        ("", "Dense", "tinyconv has no Dense: it is tinyconv.layers.Dense"),
        ("", "to_categorical", "tinyconv has no to_categorical: it is tinyconv.datasets.to_categorical"),
        ("", "Sequental", "tinyconv has no Sequental: did you mean Sequential?"),
        ("", "xyzzy", "tinyconv has no xyzzy"),
        ("regularizers", "Orthogonal", "tinyconv.regularizers does not offer Orthogonal: use L2, or give any function"),
        ("schedules", "CosineDecays", "tinyconv.schedules has no CosineDecays: did you mean CosineDecay?"),
    ],
)
def test_messages(dotted, name, message):
    assert said(name, dotted).startswith(message)


def test_a_from_import_says_the_same():
    with pytest.raises(ImportError, match=r"^tinyconv\.layers does not offer LSTM: tinyconv is for images"):
        from tinyconv.layers import LSTM  # noqa: F401
    with pytest.raises(ImportError, match=r"^tinyconv has no Dense: it is tinyconv\.layers\.Dense$"):
        from tinyconv import Dense  # noqa: F401


def test_private_names_are_missing_as_usual():
    assert not hasattr(tc.layers, "__wrapped__")
    with pytest.raises(AttributeError, match=r"module 'tinyconv\.layers' has no attribute '_xyzzy'"):
        _ = tc.layers._xyzzy


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tc.layers.Dense(2, activation="celu"), 'tinyconv does not offer the activation "celu": use elu'),
        (lambda: tc.losses.get("huber"), 'tinyconv does not offer the loss "huber": use MeanSquaredError'),
        (lambda: tc.optimizers.get("Lion"), 'tinyconv does not offer the optimizer "lion": use Adam'),
        (lambda: tc.layers.Dense(2, activation="Relu"), 'unknown activation "Relu": did you mean "relu"?'),
    ],
)
def test_strings_are_refused(make, message):
    with pytest.raises(ValueError) as raised:  # noqa: PT011
        make()
    assert message in str(raised.value)
