"""A model that `saving` can save and that computes nothing: it has only what the files need."""

import numpy as np

from tinyconv.names import snake_case


class StandInWeight:
    def __init__(self, path, data):
        self.path, self.data = path, data


class StandInLayer:
    seed_state = None

    def __init__(self, name, weights=(), seed_state=None):
        self.name = name
        self.weights = [StandInWeight(f"{name}/{index}", data) for index, data in enumerate(weights)]
        if seed_state is not None:
            self.seed_state = np.array(seed_state, np.uint32)


class StandInOptimizer:
    """Knows how many slots an optimizer has for each weight, and whether Keras stores them weight by weight."""

    slots = 0
    interleaved = False

    def __init__(self):
        self.built = False
        self.values = [0, 0.001]

    def build(self, weights):
        if not self.built:
            arrays = [weight.data for weight in weights]
            order = [a for a in arrays for _ in range(self.slots)] if self.interleaved else arrays * self.slots
            self.values += [np.zeros_like(array) for array in order]
            self.built = True

    def variables(self):
        return [(f"variable {index}", value) for index, value in enumerate(self.values)]

    def load_variables(self, values):
        assert [np.shape(value) for value in values] == [np.shape(value) for value in self.values]
        self.values = [int(values[0]), float(values[1]), *values[2:]]


class SGD(StandInOptimizer):
    slots = 1


class RMSprop(StandInOptimizer):
    slots = 3


class Adam(StandInOptimizer):
    slots = 2
    interleaved = True


class StandInModel:
    def __init__(self, layers, optimizer=None, name="sequential"):
        self.layers, self.optimizer, self.name = layers, optimizer, name

    @property
    def trainable_weights(self):
        return [weight for layer in self.layers for weight in layer.weights]

    def state(self):
        """Return copies of all that a file should hold."""
        arrays = [weight.data.copy() for weight in self.trainable_weights]
        arrays += [np.array(layer.seed_state) for layer in self.layers if layer.seed_state is not None]
        return arrays + [np.array(value) for value in (self.optimizer.values if self.optimizer else [])]


def layer(kind, name, weights=(), seed_state=None):
    """Return a layer whose class is called `kind`, for files go by class names."""
    return type(kind, (StandInLayer,), {})(name, weights, seed_state)


OPTIMIZERS = {"sgd": SGD, "rm_sprop": RMSprop, "adam": Adam}


def make_model(optimizer="adam", seed=None, dtype="float32", channels=4, layers_after=()):
    """Return the network that the fixture `keras_model` builds too: zeros for seed None, else random throughout."""
    rng = np.random.default_rng(seed)

    def weights(*shapes):
        draw = (lambda shape: np.zeros(shape)) if seed is None else rng.standard_normal
        return [draw(shape).astype(dtype) for shape in shapes]

    def stream():
        return (0, 0) if seed is None else rng.integers(2**32, size=2)

    layers = [
        layer("Conv2D", "first", weights((3, 3, 1, channels), (channels,))),
        layer("Conv2D", "conv2d_7", weights((3, 3, channels, 5), (5,))),
        layer("MaxPooling2D", "max_pooling2d"),
        layer("Dropout", "dropout", seed_state=stream()),
        layer("Flatten", "flatten"),
        layer("Dense", "hidden", weights((20, 6), (6,))),
        layer("Dropout", "dropout_1", seed_state=stream()),
        layer("Dense", "dense", weights((6, 3), (3,))),
        *layers_after,
    ]
    model = StandInModel(layers, OPTIMIZERS[optimizer]() if optimizer else None)
    if optimizer and seed is not None:
        model.optimizer.build(model.trainable_weights)
        slots = [rng.random(np.shape(value)).astype(dtype) for value in model.optimizer.values[2:]]
        model.optimizer.load_variables([int(rng.integers(1, 1000)), 0.1 / 3, *slots])
    return model


def group_name(layers, index):
    """Return the name of a layer's group, worked out afresh."""
    base = snake_case(type(layers[index]).__name__)
    before = sum(type(one).__name__ == type(layers[index]).__name__ for one in layers[:index])
    return f"{base}_{before}" if before else base


def assert_equal(ours, theirs):
    """Hold two lists of arrays equal to the last bit, shapes and dtypes included."""
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(mine, other, strict=True)
