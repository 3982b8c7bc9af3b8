"""Fine-tuning: a network that knows some images learns the classes of a folder, and is saved for Keras and for ONNX.

    python examples/fine_tune.py digits.keras photographs --scale 0.0039215686

The folder has a folder of images for each class. The network's last layer with weights, its classifier, gives way to a
new one. First that one alone is trained, on what all others, frozen, make of the images: new weights know nothing, and
their large gradients would spoil what is known. Then all layers are trained in small steps. The result has the folder's
name: photographs.keras, which Keras opens, and photographs.onnx, which onnxruntime runs.
"""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import tinyconv as tc
from tinyconv.layers import Dense, GlobalAveragePooling2D, Rescaling

SEED = 1


def with_new_classes(model: Any, classes: int, scale: float) -> tuple[tc.Model, tc.Model]:
    """Return `model` with another classifier behind its features, and the part of it that makes the features."""
    classifier = next(layer for layer in reversed(model.layers) if layer.weights)
    features = tc.Model(model.input, classifier.input, name="features")
    images = tc.Input(model.input_shape[1:])
    x = features(Rescaling(scale)(images))
    if len(x.shape) == 4:
        x = GlobalAveragePooling2D()(x)
    return tc.Model(images, Dense(classes, activation="softmax", name="classes")(x)), features


def parser() -> ArgumentParser:
    """Return the parser of the command line."""
    made = ArgumentParser(description="Teach a trained network the classes of a folder of images.")
    made.add_argument("model", type=Path, help="a .keras file of a network of images, or .h5")
    made.add_argument("folder", type=Path, help="a folder with a folder of images for each class")
    made.add_argument("--epochs", type=int, default=5, help="of either part of training (default: 5)")
    made.add_argument("--batch", type=int, default=32, help="images in a step (default: 32)")
    made.add_argument(
        "--size", type=int, default=224, help="height and width where the network takes any (default: 224)"
    )
    made.add_argument(
        "--scale", type=float, default=1.0, help="what pixels, 0 to 255, are multiplied by for the network (default: 1)"
    )
    made.add_argument("--out", type=Path, help="files to write, less .keras and .onnx (default: the folder's name)")
    return made


def main() -> int:
    """Fine-tune, save, and return the exit code."""
    options = parser().parse_args()
    tc.set_seed(SEED)
    known = tc.load_model(str(options.model), compile=False)
    height, width, channels = known.input_shape[1:]
    images, held_out = tc.utils.image_dataset_from_directory(
        options.folder,
        image_size=(height or options.size, width or options.size),
        color_mode={1: "grayscale", 3: "rgb", 4: "rgba"}[channels],
        batch_size=options.batch,
        validation_split=0.2,
        subset="both",
        seed=SEED,
    )
    model, features = with_new_classes(known, len(images.class_names), options.scale)

    features.trainable = False
    model.compile(tc.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    print(f"The classifier alone: {sum(weight.size for weight in model.trainable_weights):,} weights")
    model.fit(images, validation_data=held_out, epochs=options.epochs, verbose=2)

    features.trainable = True
    model.compile(tc.optimizers.Adam(1e-5), "sparse_categorical_crossentropy", metrics=["accuracy"])
    print(f"All layers, in small steps: {sum(weight.size for weight in model.trainable_weights):,} weights")
    model.fit(images, validation_data=held_out, epochs=options.epochs, verbose=2)

    out = str(options.out or options.folder.name)
    model.save(f"{out}.keras")
    model.export(f"{out}.onnx")
    print(f"{out}.keras and {out}.onnx tell {', '.join(images.class_names)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
