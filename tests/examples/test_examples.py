"""The examples run as a reader runs them, and say what they promise."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


def run(name, folder, *options):
    """Run an example in its own process, with warnings as errors; return what it prints."""
    command = [sys.executable, "-W", "error", str(EXAMPLES / name), *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8", timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_example_is_run():
    names = [
        "convolution_backward_by_hand.py",
        "fine_tune.py",
        "overfit.py",
        "own_layer.py",
        "shortest.py",
        "watch_gradients.py",
    ]
    assert sorted(path.name for path in EXAMPLES.glob("*.py")) == names


def test_shortest(tmp_path):
    out = run("shortest.py", tmp_path)
    assert "Total params: 148,586" in out
    last = [line for line in out.splitlines() if line.startswith("Epoch 3/3")]
    assert float(last[0].split("val_accuracy: ")[1]) > 0.94
    assert "The first ten test digits: [7 2 1 0 4 1 4 9 5 9] read as: [7 2 1 0 4" in out


def test_convolution_backward_by_hand(tmp_path):
    out = run("convolution_backward_by_hand.py", tmp_path)
    assert out.count(": the same") == 8
    assert "NOT" not in out
    for line in out.splitlines():
        if "measured" in line:
            measured, by_hand = line.split("measured ")[1].split(", by hand ")
            assert float(measured) == pytest.approx(float(by_hand), abs=1e-5)


@pytest.mark.slow
def test_overfit(tmp_path):
    """The narrowest MobileNet; the others take minutes."""
    out = run("overfit.py", tmp_path, "--network", "MobileNet", "--alpha", "0.25")
    first, *steps = out.splitlines()
    assert first == "mobilenet_0.25_32: 221,114 parameters, 64 images"
    assert "100.0% right" in steps[-1]
    assert float(steps[-1].split(", ")[1].split()[0]) < 0.01
    assert float(steps[-1].split("loss ")[1].split()[0]) < 0.01


def test_watch_gradients(tmp_path):
    """Sigmoids leave a millionth of the gradient to the first layer, ReLU more than a hundredth."""
    out = run("watch_gradients.py", tmp_path)
    shares = {}
    for table in out.split("|∂L/∂y| of each layer")[1:]:
        norms = {row.split()[-3]: [float(norm) for norm in row.split()[-2:]] for row in table.splitlines()[2:13]}
        assert list(norms) == ["digits", *[str(i) for i in range(10, 0, -1)]]
        shares[len(shares)] = [first / last for first, last in zip(norms["1"], norms["digits"], strict=True)]
    sigmoid, relu = shares.values()
    assert max(sigmoid) < 1e-4
    assert min(relu) > 1e-2


def test_own_layer(tmp_path):
    out = run("own_layer.py", tmp_path)
    assert float(out.split("against differences: ")[1].split()[0]) < 1e-6
    assert float(out.split("accuracy: ")[1].split()[0]) > 0.7
    assert "β was 1 and is now" in out
    assert out.endswith("it predicts the same\n")


def test_fine_tune(tmp_path):
    """Dark and bright images: a network of random weights tells them once its classifier is trained."""
    from PIL import Image

    import tinyconv as tc
    from tinyconv import layers as L

    rng = np.random.default_rng(1)
    for name, low in (("bright", 195), ("dark", 0)):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for number in range(15):
            pixels = rng.integers(low, low + 60, (14, 12, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pictures" / name / f"{number}.png")
    tc.set_seed(1)
    known = tc.Sequential(
        [tc.Input((10, 10, 3)), L.Conv2D(4, 3, activation="relu"), L.Flatten(), L.Dense(7, "softmax")]
    )
    known.save(tmp_path / "known.keras")
    options = ["--epochs", "6", "--batch", "8", "--scale", str(1 / 255)]
    out = run("fine_tune.py", tmp_path, "known.keras", "pictures", *options)
    assert "The classifier alone: 514 weights" in out
    assert "All layers, in small steps: 626 weights" in out
    losses = [float(line.split(" loss: ")[1].split()[0]) for line in out.splitlines() if " loss: " in line]
    assert len(losses) == 12
    assert losses[-1] < losses[0]
    assert out.endswith("pictures.keras and pictures.onnx tell bright, dark\n")
    model = tc.load_model(tmp_path / "pictures.keras")
    x = rng.integers(0, 256, (3, 10, 10, 3)).astype(np.float32)
    session = pytest.importorskip("onnxruntime").InferenceSession(
        tmp_path / "pictures.onnx", providers=["CPUExecutionProvider"]
    )
    (y,) = session.run(None, {session.get_inputs()[0].name: x})
    np.testing.assert_allclose(y, model.predict(x, verbose=0), rtol=1e-4, atol=1e-6)
