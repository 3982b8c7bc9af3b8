"""How large gradients are, layer by layer, in a deep network: with sigmoids they vanish on their way down.

    python examples/watch_gradients.py

Ten dense layers learn to read digits, once with sigmoids between them and once with ReLU. The backward walk is watched:
for each operation it hands over the gradient of the operation's result, and the operation knows the layer that called
it. The first operation seen of a layer is its last one, so that gradient is the one by the layer's output, ∂L/∂y. A
sigmoid multiplies it by at most ¼ on the way to its input, ten of them by at most a millionth; ReLU passes it on whole.
"""

import numpy as np

import tinyconv as tc

DEPTH, UNITS, STEPS = 10, 64, 100


def network(activation: str) -> tc.Sequential:
    """Return a network of `DEPTH` dense layers under a classifier of ten digits."""
    hidden = [tc.layers.Dense(UNITS, activation=activation, name=f"layer {i + 1}") for i in range(DEPTH)]
    classifier = tc.layers.Dense(10, activation="softmax", name="digits")
    return tc.Sequential([tc.Input((28, 28)), tc.layers.Flatten(), *hidden, classifier])


def gradients(model: tc.Sequential, x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Return the norm of the loss's gradient by each layer's output, from the last layer to the first."""
    norms: dict[str, float] = {}

    def observe(function: tc.Function, inputs: tuple, dy: np.ndarray, gradients: tuple) -> None:
        if function.calls:  # the loss is no layer's
            norms.setdefault(function.calls[-1].layer.name, float(np.linalg.norm(dy)))

    with tc.fusion(False):  # every layer by itself
        loss = tc.losses.SparseCategoricalCrossentropy()(y, model(x, training=True))
    loss.backward(observe=observe)
    for weight in model.weights:
        weight.grad = None
    return norms


def main() -> None:
    """Print the norms of both networks, before they learn and after."""
    (x, y), _ = tc.datasets.mnist.load_data()
    x, y = x[: 100 * STEPS] / 255, y[: 100 * STEPS]
    for activation in ("sigmoid", "relu"):
        tc.set_seed(1)
        model = network(activation)
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        before = gradients(model, x[:100], y[:100])
        model.fit(x, y, batch_size=100, verbose=0)
        after = gradients(model, x[:100], y[:100])
        print(
            f"{activation}: |∂L/∂y| of each layer; {model.evaluate(x, y, verbose=0)[1]:.1%} right after {STEPS} steps"
        )
        print(f"    {'layer':10} {'at first':>10} {'then':>10}")
        for name, norm in before.items():
            print(f"    {name:10} {norm:10.1e} {after[name]:10.1e}")
        print()


if __name__ == "__main__":
    main()
