"""Public names: an argument that tinyconv has is called as in Keras, has its default and stands in its place.

What tinyconv leaves out stays unknown to Python, which refuses it by name. Each exception is listed with its reason.
"""

import inspect

import pytest

import tinyconv as tc

LAYERS = [
    *("add", "average", "concatenate", "dot", "maximum", "minimum", "multiply", "subtract"),
    *("Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract"),
    *("Conv2DTranspose", "Cropping2D", "DepthwiseConv2D", "GlobalMaxPool2D", "GlobalMaxPooling2D", "SeparableConv2D"),
    *("UpSampling2D", "ZeroPadding2D"),
    *("Activation", "AveragePooling2D", "AvgPool2D", "Conv2D", "Dense", "Dropout", "Flatten"),
    *("ELU", "GaussianNoise", "LeakyReLU", "PReLU", "Permute", "SpatialDropout2D"),
    *(
        "GlobalAveragePooling2D",
        "GlobalAvgPool2D",
        "InputLayer",
        "MaxPool2D",
        "MaxPooling2D",
        "ReLU",
        "Reshape",
        "Softmax",
    ),
    *("BatchNormalization", "LayerNormalization", "Normalization", "Rescaling"),
    *("RandomBrightness", "RandomContrast", "RandomCrop", "RandomFlip", "RandomRotation", "RandomTranslation"),
    *("CenterCrop", "RandomZoom", "Resizing"),
    *("RandomGrayscale", "RandomHue", "RandomInvert", "RandomSaturation", "RandomShear"),
    *("ActivityRegularization", "AlphaDropout", "GaussianDropout", "GroupNormalization", "Identity", "Lambda"),
    *("RMSNormalization", "UnitNormalization"),
    *("Convolution2D", "Convolution2DTranspose", "SeparableConvolution2D"),
    *("InputSpec", "RepeatVector", "SpectralNormalization", "TimeDistributed", "Wrapper"),
]
OPTIMIZERS = ["SGD", "RMSprop", "Adam", "AdamW", "Nadam", "Adagrad", "Adadelta", "Adamax", "Ftrl", "Lamb", "Lion"]
SCHEDULES = [
    *("ExponentialDecay", "PiecewiseConstantDecay", "PolynomialDecay", "InverseTimeDecay", "CosineDecay"),
    "CosineDecayRestarts",
]
LOSSES = [name for name in tc.losses.__all__ if name not in ("Loss", "LossFunctionWrapper")]
METRICS = [name for name in tc.metrics.__all__ if name not in ("Metric", "Variable", "direction", "metric_of")]
UTILS = [
    *("clear_session", "deserialize_keras_object", "get_custom_objects", "get_file", "normalize"),
    *("pack_x_y_sample_weight", "register_keras_serializable", "serialize_keras_object", "set_random_seed"),
    *("disable_interactive_logging", "enable_interactive_logging", "unpack_x_y_sample_weight"),
]
DESCRIBING = ("deserialize", "get", "serialize")
INITIALIZERS = [
    *("Identity", "IdentityInitializer", "Orthogonal", "OrthogonalInitializer"),
    *("Zeros", "Ones", "Constant", "RandomUniform", "RandomNormal", "TruncatedNormal", "VarianceScaling"),
    *("GlorotUniform", "GlorotNormal", "HeUniform", "HeNormal", "LecunUniform", "LecunNormal"),
]
METHODS = [
    *("compile", "fit", "evaluate", "predict", "train_on_batch", "test_on_batch", "summary", "get_layer", "build"),
    *("save_weights", "load_weights", "count_params", "get_weights", "set_weights", "add", "pop"),
]
CALLBACKS = [
    *("BackupAndRestore", "CSVLogger", "Callback", "CallbackList", "EarlyStopping", "History", "LambdaCallback"),
    *(
        "LearningRateScheduler",
        "ModelCheckpoint",
        "ProgbarLogger",
        "ReduceLROnPlateau",
        "TensorBoard",
        "TerminateOnNaN",
    ),
]
NAMES = [
    *(f"layers.{name}" for name in LAYERS),
    *(f"optimizers.{name}" for name in OPTIMIZERS),
    *(f"optimizers.{name}" for name in ("Optimizer.exclude_from_weight_decay",)),
    *(f"optimizers.schedules.{name}" for name in SCHEDULES),
    *(f"losses.{name}" for name in LOSSES),
    *(f"metrics.{name}" for name in METRICS),
    *(f"initializers.{name}" for name in INITIALIZERS),
    *(f"activations.{name}" for name in tc.activations.__all__),
    *(f"{module}.{name}" for module in ("constraints", "initializers", "regularizers") for name in DESCRIBING),
    *(f"regularizers.{name}" for name in ("L1", "L2", "L1L2", "OrthogonalRegularizer")),
    *(f"constraints.{name}" for name in ("MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm")),
    *(f"callbacks.{name}" for name in CALLBACKS),
    *(f"utils.{name}" for name in ("Progbar", "PyDataset", "Sequence", "plot_model", *UTILS)),
    *(f"Sequential.{name}" for name in METHODS),
    *(
        f"utils.{name}"
        for name in ("array_to_img", "image_dataset_from_directory", "img_to_array", "load_img", "save_img")
    ),
    *("Input", "Sequential", "layers.Layer.get_weights", "layers.Layer.set_weights", "layers.Layer.count_params"),
]

# What tinyconv has and Keras has not.
EXTRA = {
    "utils.image_dataset_from_directory": {"damaged", "cache", "workers"},  # files that hold no image; how it is read
    "layers.BatchNormalization": {"moving_variance"},  # averages of the unbiased variance, as tf.keras kept them
    "layers.LayerNormalization": {"rms_scaling"},  # Keras takes it out of **kwargs; refused unless False
    "layers.RandomBrightness": {"data_format"},  # Keras takes it out of **kwargs
    "layers.RandomContrast": {"data_format"},
    "layers.dot": {"normalize"},  # likewise
    "callbacks.TensorBoard": {"write_grads"},  # as Keras 2 had it
    "optimizers.RMSprop": {"epsilon_mode"},  # ε outside the root, for the tutorials of 2017 to 2019
    "optimizers.Adagrad": {"epsilon_mode"},  # likewise
    "optimizers.Nadam": {"schedule_decay"},  # of Keras 1, Keras 2 and tf.keras up to 2.10
    "Sequential.compile": {"distributed"},  # Keras has `keras.distribution` instead, for the whole session
    "Sequential.load_weights": {"by_name"},  # Keras takes it out of **kwargs
    "Sequential.save_weights": {"note"},  # a run's settings travel with its weights
}
# Arguments that stand elsewhere than in Keras 3, or have another default.
ELSEWHERE = {
    ("Sequential", "name"),  # second, as in Keras 1 and 2; Keras 3 has put trainable before it
    ("Sequential.compile", "metrics"),  # third, as in Keras 1 and 2; Keras 3 has put loss_weights before it
}
DEFAULTS = {
    ("callbacks.ModelCheckpoint", "save_weights_only"),  # as the name of the file says
    ("layers.AveragePooling2D", "pool_size"),  # Keras gives MaxPooling2D a default and this one none
    ("layers.AvgPool2D", "pool_size"),
    ("layers.PReLU", "alpha_initializer"),  # "zeros", which Keras spells "Zeros" here alone
    ("Sequential.build", "input_shape"),  # needed: tinyconv has nothing to take it from
}
POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def found(engine, dotted):
    thing = engine
    for part in dotted.split("."):
        thing = getattr(thing, part)
    return thing


def parameters(engine, dotted):
    """Return {name: parameter} in order; where Keras makes a layer of them, also those that it passes on to `Layer`."""
    thing = found(engine, dotted)
    mine = dict(inspect.signature(thing.__init__ if isinstance(thing, type) else thing).parameters)
    if engine is not tc and dotted.startswith("layers.") and (isinstance(thing, type) or dotted.islower()):
        # Keras takes input_shape, too, out of **kwargs, for the first layer of a model.
        more = inspect.signature(engine.layers.Layer.__init__).parameters
        shape = inspect.Parameter("input_shape", inspect.Parameter.KEYWORD_ONLY, default=None)
        passed_on = {name: one.replace(kind=one.KEYWORD_ONLY) for name, one in more.items()}
        mine |= {name: one for name, one in {**passed_on, "input_shape": shape}.items() if name not in mine}
    skipped = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    return {name: one for name, one in mine.items() if name != "self" and one.kind not in skipped}


def positional(found_parameters):
    return [name for name, one in found_parameters.items() if one.kind in POSITIONAL]


@pytest.mark.parametrize("dotted", NAMES)
def test_signature(keras, dotted):
    ours, theirs = parameters(tc, dotted), parameters(keras, dotted)
    assert set(ours) - EXTRA.get(dotted, set()) <= set(theirs)
    for name in set(ours) & set(theirs):
        if (dotted, name) not in DEFAULTS:
            assert ours[name].default == theirs[name].default, f"{dotted}: default of {name}"
    places = [name for name in positional(ours) if (dotted, name) not in ELSEWHERE]
    assert places == positional(theirs)[: len(places)], f"{dotted}: order of positional arguments"


def test_exceptions_are_needed(keras):
    """An exception that no longer is one has to go."""
    for dotted, name in DEFAULTS:
        assert parameters(tc, dotted)[name].default != parameters(keras, dotted)[name].default
    for dotted, name in ELSEWHERE:
        assert positional(parameters(tc, dotted)).index(name) != positional(parameters(keras, dotted)).index(name)
    for dotted, names in EXTRA.items():
        assert names <= set(parameters(tc, dotted)) - set(parameters(keras, dotted))
        assert all(parameters(tc, dotted)[name].kind == inspect.Parameter.KEYWORD_ONLY for name in names)


@pytest.mark.parametrize(
    "module", ["layers", "optimizers", "losses", "initializers", "regularizers", "constraints", "callbacks"]
)
def test_nothing_is_missing_from_the_list(module):
    """A public class of these modules that is not compared here must be one that only tinyconv has."""
    bases = {
        "Constraint",
        "Initializer",
        "Layer",
        "Loss",
        "LossFunctionWrapper",
        "Optimizer",
        "Parameter",
        "ProgressBar",
        "Regularizer",
        "Stream",
        "Tensor",
    }
    here = getattr(tc, module)
    public = {name for name, value in vars(here).items() if isinstance(value, type) and name[0].isupper()} - bases
    strangers = {name for name in public if not vars(here)[name].__module__.startswith(here.__name__)}
    assert public - strangers <= {dotted.rpartition(".")[2] for dotted in NAMES}


@pytest.mark.parametrize("names", ["losses", "metrics", "initializers", "optimizers", "constraints"])
def test_keras_knows_every_name(keras, names):
    """Each string that `compile` or a layer takes means the like-named thing in Keras."""
    for name, kind in getattr(getattr(tc, names), names.upper()).items():
        if name in ("constant", "lamb"):
            continue  # Keras's has no default value when asked for by name; and Lamb no name
        judge = getattr(keras, names).get(name)
        spelling = judge.__name__ if hasattr(judge, "__name__") else type(judge).__name__
        assert spelling.replace("_", "").lower() == kind.__name__.lower()


def test_activations_are_keras_s(keras):
    for name in tc.activations.ACTIVATIONS:
        assert keras.activations.get(name).__name__ == name
