"""The shortest useful program: a small convolutional net learns to read handwritten digits.

    python examples/shortest.py

It trains on 20,000 of MNIST's 60,000 images, for seconds, and then reads 96 of 100 digits that it has never seen.
"""

import tinyconv as tc
from tinyconv.layers import Conv2D, Dense, Flatten

(x, y), (x_test, y_test) = tc.datasets.mnist.load_data()
x, y, x_test = x[:20_000, ..., None] / 255, y[:20_000], x_test[..., None] / 255

convolution = Conv2D(16, 5, strides=2, activation="relu", input_shape=(28, 28, 1))
model = tc.Sequential([convolution, Flatten(), Dense(64, activation="relu"), Dense(10, activation="softmax")])
model.summary()
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, batch_size=100, epochs=3, validation_data=(x_test, y_test))
print("The first ten test digits:", y_test[:10], "read as:", model.predict(x_test[:10]).argmax(axis=1))
