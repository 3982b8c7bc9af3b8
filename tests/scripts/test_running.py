"""`python -m tinyconv.keras`: how scripts run, stop, and are cut down."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from tinyconv.keras.__main__ import main
from tinyconv.keras.eras import guess, parse
from tinyconv.keras.notebooks import cells
from tinyconv.keras.operations.shaping import one_hot
from tinyconv.keras.quick_look import Caps, Short, short

SMALL = """
import numpy as np
from keras.layers import Dense
from keras.models import Sequential
model = Sequential([Dense(2, activation="softmax", input_shape=(3,))])
model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
"""


def written(folder, text, name="script.py"):
    """Write a script and return its path."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_script_runs_as_main_with_its_arguments_and_its_folder(tmp_path, capsys):
    written(tmp_path, "word = 'beside'", "neighbour.py")
    script = "import sys, neighbour\nprint(__name__, sys.argv[1:], neighbour.word, __file__ == sys.argv[0])"
    before = list(sys.path), list(sys.argv), sys.modules["__main__"]
    assert main([written(tmp_path, script), "--fast", "3"]) == 0
    assert capsys.readouterr().out == "__main__ ['--fast', '3'] beside True\n"
    assert (list(sys.path), list(sys.argv), sys.modules["__main__"]) == before


def test_what_lacks_stops_a_script_where_it_is_used_in_one_line(tmp_path, capsys):
    script = "from keras.layers import Dense, LSTM\nprint('here')\n\nLSTM(3)\nprint('not here')\n"
    path = written(tmp_path, script)
    assert main([path]) == 2
    output = capsys.readouterr()
    assert output.out == "here\n"
    last = output.err.splitlines()[-1]
    assert last.startswith(f"{path}, line 4: ")
    assert "LSTM" in last


@pytest.mark.parametrize(
    "line",
    [
        "import keras; keras.layers.LSTM(3)",
        "from keras.layers.recurrent import LSTM; LSTM(3)",
        "import tensorflow as tf; tf.placeholder('float')",
        "import tensorflow as tf; tf.lite.TFLiteConverter",
        "import keras; keras.losses.get('ctc')",
        "from keras.layers import LSTM\nclass Own(LSTM): pass",
        "from keras.utils import get_file; get_file('a.tgz', 'http://example.org/a.tgz')",
    ],
)
def test_other_things_that_lack(tmp_path, capsys, line, monkeypatch):
    monkeypatch.setenv("TINYCONV_DATA", str(tmp_path))
    path = written(tmp_path, line)
    assert main([path]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(f"{path}, line ")


def test_what_is_tried_may_fail(tmp_path, capsys):
    script = "try:\n    from keras.layers import LSTM\nexcept ImportError:\n    print('without')\n"
    assert main([written(tmp_path, script)]) == 0
    assert capsys.readouterr().out == "without\n"


def test_an_error_of_the_script_shows_its_own_lines_only(tmp_path, capsys):
    path = written(tmp_path, "def f():\n    return {}['a']\n\nf()\n")
    assert main([path]) == 1
    error = capsys.readouterr().err
    assert f'File "{path}", line 4' in error
    assert "running.py" not in error
    assert error.rstrip().endswith("KeyError: 'a'")
    assert main([written(tmp_path, "x = = 3")]) == 1
    assert "SyntaxError" in capsys.readouterr().err


def test_lines_of_tinyconv_are_left_out_of_it(tmp_path, capsys):
    path = written(tmp_path, SMALL + "\ndef learn():\n    model.fit(np.zeros((4, 3)), np.zeros((5, 2)))\n\nlearn()\n")
    assert main([path]) == 1
    error = capsys.readouterr().err
    assert error.count('File "') == 2
    assert "ValueError" in error
    script = (
        "import keras\nclass Own(keras.callbacks.Callback):\n    def on_epoch_end(self, epoch, logs=None):\n"
        "        raise RuntimeError('mine')\n" + SMALL + "model.fit(np.zeros((4, 3)), np.eye(2)[[0, 1, 0, 1]], "
        "callbacks=[Own()], verbose=0)\n"
    )
    assert main([written(tmp_path, script)]) == 1
    error = capsys.readouterr().err
    assert error.count(f'File "{path}"') == error.count('File "') == 2
    assert error.rstrip().endswith("RuntimeError: mine")


def test_exit_codes_and_ctrl_c(tmp_path, capsys):
    assert main([written(tmp_path, "import sys; sys.exit(7)")]) == 7
    assert main([written(tmp_path, "exit('no data')")]) == 1
    assert "no data" in capsys.readouterr().err
    assert main([written(tmp_path, "raise KeyboardInterrupt")]) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_a_wrong_call(tmp_path, capsys):
    for arguments, words in (
        ([], "which script"),
        ([str(tmp_path / "none.py")], "cannot be read"),
        (["--era", "4", written(tmp_path, "")], "tf2"),
        (["--max-epochs", "0", written(tmp_path, "")], "at least 1"),
        (["--max-epochz", "1", written(tmp_path, "")], "max-epochs"),
        ([written(tmp_path, "no json", "a.ipynb")], "no notebook"),
    ):
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        assert stop.value.code == 2
        error = capsys.readouterr().err
        assert words in error
        assert len(error.splitlines()) <= 2


def test_the_command_itself(tmp_path):
    """In a process of its own, beside an installed Keras, which is left alone."""
    path = written(tmp_path, SMALL + "print(model.count_params(), 'keras' in str(type(model)))")
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    done = subprocess.run(
        [sys.executable, "-m", "tinyconv.keras", path], capture_output=True, text=True, cwd=tmp_path, env=environment
    )
    assert (done.returncode, done.stdout) == (0, "8 False\n"), done.stderr
    assert "Keras 2.2.4" in done.stderr


def test_caps(tmp_path, capsys):
    script = SMALL + (
        "x, y = np.zeros((100, 3)), np.ones((100, 2))\n"
        "h = model.fit(x, y, epochs=5, batch_size=10, validation_data=(x, y), verbose=0)\n"
        "print(len(h.epoch), len(h.history['loss']), np.isnan(h.history['loss']).sum(), model.optimizer.iterations)\n"
    )
    assert main(["--max-epochs", "2", "--max-samples", "40", written(tmp_path, script)]) == 0
    output = capsys.readouterr()
    assert output.out == "2 5 3 8\n"
    assert "at most 2 epochs a fit and 40 samples" in output.err


def test_caps_of_what_comes_in_batches():
    limited = Caps(None, 40).limited

    def forever():
        yield 0

    assert limited({"x": forever(), "epochs": 3})["steps_per_epoch"] == 2
    assert limited({"x": forever(), "steps_per_epoch": 1})["steps_per_epoch"] == 1
    assert limited({"x": np.zeros((99, 1)), "y": np.zeros(99), "validation_steps": 0, "validation_data": forever()})[
        "validation_steps"
    ] == 2  # fmt: skip


def test_short_arrays_are_handled_as_if_they_were_whole():
    whole = np.arange(600 * 4).reshape(600, 2, 2)
    x, y = short(whole, 60), short(np.arange(600), 60)
    assert isinstance(x, Short)
    assert x.shape == (60, 2, 2)
    assert x.reshape(600, 4).shape == x.reshape((600, 4)).shape == np.reshape(x, (600, 4)).shape == (60, 4)
    assert x.reshape(60, 4).shape == x.reshape(-1, 4).shape == (60, 4)
    assert (x.astype("float32") / 255).reshape(600, 4).shape == (60, 4)
    for cut in (slice(500), slice(500, None), slice(-200, None), slice(None, -200), slice(200, 400)):
        assert len(x[cut]) == len(y[cut]) == len(range(600)[cut]) // 10
    assert len(x[:100]) == 15
    assert len(x[:10]) == 10
    np.testing.assert_array_equal(y[50:75], [*range(50, 60), *range(15)])  # a batch, say: as many as were asked for
    assert x[590:].shape == (10, 2, 2)
    np.testing.assert_array_equal(x[599], whole[59])
    np.testing.assert_array_equal(y[[5, 599]], [5, 59])
    np.testing.assert_array_equal(x[3], whole[3])
    assert type(y.max()) is type(np.amax(y)) is np.int64
    assert len(x.mean(axis=0)[:1]) == 1
    assert len(list(x)) == len([1 for label in y]) == 60
    assert one_hot(y, 600).numpy().shape == (60, 600)
    assert len(one_hot(y, 600)[200:]) == len(x[200:]) == 40
    assert len(x[y >= 50][8:13]) == 5  # of 100, as far as can be told
    np.testing.assert_array_equal(y[y > 50], range(51, 60))
    np.testing.assert_array_equal(x[:, 0, 1], whole[:60, 0, 1])


def test_data_sets_are_cut_down(tmp_path, capsys):
    script = (
        "from keras.datasets import mnist\nfrom keras.utils import to_categorical\n"
        "(x, y), (a, b) = mnist.load_data()\nx = x.reshape(60000, 784)\ny = to_categorical(y)\n"
        "print(x.shape, y.shape, a.shape, x[50000:].shape, y[50000:].shape)"
    )
    assert main(["--max-samples", "120", written(tmp_path, script)]) == 0
    assert capsys.readouterr().out == "(120, 784) (120, 10) (120, 28, 28) (20, 784) (20, 10)\n"


def test_predictions_of_short_arrays(tmp_path, capsys):
    script = (
        "from keras.datasets import mnist\nfrom keras.layers import Dense, Flatten\n"
        "from keras.models import Sequential\nm = Sequential([Flatten(input_shape=(28, 28)), Dense(10)])\n"
        "p = m.predict(mnist.load_data()[1][0] / 255)\nprint(p.shape, p[9999].shape, p.argmax(axis=1)[340:].shape)"
    )
    assert main(["--max-samples", "120", written(tmp_path, script)]) == 0
    assert capsys.readouterr().out == "(120, 10) (10,) (90,)\n"


def test_figures(tmp_path, capsys):
    script = (
        "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\nplt.figure()\nplt.plot([2, 1])\n"
        "print(plt.get_fignums())\n"
    )
    assert main(["--save-figures", str(tmp_path / "figures"), written(tmp_path, script)]) == 0
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == ["figure-01.png", "figure-02.png"]
    assert capsys.readouterr().out == "[1]\n"


def notebook(folder, *sources):
    """Write a notebook of code cells and return its path."""
    book = {"cells": [{"cell_type": "code", "source": source} for source in sources], "nbformat": 4}
    return written(folder, json.dumps(book), "book.ipynb")


def test_a_notebook_runs_cell_by_cell(tmp_path, capsys):
    path = notebook(
        tmp_path,
        "%matplotlib inline\n!pip install keras\nimport keras\nx = 3",
        ["if x:\n", "    !ls\n", "x + 1"],
        "%%bash\nls",
        "%%time\nprint('timed')",
        "files = !ls\nlen(files)",
        "x.shape",
    )
    assert main([path]) == 1
    output = capsys.readouterr()
    assert output.out == "4\ntimed\n0\n"
    for line in ("%matplotlib inline", "!pip install keras", "!ls", "a cell of %%bash", "files = !ls"):
        assert f"left out: {line}" in output.err
    assert f'File "{path}, cell 6", line 1' in output.err


def test_what_was_a_notebook_asks_for_ipython(tmp_path, capsys):
    text = "get_ipython().run_line_magic('matplotlib', 'inline')\nget_ipython().system('ls')\nprint('done')\n"
    assert main([written(tmp_path, text)]) == 0
    said = capsys.readouterr()
    assert said.out == "done\n"
    assert "left out: matplotlib inline" in said.err
    assert main([written(tmp_path, "print('get_ipython' in globals())")]) == 0
    assert capsys.readouterr().out == "False\n"


def test_a_notebook_of_the_third_format(tmp_path):
    book = {"worksheets": [{"cells": [{"cell_type": "code", "input": ["a = 1\n", "b = 2"]}]}]}
    path = tmp_path / "old.ipynb"
    path.write_text(json.dumps(book), encoding="utf-8")
    assert [cell.text for cell in cells(path)] == ["a = 1\nb = 2"]


def test_the_list(capsys):
    assert main(["--list"]) == 0
    text = capsys.readouterr().out
    for name in ("keras.layers.convolutional", "Convolution2D", "Graph", "ImageDataGenerator"):
        assert name in text


@pytest.mark.parametrize(
    ("script", "which"),
    [
        ("model.fit(x, y, nb_epoch=3, show_accuracy=True)", "0.3.3"),
        ("model = Graph()", "0.3.3"),
        ("model.add(Convolution2D(32, 3, 3, border_mode='same'))", "1"),
        ("model.fit(x, y, nb_epoch=3)", "1"),
        ("x = x.reshape(x.shape[0], 1, 28, 28)\nmodel.add(Convolution2D(32, 3, 3, border_mode='same'))", "1.0.8"),
        (
            "Convolution2D(32, 3, 3)\nmodel.fit_generator(g, samples_per_epoch=3)\nfrom keras.utils.vis_utils import p",
            "2",
        ),
        ("from keras.layers import Dense", "2"),
        ("model.fit(x, y, epochs=3)\nh.history['acc']", "2"),
        ("model.fit(x, y, epochs=3)\nh.history['val_accuracy']", "2.3.1"),
        ("from tensorflow.keras.layers import Dense", "tf2"),
        ("import tensorflow as tf\ntf.keras.layers.Dense(3)", "tf2"),
        ("from tensorflow import keras\nmodel.save('m.keras')", "tf2.15"),
        ("''\\nTested with 'th' image_dim_ordering.\\n'''\ninput_shape = (1, 28, 28)\nx.fit(nb_epoch=3)", "1.0.8"),
        ("Convolution2D(8, 3, 3)\nBatchNormalization(mode=0, axis=1)", "1.0.8"),
        ("K.set_image_dim_ordering('th')\ninput_shape = (1, 28, 28)\nx.fit(nb_epoch=3)", "1"),
        ("import keras\nfrom keras import ops", "3"),
        ("import keras_core as keras", "3"),
        ("from keras import layers, ops\nkeras.optimizers.Adam(learning_rate=1)", "3"),
        ("import keras\nmodel.save('m.keras')", "3"),
        ("os.environ['KERAS_BACKEND'] = 'jax'", "3"),
    ],
)
def test_eras_are_told_by_their_signs(script, which):
    assert guess(script).era == parse(which)


def test_a_chosen_era_counts(tmp_path, capsys):
    path = written(tmp_path, "from keras.layers import Dense\nprint(Dense(3).name)")
    for which, name in (("2", "dense_1"), ("tf2", "dense")):
        assert main(["--era", which, path]) == 0
        assert capsys.readouterr().out == f"{name}\n"


def test_the_era_is_told_from_modules_beside_a_script_too(tmp_path, capsys):
    (tmp_path / "nets_of_then.py").write_text("from deeper import build\n", encoding="utf-8")
    (tmp_path / "deeper.py").write_text("def build():\n    return Convolution2D(8, 3, 3)\n", encoding="utf-8")
    assert main([written(tmp_path, "import keras\nimport nets_of_then as nets\nprint(keras.__version__)\n")]) == 0
    output = capsys.readouterr()
    assert output.out == "1.2.2\n"
    assert "Convolution2D(8, 3, 3, in a module beside it" in output.err
    for name in ("nets_of_then", "deeper"):
        sys.modules.pop(name, None)
