"""Every public name of Keras is tinyconv's, too, or is refused with what there is instead."""

import re
from fnmatch import fnmatchcase

import pytest
import test_parity_signatures as signatures

import tinyconv as tc
from tinyconv.offered import INSTEAD, METHODS, public_names

# tinyconv's modules and Keras's.
MODULES = {
    "": "",
    **{name: name for name in ("activations", "callbacks", "datasets", "initializers", "layers", "losses", "metrics")},
    **{name: name for name in ("constraints", "models", "optimizers", "regularizers")},
    "preprocessing": "preprocessing",
    "schedules": "optimizers.schedules",
    "zoo": "applications",
}
CLASSES = {"Model": tc.Model, "Layer": tc.layers.Layer, "Optimizer": tc.optimizers.Optimizer}
STRINGS = ("activations", "constraints", "initializers", "losses", "metrics", "optimizers", "regularizers")


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
    nobodys = re.compile("Constraint|Initializer|Loss|Mean|Metric|Optimizer|Regularizer|.*Wrapper", re.IGNORECASE)
    unknown = []
    for name in getattr(keras.src, kind).ALL_OBJECTS_DICT:
        try:
            get(name)
        except ValueError as error:
            helpful = re.match(r"tinyconv does not offer the \w+ ", str(error)) or re.search(
                "did you mean|give the object", str(error)
            )
            if not (helpful or nobodys.fullmatch(name.replace("_", ""))):
                unknown.append(str(error))
    assert unknown == []


@pytest.mark.parametrize("name", CLASSES)
def test_attributes_of_objects(keras, name):
    model = tc.Sequential([tc.Input((2,)), tc.layers.Dense(3)])
    model.compile("sgd", "mse")
    ours = {"Model": model, "Layer": model.layers[0], "Optimizer": model.optimizer}[name]
    theirs = {"Model": keras.Model, "Layer": keras.layers.Layer, "Optimizer": keras.optimizers.Optimizer}[name]
    silent, layers_too = [], dir(keras.layers.Layer) if name == "Model" else []
    for attribute in dir(theirs):
        if not attribute.startswith("_") and attribute not in layers_too:
            try:
                getattr(ours, attribute)
            except AttributeError as error:
                if not re.match(rf"{type(ours).__name__} does not offer {attribute}: \w", str(error)):
                    silent.append(str(error))
    assert silent == []


def test_other_attributes_are_missing_as_usual():
    layer = tc.layers.Flatten()
    with pytest.raises(AttributeError, match="'Flatten' object has no attribute 'xyzzy'"):
        _ = layer.xyzzy
    assert not hasattr(layer, "__xyzzy__")
    assert not hasattr(layer, "dtype_policy")


def test_a_property_that_fails_says_why():
    class Broken(tc.layers.Flatten):
        @property
        def wheel(self):
            return self.spoke

    with pytest.raises(AttributeError, match="no attribute 'spoke'"):
        _ = Broken().wheel


def arguments():
    for dotted in signatures.NAMES:
        owner, _, method = dotted.rpartition(".")
        is_method = method in METHODS and owner != "layers"  # where `add` is a function
        if owner != "" and (is_method or signatures.found(tc, dotted).__class__ is type):
            yield dotted


@pytest.mark.parametrize("dotted", [*arguments()])
def test_arguments(keras, dotted):
    """Each that Keras's takes and ours does not is refused with what there is instead."""
    thing = signatures.found(tc, dotted)
    name = dotted.rpartition(".")[2]
    unknown = signatures.parameters(keras, dotted).keys() - signatures.parameters(tc, dotted).keys()
    for argument in unknown - {"kwargs", *getattr(thing, "further_arguments", ())}:
        with pytest.raises(TypeError) as raised:
            thing(*() if isinstance(thing, type) else (None,), **{argument: 1})
        assert re.match(rf"\w+ does not offer {argument}: \w", str(raised.value)), str(raised.value)
        assert str(raised.value).startswith((name, thing.__name__))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tc.layers.Dense(2, activaton="relu"), "Dense has no argument activaton: did you mean activation?"),
        (lambda: tc.layers.Dense(2, lora_rank=3), "Dense does not offer lora_rank: weights are trained as they are"),
        (lambda: tc.Sequential().fit(epoch=3), "fit has no argument epoch: did you mean epochs?"),
        (lambda: tc.layers.Dense(2, xyzzy=3), r"Dense.__init__\(\) got an unexpected keyword argument 'xyzzy'"),
        (lambda: tc.layers.Dense(), r"Dense.__init__\(\) missing 1 required positional argument: 'units'"),
    ],
)
def test_messages_about_arguments(call, message):
    with pytest.raises(TypeError, match=message):
        call()


def test_type_errors_from_inside_pass():
    class Odd(tc.layers.Flatten):
        def __init__(self):
            super().__init__()
            dict(**{3: 4})

    with pytest.raises(TypeError, match="keywords must be strings"):
        Odd()


def test_the_table_names_nothing_that_tinyconv_has():
    """Who adds one of these takes its name out of `tinyconv.offered.INSTEAD`."""
    for place, table in INSTEAD.items():
        if place not in CLASSES:
            offered = public_names(tc if place == "tinyconv" else getattr(tc, place))
            assert not set(" ".join(table).split()) & offered


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
        ("", "Dataset", "tinyconv has no Dataset: it is tinyconv.data.Dataset"),
        ("data", "Datasets", "tinyconv.data has no Datasets: did you mean Dataset?"),
        ("optimizers", "Muon", "tinyconv.optimizers does not offer Muon: use Adam"),
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
        (lambda: tc.initializers.get("stft"), 'tinyconv does not offer the initializer "stft": use GlorotUniform'),
        (lambda: tc.losses.loss_of("ctc"), 'tinyconv does not offer the loss "ctc": tinyconv is for images'),
        (lambda: tc.optimizers.get("Muon"), 'tinyconv does not offer the optimizer "muon": use Adam'),
        (lambda: tc.layers.Dense(2, activation="Relu"), 'unknown activation "Relu": did you mean "relu"?'),
    ],
)
def test_strings_are_refused(make, message):
    with pytest.raises(ValueError) as raised:  # noqa: PT011
        make()
    assert message in str(raised.value)
