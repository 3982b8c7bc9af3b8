"""What has rotten beside Keras is mended on request, and said; without it, the script's own error is shown."""

import sys

import numpy as np
import pytest
from PIL import Image

from tinyconv.keras.__main__ import main

SCRIPTS = {
    "print": (
        "print 'a', 3\nprint 'b',\nprint\nprint('c')\nprint 'x: %d' % 4\nif 1: print 'd'\n",
        "a 3\nb \nc\nx: 4\nd\n",
    ),
    "stderr": ("import sys\nprint >>sys.stdout, 'a'\n", "a\n"),
    "xrange": ("print(list(xrange(3)), unicode(4), long(5))\n", "[0, 1, 2] 4 5\n"),
    "halves": ("from __future__ import print_function\nprint([3 / 2 for _ in xrange(1)], 3.0 / 2)\n", "[1] 1.5\n"),
    "next": ("g = iter([7])\nprint(g.next())\n", "7\n"),
    "dicts": ("d = {'a': 1}\nprint(list(d.iteritems()), d.has_key('a'))\n", "[('a', 1)] True\n"),
    "errors": ("try:\n    raise ValueError, 'no'\nexcept ValueError, e:\n    print e\n", "no\n"),
    "pickle": ("import cPickle as pickle\nprint(pickle.loads(pickle.dumps(3)))\n", "3\n"),
    "numpy": ("import numpy as np\nprint(np.zeros(1, np.float).dtype, np.int(3.5), np.bool(0))\n", "float64 3 False\n"),
    "ragged": (
        "import numpy as np\nnp.save('r.npy', [[np.zeros((2, 2)), np.array(1)], [np.zeros((2, 2)), np.array(0)]])\n"
        "print(np.load('r.npy').shape, np.array([[1], [1, 2]]).dtype)\n",
        "(2, 2) object\n",
    ),
    "clock": (
        "import time\nstart = time.clock()\nfrom time import clock\nprint(start <= clock())\n",
        "True\n",
    ),
    "pandas": ("class Table:\n    def to_numpy(self): return 4\nprint(Table().as_matrix())\n", "4\n"),
    "scores": ("def search(scoring='log_loss'): return {'neg_log_loss': 5}[scoring]\nprint(search())\n", "5\n"),
    "global": ("n = 3\nif n:\n    global n\n    n = 4\nprint(n)\n", "4\n"),
    "windows": ("class cv2: pass\ncv2.imshow('a', 3)\nprint(cv2.waitKey(0))\n", "-1\n"),
    "graphviz": ("import pydot_ng as pydot\nprint(pydot.find_graphviz() is not None)\n", "True\n"),
    "colab": (
        "from google.colab import drive, files\ndrive.mount('/content/drive')\nprint(files.upload())\n",
        "{}\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SCRIPTS)
def test_mended(tmp_path, capsys, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    text, expected = SCRIPTS[name]
    path = tmp_path / "script.py"
    path.write_text(text, encoding="utf-8")
    assert main([str(path)]) == 1
    assert "--mend" in capsys.readouterr().err or name in ("numpy", "ragged", "scores", "windows")
    assert main(["--mend", str(path)]) == 0
    output = capsys.readouterr()
    assert output.out == expected
    assert "mended: " in output.err


def test_images_of_scipy(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pixels = np.random.default_rng(1).integers(0, 256, (6, 8, 3), np.uint8)
    Image.fromarray(pixels).save("a.png")
    script = (
        "from scipy.misc import imread, imresize, imsave\nimport scipy.misc\nimport numpy as np\n"
        "x = imread('a.png')\nprint(x.shape, x.dtype, int(x.sum()), imread('a.png', flatten=True).shape)\n"
        "print(imresize(x, (3, 4)).shape, imresize(x, 50).shape, imresize(x, 0.5).shape)\n"
        "imsave('b.png', x)\nprint((imread('b.png') == x).all(), scipy.misc.toimage(x[..., 0] / 2.0).size)\n"
    )
    (tmp_path / "script.py").write_text(script, encoding="utf-8")
    assert main(["--mend", "script.py"]) == 0
    total = int(pixels.sum())
    assert capsys.readouterr().out == (f"(6, 8, 3) uint8 {total} (6, 8)\n(3, 4, 3) (3, 4, 3) (3, 4, 3)\nTrue (8, 6)\n")


def test_nothing_of_it_stays():
    import builtins

    assert not hasattr(builtins, "xrange")
    assert not hasattr(np, "float")


def test_modules_beside_a_script(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old_part.py").write_text("print 'old', 3 / 2\nname = 'x'\n", encoding="utf-8")
    (tmp_path / "new_part.py").write_text("half = 1 / 2\n", encoding="utf-8")
    (tmp_path / "script.py").write_text(
        "import sys, old_part, new_part\nprint(old_part.name, new_part.half)\n", encoding="utf-8"
    )
    assert main(["script.py"]) == 1
    assert "--mend" in capsys.readouterr().err
    assert main(["--mend", "script.py"]) == 0
    output = capsys.readouterr()
    assert output.out == "old 1\nx 0.5\n"
    assert "old_part.py" in output.err
    assert "old_part" not in sys.modules
    sys.modules.pop("new_part", None)
