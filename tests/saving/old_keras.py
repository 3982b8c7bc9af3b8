"""Files as Keras 1 and Keras 2 wrote them, made from the layout's description: none of these can be installed today."""

import json

import h5py
import numpy as np


def names_of(group, name, names):
    group.attrs[name] = np.asarray([each.encode() for each in names]) if names else np.zeros(0, "S1")


def write(path, config, layers, version="2.2.4", backend="tensorflow", training=None, optimizer=()):
    """Write a whole model, or weights alone where `config` is None; `layers` are [(name, {weight name: array})]."""
    with h5py.File(path, "w") as root:
        group = root
        if config is not None:
            root.attrs["model_config"] = json.dumps(config).encode()
            group = root.create_group("model_weights")
        for each in {root, group}:
            if version is not None:
                each.attrs["keras_version"] = version.encode()
            if backend is not None:
                each.attrs["backend"] = backend.encode()
        if training is not None:
            root.attrs["training_config"] = json.dumps(training).encode()
        names_of(group, "layer_names", [name for name, _ in layers])
        for name, weights in layers:
            below = group.create_group(name)
            names_of(below, "weight_names", list(weights))
            for weight, value in weights.items():
                below[weight] = value
        if optimizer:
            below = root.create_group("optimizer_weights")
            names_of(below, "weight_names", [name for name, _ in optimizer])
            for name, value in optimizer:
                below[name] = value


def stored(model, change=lambda layer, weight: weight.numpy()):
    """Return the weights of a model's layers, trained ones first, as Keras 2 named them; `change` turns each."""
    return [
        (layer.name, {f"{weight.path}:0": change(layer, weight) for weight in trained_first(layer)})
        for layer in model.layers
    ]


def trained_first(layer):
    return [*layer.trainable_weights, *layer.non_trainable_weights]


def keras2(layer):
    """Return what Keras 2 says of a layer of today: no module, no policy, shapes by other names."""
    config = json.loads(json.dumps(layer.get_config()))
    for name in ("dtype", "noise_shape", "seed"):
        config.pop(name, None)
    if isinstance(config.get("negative_slope"), float) and type(layer).__name__ == "LeakyReLU":
        config["alpha"] = config.pop("negative_slope")
    if "batch_shape" in config:
        config["batch_input_shape"] = config.pop("batch_shape")
        config |= {"sparse": False, "dtype": "float32"}
    return {"class_name": type(layer).__name__, "config": config}


def functional(model, describe=keras2):
    """Return what Keras 2 says of a functional model."""
    layers = []
    for layer in model.layers:
        calls = [
            [[each.node.operation.name, each.node.number, each.index, {}] for each in node.inputs]
            for node in layer.call_nodes
            if node.inputs
        ]
        layers.append({**describe(layer), "name": layer.name, "inbound_nodes": calls})
    ends = [
        [[each.node.operation.name, each.node.number, each.index] for each in end]
        for end in (model.inputs, model.outputs)
    ]
    config = {"name": model.name, "layers": layers, "input_layers": ends[0], "output_layers": ends[1]}
    return {"class_name": "Model", "config": config}
