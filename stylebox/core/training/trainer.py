"""One run of a stage: its parts on a device, optimisers, average and learning rate, a step at a time.

Everything that must survive an interruption is here and is saved and restored here. Knows no clock, no signal
and no log: when to stop, validate and save is the loop's affair.
"""

import hashlib
import json
import math
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
from stylebox.core.training import checkpoint
from stylebox.core.training.accelerator import make_accelerator, place
from stylebox.core.training.ema import Ema, live_tensors
from stylebox.core.training.learning_rate import LearningRate
from stylebox.core.training.settings import refuse_other_settings
from stylebox.core.training.stages.base import Batch, Stage, eval_mode, exported_parts, frozen_parts, stage_notes


def step_seed(seed: int, step: int, purpose: str) -> int:
    """A seed of its own for each step and purpose, so that no random state needs saving."""
    digest = hashlib.blake2b(f"{seed}/{step}/{purpose}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1  # 63 bits: every torch generator takes them


class Trainer:
    """A stage under training.

    Args:
        stage: What is trained; its parts are moved to the device in place.
        config: Optimiser, schedule, average.
        state_dir: Where the state is kept.
        device: "auto", "cuda", "mps" or "cpu".
    """

    def __init__(self, stage: Stage, config: TrainConfig, state_dir: Path, device: str = "auto") -> None:
        self.stage, self.config, self.state_dir = stage, config, state_dir
        self.accelerator = make_accelerator(device)
        self.device: torch.device = self.accelerator.device
        frozen = frozen_parts(stage) | _kept(stage, config)
        for module in [*stage.parts.values(), *frozen.values()]:
            place(module, self.device)
        for part in stage.parts.values():
            part.train()
        for module in frozen.values():
            module.eval().requires_grad_(False)
        self.parameters = {group: self._trainable(names) for group, names in stage.groups.items()}
        if idle := [group for group, parameters in self.parameters.items() if not parameters]:
            raise ConfigError(f"train.{stage.name}: frozen leaves nothing to train in {idle[0]!r}")
        self.optimizers = {group: self._optimizer(params) for group, params in self.parameters.items()}
        self.model = {name: stage.parts[name] for name in next(iter(stage.groups.values()))}
        self._same_start()
        self.ema = Ema(self.model, config.ema)
        self.rate = LearningRate(config.learning_rate, config.steps, config.warmup_steps, config.schedule)
        self.step = 0
        self.seconds = 0.0
        self.best_loss = math.inf

    @property
    def learning_rate(self) -> float:
        """Of the step to come."""
        return self.rate.at(self.step)

    def batch(self, step: int) -> Batch:
        """This process' material of a step, on the CPU (pinned if the device is a GPU)."""
        batch = self.stage.batch(step * self.accelerator.num_processes + self.accelerator.process_index)
        return {k: v.pin_memory() for k, v in batch.items()} if self.device.type == "cuda" else batch

    def advance(self, batch: Batch) -> dict[str, float]:
        """One step of every group; returns the losses, those of adversaries as ``group/name``.

        Raises:
            StyleboxError: A loss or a gradient is not finite; its group's weights have not moved then.
        """
        rate = self.learning_rate
        shown: dict[str, float] = {}
        batch = {key: value.to(self.device, non_blocking=True) for key, value in batch.items()}
        for number, group in enumerate(self.optimizers):
            losses = self._descend(batch, group, rate)
            shown |= {key if number == 0 else f"{group}/{key}": value for key, value in losses.items()}
        self.ema.update()
        self.step += 1
        return shown

    def validate(self) -> dict[str, float]:
        """The stage's validation with averaged weights, in float32 as the model will be used, the same noise each time.

        Raises:
            StyleboxError: Its loss is not finite.
        """
        generator = self._generator(0, "validate")
        with self._as_used():
            scores = {key: float(value) for key, value in self.stage.validate(generator).items()}
        if self.accelerator.num_processes > 1:
            from accelerate.utils import broadcast_object_list

            scores = broadcast_object_list([scores])[0]
        if not math.isfinite(scores["loss"]):
            raise StyleboxError(self._failure("validation loss"))
        return scores

    def save(self) -> None:
        """Keep the state of this step; only the main process writes."""
        if not self.accelerator.is_main_process:
            return
        tensors = {f"weights/{name}": tensor for name, tensor in live_tensors(self.stage.parts).items()}
        tensors |= {f"ema/{name}": tensor for name, tensor in self.ema.tensors.items()}
        for group, optimizer in self.optimizers.items():
            memory = checkpoint.optimizer_tensors(optimizer, self.parameters[group])
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

    def restore(self) -> bool:
        """Go on from the state kept, if there is one.

        Raises:
            ModelError: The state is damaged, or was begun with other settings.
        """
        found = checkpoint.load_state(self.state_dir)
        if found is None:
            return False
        tensors, document = found
        where = self.state_dir / checkpoint.STATE_FILE
        refuse_other_settings(document, self._identity(), where)
        for name, part in self.stage.parts.items():
            weights.load_into(part, tensors, f"weights/{name}.", where)
        averages = _below(tensors, "ema/")
        weights.check_names(self.ema.tensors, averages, where)
        for name, tensor in self.ema.tensors.items():
            tensor.copy_(averages[name])
        for group, optimizer in self.optimizers.items():
            memory = _below(tensors, f"optimizer/{group}/")
            checkpoint.load_optimizer(optimizer, self.parameters[group], memory, where)
        self.ema.updates = int(document["ema_updates"])
        self.rate.restore(document["learning_rate"])
        self.step, self.seconds = int(document["step"]), float(document["seconds"])
        self.best_loss = math.inf if document["best_loss"] is None else float(document["best_loss"])
        return True

    def export(self, path: Path, metrics: Mapping[str, float]) -> None:
        """Write the averaged weights for use, with a JSON file beside them that says what they are."""
        if not self.accelerator.is_main_process:
            return
        export = getattr(self.stage, "export", dict)
        with self._as_used():
            live = live_tensors(exported_parts(self.stage))
            tensors = {name: tensor.clone() for name, tensor in live.items()} | dict(export())
        card = {
            "stage": self.stage.name,
            "step": self.step,
            "metrics": dict(metrics),
            **self._identity(),
            "provenance": stage_notes(self.stage, "provenance"),
        }
        weights.save_weights(path, tensors, card)
        # what differs between two runs of equal outcome stays out of the weights' file
        card["trained"] = {
            "stylebox": __version__,
            "torch": torch.__version__,
            "device": self.device_name,
            "precision": "bf16" if self.accelerator.mixed_precision == "bf16" else "float32",
            "processes": self.accelerator.num_processes,
            "minutes": round(self.seconds / 60, 2),
        }
        card["sha256"] = paths.file_sha256(path)
        paths.write_text(path.with_suffix(".json"), json.dumps(card, indent=2) + "\n")

    @property
    def device_name(self) -> str:
        """The device in words."""
        return torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else self.device.type

    @contextmanager
    def _as_used(self) -> Iterator[None]:
        """Averaged weights, evaluation mode, no gradients."""
        with torch.no_grad(), self.ema.applied(), eval_mode(*self.stage.parts.values()):
            yield

    def _descend(self, batch: Batch, group: str, rate: float) -> dict[str, float]:
        """One step of one group's optimiser."""
        optimizer, own = self.optimizers[group], list(self.parameters[group].values())
        for other, parameters in self.parameters.items():
            for parameter in parameters.values():
                parameter.requires_grad_(other == group)
        index = self.step * self.accelerator.num_processes + self.accelerator.process_index
        generator = self._generator(index, group)
        torch.manual_seed(generator.initial_seed())  # for nn.Dropout; `fit` puts the global state back
        with self.accelerator.autocast():
            losses = self.stage.losses(batch, generator, group)
        optimizer.zero_grad(set_to_none=True)
        self.accelerator.backward(losses["loss"])
        self._average_gradients(own)
        norm = nn.utils.clip_grad_norm_(own, self.config.clip)
        scalars = torch.stack([value.detach().float().reshape(()) for value in losses.values()])
        *values, size = torch.cat([self._mean(scalars), norm.detach().float().reshape(1)]).tolist()
        shown = dict(zip(losses, values, strict=True))
        if not math.isfinite(shown["loss"]) or not math.isfinite(size):
            raise StyleboxError(self._failure("loss" if math.isfinite(size) else "loss or its gradient"))
        for settings in optimizer.param_groups:
            settings["lr"] = rate
        optimizer.step()
        return shown

    def _failure(self, what: str) -> str:
        """One line for a run that went astray."""
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
        """What a resumed run must share, as JSON holds it."""
        train, settings = self.config.model_dump(mode="json"), stage_notes(self.stage, "settings")
        identity: dict[str, Any] = json.loads(json.dumps({"train": train, "config": settings}))
        return identity

    def _generator(self, step: int, purpose: str) -> torch.Generator:
        return torch.Generator(self.device).manual_seed(step_seed(self.config.seed, step, purpose))

    def _trainable(self, names: Any) -> dict[str, nn.Parameter]:
        return {
            f"{name}.{key}": parameter
            for name in names
            for key, parameter in self.stage.parts[name].named_parameters()
            if parameter.requires_grad
        }

    def _optimizer(self, parameters: Mapping[str, nn.Parameter]) -> torch.optim.Optimizer:
        """AdamW; gains and biases do not decay."""
        matrices = [p for p in parameters.values() if p.dim() > 1]
        vectors = [p for p in parameters.values() if p.dim() <= 1]
        groups = [
            {"params": matrices, "weight_decay": self.config.weight_decay},
            {"params": vectors, "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(
            [group for group in groups if group["params"]],
            lr=self.config.learning_rate,
            betas=self.config.betas,
            fused=self.device.type == "cuda",
        )

    def _same_start(self) -> None:
        """Every process begins with the main process' weights."""
        if self.accelerator.num_processes > 1:
            for tensor in live_tensors(self.stage.parts).values():
                torch.distributed.broadcast(tensor, src=0)

    def _average_gradients(self, parameters: list[nn.Parameter]) -> None:
        """Mean over processes. Stages call their parts in ways DistributedDataParallel's hooks do not see."""
        if self.accelerator.num_processes == 1:
            return
        grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        flat = torch.cat([grad.reshape(-1) for grad in grads])
        pieces = self._mean(flat).split([parameter.numel() for parameter in parameters])
        for parameter, piece in zip(parameters, pieces, strict=True):
            parameter.grad = torch.empty_like(parameter).copy_(piece.view(parameter.shape))

    def _mean(self, tensor: torch.Tensor) -> torch.Tensor:
        return self.accelerator.reduce(tensor, "mean") if self.accelerator.num_processes > 1 else tensor


def _kept(stage: Stage, config: TrainConfig) -> dict[str, nn.Module]:
    """The parts that the configuration leaves as they are.

    Raises:
        ConfigError: The stage has no such part.
    """
    for name in config.frozen:
        if name not in stage.parts:
            raise ConfigError(f"train.{stage.name}: frozen: no part {name!r}; there are: {', '.join(stage.parts)}")
    return {name: stage.parts[name] for name in config.frozen}


def _below(tensors: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
