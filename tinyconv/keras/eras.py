"""Which Keras a script was written for: the version decides where one name has meant two things.

The signs, and how often scripts show them, were counted over 489 public scripts; the rules by version are those of
Keras's sources at their tags, 0.3.3 to 3.12.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

KERAS, TF = "Keras", "tf.keras"
NEWEST = {"1": (KERAS, (1, 2, 2)), "2": (KERAS, (2, 2, 4)), "tf2": (TF, (2, 9)), "3": (KERAS, (3, 12))}


@dataclass(frozen=True)
class Era:
    """A version of Keras, or of the tf.keras in a version of TensorFlow."""

    framework: str
    version: tuple[int, ...]

    def before(self, *version: int) -> bool:
        """Return whether this is a Keras older than a version; tf.keras is none."""
        return self.framework == KERAS and self.version < version

    def tf_before(self, *version: int) -> bool:
        """Return whether this is the tf.keras of a TensorFlow older than a version."""
        return self.framework == TF and self.version < version

    @property
    def old(self) -> bool:
        """Whether this is older than Keras 3."""
        return self.framework == TF or self.version < (3,)

    def __str__(self) -> str:
        return f"{self.framework} {'.'.join(map(str, self.version))}"


def parse(words: str | int | float) -> Era:
    """Return the era of a word: "1", "2", "tf2" and "3" are the last of their kinds, "2.0.8" and "tf2.4" versions.

    Raises ValueError for anything else.
    """
    words = str(words)
    if words in NEWEST:
        return Era(*NEWEST[words])
    found = re.fullmatch(r"(tf)?(\d+(\.\d+){1,2})", words)
    version = tuple(map(int, found[2].split("."))) if found else ()
    if not found or (found[1] and version < (2,)) or version >= (4,):
        raise ValueError(f'an era is "1", "2", "tf2" or "3", or a version such as "2.0.8" or "tf2.4", got {words!r}')
    return Era(TF if found[1] else KERAS, version)


class Guess(NamedTuple):
    """An era, and the sign that speaks for it: its words and their line in the text, None if there is no sign."""

    era: Era
    words: str
    line: int | None

    def __str__(self) -> str:
        where = "" if self.line is None else f"line {self.line}: "
        return f"{self.era} ({where}{self.words})"


_OF_KERAS_1 = (
    "nb_epoch|border_mode|samples_per_epoch|nb_filter|nb_row|dim_ordering|subsample|nb_val_samples|W_regularizer|"
    "b_regularizer|W_constraint|val_samples"
)
# Words of Keras 2 beside which those of Keras 1 are old spellings, which Keras 2 reads, too.
OF_KERAS_2 = (
    r"vis_utils|[\"'](conv2d|max_pooling2d|batch_normalization)_\d|\bsteps_per_epoch=|[(,\s]epochs=|\bkernel_size=|"
    r"[(,\s]padding=|\bkernel_(initializer|regularizer|constraint)=|\buse_bias=|\bfilters=|\bvalidation_steps="
)
NEW_FILES = r"\.keras[\"']"  # which tf.keras writes since TensorFlow 2.12
# In the order in which they count: what only one era has comes before what several have.
SIGNS = (
    ("0.3.3", r"\bshow_accuracy\s*=|\bGraph\(\)|\.compile\([^)]*class_mode\s*="),
    (
        "3",
        r"KERAS_BACKEND.*(jax|torch)|\bkeras_core\b|\bkeras\.(ops|random)\b|from keras import .*\b(ops|random)\b|"
        r"(?<!tf\.)(?<!tensorflow\.)\bkeras\.utils\.image_dataset_from",
    ),
    ("1", rf"[\w)\]\s(,]({_OF_KERAS_1})\s*=[^=]|\bimage_dim_ordering\(|set_image_dim_ordering"),
    ("1", r"\b(Dense|Dropout|Convolution2D)\([^)]*\b(init|p|output_dim)\s*=\s*[^=]"),
    ("1", r"\bConvolution2D\(\s*\w+\s*,\s*\w+\s*,\s*\w+|\bmerge\(.*mode\s*=|\bModel\(.*\binput\s*="),
    ("tf2", r"\btensorflow\.keras\b|\btf\.keras\b|from tensorflow import keras"),
    ("3", NEW_FILES),
    ("3", r"KERAS_BACKEND.*tensorflow"),
)
OLD_RATE = r"\blr\s*=|fit_generator|predict_classes|theano"
LATE_2 = r"val_accuracy|history\[[\"']accuracy|learning_rate\s*="  # since 2.3.0
CHANNELS_FIRST = "|".join(
    (
        r"reshape\([^()]*(\([^()]*\)|\[[^\]]*\])?[^()]*,\s*[13]\s*,\s*\w+\s*,\s*\w+\s*\)",
        r"input_shape\s*=\s*\(\s*[13]\s*,\s*\w+\s*,\s*\w+\s*\)",
        r"BatchNormalization\([^)]*\baxis\s*=\s*1\b",
        r"\[:,\s*(None|np\.newaxis),\s*:,\s*:\]",
        r"=\s*\(\s*(img_)?(ch\w*|depth)\s*,\s*(img_)?(rows?|width|height|h)\b",
    )
)


def guess(text: str, beside: str = "") -> Guess:
    """Return the era of a script, with the text of modules `beside` it; Keras 2 where nothing speaks for another."""
    found = _guess("\n".join([text, beside]))
    if found.line is not None and found.line > len(text.splitlines()):
        return found._replace(words=f"{found.words}, in a module beside it", line=None)
    return found


def _guess(text: str) -> Guess:
    lines = [line.split("#")[0] for line in text.splitlines()]

    def search(pattern: str) -> tuple[str, int] | None:
        for number, line in enumerate(lines, 1):
            found = re.search(pattern, line)
            if found:
                return found[0].strip(" ,()[]"), number
        return None

    for era, pattern in SIGNS:
        found = search(pattern)
        if era == "0.3.3" and search(r"metrics\s*="):  # which 1.0 brought; show_accuracy was passed over there
            continue
        if not found or (era == "1" and search(OF_KERAS_2)) or ("BACKEND" in pattern and search(OLD_RATE)):
            continue
        if "image_dataset" in found[0] and search(r"from tensorflow import keras|\btensorflow\.keras"):
            continue  # which tf.keras has had since TensorFlow 2.3
        if era == "tf2" and search(NEW_FILES):
            return Guess(parse("tf2.15"), *found)
        if era == "1" and not search(r"dim_ordering\w*\s*[(=]|image_data_format\s*[(=]"):
            first = search(CHANNELS_FIRST)
            if first:  # as images were unless something else was said, up to Keras 1.0
                return Guess(parse("1.0.8"), f"{found[0]}; channels first, {first[0]}", found[1])
        return Guess(parse(era), *found)
    for era, pattern in (("2.3.1", LATE_2), ("2", OF_KERAS_2)):
        found = search(pattern)
        if found:
            return Guess(parse(era), *found)
    return Guess(parse("2"), "no sign of another", None)
