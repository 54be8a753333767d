"""The paper's noise schedule: beta rises linearly. Knows nothing of networks or samplers."""

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from stylebox.core.config import PaperConfig
from stylebox.core.diffusion.schedule import Schedule


@dataclass(frozen=True)
class LinearBetaSchedule(Schedule):
    """The paper's schedule: beta rises linearly over `num_steps`.

    t = i / num_steps is the time after step i (from 1), and t = 0 is clean. Between steps the power of the signal is
    interpolated linearly, which keeps alpha^2 + sigma^2 = 1.

    Attributes:
        num_steps: Steps of the noise process.
        beta_start: Noise variance of the first step, in (0, 1).
        beta_end: Noise variance of the last step, in (0, 1).
        zero_terminal_snr: Shift and scale alpha so that no signal is left at t = 1. Without it, the numbers of the
            paper leave a power of 0.132 there, and sampling starts from noise that the network was not trained on.

    Reference:
        Prioteasa & Stempel-Hauburger (2025), eq. 1-2; Ho et al. (2020), eq. 4. arXiv:2006.11239.
        Lin et al. (2023), algorithm 1. arXiv:2305.08891.
    """

    num_steps: int = 200
    beta_start: float = 1e-4
    beta_end: float = 0.02
    zero_terminal_snr: bool = True

    def alpha(self, t: Tensor) -> Tensor:
        """Amplitude of the signal at time t in [0, 1].

        Shape:
            ``t`` and the result have any one shape.
        """
        return self._interpolate(self._alpha_bar(), t).sqrt()

    def sigma(self, t: Tensor) -> Tensor:
        """Amplitude of the noise at time t in [0, 1].

        Shape:
            ``t`` and the result have any one shape.
        """
        return self._interpolate(1 - self._alpha_bar(), t).sqrt()

    def _alpha_bar(self) -> Tensor:
        return _alpha_bar(self.num_steps, self.beta_start, self.beta_end, self.zero_terminal_snr)

    def _interpolate(self, table: Tensor, t: Tensor) -> Tensor:
        """`table` (float64) read at t * num_steps, linearly between its entries."""
        table = table.to(t.device, t.dtype)
        position = (t * self.num_steps).clamp(0, self.num_steps)
        below = position.floor().long().clamp(max=self.num_steps - 1)
        return torch.lerp(table[below], table[below + 1], position - below)


def paper_schedule(config: PaperConfig) -> LinearBetaSchedule:
    """The paper's noise schedule with its end corrected: no signal is left at t = 1."""
    return LinearBetaSchedule(config.num_steps, config.beta_start, config.beta_end)


@lru_cache(maxsize=8)
def _alpha_bar(num_steps: int, beta_start: float, beta_end: float, zero_terminal_snr: bool) -> Tensor:
    """Signal power after 0..num_steps steps, ``(num_steps + 1,)``, float64."""
    beta = torch.linspace(beta_start, beta_end, num_steps, dtype=torch.float64)
    alpha = torch.cumprod(1 - beta, dim=0).sqrt()  # the paper's eq. 2
    if zero_terminal_snr:
        first, last = alpha[0], alpha[-1]
        alpha = (alpha - last) * (first / (first - last))
    return torch.cat([torch.ones(1, dtype=torch.float64), alpha.square()])
