"""What scripts set in TensorFlow that changes nothing here, old optimizers, checkpoints, control flow: it runs."""

import numpy as np
import pytest

from tinyconv.keras import era
from tinyconv.offered import NotOfferedError


@pytest.fixture
def tf():
    with era("tf2"):
        import tensorflow

        yield tensorflow


SETTINGS = """
config = tf.ConfigProto(allow_soft_placement=True); config.gpu_options.allow_growth = True; tf.Session(config=config)
config = tf.compat.v1.ConfigProto(gpu_options=tf.compat.v1.GPUOptions(per_process_gpu_memory_fraction=0.5))
K.set_session(tf.compat.v1.Session(config=tf.compat.v1.ConfigProto()))
K.tensorflow_backend.set_session(tf.Session())
K.get_session().run(tf.global_variables_initializer())
with tf.Session() as sess: sess.run(tf.global_variables_initializer())
with tf.device("/gpu:0"): tf.zeros(3)
with tf.name_scope("loss"): tf.zeros(3)
graph = tf.get_default_graph()
with tf.Graph().as_default(): pass
gpus = tf.config.experimental.list_physical_devices("GPU"); assert gpus == []
tf.config.experimental.set_memory_growth(None, True)
tf.config.set_visible_devices([], "GPU")
tf.config.run_functions_eagerly(True)
tf.config.optimizer.set_jit(True)
tf.config.threading.set_intra_op_parallelism_threads(4)
tf.logging.set_verbosity(tf.logging.ERROR)
tf.compat.v1.logging.set_verbosity(tf.compat.v1.logging.ERROR)
tf.get_logger().setLevel("ERROR")
tf.autograph.set_verbosity(0)
tf.compat.v1.disable_eager_execution()
tf.compat.v1.disable_v2_behavior()
tf.reset_default_graph(); tf.set_random_seed(1); tf.compat.v1.set_random_seed(1); tf.random.set_seed(1)
assert not tf.test.is_gpu_available() and tf.test.gpu_device_name() == "" and not tf.test.is_built_with_cuda()
tf.debugging.set_log_device_placement(True)
tf.debugging.assert_equal(tf.constant([1, 2]), [1, 2])
writer = tf.summary.create_file_writer("logs")
with tf.summary.create_file_writer("logs").as_default(): tf.summary.scalar("loss", 0.5, step=1)
tf.print("loss", tf.constant(0.5))
options = tf.data.Options(); options.experimental_deterministic = False; tf.data.Dataset.range(3).with_options(options)
assert tf.executing_eagerly() and tf.__version__.startswith("2.")
assert isinstance(tf.constant(1.0), tf.Tensor) and isinstance(tf.Variable(1.0), tf.Variable)
import tensorflow.compat.v1 as tf1; tf1.disable_eager_execution(); assert tf1.keras.layers.Dense(3)
from tensorflow.python.client import device_lib; device_lib.list_local_devices()
from tensorflow.data import Dataset; Dataset.range(3)
"""


def test_settings(tf, capsys):
    known = {"tf": tf, "K": tf.keras.backend}
    for line in SETTINGS.strip().splitlines():
        exec(line, known)
    assert "loss 0.5" in capsys.readouterr().err


def test_decorators(tf):
    @tf.function
    def plain(x):
        return x + 1

    @tf.function(input_signature=[tf.TensorSpec(shape=[None], dtype=tf.float32)], jit_compile=True)
    def told(x):
        return x + 1

    @tf.autograph.experimental.do_not_convert
    def third(x):
        return x + 1

    for function in (plain, told, third):
        assert function(tf.constant([1.0])).numpy().tolist() == [2.0]


@pytest.mark.parametrize(
    "line",
    [
        "tf.Session().run(tf.constant(1))",
        "tf.placeholder(tf.float32, [None, 784])",
        "tf.lite.TFLiteConverter.from_keras_model",
        "tf.distribute.MirroredStrategy()",
        "tf.saved_model.save",
        "tf.data.TFRecordDataset",
        "tf.cast(1, tf.bfloat16)",
    ],
)
def test_what_is_refused_in_one_line(tf, line):
    with pytest.raises(NotOfferedError, match="does not offer") as caught:
        eval(line, {"tf": tf})
    assert "\n" not in str(caught.value)


def test_optimizers_of_tensorflow_1(tf):
    model = tf.keras.Sequential([tf.keras.layers.Dense(2, activation="softmax", input_shape=(3,))])
    for optimizer, rate in (
        (tf.train.AdamOptimizer(), 0.001),
        (tf.train.RMSPropOptimizer(0.01), 0.01),
        (tf.train.GradientDescentOptimizer(learning_rate=0.5), 0.5),
        (tf.train.MomentumOptimizer(0.1, 0.9), 0.1),
        (tf.compat.v1.train.AdagradOptimizer(0.2), 0.2),
    ):
        model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(np.ones((4, 3)), np.array([0, 1, 0, 1]), verbose=0)
        assert float(model.optimizer.learning_rate) == pytest.approx(rate)


def test_checkpoints(tf, tmp_path):
    def model():
        return tf.keras.Sequential([tf.keras.layers.Dense(2, input_shape=(3,))])

    first, step = model(), tf.Variable(1)
    saved = tf.train.Checkpoint(model=first, step=step, optimizer=tf.keras.optimizers.Adam())
    manager = tf.train.CheckpointManager(saved, str(tmp_path / "kept"), max_to_keep=2)
    for _ in range(3):
        step.assign_add(1)
        last = manager.save()
    assert last.endswith("ckpt-3")
    assert len(manager.checkpoints) == 2
    other, count = model(), tf.Variable(0)
    again = tf.train.Checkpoint(model=other, step=count)
    again.restore(tf.train.latest_checkpoint(str(tmp_path / "kept"))).expect_partial()
    assert int(count) == 4
    for one, two in zip(first.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    assert tf.train.latest_checkpoint(str(tmp_path)) is None
    again.restore(None)


def test_words_and_files(tf, tmp_path):
    path = tf.strings.join([str(tmp_path), "a", "cat.1.txt"], separator="/")
    tf.io.write_file(path, b"word")
    assert tf.io.gfile.exists(path)
    assert tf.io.read_file(path).numpy() == b"word"
    assert tf.io.gfile.listdir(str(tmp_path / "a")) == ["cat.1.txt"]
    label = tf.strings.split(tf.strings.split(path, "/")[-1], ".")[0]
    assert bool(label == "cat")
    assert tf.argmax(label == np.array(["cat", "dog"])).numpy() == 0
    assert tf.strings.regex_replace("a_b", "_", "-").numpy() == b"a-b"
    with pytest.raises(FileNotFoundError):
        tf.io.read_file(str(tmp_path / "none"))


def test_tensors_of_two_types_are_an_invalid_argument():
    with era("tf2"):
        import tensorflow as tf

        with pytest.raises(tf.errors.InvalidArgumentError):
            tf.constant(2.0) + tf.constant(40.0, dtype=tf.float64)


def test_a_sequence_may_count_its_batches_itself():
    with era(2):
        from keras.layers import Dense
        from keras.models import Sequential
        from keras.utils import Sequence

        class Halves(Sequence):
            def __init__(self):
                self.num_batches = 7  # the script's own number, which Keras 2 did not know

            def __len__(self):
                return 2

            def __getitem__(self, index):
                return np.ones((3, 4)), np.ones((3, 1))

        model = Sequential([Dense(1, input_shape=(4,))])
        model.compile("sgd", "mse")
        assert Halves().num_batches == 7
        assert len(model.predict_generator(Halves())) == 6
