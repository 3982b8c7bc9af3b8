"""`tf.data` in scripts: the same elements in the same order as live TensorFlow, and what `fit` makes of them."""

import numpy as np
import pytest
from PIL import Image
from test_tensorflow_operations import lines, of_both

from tinyconv.keras import era
from tinyconv.offered import NotOfferedError

# Pipelines whose order is no chance, from a (6, 2) float32, n (6,) int64.
PIPELINES = """
D.from_tensor_slices(a)
D.from_tensor_slices((a, n))
D.from_tensor_slices({"image": a, "label": n}).batch(4)
D.from_tensor_slices([1, 2, 3])
D.from_tensor_slices(["one", "two"])
D.from_tensors((a, n))
D.range(5)
D.range(2, 10, 3)
D.from_tensor_slices((a, n)).batch(4)
D.from_tensor_slices((a, n)).batch(4, drop_remainder=True)
D.from_tensor_slices((a, n)).map(lambda x, y: (x * 2, y + 1))
D.from_tensor_slices((a, n)).map(lambda x, y: x, num_parallel_calls=tf.data.AUTOTUNE)
D.from_tensor_slices((a, n)).map(lambda x, y: (tf.cast(y, tf.float32) / 2, tf.one_hot(y, 7))).batch(4)
D.from_tensor_slices({"x": a, "y": n}).map(lambda d: (d["x"], d["y"]))
D.from_tensor_slices(n).filter(lambda y: y % 2 == 0)
D.from_tensor_slices((a, n)).filter(lambda x, y: y > 2).batch(2)
D.from_tensor_slices(n).take(2)
D.from_tensor_slices(n).take(-1)
D.from_tensor_slices(n).skip(4)
D.from_tensor_slices(n).skip(9)
D.from_tensor_slices(n).repeat(2).batch(4)
D.from_tensor_slices(n).batch(4).repeat(2)
D.from_tensor_slices(n).repeat().take(8)
D.from_tensor_slices((a, n)).batch(4).unbatch()
D.from_tensor_slices((a, n)).batch(4).map(lambda x, y: (x, y * 2)).prefetch(1).cache().repeat(2)
D.zip((D.range(3), D.from_tensor_slices(a)))
D.range(3).concatenate(D.range(7, 9))
D.from_tensor_slices(n).enumerate(start=3)
D.from_tensor_slices(n).shuffle(1)
D.from_generator(lambda: ((i, [i, i]) for i in range(3)), output_types=(tf.int32, tf.float32))
D.from_generator(lambda: iter([1.5, 2.5]), output_signature=tf.TensorSpec(shape=(), dtype=tf.float32))
D.range(3).flat_map(lambda i: D.range(i + 1))
D.range(1, 6).interleave(lambda i: D.from_tensors(i).repeat(6), cycle_length=2, block_length=4)
D.range(9).batch(3).map(tf.reduce_sum)
D.range(4).apply(lambda d: d.skip(1))
D.from_tensor_slices(n).batch(2).batch(2)
"""
SIZES = [
    *("D.range(5)", "D.range(5).batch(2)", "D.range(5).batch(2, drop_remainder=True)", "D.range(5).repeat()"),
    *("D.range(5).repeat(3).batch(4)", "D.range(5).filter(lambda i: i > 1)", "D.range(5).skip(2).take(9)"),
    *("D.range(5).shuffle(3).map(lambda i: i).cache().prefetch(2)", "D.zip((D.range(5), D.range(3)))"),
    *("D.range(5).concatenate(D.range(2))", "D.range(5).repeat().take(7)", "D.range(5).batch(2).unbatch()"),
]


def known(tf):
    a = np.arange(12, dtype=np.float32).reshape(6, 2)
    return {"tf": tf, "D": tf.data.Dataset, "a": a, "n": np.arange(6), "range": range}


def listed(element):
    """Return an element as lists of (type, values)."""
    if isinstance(element, tuple):
        return [listed(part) for part in element]
    if isinstance(element, dict):
        return {name: listed(part) for name, part in element.items()}
    array = np.asarray(element)
    return [str(array.dtype), array.tolist()]


def test_elements_and_their_order(keras):
    def compute(tf):
        found = []
        for line in lines(PIPELINES):
            dataset = eval(line, known(tf))
            first = [listed(element) for element in dataset.as_numpy_iterator()]
            again = [listed(element) for element in dataset.as_numpy_iterator()]
            assert first == again, line
            found.append(first)
        return found

    for line, one, other in zip(lines(PIPELINES), *of_both(compute), strict=True):
        assert one == other, line


def test_lengths(keras):
    wanted, found = of_both(lambda tf: [int(eval(line, known(tf)).cardinality()) for line in SIZES])
    # Of what is joined again TensorFlow knows the length, and we do not.
    assert found[:-1] == wanted[:-1]
    with era("tf2"):
        import tensorflow as tf

        assert len(tf.data.Dataset.range(5).batch(2)) == 3
        with pytest.raises(TypeError, match="infinite"):
            len(tf.data.Dataset.range(5).repeat())


@pytest.fixture
def tf():
    with era("tf2"):
        import tensorflow

        yield tensorflow


def test_a_shuffle_draws_from_its_buffer(tf):
    """Element i comes out at place i − buffer + 1 or later, all come once, and a pass draws anew if it may."""
    for source in (tf.data.Dataset.range(200), tf.data.Dataset.range(200).map(lambda i: i)):
        shuffled = source.shuffle(10, seed=3)
        one, two = ([int(each) for each in shuffled] for _ in range(2))
        assert one != two
        assert sorted(one) == sorted(two) == list(range(200))
        assert all(element <= place + 9 for place, element in enumerate(one))
        assert one != list(range(200))
        fixed = source.shuffle(300, seed=3, reshuffle_each_iteration=False)
        assert [int(each) for each in fixed] == [int(each) for each in fixed]
        assert [int(each) for each in source.shuffle(10, seed=3)] == one
    firsts = [int(next(iter(tf.data.Dataset.range(100).shuffle(100)))) for _ in range(60)]
    assert max(firsts) > 60 > 40 > min(firsts)


def test_what_a_script_holds(tf):
    images, labels = next(iter(tf.data.Dataset.from_tensor_slices((np.ones((4, 3)), [1, 2, 3, 4])).batch(2)))
    assert images.numpy().dtype == np.float64
    assert images.shape == (2, 3)
    assert labels.numpy().tolist() == [1, 2]
    assert ["zero", "one"][labels[0]] == "one"
    assert {int(labels[0].numpy())} == {1}
    words = tf.data.Dataset.from_tensor_slices(["a/b.png"])
    assert next(iter(words)).numpy() == b"a/b.png"
    assert tf.strings.split(next(iter(words)), "/")[-1].numpy().decode() == "b.png"


def test_a_cache_is_filled_once(tf):
    calls = []
    cached = tf.data.Dataset.range(3).map(lambda i: calls.append(i) or i).cache()
    next(iter(cached))
    for _ in range(3):
        assert [int(each) for each in cached] == [0, 1, 2]
    assert len(calls) == 1 + 3


def trained(keras, data, **named):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    model.compile(keras.optimizers.SGD(0.5), "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(*data, verbose=0, **named).history
    return history["loss"], model.get_weights()


def test_fit_on_a_dataset_is_fit_on_its_arrays(tf):
    rng = np.random.default_rng(0)
    x, y = rng.random((50, 4)).astype(np.float32), rng.integers(0, 3, 50)
    dataset = tf.data.Dataset.from_tensor_slices((x, y))
    wanted, weights = trained(tf.keras, (x, y), batch_size=8, shuffle=False, epochs=3)
    for data, named in (
        (dataset.batch(8).prefetch(tf.data.AUTOTUNE), {}),
        (dataset.map(lambda a, b: (a * 1.0, b)).cache().batch(8), {}),
        (dataset.batch(8).repeat(), {"steps_per_epoch": 7}),
        (dataset.filter(lambda a, b: b >= 0).batch(8), {}),
    ):
        losses, found = trained(tf.keras, (data,), epochs=3, **named)
        np.testing.assert_allclose(losses, wanted, rtol=1e-6)
        for one, other in zip(found, weights, strict=True):
            np.testing.assert_array_equal(one, other)


def test_evaluate_and_predict(tf):
    x, y = np.random.default_rng(0).random((20, 4)).astype(np.float32), np.arange(20) % 3
    model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(6)
    np.testing.assert_allclose(model.evaluate(dataset, verbose=0), model.evaluate(x, y, verbose=0), rtol=1e-6)
    np.testing.assert_array_equal(model.predict(dataset, verbose=0), model.predict(x, verbose=0))
    unlabelled = dataset.map(lambda a, _: a)
    np.testing.assert_array_equal(model.predict(unlabelled, verbose=0), model.predict(x, verbose=0))
    model.fit(dataset.shuffle(3), validation_data=dataset.take(2), verbose=0)


def test_a_folder_of_images(tf, tmp_path):
    for name, level in (("cats", 40), ("dogs", 200)):
        (tmp_path / name).mkdir()
        for number in range(5):
            Image.new("RGB", (8, 8), (level, level, number)).save(tmp_path / name / f"{number}.png")
    folder = tf.keras.utils.image_dataset_from_directory(tmp_path, image_size=(8, 8), batch_size=4, verbose=False)
    assert folder.class_names == ["cats", "dogs"]
    assert [len(labels) for _, labels in folder] == [4, 4, 2]
    scaled = folder.cache().map(lambda images, labels: (images / 255.0, labels)).shuffle(10).prefetch(1)
    for images, labels in scaled.take(1):
        assert images.shape[1:] == (8, 8, 3)
        np.testing.assert_array_equal(images.numpy()[:, 0, 0, 0] > 0.5, labels.numpy() == 1)
    assert len(list(folder.unbatch())) == 10
    model = tf.keras.Sequential([tf.keras.Input((8, 8, 3)), tf.keras.layers.Flatten(), tf.keras.layers.Dense(2)])
    model.compile("adam", tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(folder, validation_data=scaled, epochs=2, verbose=0)
    assert model.predict(folder, verbose=0).shape == (10, 2)
    names = tf.data.Dataset.list_files(str(tmp_path / "*/*.png"), shuffle=False)
    pixels = names.map(lambda path: tf.io.decode_png(tf.io.read_file(path), channels=3))
    assert [int(image[0, 0, 0]) for image in pixels] == [40] * 5 + [200] * 5


def test_what_is_refused(tf):
    with pytest.raises(ValueError, match="as many rows each"):
        tf.data.Dataset.from_tensor_slices((np.ones(3), np.ones(4)))
    with pytest.raises(ValueError, match=r"elements of one shape, got \(1,\) and \(2,\)"):
        list(tf.data.Dataset.from_generator(lambda: iter([[1.0], [1.0, 2.0]]), tf.float32).batch(2))
    with pytest.raises(AttributeError, match="keep images and arrays"):
        tf.data.TFRecordDataset  # noqa: B018


def test_no_iterators_of_graphs():
    with era("2"):
        import tensorflow as tf

        with pytest.raises(NotOfferedError, match="loop over it"):
            tf.data.Dataset.range(3).make_one_shot_iterator()
