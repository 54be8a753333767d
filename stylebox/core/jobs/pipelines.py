"""Loads the pipeline of a model, whichever family it is of, and tells models apart by their files."""

from stylebox.core.errors import ModelError
from stylebox.core.pipeline.pipeline import BasePipeline
from stylebox.core.pipeline.protocol import Pipeline
from stylebox.core.store import library


def load_pipeline(model: str = library.SHIPPED_MODEL, device: str = "cpu") -> Pipeline:
    """A model of either family, loaded once, used for any number of recordings.

    Raises:
        ModelError: the model, or a part of it, is missing or does not fit.
    """
    if library.model_family(model) != "paper":
        return BasePipeline(model, device)
    from stylebox.core.paper.pipeline import PaperPipeline  # its networks are not needed otherwise

    return PaperPipeline(model, device)


def require_live(pipeline: Pipeline) -> BasePipeline:
    """The same pipeline, if it can play live.

    Raises:
        ModelError: it cannot.
    """
    if not isinstance(pipeline, BasePipeline):
        raise ModelError(f"model {pipeline.model}: is of preset paper, which cannot play live; choose another")
    return pipeline


def weights_state(model: str) -> str:
    """Sizes and times of the weights files that a model uses: another text after it was trained again."""
    states = []
    for stage in library.STAGES:
        try:
            status = library.part_path(model, stage).stat()
        except (ModelError, OSError):
            continue
        states.append(f"{stage} {status.st_size} {status.st_mtime_ns}")
    return ", ".join(states)
