"""Loads the pipeline of a model, whichever family it is of."""

from stylebox.core.paper.pipeline import PaperPipeline
from stylebox.core.pipeline.pipeline import BasePipeline
from stylebox.core.pipeline.protocol import Pipeline
from stylebox.core.store import library


def load_pipeline(model: str = library.SHIPPED_MODEL, device: str = "cpu") -> Pipeline:
    """A model of either family, loaded once, used for any number of recordings.

    Raises:
        ModelError: the model, or a part of it, is missing or does not fit.
    """
    return PaperPipeline(model, device) if library.model_family(model) == "paper" else BasePipeline(model, device)
