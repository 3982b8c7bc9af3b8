"""The shortest useful program: a small convolutional net learns to read handwritten digits.

    python examples/shortest.py

It trains on 12,000 of MNIST's 60,000 images, for less than half a minute, and reads 97 of 100 new digits.
"""

import tinyconv as tc
from tinyconv.layers import Conv2D, Dense, Flatten, MaxPooling2D

(x, y), (x_test, y_test) = tc.datasets.mnist.load_data()
x, x_test = x[..., None] / 255, x_test[..., None] / 255

model = tc.Sequential(
    [
        Conv2D(16, 3, activation="relu", input_shape=(28, 28, 1)),
        MaxPooling2D(),
        Flatten(),
        Dense(10, activation="softmax"),
    ]
)
model.summary()
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x[:12_000], y[:12_000], epochs=3, validation_data=(x_test[:2000], y_test[:2000]))
print("The first ten test digits:", y_test[:10], "read as:", model.predict(x_test[:10]).argmax(axis=1))
