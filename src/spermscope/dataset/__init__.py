"""A folder of clips and experts' votes: read by row, written safely, checked in words."""

from spermscope.dataset.check import check, sound_dataset
from spermscope.dataset.folder import Dataset, open_dataset
from spermscope.dataset.form import Form
from spermscope.dataset.identity import dataset_hash
from spermscope.dataset.shards import Clips
from spermscope.dataset.tables import Items, Votes
from spermscope.dataset.writer import DatasetWriter

__all__ = [
    "Clips",
    "Dataset",
    "DatasetWriter",
    "Form",
    "Items",
    "Votes",
    "check",
    "dataset_hash",
    "open_dataset",
    "sound_dataset",
]
