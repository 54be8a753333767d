"""One trainer: the state of a run, a step of it, its saving and restoring.

Everything that must survive an interruption is here. When to validate, log, save and stop is decided by the loop.
"""

import json
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from stylebox import __version__
from stylebox.core import files
from stylebox.core.config import TrainConfig
from stylebox.core.errors import StyleboxError
from stylebox.core.store import weights
from stylebox.core.training import accelerator as processes
from stylebox.core.training import checkpoint
from stylebox.core.training.descent import Descent
from stylebox.core.training.ema import Ema, live_tensors
from stylebox.core.training.failures import NORM, diverged, is_bad, is_out_of_memory, out_of_memory
from stylebox.core.training.learning_rate import LearningRate
from stylebox.core.training.profile import Profile
from stylebox.core.training.seeds import step_seed
from stylebox.core.training.stages.base import Batch, Stage, eval_mode

READ_EVERY = 10
"""Steps on a GPU per reading of the losses."""


class Trainer:
    """A stage under training: weights, their average, optimisers and learning rate.

    Attributes:
        step: Steps done.
        best_loss: Least loss of the validations on schedule; infinite before the first.
        stale: Number of validations on schedule since that one.
        scores: Of the latest validation of this session; empty before it.
        validated_step: Step of that validation; -1 before it.
        origin: JSON values that are saved with the state, for who resumes it.
    """

    def __init__(
        self, stage: Stage, config: TrainConfig, state_dir: Path, device: str = "auto", profiled: bool = False
    ) -> None:
        """Move the stage to the device and make its optimisers.

        Args:
            stage: What is trained; its parts are moved to the device in place.
            config: Optimiser, learning rate, averaging.
            state_dir: Where the state is saved.
            device: "auto", "cuda", "mps" or "cpu".
            profiled: Measure the phases of the run.

        Raises:
            ConfigError: `config.frozen` names no part of the stage, or leaves nothing to train; or the processes cannot
                share a batch equally.
            StyleboxError: The device is not available.
        """
        self.stage, self.config, self.state_dir = stage, config, state_dir
        self.accelerator = processes.make_accelerator(device)
        self.device: torch.device = self.accelerator.device
        constant = stage.constant_parts() | stage.frozen_by(config.frozen)
        for module in [*stage.parts.values(), *constant.values()]:
            processes.place(module, self.device)
        for part in stage.parts.values():
            part.train()
        for module in constant.values():
            module.eval().requires_grad_(False)
        self.profile = Profile(self.device, profiled)
        self.descent = Descent(stage, config, self.accelerator, self.profile)
        processes.share_weights(self.accelerator, live_tensors(stage.parts).values())
        stage.place_data(self.device)
        stage.share = processes.share_of_batch(self.accelerator, config.batch_size)
        self.ema = Ema({name: stage.parts[name] for name in next(iter(stage.groups.values()))}, config.ema)
        self.rate = LearningRate(config.learning_rate, config.steps, config.warmup_steps, config.schedule)
        self.step = 0
        self.best_loss = math.inf
        self.stale = 0
        self.scores: dict[str, float] = {}
        self.validated_step = -1
        self.origin: dict[str, Any] = {}
        self._unread: list[tuple[list[str], torch.Tensor]] = []
        self._seconds_before, self._started = 0.0, time.monotonic()

    @property
    def seconds(self) -> float:
        """Time spent on this run, earlier sessions included."""
        return self._seconds_before + time.monotonic() - self._started

    @property
    def is_main_process(self) -> bool:
        """Whether this process writes files and reports progress."""
        return bool(self.accelerator.is_main_process)

    @property
    def validation_due(self) -> bool:
        """Whether a validation is on schedule after this step: every `validate_every` steps, and after the last."""
        return self.step % self.config.validate_every == 0 or self.step == self.config.steps

    @property
    def losses_due(self) -> bool:
        """Whether to read the losses after this step: on a GPU only now and then, as that waits for it."""
        return self.device.type != "cuda" or self.step % READ_EVERY == 0 or self.validation_due

    def batch(self, step: int) -> Batch:
        """This process' part of the batch of a step, on the CPU (pinned if the device is a GPU)."""
        batch = self.stage.batch(step)
        return {k: v.pin_memory() for k, v in batch.items()} if self.device.type == "cuda" else batch

    def train_step(self, batch: Batch) -> None:
        """One optimiser step of every group, without waiting for the device; see `read_losses`.

        Raises:
            StyleboxError: Memory ran out; the state is saved.
        """
        try:
            self._take_step(batch, self.rate.at(self.step))
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            self._unread = []
            if self.device.type == "cuda":
                torch.cuda.empty_cache()
            if not self.descent.moved:
                self._save_if_finite()
            raise out_of_memory(self.stage.name, self.step + 1, self.config, self.state_dir) from None
        with self.profile.phase("average"):
            self.ema.update()
        self.step += 1

    def read_losses(self) -> list[dict[str, float]]:
        """The losses of the steps since the last call, oldest first, an adversary's as ``group/name``.

        Raises:
            StyleboxError: A loss or a gradient is not finite. No weights have moved since; the state is saved.
        """
        if not self._unread:
            return []
        first = self.step - len(self._unread)
        with self.profile.phase("read the losses"):
            table = torch.stack([values for _, values in self._unread]).tolist()
        for number, ((names, _), values) in enumerate(zip(self._unread, table, strict=True)):
            bad = next((n for n, v in zip(names, values, strict=True) if is_bad(n, v)), None)
            if bad is not None:
                self.step, self._unread = first + number, []
                if "/" not in bad:  # the group that is trained first: nothing has moved in this step
                    self._save_if_finite()
                raise self._diverged("loss or its gradient" if bad.endswith(NORM) else "loss", self.step + 1)
        names = self._unread[0][0]
        self._unread = []
        return [{n: v for n, v in zip(names, row, strict=True) if not n.endswith(NORM)} for row in table]

    def validate(self) -> dict[str, float]:
        """Run the stage's validation: averaged weights, float32 as in use, and the same noise each time.

        Raises:
            StyleboxError: The loss is not finite.
        """
        generator = torch.Generator(self.device).manual_seed(step_seed(self.config.seed, 0, "validate"))
        with self.profile.phase("validate"), self._averaged_weights():
            scores = {key: float(value) for key, value in self.stage.validate(generator).items()}
        scores = processes.share_scores(self.accelerator, scores)
        if not math.isfinite(scores["loss"]):
            raise self._diverged("validation loss", self.step)
        self.scores, self.validated_step = scores, self.step
        return scores

    def observe(self, loss: float) -> bool:
        """Take the loss of a validation on schedule into account; returns whether it is the best so far."""
        self.rate.observe(loss)
        is_best = loss < self.best_loss
        self.best_loss, self.stale = min(loss, self.best_loss), 0 if is_best else self.stale + 1
        return is_best

    def save(self) -> None:
        """Save the state of this step, and its averaged weights as `last.safetensors`; only the main process writes."""
        if not self.is_main_process:
            return
        tensors = {f"weights/{name}": tensor for name, tensor in live_tensors(self.stage.parts).items()}
        tensors |= {f"ema/{name}": tensor for name, tensor in self.ema.tensors.items()}
        tensors |= {f"optimizer/{name}": tensor for name, tensor in self.descent.tensors().items()}
        document = {
            "stage": self.stage.name,
            "seconds": self.seconds,
            "best_loss": self.best_loss if math.isfinite(self.best_loss) else None,
            "stale": self.stale,
            "ema_updates": self.ema.updates,
            "learning_rate": self.rate.state(),
            "optimizers": self.descent.settings(),
            "origin": self.origin,
            **self._identity(),
        }
        with self.profile.phase("save"):
            checkpoint.save_state(self.state_dir, self.step, tensors, document)
            self.export(self.state_dir / "last.safetensors", self.scores)

    def restore(self) -> checkpoint.SavedState | None:
        """Continue from the latest whole state, which is returned; None if no run left one.

        Raises:
            ModelError: All states are damaged, or the run was started with other settings.
        """
        found = checkpoint.load_state(self.state_dir)
        if found is None:
            return None
        tensors, document, where = found.tensors, found.document, found.path
        checkpoint.refuse_other_settings(document, self._identity(), where)
        for name, part in self.stage.parts.items():
            weights.load_into(part, tensors, f"weights/{name}.", where)
        averages = checkpoint.tensors_below(tensors, "ema/")
        weights.check_names(self.ema.tensors, averages, where)
        for name, tensor in self.ema.tensors.items():
            tensor.copy_(averages[name])
        self.descent.load(checkpoint.tensors_below(tensors, "optimizer/"), where)
        self.ema.updates = int(document["ema_updates"])
        self.rate.restore(document["learning_rate"])
        self.step = int(document["step"])
        self.best_loss = math.inf if document["best_loss"] is None else float(document["best_loss"])
        self.stale = int(document.get("stale", 0))
        self._seconds_before, self._started = float(document["seconds"]), time.monotonic()
        return found

    def export(self, path: Path, scores: Mapping[str, float]) -> None:
        """Write the averaged weights for use, and a JSON file beside them that describes them.

        Args:
            path: The safetensors file; only the main process writes.
            scores: Of the latest validation.
        """
        if not self.is_main_process:
            return
        with self._averaged_weights():
            live = live_tensors(self.stage.exported_parts())
            tensors = {name: tensor.clone() for name, tensor in live.items()} | self.stage.export()
        card = {
            "stage": self.stage.name,
            "step": self.step,
            "metrics": dict(scores),
            **self._identity(),
            "provenance": dict(self.stage.provenance) | {"configuration": checkpoint.fingerprint(self._identity())},
        }
        weights.save_weights(path, tensors, card)
        # only in the JSON file: runs with equal weights must write equal safetensors files
        card["trained"] = {
            "stylebox": __version__,
            **processes.environment(self.accelerator),
            "minutes": round(self.seconds / 60, 2),
        }
        card["sha256"] = files.file_sha256(path)
        files.write_text(path.with_suffix(".json"), json.dumps(card, indent=2) + "\n")

    @contextmanager
    def _averaged_weights(self) -> Iterator[None]:
        """Averaged weights, evaluation mode, no gradients."""
        with torch.no_grad(), self.ema.applied(), eval_mode(*self.stage.parts.values()):
            yield

    def _take_step(self, batch: Batch, rate: float) -> None:
        """One step of every group; the losses are left to be read."""
        with self.profile.phase("to the device"):
            batch = {key: value.to(self.device, non_blocking=True) for key, value in batch.items()}
        with self.profile.phase("gather"):
            batch = self.stage.expand(batch)
        names: list[str] = []
        values = []
        self.descent.moved = False
        for number, group in enumerate(self.descent.optimizers):
            known, means = self.descent.step(group, batch, self._generator(self.step, group), rate)
            names += [name if number == 0 else f"{group}/{name}" for name in [*known, NORM]]
            values.append(means)
        self._unread.append((names, torch.cat(values)))

    def _save_if_finite(self) -> None:
        """Save the state, if there is one to save and all of it is finite."""
        state = live_tensors(self.stage.parts).values()
        if self.step and all(bool(tensor.isfinite().all()) for tensor in state):
            self.save()

    def _diverged(self, what: str, step: int) -> StyleboxError:
        return diverged(self.stage.name, what, step, self.config, self.state_dir)

    def _identity(self) -> dict[str, Any]:
        """What a resumed run must share, as JSON values."""
        train, settings = self.config.model_dump(mode="json"), dict(self.stage.settings)
        identity: dict[str, Any] = json.loads(json.dumps({"train": train, "config": settings}))
        return identity

    def _generator(self, step: int, purpose: str) -> torch.Generator:
        """The source of randomness of a step; every process has its own."""
        if rank := self.accelerator.process_index:
            purpose = f"{purpose}/{rank}"
        return torch.Generator(self.device).manual_seed(step_seed(self.config.seed, step, purpose))
