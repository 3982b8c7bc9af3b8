"""Scripts of each era train as their Keras did: 20 steps from equal weights, beside Keras 2's own code or Keras 3's.

Each case is a model as scripts of the era spell it, and the same spelled anew for the judge, the era's defaults written
out: tf_keras, Keras 2 as it is still published, with its optimizers of TensorFlow 2.10; or Keras 3.
"""

from importlib.util import find_spec

import numpy as np
import pytest

from tinyconv import config
from tinyconv.keras import era

STEPS, BATCH, TOLERANCE = 20, 16, 1e-4
SIDE = 12

# Era, the script, the judge's model, its optimizer, the loss, and whether images are channels first in the script.
SCRIPTS = {
    "0.3: Theano's order, SGD with decay": (
        "0.3.3",
        "from keras.models import Sequential\nfrom keras.layers.core import Dense, Activation, Flatten\n"
        "from keras.layers.convolutional import Convolution2D, MaxPooling2D\nfrom keras.optimizers import SGD\n"
        "model = Sequential()\nmodel.add(Convolution2D(8, 3, 3, border_mode='same', input_shape=(1, 12, 12)))\n"
        "model.add(Activation('relu'))\nmodel.add(MaxPooling2D(pool_size=(2, 2)))\nmodel.add(Flatten())\n"
        "model.add(Dense(4))\nmodel.add(Activation('softmax'))\n"
        "model.compile(SGD(lr=0.05, decay=1e-2, momentum=0.9, nesterov=True), 'categorical_crossentropy')\n",
        "[L.Conv2D(8, 3, padding='same', input_shape=(12, 12, 1)), L.ReLU(), L.MaxPooling2D(), L.Permute((3, 1, 2)), "
        "L.Flatten(), L.Dense(4), L.Softmax()]",
        "O.SGD(0.05, decay=1e-2, momentum=0.9, nesterov=True)",
        "categorical_crossentropy",
        True,
    ),
    "1: Adadelta by name": (
        "1",
        "from keras.models import Sequential\nfrom keras.layers import Dense, Flatten, Convolution2D, MaxPooling2D\n"
        "model = Sequential()\nmodel.add(Convolution2D(8, 3, 3, border_mode='valid', activation='relu', "
        "input_shape=(12, 12, 1)))\nmodel.add(Convolution2D(8, 3, 3, subsample=(2, 2), activation='relu'))\n"
        "model.add(Flatten())\nmodel.add(Dense(4, activation='softmax'))\n"
        "model.compile(loss='categorical_crossentropy', optimizer='adadelta', metrics=['accuracy'])\n",
        "[L.Conv2D(8, 3, activation='relu', input_shape=(12, 12, 1)), L.Conv2D(8, 3, strides=2, activation='relu'), "
        "L.Flatten(), L.Dense(4, activation='softmax')]",
        "O.Adadelta(1.0, rho=0.95, epsilon=1e-8)",
        "categorical_crossentropy",
        False,
    ),
    "1: merged branches, RMSprop": (
        "1",
        "from keras.models import Model\nfrom keras.layers import Input, Dense, Flatten, Convolution2D, merge\n"
        "x = Input(shape=(12, 12, 1))\na = Convolution2D(4, 3, 3, border_mode='same', activation='relu')(x)\n"
        "b = Convolution2D(4, 5, 5, border_mode='same', activation='tanh')(x)\n"
        "y = merge([a, b], mode='concat', concat_axis=-1)\n"
        "y = Dense(4, activation='softmax')(Flatten()(y))\nmodel = Model(input=x, output=y)\n"
        "from keras.optimizers import RMSprop\nmodel.compile(RMSprop(lr=0.002), loss='categorical_crossentropy')\n",
        "both",
        "O.RMSprop(0.002, epsilon=1e-8)",
        "categorical_crossentropy",
        False,
    ),
    "1.0.6: batch normalization's numbers": (
        "1.0.6",
        "from keras.models import Sequential\nfrom keras.layers.core import Dense, Flatten\n"
        "from keras.layers.normalization import BatchNormalization\n"
        "from keras.layers.convolutional import Convolution2D\n"
        "model = Sequential([Convolution2D(6, 3, 3, dim_ordering='tf', input_shape=(12, 12, 1)), "
        "BatchNormalization(axis=-1), Flatten(), Dense(4, activation='softmax')])\n"
        "model.compile('adam', 'categorical_crossentropy')\n",
        "[L.Conv2D(6, 3, input_shape=(12, 12, 1)), L.BatchNormalization(momentum=0.9, epsilon=1e-6), L.Flatten(), "
        "L.Dense(4, activation='softmax')]",
        "O.Adam(0.001, epsilon=1e-8)",
        "categorical_crossentropy",
        False,
    ),
    "2: rows and columns, penalties, SGD": (
        "2",
        "from keras.models import Sequential\nfrom keras.layers import Conv2D, Dense, Flatten\n"
        "from keras.regularizers import l2\nfrom keras import optimizers\n"
        "model = Sequential()\nmodel.add(Conv2D(8, 3, 3, activation='relu', input_shape=(12, 12, 1), "
        "kernel_regularizer=l2(0.01)))\nmodel.add(Flatten())\nmodel.add(Dense(4, activation='softmax'))\n"
        "model.compile(optimizers.SGD(lr=0.1, momentum=0.9), 'categorical_crossentropy', ['accuracy'])\n",
        "[L.Conv2D(8, (3, 3), activation='relu', input_shape=(12, 12, 1), kernel_regularizer='l2'), L.Flatten(), "
        "L.Dense(4, activation='softmax')]",
        "O.SGD(0.1, momentum=0.9)",
        "categorical_crossentropy",
        False,
    ),
    "2: binary labels, Adagrad": (
        "2",
        "from keras.models import Sequential\nfrom keras.layers.core import *\n"
        "from keras.layers.convolutional import *\n"
        "model = Sequential([Conv2D(6, (3, 3), input_shape=(12, 12, 1), padding='same'), Activation('relu'), "
        "MaxPooling2D((2, 2), strides=(2, 2)), Flatten(), Dense(4), "
        "Activation('sigmoid')])\n"
        "model.compile(loss='binary_crossentropy', optimizer='adagrad', metrics=['accuracy'])\n",
        "[L.Conv2D(6, 3, padding='same', input_shape=(12, 12, 1)), L.ReLU(), L.MaxPooling2D(), L.Flatten(), "
        "L.Dense(4), L.Activation('sigmoid')]",
        "O.Adagrad(0.01, initial_accumulator_value=0.0)",
        "binary_crossentropy",
        False,
    ),
    "2: an autoencoder, Nadam": (
        "2",
        "from keras.models import Model\n"
        "from keras.layers import Input, Conv2D, UpSampling2D, MaxPooling2D, LeakyReLU\n"
        "x = Input((12, 12, 1))\ny = LeakyReLU(alpha=0.2)(Conv2D(6, (3, 3), padding='same')(x))\n"
        "y = UpSampling2D((2, 2))(MaxPooling2D((2, 2), padding='same')(y))\n"
        "y = Conv2D(1, (3, 3), padding='same', activation='sigmoid')(y)\nmodel = Model(x, y)\n"
        "model.compile(optimizer='nadam', loss='mean_squared_error')\n",
        "[L.Conv2D(6, 3, padding='same', input_shape=(12, 12, 1)), L.LeakyReLU(0.2), L.MaxPooling2D(), "
        "L.UpSampling2D(), L.Conv2D(1, 3, padding='same', activation='sigmoid')]",
        "O.Nadam(0.002)",
        "mean_squared_error",
        False,
    ),
    "tf2: strides by the third position, RMSprop": (
        "tf2",
        "import tensorflow as tf\nfrom tensorflow.keras import layers\n"
        "model = tf.keras.Sequential([layers.Conv2D(8, 3, 2, activation=tf.nn.relu, input_shape=(12, 12, 1)), "
        "layers.BatchNormalization(), layers.Flatten(), layers.Dense(4, activation=tf.nn.softmax)])\n"
        "model.compile(optimizer='rmsprop', loss=tf.keras.losses.CategoricalCrossentropy())\n",
        "[L.Conv2D(8, 3, 2, activation='relu', input_shape=(12, 12, 1)), L.BatchNormalization(), L.Flatten(), "
        "L.Dense(4, activation='softmax')]",
        "O.RMSprop(0.001)",
        "categorical_crossentropy",
        False,
    ),
    "3: a functional model, Adam": (
        "3",
        "import keras\nfrom keras import layers, ops\nx = keras.Input((12, 12, 1))\n"
        "y = layers.Rescaling(0.5)(x)\ny = layers.SeparableConv2D(8, 3, padding='same', activation='silu')(y)\n"
        "y = layers.Dense(4, activation='softmax')(layers.GlobalAveragePooling2D()(y))\nmodel = keras.Model(x, y)\n"
        "model.compile(keras.optimizers.Adam(learning_rate=0.01), 'categorical_crossentropy')\n",
        "[L.Input((12, 12, 1)), L.Rescaling(0.5), L.SeparableConv2D(8, 3, padding='same', activation='silu'), "
        "L.GlobalAveragePooling2D(), L.Dense(4, activation='softmax')]",
        "O.Adam(0.01)",
        "categorical_crossentropy",
        False,
    ),
    "3: a schedule, AdamW": (
        "3",
        "import keras\nmodel = keras.Sequential([keras.Input((12, 12, 1)), keras.layers.Conv2D(8, 3, strides=2), "
        "keras.layers.LayerNormalization(), keras.layers.ReLU(), keras.layers.Flatten(), "
        "keras.layers.Dense(4, activation='softmax')])\n"
        "rate = keras.optimizers.schedules.CosineDecay(0.01, 20)\n"
        "model.compile(keras.optimizers.AdamW(rate, weight_decay=0.01), 'categorical_crossentropy')\n",
        "[L.Input((12, 12, 1)), L.Conv2D(8, 3, strides=2), L.LayerNormalization(), L.ReLU(), L.Flatten(), "
        "L.Dense(4, activation='softmax')]",
        "O.AdamW(O.schedules.CosineDecay(0.01, 20), weight_decay=0.01)",
        "categorical_crossentropy",
        False,
    ),
}


def judge(words, optimizer, loss, modern, keras):
    """Return the same model, spelled anew for live Keras, compiled."""
    if modern:
        space = {"L": keras.layers, "O": keras.optimizers}
        keras.config.set_floatx("float64")
    else:
        if find_spec("tf_keras") is None:
            pytest.skip("tf_keras, which is Keras 2, is not installed")
        import tf_keras as keras
        from tf_keras.optimizers import legacy

        space = {"L": keras.layers, "O": legacy}
        keras.backend.set_floatx("float64")
    if words == "both":
        layers = keras.layers
        x = layers.Input((SIDE, SIDE, 1))
        a = layers.Conv2D(4, 3, padding="same", activation="relu")(x)
        b = layers.Conv2D(4, 5, padding="same", activation="tanh")(x)
        y = layers.Dense(4, activation="softmax")(layers.Flatten()(layers.Concatenate()([a, b])))
        model = keras.Model(x, y)
    else:
        model = keras.Sequential(eval(words, space))
    model.compile(eval(optimizer, space), loss)
    (keras.config if modern else keras.backend).set_floatx("float32")
    return model


@pytest.mark.slow
@pytest.mark.parametrize("name", SCRIPTS)
def test_twenty_steps(name, keras, monkeypatch):
    """In float64, where no rounding grows into what looks like another rule."""
    which, script, words, optimizer, loss, first = SCRIPTS[name]
    rng = np.random.default_rng(sum(map(ord, name)))
    x = rng.normal(size=(STEPS, BATCH, SIDE, SIDE, 1))
    y = np.eye(4)[rng.integers(0, 4, (STEPS, BATCH))]
    monkeypatch.setattr(config, "_floatx", "float64")
    theirs = judge(words, optimizer, loss, which == "3", keras)
    weights = theirs.get_weights()
    targets = y if theirs.output_shape[-1] == 4 else rng.uniform(size=x.shape)
    expected = [float(np.ravel(theirs.train_on_batch(*batch))[0]) for batch in zip(x, targets, strict=True)]
    with era(which):
        space = {}
        exec(script, space)
        model = space["model"]
        kernels = [w.transpose(3, 2, 0, 1) if first and w.ndim == 4 else w for w in weights]  # Keras 1's order
        model.set_weights(kernels)
        given = x.transpose(0, 1, 4, 2, 3) if first else x
        found = [float(np.ravel(model.train_on_batch(*batch))[0]) for batch in zip(given, targets, strict=True)]
    np.testing.assert_allclose(found, expected, rtol=TOLERANCE)
    assert expected[-1] != expected[0]
