"""Random networks for the explorer's tests, and a browser for its page."""

import numpy as np
import pytest
from page_networks import CHROMIUM, NETWORKS
from page_opened import Opened

import tinyconv as tc
from tinyconv import layers as L
from tinyconv.explorer import keras_judge

ACTIVATIONS = (
    *("relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "softplus", "softsign"),
    *("tanh", "sigmoid", "hard_sigmoid", "exponential"),
)


@pytest.fixture(scope="session")
def random_network():
    """A function that makes a random compiled network, with samples and targets for it."""
    return _random_network


def _random_network(seed, dtype="float32"):
    rng = np.random.default_rng(seed)
    tc.set_seed(seed)
    tc.clear_session()

    def choice(*options):
        return options[rng.integers(len(options))]

    def convolution(x):
        groups = choice(1, 1, 2) if x.shape[-1] % 2 == 0 else 1
        strides, dilation = choice((1, 1), (2, 1), (1, 2))
        return L.Conv2D(
            choice(2, 4),
            choice(1, 2, 3),
            strides,
            choice("same", "valid"),
            dilation_rate=dilation,
            groups=groups,
            activation=choice(None, *ACTIVATIONS),
            kernel_regularizer=choice(None, None, "l2", "l1"),
            use_bias=choice(True, False),
            dtype=dtype,
        )(x)

    def depthwise(x):
        return L.DepthwiseConv2D(
            choice(2, 3), choice(1, 2), choice("same", "valid"), depth_multiplier=choice(1, 2), dtype=dtype
        )(x)

    def transposed(x):
        return L.Conv2DTranspose(choice(2, 3), choice(2, 3), choice(1, 2), choice("same", "valid"), dtype=dtype)(x)

    def normalized(x):
        return L.BatchNormalization(scale=choice(True, False), center=choice(True, False), dtype=dtype)(x)

    def pooled(x):
        layer = choice(L.MaxPooling2D, L.AveragePooling2D)
        return layer(choice(2, 3), choice(None, 1, 2), choice("same", "valid"), dtype=dtype)(x)

    def other(x):
        layer = choice(
            lambda: L.UpSampling2D(2, interpolation=choice("nearest", "bilinear"), dtype=dtype),
            lambda: L.ZeroPadding2D(1, dtype=dtype),
            lambda: L.Cropping2D(1, dtype=dtype),
            lambda: L.LayerNormalization(dtype=dtype),
            lambda: L.Dropout(0.4, dtype=dtype),
            lambda: L.SpatialDropout2D(0.4, dtype=dtype),
            lambda: L.GaussianNoise(0.1, dtype=dtype),
            lambda: L.PReLU(shared_axes=[1, 2], alpha_initializer="ones", dtype=dtype),
            lambda: L.Activation(choice(*ACTIVATIONS), dtype=dtype),
            lambda: L.Permute((2, 1, 3), dtype=dtype),
        )()
        return layer(x)

    def branched(x):
        layer = choice(L.Add, L.Multiply, L.Average, L.Maximum, L.Subtract, L.Concatenate)(dtype=dtype)
        c = x.shape[-1]
        return layer([L.Conv2D(c, 3, padding="same", activation=choice(None, "relu"), dtype=dtype)(x), x])

    blocks = convolution, convolution, depthwise, transposed, normalized, pooled, other, branched
    image = tc.Input((6 + int(rng.integers(3)), 6, int(rng.integers(1, 4))), dtype=dtype)
    x = L.Conv2D(3, 3, padding="same", dtype=dtype)(image)
    for _ in range(int(rng.integers(2, 6))):
        block = choice(*blocks)
        if min(x.shape[1:3]) >= 4:
            x = block(x)
    x = choice(L.Flatten, L.Flatten, L.GlobalAveragePooling2D, L.GlobalMaxPooling2D)(dtype=dtype)(x)
    if choice(True, False):
        x = L.Dense(5, activation=choice("relu", "tanh", None), dtype=dtype)(x)
    last, loss = choice(
        ("softmax", "categorical_crossentropy"),
        ("softmax", "sparse_categorical_crossentropy"),
        ("sigmoid", "binary_crossentropy"),
        (None, "mean_squared_error"),
    )
    model = tc.Model(image, L.Dense(3, activation=last, dtype=dtype)(x))
    model.compile(choice("adam", "sgd", "rmsprop", tc.optimizers.SGD(0.1, 0.9)), loss)
    for weight in model.weights:  # away from zeros, ones and each other, where much would be equal by chance
        if weight.trainable:
            weight.assign(weight.data + 0.1 * rng.standard_normal(weight.shape))
    n = int(rng.integers(1, 4))
    samples = rng.standard_normal((n, *image.shape[1:]))
    labels = rng.integers(3, size=n)
    targets = labels if loss.startswith("sparse") else np.eye(3)[labels] if last else rng.standard_normal((n, 3))
    return model, samples.astype(dtype), targets


@pytest.fixture(scope="session")
def browser():
    """Debian's Chromium, driven by Playwright."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright for Python is not installed")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


FIRST, *OTHERS = NETWORKS


@pytest.fixture(scope="session", params=[FIRST, *(pytest.param(name, marks=pytest.mark.slow) for name in OTHERS)])
def opened(request, browser, tmp_path_factory):
    """A network's page; in the end it must have said nothing on the console, and asked for nothing but itself."""
    opened = Opened(browser, request.param, tmp_path_factory.mktemp("pages"))
    yield opened
    assert opened.messages == []
    assert set(opened.requests) == {opened.file.as_uri()}
    opened.page.close()


@pytest.fixture(scope="module")
def without_keras():
    """Keras takes ten seconds to import; the judge of its own tests asks it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras_judge, "installed", lambda: False)
        yield
