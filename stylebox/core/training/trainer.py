"""One trainer: the state of a run, a step of it, its saving and restoring.

Everything that must survive an interruption is here. When to validate, log, save and stop is decided by the loop.
"""

import hashlib
import json
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from stylebox import __version__
from stylebox.core import paths
from stylebox.core.config import TrainConfig
from stylebox.core.errors import ConfigError, StyleboxError
from stylebox.core.store import weights
from stylebox.core.training import accelerator as processes
from stylebox.core.training import checkpoint
from stylebox.core.training.ema import Ema, live_tensors
from stylebox.core.training.learning_rate import LearningRate
from stylebox.core.training.optimizer import load_optimizer, make_optimizer, optimizer_tensors, trainable_parameters
from stylebox.core.training.stages.base import Batch, Stage, eval_mode


class Trainer:
    """A stage under training: weights, their average, optimisers and learning rate.

    Attributes:
        step: Steps done.
        best_loss: Least loss of the validations on schedule; infinite before the first.
        scores: Of the latest validation of this session; empty before it.
        validated_step: Step of that validation; -1 before it.
    """

    def __init__(self, stage: Stage, config: TrainConfig, state_dir: Path, device: str = "auto") -> None:
        """Move the stage to the device and make its optimisers.

        Args:
            stage: What is trained; its parts are moved to the device in place.
            config: Optimiser, learning rate, averaging.
            state_dir: Where the state is saved.
            device: "auto", "cuda", "mps" or "cpu".

        Raises:
            ConfigError: `config.frozen` names no part of the stage, or leaves nothing to train.
            StyleboxError: The device is not available.
        """
        self.stage, self.config, self.state_dir = stage, config, state_dir
        self.accelerator = processes.make_accelerator(device)
        self.device: torch.device = self.accelerator.device
        constant = stage.constant_parts() | _frozen_by_config(stage, config)
        for module in [*stage.parts.values(), *constant.values()]:
            processes.place(module, self.device)
        for part in stage.parts.values():
            part.train()
        for module in constant.values():
            module.eval().requires_grad_(False)
        self.parameters = {group: trainable_parameters(stage.parts, names) for group, names in stage.groups.items()}
        if idle := [group for group, parameters in self.parameters.items() if not parameters]:
            raise ConfigError(f"train.{stage.name}: frozen leaves nothing to train in {idle[0]!r}")
        self.optimizers = {
            group: make_optimizer(parameters.values(), config, self.device)
            for group, parameters in self.parameters.items()
        }
        processes.share_weights(self.accelerator, live_tensors(stage.parts).values())
        self.ema = Ema({name: stage.parts[name] for name in next(iter(stage.groups.values()))}, config.ema)
        self.rate = LearningRate(config.learning_rate, config.steps, config.warmup_steps, config.schedule)
        self.step = 0
        self.best_loss = math.inf
        self.scores: dict[str, float] = {}
        self.validated_step = -1
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

    def batch(self, step: int) -> Batch:
        """This process' batch of a step, on the CPU (pinned if the device is a GPU)."""
        batch = self.stage.batch(self._share_of(step))
        return {k: v.pin_memory() for k, v in batch.items()} if self.device.type == "cuda" else batch

    def train_step(self, batch: Batch) -> dict[str, float]:
        """One optimiser step of every group; returns the losses, an adversary's as ``group/name``.

        Raises:
            StyleboxError: A loss or a gradient is not finite; the weights of its group have not moved then.
        """
        rate = self.rate.at(self.step)
        shown: dict[str, float] = {}
        batch = {key: value.to(self.device, non_blocking=True) for key, value in batch.items()}
        for number, group in enumerate(self.optimizers):
            losses = self._descend(batch, group, rate)
            shown |= {key if number == 0 else f"{group}/{key}": value for key, value in losses.items()}
        self.ema.update()
        self.step += 1
        return shown

    def validate(self) -> dict[str, float]:
        """Run the stage's validation: averaged weights, float32 as in use, and the same noise each time.

        Raises:
            StyleboxError: The loss is not finite.
        """
        generator = self._generator(0, "validate")
        with self._averaged_weights():
            scores = {key: float(value) for key, value in self.stage.validate(generator).items()}
        scores = processes.share_scores(self.accelerator, scores)
        if not math.isfinite(scores["loss"]):
            raise StyleboxError(self._failure("validation loss"))
        self.scores, self.validated_step = scores, self.step
        return scores

    def observe(self, loss: float) -> bool:
        """Take the loss of a validation on schedule into account; returns whether it is the best so far."""
        self.rate.observe(loss)
        is_best = loss < self.best_loss
        self.best_loss = min(loss, self.best_loss)
        return is_best

    def save(self) -> None:
        """Save the state of this step, and its averaged weights as `last.safetensors`; only the main process writes."""
        if not self.is_main_process:
            return
        tensors = {f"weights/{name}": tensor for name, tensor in live_tensors(self.stage.parts).items()}
        tensors |= {f"ema/{name}": tensor for name, tensor in self.ema.tensors.items()}
        for group, optimizer in self.optimizers.items():
            memory = optimizer_tensors(optimizer, self.parameters[group])
            tensors |= {f"optimizer/{group}/{name}": tensor for name, tensor in memory.items()}
        document = {
            "stage": self.stage.name,
            "seconds": self.seconds,
            "best_loss": self.best_loss if math.isfinite(self.best_loss) else None,
            "ema_updates": self.ema.updates,
            "learning_rate": self.rate.state(),
            "optimizers": {
                group: [{k: v for k, v in g.items() if k != "params"} for g in optimizer.param_groups]
                for group, optimizer in self.optimizers.items()
            },
            **self._identity(),
        }
        checkpoint.save_state(self.state_dir, self.step, tensors, document)
        self.export(self.state_dir / "last.safetensors", self.scores)

    def restore(self) -> bool:
        """Continue from the saved state; returns whether there is one.

        Raises:
            ModelError: The state is damaged, or was started with other settings.
        """
        found = checkpoint.load_state(self.state_dir)
        if found is None:
            return False
        tensors, document = found
        where = self.state_dir / checkpoint.STATE_FILE
        checkpoint.refuse_other_settings(document, self._identity(), where)
        for name, part in self.stage.parts.items():
            weights.load_into(part, tensors, f"weights/{name}.", where)
        averages = checkpoint.tensors_below(tensors, "ema/")
        weights.check_names(self.ema.tensors, averages, where)
        for name, tensor in self.ema.tensors.items():
            tensor.copy_(averages[name])
        for group, optimizer in self.optimizers.items():
            memory = checkpoint.tensors_below(tensors, f"optimizer/{group}/")
            load_optimizer(optimizer, self.parameters[group], memory, where)
        self.ema.updates = int(document["ema_updates"])
        self.rate.restore(document["learning_rate"])
        self.step = int(document["step"])
        self.best_loss = math.inf if document["best_loss"] is None else float(document["best_loss"])
        self._seconds_before, self._started = float(document["seconds"]), time.monotonic()
        return True

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
            "provenance": dict(self.stage.provenance),
        }
        weights.save_weights(path, tensors, card)
        # only in the JSON file: runs with equal weights must write equal safetensors files
        card["trained"] = {
            "stylebox": __version__,
            **processes.environment(self.accelerator),
            "minutes": round(self.seconds / 60, 2),
        }
        card["sha256"] = paths.file_sha256(path)
        paths.write_text(path.with_suffix(".json"), json.dumps(card, indent=2) + "\n")

    @contextmanager
    def _averaged_weights(self) -> Iterator[None]:
        """Averaged weights, evaluation mode, no gradients."""
        with torch.no_grad(), self.ema.applied(), eval_mode(*self.stage.parts.values()):
            yield

    def _descend(self, batch: Batch, group: str, rate: float) -> dict[str, float]:
        """One step of one group's optimiser."""
        optimizer, own = self.optimizers[group], list(self.parameters[group].values())
        for other, parameters in self.parameters.items():
            for parameter in parameters.values():
                parameter.requires_grad_(other == group)
        generator = self._generator(self._share_of(self.step), group)
        torch.manual_seed(generator.initial_seed())  # for nn.Dropout; `reproducible` restores the global state
        with self.accelerator.autocast():
            losses = self.stage.losses(batch, generator, group)
        optimizer.zero_grad(set_to_none=True)
        self.accelerator.backward(losses["loss"])
        processes.average_gradients(self.accelerator, own)
        norm = nn.utils.clip_grad_norm_(own, self.config.clip)
        scalars = torch.stack([value.detach().float().reshape(()) for value in losses.values()])
        means = processes.mean_over_processes(self.accelerator, scalars)
        *values, size = torch.cat([means, norm.detach().float().reshape(1)]).tolist()
        shown = dict(zip(losses, values, strict=True))
        if not math.isfinite(shown["loss"]) or not math.isfinite(size):
            raise StyleboxError(self._failure("loss" if math.isfinite(size) else "loss or its gradient"))
        for settings in optimizer.param_groups:
            settings["lr"] = rate
        optimizer.step()
        return shown

    def _failure(self, what: str) -> str:
        """The message of a run that diverged, one line."""
        path = self.state_dir / checkpoint.STATE_FILE
        fix = "start again with a lower learning_rate"
        if path.exists():
            step = json.loads(path.read_text(encoding="utf-8"))["step"]
            fix = f"the checkpoint of step {step} is kept: lower learning_rate and go on with --resume"
        return (
            f"{self.stage.name}: {what} is not a finite number at step {self.step + 1} "
            f"(learning_rate {self.config.learning_rate:g}); {fix}"
        )

    def _identity(self) -> dict[str, Any]:
        """What a resumed run must share, as JSON values."""
        train, settings = self.config.model_dump(mode="json"), dict(self.stage.settings)
        identity: dict[str, Any] = json.loads(json.dumps({"train": train, "config": settings}))
        return identity

    def _share_of(self, step: int) -> int:
        """The number of this process' batch among all batches of all processes."""
        return int(step * self.accelerator.num_processes + self.accelerator.process_index)

    def _generator(self, step: int, purpose: str) -> torch.Generator:
        return torch.Generator(self.device).manual_seed(step_seed(self.config.seed, step, purpose))


def step_seed(seed: int, step: int, purpose: str) -> int:
    """A seed for each step and purpose, so that no random state needs to be saved.

    Args:
        seed: Of the run.
        step: From 0.
        purpose: A name; other purposes get other seeds.
    """
    digest = hashlib.blake2b(f"{seed}/{step}/{purpose}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1  # 63 bits: every torch generator takes them


def _frozen_by_config(stage: Stage, config: TrainConfig) -> dict[str, nn.Module]:
    """The parts that the configuration keeps unchanged.

    Raises:
        ConfigError: The stage has no such part.
    """
    for name in config.frozen:
        if name not in stage.parts:
            raise ConfigError(f"train.{stage.name}: frozen: no part {name!r}; there are: {', '.join(stage.parts)}")
    return {name: stage.parts[name] for name in config.frozen}
