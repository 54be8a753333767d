"""A running average of weights. Knows modules and their tensors; nothing of losses, devices or files."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


def live_tensors(parts: Mapping[str, nn.Module]) -> dict[str, torch.Tensor]:
    """All parameters and persistent buffers as ``part.key``, sharing memory with the modules.

    Shape:
        As the modules have them.
    """
    return {
        f"{part}.{key}": tensor
        for part, module in parts.items()
        for key, tensor in module.state_dict().items()
        if isinstance(tensor, torch.Tensor)
    }


class Ema:
    """Exponential moving average of the parameters of `parts`; buffers are copied unchanged.

    The n-th update (from 0) uses decay min(`decay`, (1 + n) / (10 + n)), so that short runs average too.
    """

    def __init__(self, parts: Mapping[str, nn.Module], decay: float) -> None:
        """Start with the present weights.

        Args:
            parts: Modules by name; changed only within `applied`.
            decay: Upper end of the decay, in [0, 1).
        """
        self.decay = decay
        self.updates = 0
        self._live = live_tensors(parts)
        averaged = {f"{part}.{key}" for part, m in parts.items() for key, _ in m.named_parameters()}
        self.tensors = {name: tensor.clone() for name, tensor in self._live.items()}
        self._moving = [n for n, t in self._live.items() if n in averaged and t.is_floating_point()]
        self._copied = [n for n in self._live if n not in set(self._moving)]

    @torch.no_grad()
    def update(self) -> None:
        """Move the average towards the present weights."""
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        average = get_ema_multi_avg_fn(decay)  # all tensors in a few kernels
        average([self.tensors[n] for n in self._moving], [self._live[n] for n in self._moving], self.updates)
        for name in self._copied:
            self.tensors[name].copy_(self._live[name])
        self.updates += 1

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Within the block the modules hold the average; afterwards exactly their own weights."""
        own = {name: tensor.clone() for name, tensor in self._live.items()}
        try:
            self._write(self.tensors)
            yield
        finally:
            self._write(own)

    @torch.no_grad()
    def _write(self, source: Mapping[str, torch.Tensor]) -> None:
        for name, tensor in self._live.items():
            tensor.copy_(source[name])
