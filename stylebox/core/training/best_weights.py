"""The weights file of a model: always those of the best validation. Knows the trainer, not the loop."""

import math
from pathlib import Path

from stylebox.core.store import weights
from stylebox.core.training.trainer import Trainer


class BestWeights:
    """Keeps ``<stage>.safetensors`` at the best validation so far.

    Validations on schedule decide which weights a whole run ends with: the best are kept as ``best.safetensors``. A run
    that stops between two of them validates once more, and better weights of that validation are published until the
    next one on schedule. So a run in several sessions ends with the same file as an uninterrupted one.

    Attributes:
        published_loss: Validation loss of the published file; infinite if it does not count any more.
    """

    def __init__(self, trainer: Trainer, path: Path, resumed: bool) -> None:
        """Start with the files of the earlier sessions, or without `best.safetensors`.

        Args:
            trainer: Exports the weights.
            path: The file to publish.
            resumed: Whether earlier sessions of this run count.
        """
        self.trainer, self.path = trainer, path
        self.best = trainer.state_dir / "best.safetensors"
        self.published_loss = math.inf
        if resumed and path.is_file():
            self.published_loss = float(weights.group_of(weights.load_metadata(path), "metrics").get("loss", math.inf))
        if not resumed and trainer.is_main_process:
            self.best.unlink(missing_ok=True)

    def keep(self, scores: dict[str, float]) -> None:
        """Take the scores of a validation on schedule; publish the weights if they are the best."""
        self.published_loss = math.inf
        if self.trainer.observe(scores["loss"]):
            self.trainer.export(self.best, scores)
            self._publish_best()

    def offer(self, scores: dict[str, float]) -> None:
        """Take the scores of a validation out of schedule; publish the weights if they are better than all."""
        if scores["loss"] < min(self.trainer.best_loss, self.published_loss):
            self.trainer.export(self.path, scores)
            self.published_loss = scores["loss"]

    def publish(self) -> None:
        """At the end of a session: see that the published file exists and is the best."""
        if self.best.exists():
            self._publish_best()
        elif not self.path.exists():
            self.trainer.export(self.path, {})

    def _publish_best(self) -> None:
        if self.trainer.best_loss < self.published_loss:
            self.published_loss = self.trainer.best_loss
            if self.trainer.is_main_process:
                weights.copy_weights(self.best, self.path)
