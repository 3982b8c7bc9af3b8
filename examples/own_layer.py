"""A layer of one's own, written as Keras 3's guide says: Swish, x·σ(βx), with a β for each unit that is learnt.

    python examples/own_layer.py

`build` makes weights when the input's shape is known. `call` computes with operations of `tinyconv.functions`, which
bring their gradients along. `get_config` and the decorator let a model with the layer be described and made again.
Source: Ramachandran, Zoph & Le 2017, "Searching for activation functions".
"""

from typing import Any

import numpy as np

import tinyconv as tc
from tinyconv.functions import sigmoid


@tc.register_keras_serializable("examples")
class Swish(tc.layers.Layer):
    """x·σ(βx) with one β for each number on the last axis, `beta` at first: ReLU for large β, x/2 for β = 0."""

    def __init__(self, beta: float = 1.0, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.first = beta

    def build(self, input_shape: Any) -> None:
        """Make β, of the length of the input's last axis."""
        self.beta = self.add_weight((input_shape[-1],), tc.initializers.Constant(self.first), name="beta")

    def call(self, x: tc.Tensor) -> tc.Tensor:
        """Return x·σ(βx)."""
        return x * sigmoid(self.beta * x)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "beta": self.first}


def main() -> None:
    """Check the layer's gradients, train a network with it, and make the network again from its description."""
    layer = Swish(0.5, dtype="float64")
    x = np.random.default_rng(0).standard_normal((3, 4))
    layer(x)  # builds β, which is then checked beside x
    print(f"gradients of x and β against differences: {tc.gradcheck(layer, x):.0e}")

    tc.set_seed(1)
    (images, labels), _ = tc.datasets.mnist.load_data()
    dense = tc.layers.Dense(64), tc.layers.Dense(10, activation="softmax")
    model = tc.Sequential([tc.Input((28, 28)), tc.layers.Flatten(), dense[0], Swish(name="swish"), dense[1]])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(images[:20_000] / 255, labels[:20_000], batch_size=100, verbose=2)
    beta = model.get_layer("swish").get_weights()[0]
    print(f"β was 1 and is now {beta.min():.2f} to {beta.max():.2f}")

    twin = tc.Sequential.from_config(model.get_config())
    twin.set_weights(model.get_weights())
    same = np.array_equal(twin.predict(images[:100] / 255), model.predict(images[:100] / 255))
    print(f"made again from its description, it predicts {'the same' if same else 'something else'}")


if __name__ == "__main__":
    main()
