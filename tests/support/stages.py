"""A stage that trains in milliseconds: a small convolution, normalisation and dropout on generated images."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from stylebox.core.config import TrainConfig
from stylebox.core.training.stages.base import Stage


class TinyStage(Stage):
    """Learns to multiply images by two; `adversary` adds a critic, `idle` a part that no group trains."""

    name = "tiny"

    def __init__(self, adversary: bool = False, idle: bool = False, width: int = 4) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            net = nn.Sequential(
                nn.Conv2d(1, width, 3, padding=1),
                nn.BatchNorm2d(width),
                nn.Dropout(0.1),
                nn.Conv2d(width, 1, 1),
            )
            super().__init__({"net": net})
            if idle:
                self.parts = {**self.parts, "vae": nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1))}
            if adversary:
                self.parts = {**self.parts, "critic": nn.Conv2d(1, 1, 3)}
                self.groups = {**self.groups, "critic": ["critic"]}
        self.settings = {"net": {"width": width}, "mel": {"n_mels": 8}}

    def batch(self, step: int) -> dict[str, torch.Tensor]:
        return {"x": torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(step))}

    def losses(self, batch: dict[str, torch.Tensor], generator: torch.Generator, group: str) -> dict[str, torch.Tensor]:
        x = batch["x"]
        x = self.parts["vae"](x) if "vae" in self.parts else x
        noise = torch.randn(x.shape, generator=generator, device=x.device)
        made = self.parts["net"](x + 0.1 * noise)
        if group == "critic":
            critic = self.parts["critic"]
            return {"loss": F.softplus(critic(made.detach())).mean() + F.softplus(-critic(x)).mean()}
        error = F.l1_loss(made, 2 * x)
        if "critic" in self.parts:
            return {"loss": error + F.softplus(-self.parts["critic"](made)).mean(), "error": error}
        return {"loss": error, "error": error}

    def validate(self, generator: torch.Generator) -> dict[str, float]:
        x = torch.randn(4, 1, 8, 8, generator=generator, device=generator.device)
        return {"loss": F.l1_loss(self.parts["net"](x), 2 * x).item()}

    def export(self) -> dict[str, torch.Tensor]:
        return {"styles.mean": self.parts["net"](torch.ones(1, 1, 8, 8)).mean()}


def tiny_config(**changes: Any) -> TrainConfig:
    """A dozen steps, validated every fourth."""
    values: dict[str, Any] = {
        "steps": 12,
        "batch_size": 2,
        "learning_rate": 0.02,
        "warmup_steps": 3,
        "validate_every": 4,
        "schedule": "cosine",
    }
    return TrainConfig(**(values | changes))


class LinearStage(Stage):
    """Fits a linear map; its loss is a mean over examples and without noise, so batches can be split exactly.

    Attributes:
        seen: The number of every example that this process has computed.
    """

    name = "linear"

    def __init__(self) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            super().__init__({"net": nn.Linear(3, 2)})
        self.size = linear_config().batch_size
        self.seen: list[int] = []

    def batch(self, step: int) -> dict[str, torch.Tensor]:
        x = torch.randn(self.size, 3, generator=torch.Generator().manual_seed(step))
        return {"x": x[self.share], "number": torch.arange(step * self.size, (step + 1) * self.size)[self.share]}

    def losses(self, batch: dict[str, torch.Tensor], generator: torch.Generator, group: str) -> dict[str, torch.Tensor]:
        self.seen += batch["number"].tolist()
        with torch.autocast("cpu", enabled=False):  # in half precision, a sum depends on its parts
            return {"loss": F.mse_loss(self.parts["net"](batch["x"]), batch["x"][:, :2].cumsum(1))}

    def validate(self, generator: torch.Generator) -> dict[str, float]:
        x = torch.randn(16, 3, generator=generator, device=generator.device)
        return {"loss": F.mse_loss(self.parts["net"](x), x[:, :2].cumsum(1)).item()}


def linear_config(**changes: Any) -> TrainConfig:
    """Eight steps with four examples each."""
    values: dict[str, Any] = {"steps": 8, "batch_size": 4, "learning_rate": 0.05, "warmup_steps": 0, "ema": 0.5}
    return TrainConfig(**(values | changes))
