"""Keras's module paths resolve to tinyconv while an era lasts, and to nothing of it afterwards."""

import importlib
import subprocess
import sys

import pytest

import tinyconv as tc
from tinyconv.keras import era
from tinyconv.keras.places import PLACES
from tinyconv.offered import NotOfferedError


@pytest.mark.parametrize("which", ["0.3.3", "1", "2", "tf2", "3"])
def test_every_path_resolves_and_every_name_in_it(which):
    with era(which):
        for root in ("keras", "tensorflow.keras", "tf_keras", "tensorflow.python.keras"):
            for path in PLACES:
                module = importlib.import_module(f"{root}.{path}".rstrip("."))
                for name in dir(module):
                    getattr(module, name)


@pytest.mark.parametrize(
    "line",
    [
        "from keras.layers.convolutional import Conv2D, MaxPooling2D",
        "from keras.layers.core import Dense, Dropout, Activation, Flatten",
        "from keras.layers.normalization import BatchNormalization",
        "from keras.layers.advanced_activations import LeakyReLU, PReLU",
        "from keras.utils import np_utils; np_utils.to_categorical([1], 2)",
        "from keras.utils.vis_utils import plot_model",
        "from keras.utils.visualize_util import plot",
        "from keras.preprocessing.image import ImageDataGenerator, load_img, img_to_array",
        "from keras.applications.vgg16 import VGG16, preprocess_input",
        "from keras.regularizers import l2; l2(0.1)",
        "from keras.constraints import maxnorm; maxnorm(3)",
        "from keras import backend as K; K.image_data_format()",
        "import keras.backend as K; K.epsilon()",
        "from tensorflow import keras; keras.layers.Dense(3)",
        "import tensorflow as tf; tf.keras.layers.Dense(3)",
        "from tensorflow.keras.layers import *; Dense(3)",
        "from keras.layers import *; Conv2D(3, 3)",
        "from keras_preprocessing.image import ImageDataGenerator",
        "import keras_core as keras; keras.layers.Dense(3)",
    ],
)
def test_lines_of_scripts(line):
    with era(2):
        exec(line, {})


def test_names_that_are_loaded_late_are_there_in_a_new_process():
    lines = (
        "import sys, tinyconv as tc",
        "assert not any(name.startswith(('tinyconv.explorer', 'tinyconv.visualize')) for name in sys.modules)",
        "assert {'explain', 'explore'} <= set(dir(tc)) and 'plot_model' in dir(tc.utils)",
        "from tinyconv.keras import era",
        "with era(2):",
        "    from keras.layers.core import *",
        "    from keras.utils import plot_model",
        "assert plot_model and tc.explain and tc.utils.plot_model and tc.visualize.plot_model and tc.explorer.Page",
    )
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_lacks_is_said_in_one_line_as_the_error_that_python_has_for_it():
    with era(2):
        with pytest.raises(ImportError, match="layers for sequences") as caught:
            exec("from keras.layers import LSTM", {})
        assert isinstance(caught.value, NotOfferedError)
        with pytest.raises(ModuleNotFoundError, match=r"keras\.layers\.recurrent"):
            exec("import keras.layers.recurrent", {})
        with pytest.raises(AttributeError, match="LSTM"):
            exec("import keras; keras.layers.LSTM", {})


def test_nothing_stays():
    methods = {name: getattr(tc.Model, name) for name in ("fit", "compile", "save", "summary")}
    finders, modules = list(sys.meta_path), {name for name in sys.modules if name.partition(".")[0] == "keras"}
    with era(1):
        import keras  # noqa: F401

        assert hasattr(tc.Model, "fit_generator")
        assert tc.layers.Dense(1).name == "dense_1"
    assert sys.meta_path == finders
    assert {name for name in sys.modules if name.partition(".")[0] == "keras"} == modules
    assert {name: getattr(tc.Model, name) for name in methods} == methods
    assert not hasattr(tc.Model, "fit_generator")


def test_a_keras_that_was_imported_is_there_again(monkeypatch):
    theirs = type(sys)("keras")
    monkeypatch.setitem(sys.modules, "keras", theirs)
    with era(2):
        import keras

        assert keras is not theirs
    assert sys.modules["keras"] is theirs


def test_what_tinyconv_has_serves_scripts():
    with era(3):
        import keras

        assert keras.utils.normalize is tc.utils.normalize
        keras.utils.set_random_seed(3)
        try:
            keras.config.disable_interactive_logging()
            assert not tc.config.is_interactive_logging_enabled()
        finally:
            keras.config.enable_interactive_logging()
        assert tc.config.is_interactive_logging_enabled()


def test_an_unknown_era_is_refused():
    with pytest.raises(ValueError, match="tf2"), era("nineties"):
        pass
