"""Models with steps of the user's own, as Keras's guides write them: the same text with both engines.

Only the gradients are asked for in each engine's own way.
"""

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.autograd import gradients

X = np.random.default_rng(1).standard_normal((20, 6)).astype(np.float32)
Y = np.random.default_rng(2).standard_normal((20, 3)).astype(np.float32)
CLASSES = np.random.default_rng(3).integers(0, 3, 20)


def ops_of(engine):
    return tc.functions if engine is tc else engine.ops


def gradients_of(engine, loss, weights):
    """Return the gradients of what `loss` computes, and that."""
    if engine is tc:
        value = loss()
        return gradients([value], weights), value
    import tensorflow as tf

    with tf.GradientTape() as tape:
        value = loss()
    return tape.gradient(value, weights), value


def plain(engine):
    """Own train_step by compute_loss, all metrics by hand: "customizing what happens in fit"."""

    class Custom(engine.Model):
        def train_step(self, data):
            x, y = data

            def loss():
                self.y_pred = self(x, training=True)
                return self.compute_loss(y=y, y_pred=self.y_pred)

            found, value = gradients_of(engine, loss, self.trainable_variables)
            self.optimizer.apply(found, self.trainable_variables)
            for metric in self.metrics:
                if metric.name == "loss":
                    metric.update_state(value)
                else:
                    metric.update_state(y, self.y_pred)
            return {metric.name: metric.result() for metric in self.metrics}

    x = engine.Input((6,))
    model = Custom(x, engine.layers.Dense(3, kernel_regularizer="l2")(x))
    model.compile("sgd", "mse", metrics=["mae"], run_eagerly=True)
    return model, (X, Y), {"validation_data": (X[:5], Y[:5]), "epochs": 2, "batch_size": 5}


def lower(engine):
    """Own metrics as attributes, weights of samples, a metrics property, test_step."""

    class Custom(engine.Model):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.loss_tracker = engine.metrics.Mean(name="loss")
            self.mae_metric = engine.metrics.MeanAbsoluteError(name="mae")
            self.loss_fn = engine.losses.MeanSquaredError()

        def train_step(self, data):
            x, y, sample_weight = data if len(data) == 3 else (*data, None)

            def loss():
                self.y_pred = self(x, training=True)
                return self.loss_fn(y, self.y_pred, sample_weight=sample_weight)

            found, value = gradients_of(engine, loss, self.trainable_weights)
            self.optimizer.apply_gradients(zip(found, self.trainable_weights, strict=True))
            self.loss_tracker.update_state(value)
            self.mae_metric.update_state(y, self.y_pred, sample_weight=sample_weight)
            return {"loss": self.loss_tracker.result(), "mae": self.mae_metric.result()}

        def test_step(self, data):
            x, y = data
            y_pred = self(x, training=False)
            self.loss_tracker.update_state(self.loss_fn(y, y_pred))
            self.mae_metric.update_state(y, y_pred)
            return {m.name: m.result() for m in self.metrics}

        @property
        def metrics(self):
            return [self.loss_tracker, self.mae_metric]

    x = engine.Input((6,))
    model = Custom(inputs=x, outputs=engine.layers.Dense(3)(x))
    model.compile(optimizer="sgd", run_eagerly=True)
    weights = np.linspace(0, 2, 20)
    validation = {"validation_data": (X[:7], Y[:7]), "batch_size": 4, "epochs": 2}
    return model, (X, Y), {"sample_weight": weights, **validation}


def inherited(engine):
    """Only compute_loss and compute_metrics are the user's; what they call is Keras's."""

    class Custom(engine.Model):
        def __init__(self, width):
            super().__init__()
            self.hidden = engine.layers.Dense(width, activation="relu")
            self.last = engine.layers.Dense(3)
            self.largest = engine.metrics.Mean(name="largest")

        def call(self, inputs, training=None):
            return self.last(self.hidden(inputs))

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            penalty = 0.01 * ops_of(engine).mean(y_pred * y_pred)
            return super().compute_loss(x, y, y_pred, sample_weight) + penalty

        def compute_metrics(self, x, y, y_pred, sample_weight):
            found = super().compute_metrics(x, y, y_pred, sample_weight)
            self.largest.update_state(ops_of(engine).max(y_pred, axis=-1))
            found["largest"] = self.largest.result()
            return found

    model = Custom(width=4)
    model.compile("sgd", "mse", metrics=["mae"], run_eagerly=True)
    return model, (X, Y), {"batch_size": 10, "epochs": 2, "validation_data": (X, Y)}


def distiller(engine):
    """Knowledge distillation: a model of two, `compile` with arguments of its own, compute_loss without training."""
    ops = ops_of(engine)

    class Distiller(engine.Model):
        def __init__(self, student, teacher):
            super().__init__()
            self.teacher = teacher
            self.student = student

        def compile(self, optimizer, metrics, student_loss_fn, distillation_loss_fn, alpha=0.1, temperature=3):
            super().compile(optimizer=optimizer, metrics=metrics, run_eagerly=True)
            self.student_loss_fn = student_loss_fn
            self.distillation_loss_fn = distillation_loss_fn
            self.alpha = alpha
            self.temperature = temperature

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, allow_empty=False):
            teacher = ops.softmax(self.teacher(x, training=False) / self.temperature)
            student = ops.softmax(y_pred / self.temperature)
            distillation = self.distillation_loss_fn(teacher, student) * self.temperature**2
            return self.alpha * self.student_loss_fn(y, y_pred) + (1 - self.alpha) * distillation

        def call(self, x):
            return self.student(x)

    student, teacher = (
        engine.Sequential([engine.Input((6,)), engine.layers.Dense(n, activation="relu"), engine.layers.Dense(3)])
        for n in (4, 8)
    )
    teacher.trainable = False
    model = Distiller(student=student, teacher=teacher)
    model.compile(
        optimizer=engine.optimizers.Adam(),
        metrics=[engine.metrics.SparseCategoricalAccuracy()],
        student_loss_fn=engine.losses.SparseCategoricalCrossentropy(from_logits=True),
        distillation_loss_fn=engine.losses.KLDivergence(),
        temperature=10,
    )
    return model, (X, CLASSES), {"batch_size": 10, "epochs": 2, "validation_data": (X, CLASSES)}


def adversaries(engine):
    """Two networks, two optimizers, no `call`; the data come alone."""
    ops = ops_of(engine)

    class GAN(engine.Model):
        def __init__(self, discriminator, generator):
            super().__init__()
            self.discriminator = discriminator
            self.generator = generator
            self.d_loss_tracker = engine.metrics.Mean(name="d_loss")
            self.g_loss_tracker = engine.metrics.Mean(name="g_loss")

        def compile(self, d_optimizer, g_optimizer, loss_fn):
            super().compile(run_eagerly=True)
            self.d_optimizer = d_optimizer
            self.g_optimizer = g_optimizer
            self.loss_fn = loss_fn

        @property
        def metrics(self):
            return [self.d_loss_tracker, self.g_loss_tracker]

        def train_step(self, real):
            if isinstance(real, tuple):
                real = real[0]
            noise = np.linspace(-1, 1, 2 * real.shape[0], dtype=np.float32).reshape(-1, 2)
            images = ops.concatenate([self.generator(noise), real], axis=0)
            n = real.shape[0]
            labels = np.concatenate([np.ones((n, 1)), np.zeros((n, 1))]).astype(np.float32)

            def d_loss():
                return self.loss_fn(labels, self.discriminator(images))

            found, d_value = gradients_of(engine, d_loss, self.discriminator.trainable_weights)
            self.d_optimizer.apply(found, self.discriminator.trainable_weights)

            def g_loss():
                return self.loss_fn(np.zeros((n, 1), np.float32), self.discriminator(self.generator(noise)))

            found, g_value = gradients_of(engine, g_loss, self.generator.trainable_weights)
            self.g_optimizer.apply(found, self.generator.trainable_weights)
            self.d_loss_tracker.update_state(d_value)
            self.g_loss_tracker.update_state(g_value)
            return {"d_loss": self.d_loss_tracker.result(), "g_loss": self.g_loss_tracker.result()}

    discriminator = engine.Sequential([engine.Input((6,)), engine.layers.Dense(5, "relu"), engine.layers.Dense(1)])
    generator = engine.Sequential([engine.Input((2,)), engine.layers.Dense(6)])
    model = GAN(discriminator=discriminator, generator=generator)
    model.compile(
        d_optimizer=engine.optimizers.Adam(learning_rate=0.01),
        g_optimizer=engine.optimizers.Adam(learning_rate=0.003),
        loss_fn=engine.losses.BinaryCrossentropy(from_logits=True),
    )
    return model, (X,), {"batch_size": 10, "epochs": 2}


@pytest.mark.parametrize("build", [plain, lower, inherited, distiller, adversaries], ids=lambda build: build.__name__)
def test_histories(keras, build):
    """Equal weights, data and text: equal numbers under equal names, and equal weights in the end."""
    found, weights = {}, None
    for engine in (keras, tc):
        model, data, options = build(engine)
        if build is inherited:
            model(X[:1])
        weights = weights or model.get_weights()
        model.set_weights(weights)
        history = model.fit(*data, shuffle=False, verbose=0, **options).history
        measured = model.evaluate(*data, verbose=0, return_dict=True) if len(data) > 1 else {}
        found[engine] = history, measured, model.metrics_names, model.get_weights()
    ours, theirs = found[tc], found[keras]
    for one, other in zip(ours[:2], theirs[:2], strict=True):
        assert one.keys() == other.keys()
        for name, values in one.items():
            np.testing.assert_allclose(values, other[name], rtol=2e-5, err_msg=name)
    assert ours[2] == theirs[2]
    for one, other in zip(ours[3], theirs[3], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-6)


def test_attributes_of_any_name(keras):
    """What a user calls an attribute is the user's affair, where Keras lets it be."""
    histories, weights = [], None
    for engine in (keras, tc):

        class Net(engine.Model):
            def __init__(self, engine, nodes=5, **kwargs):
                super().__init__(**kwargs)
                self.nodes, self.dataset, self.batches, self.graph, self.steps = nodes, "digits", 3, None, [1]
                self.files, self.device, self.calls, self.state, self.data = ["a"], "cpu", 0, {}, np.zeros(3)
                self.loss = engine.losses.MeanSquaredError()
                self.dense, self.last = engine.layers.Dense(nodes, "relu"), engine.layers.Dense(3)

            def call(self, inputs, training=None, mask=None):
                return self.last(self.dense(inputs))

        model = Net(engine, name="mine")
        x = engine.Input((6,))
        outer = engine.Model([x], model.call(x))
        weights = weights or outer.get_weights()
        outer.set_weights(weights)
        model.compile("sgd", "mse", metrics=["mae"], run_eagerly=True)
        histories.append(model.fit(X, Y, batch_size=10, shuffle=False, verbose=0, validation_split=0.5).history)
        assert (model.nodes, model.files, model.name) == (5, ["a"], "mine")
    assert histories[0].keys() == histories[1].keys()
    for name, values in histories[0].items():
        np.testing.assert_allclose(histories[1][name], values, rtol=1e-5)
