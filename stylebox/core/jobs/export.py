"""A dataset in the paper's own formats: images of chunks and a list of pairs."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from stylebox.core.progress import ProgressCallback

SPLITS: tuple[Literal["train", "valid", "test"], ...] = ("train", "valid", "test")


def export_dataset(folder: Path, images: bool, pairs: int | None, progress: "ProgressCallback") -> list[Path]:
    """Write a dataset in the paper's own formats.

    Args:
        folder: Of the dataset.
        images: Whether to write a picture of each chunk.
        pairs: How many pairs to list; None lists none.
        progress: Called as pictures are written.

    Returns:
        What was written: a folder of pictures, a CSV file.

    Raises:
        DatasetError: there is no dataset in the folder.
    """
    if not images and pairs is None:
        return []
    from stylebox.core.data.dataset import Dataset
    from stylebox.core.paper.images import export_images
    from stylebox.core.paper.pairs import make_pairs, write_pairs

    dataset, written = Dataset.open(folder), []
    if images:
        for split in SPLITS:
            export_images(dataset, folder / "images", split, progress)
        written.append(folder / "images")
    if pairs is not None:
        write_pairs(folder / "pairs.csv", make_pairs(dataset, pairs))
        written.append(folder / "pairs.csv")
    return written
