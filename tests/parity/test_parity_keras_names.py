"""The page of Keras's names is what the script writes, and every name on it has an answer."""

from pathlib import Path

import pytest

from benchmarks import keras_names

PAGE = Path(__file__).parents[2] / "docs" / "keras-names.md"


@pytest.mark.slow
def test_the_page_is_what_the_script_writes(keras):
    """To write it: python -m benchmarks.keras_names > docs/keras-names.md."""
    assert PAGE.read_text(encoding="utf-8") == "\n".join(keras_names.lines(keras)) + "\n"


def test_answers():
    assert keras_names.said("layers", "Dense") == keras_names.HAS
    assert keras_names.said("layers", "LSTM").startswith("tinyconv is for images")
    assert keras_names.said("models", "to_categorical") == "it is tinyconv.utils.to_categorical"
    with pytest.raises(LookupError, match=r"keras\.layers\.Xyzzy is neither"):
        keras_names.said("layers", "Xyzzy")
