"""Where Keras's names are: which of tinyconv's modules serve each module path that Keras has had, in any era.

A path is written without its root: "layers.convolutional" stands for `keras.layers.convolutional`, for
`tensorflow.keras.layers.convolutional`, and so on. Paths are those of Keras 0.3 to 3 and of tf.keras (the packages'
own folders at their tags).
"""

from collections.abc import Mapping

from .eras import TF, Era

ROOTS = (
    *("keras", "tensorflow.keras", "tf_keras", "tensorflow.python.keras", "tensorflow.contrib.keras", "keras.api"),
    "keras_core",
    *("tensorflow.compat.v1.keras", "tensorflow.compat.v2.keras"),
)

# The modules of tinyconv that a path is looked up in, one after the other; "" is tinyconv itself.
_LAYERS = ("layers", "models")
_PLACES: dict[tuple[str, ...], str] = {
    ("", "models"): "models src.models",
    ("", "models", "layers"): (
        "engine engine.topology engine.training engine.sequential engine.network engine.functional engine.base_layer"
    ),
    ("layers", ""): (
        "layers layers.core layers.convolutional layers.pooling layers.normalization layers.noise layers.merge "
        "layers.merging layers.advanced_activations layers.advanced_activation layers.activation layers.activations "
        "layers.preprocessing layers.reshaping layers.regularization layers.attention layers.containers "
        "engine.input_layer layers.preprocessing.image_preprocessing layers.experimental "
        "layers.experimental.preprocessing"
    ),
    ("losses",): "losses objectives",
    ("metrics",): "metrics",
    ("optimizers", "schedules"): "optimizers optimizers.legacy optimizer_v1 optimizer_v2 optimizers.experimental",
    ("schedules",): "optimizers.schedules",
    ("callbacks",): "callbacks",
    ("initializers",): "initializers initializations",
    ("regularizers",): "regularizers",
    ("constraints",): "constraints",
    ("activations",): "activations",
    ("datasets",): "datasets",
    ("datasets.mnist",): "datasets.mnist",
    ("datasets.cifar10",): "datasets.cifar10",
    ("datasets.cifar100",): "datasets.cifar100",
    ("datasets.fashion_mnist",): "datasets.fashion_mnist",
    ("utils", "preprocessing.image", "saving", ""): (
        "utils utils.np_utils utils.vis_utils utils.visualize_util utils.data_utils utils.generic_utils "
        "utils.image_utils utils.all_utils utils.layer_utils utils.io_utils utils.model_visualization"
    ),
    ("preprocessing",): "preprocessing",
    ("config", "keras.backend"): "config",
    ("keras.conv_utils",): "utils.conv_utils",
    ("keras.wrappers",): "wrappers wrappers.scikit_learn",
    (
        "preprocessing.image",
        "utils",
    ): "preprocessing.image preprocessing.image_dataset utils.image_dataset utils.image_dataset_utils",
    ("saving", "models"): "saving",
    ("keras.ops",): "ops ops.numpy ops.nn",
    ("keras.random_numbers",): "random",
    ("keras.backend",): "backend backend.tensorflow_backend backend.common",
    ("zoo",): (
        "applications applications.vgg16 applications.vgg19 applications.resnet50 applications.resnet "
        "applications.inception_v3 applications.mobilenet applications.imagenet_utils applications.xception "
        "applications.mobilenet_v2 applications.densenet applications.inception_resnet_v2 applications.resnet_v2 "
        "applications.efficientnet applications.nasnet"
    ),
}
PLACES: Mapping[str, tuple[str, ...]] = {
    "": ("", "models"),
    **{path: where for where, paths in _PLACES.items() for path in paths.split()},
}


# Why a path is not served, by the words in it.
WHY_NOT = {
    "recurrent embeddings text sequence attention rnn wrappers.bidirectional imdb reuters": "it is for images",
    "lite saved_model distribute estimator tpu": "there is no such export: model.export writes ONNX",
    "compat contrib": "there are no graphs and sessions of TensorFlow 1",
}
OWN = {root.partition(".")[0] for root in ROOTS} | {"keras_preprocessing", "keras_applications"}
_MODULES = {"io": "reading", "math": "mathematics", "random": "random_numbers"}  # not to hide Python's own
OTHERS = {
    "tensorflow": ("keras.tensorflow",),
    "tensorflow.python": ("keras.tensorflow",),
    "tensorflow.contrib": ("keras.tensorflow",),
    "tensorflow.python.client": ("keras.tensorflow.settings",),
    "tensorflow.python.framework": ("keras.tensorflow.settings",),
    "tensorflow.compat": ("keras.tensorflow.compat",),
    "tensorflow.compat.v1": ("keras.tensorflow",),
    "tensorflow.compat.v2": ("keras.tensorflow",),
    **{
        f"tensorflow.{name}": (f"keras.tensorflow.{_MODULES.get(name, name)}",)
        for name in ("data", "image", "io", "math", "nn", "random", "strings", "train")
    },
    **{
        f"tensorflow.examples{path}": ("keras.tensorflow.input_data",)
        for path in ("", ".tutorials", ".tutorials.mnist", ".tutorials.mnist.input_data")
    },
    "tensorflow.optimizers": ("optimizers", "schedules"),
    **{f"tensorflow.{name}": (name,) for name in ("losses", "metrics", "initializers")},
}
ALONE = {
    "keras_preprocessing": ("preprocessing",),
    "keras_preprocessing.image": ("preprocessing.image", "utils"),
    "keras_applications": ("zoo",),
}


def inner_path(name: str) -> str:
    """Return a module path without its root: "applications.vgg16"."""
    roots = [root for root in ROOTS if name == root or name.startswith(root + ".")]
    return name[len(max(roots, key=len)) :].lstrip(".") if roots else name


def version_of(name: str, era: Era) -> str | None:
    """Return the `__version__` that a script finds in a module: that of its era."""
    if name not in ("keras", "tensorflow", "tensorflow.keras", "tf_keras"):
        return None
    if name == "tensorflow":
        version = era.version if era.framework == TF else ((2, 21, 0) if not era.old else (1, 15, 0))
    else:
        version = era.version
    return ".".join(map(str, version if len(version) > 2 else (*version, 0)))


def is_keras_s(name: str) -> bool:
    """Return whether a module of this name is one of Keras's, or of TensorFlow's."""
    return name.partition(".")[0] in OWN


def place_of(name: str) -> tuple[str, ...] | None:
    """Return the modules of tinyconv that serve `name`, a module path with its root; None if none does."""
    if name in OTHERS:
        return OTHERS[name]
    if name in ALONE:
        return ALONE[name]
    roots = [root for root in ROOTS if name == root or name.startswith(root + ".")]
    if not roots:
        return None
    path = inner_path(name)
    between = any(each.startswith(path + ".") for each in PLACES)  # a package that other modules lie in
    return PLACES.get(path, PLACES[""] if between else None)


def why_not(name: str) -> str:
    """Return why a module path of Keras's is not served."""
    parts = name.split(".")
    found = (why for words, why in WHY_NOT.items() if set(words.split()) & set(parts))
    return next(found, "it has no module of that name")
