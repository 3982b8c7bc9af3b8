"""`image_dataset_from_directory` as a dataset of `tf.data`: batches that a script can map, shuffle, cache."""

from collections.abc import Iterator
from typing import Any

from ....data import Batch
from ....data.images import ImageFolder
from ....utils import image_dataset_from_directory as read
from .dataset import Dataset


class FolderDataset(Dataset):
    """Batches of the images in a folder, in a new order each pass if they are shuffled."""

    def __init__(self, folder: ImageFolder) -> None:
        super().__init__(self._passes, len(folder))
        self.may_be_empty = folder.may_be_empty
        self.folder, self._done = folder, 0
        self.class_names, self.file_paths = folder.class_names, folder.file_paths

    def _passes(self) -> Iterator[Any]:
        number, self._done = self._done, self._done + 1
        for batch in self.folder.epoch(number):
            if len(batch.x):
                yield batch.x if batch.y is None else (batch.x, batch.y)

    # Untouched, it is to `fit` what the folder itself is.

    def epoch(self, number: int) -> Iterator[Batch]:
        """Yield the batches of epoch `number`."""
        self.folder.updates = self.updates
        return self.folder.epoch(number)

    def first(self) -> Any:
        """Return a first batch."""
        return self.folder.first()

    def complete(self) -> Any:
        """Return the folder for `predict`, which leaves no image out."""
        return self.folder.complete()


def image_dataset_from_directory(*given: Any, **named: Any) -> Any:
    """Return the images of a folder, as Keras's function of this name; with batch_size=None one by one."""
    if "smart_resize" in named:  # the name of TensorFlow 2.3 to 2.5
        named["crop_to_aspect_ratio"] = named.pop("smart_resize")
    batch_size = named.pop("batch_size", 32)
    if len(given) <= 5:
        named["batch_size"] = batch_size or 32
    found = read(*given, **named)
    parts = [FolderDataset(each) for each in (found if isinstance(found, list) else [found])]
    made: list[Any] = parts if batch_size is not None else [each.unbatch() for each in parts]
    for each, part in zip(made, parts, strict=True):
        each.class_names = part.class_names
    return made if isinstance(found, list) else made[0]
