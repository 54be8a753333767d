"""Noise schedules: how much signal and how much noise is in x_t, and what a network may predict from it.

Time is continuous, t in [0, 1]: 0 is clean, 1 is pure noise. Knows nothing of networks or samplers.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import torch
from torch import Tensor

Parameterisation = Literal["velocity", "eps", "x_0"]

_ALPHA_FLOOR = 1e-4  # below it, x_0 cannot be had from predicted noise
_SIGMA_FLOOR = 1e-6  # below it, x_t is x_0 and holds no noise worth dividing out


class Schedule(ABC):
    """x_t = alpha(t) x_0 + sigma(t) eps, with alpha falling from 1 and sigma rising from 0.

    `velocity_weights` fixes what "velocity" means: v = p eps - q x_0 with alpha p + sigma q = 1, so that x_0
    and eps come back from v without a division.
    """

    @abstractmethod
    def alpha(self, t: Tensor) -> Tensor:
        """Signal amplitude at t, in [0, 1], of t's shape."""

    @abstractmethod
    def sigma(self, t: Tensor) -> Tensor:
        """Noise amplitude at t, in [0, 1], of t's shape."""

    def velocity_weights(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """(p, q) of v = p eps - q x_0; here v = alpha eps - sigma x_0.

        Reference:
            Salimans & Ho (2022), appendix D. arXiv:2202.00512.
        """
        return self.alpha(t), self.sigma(t)


@dataclass(frozen=True)
class FlowSchedule(Schedule):
    """Straight lines from data to noise: alpha = 1 - t, sigma = t, v = dx_t/dt = eps - x_0.

    Reference:
        Liu et al. (2022), rectified flow, eq. 1. arXiv:2209.03003.
    """

    def alpha(self, t: Tensor) -> Tensor:
        return 1 - t

    def sigma(self, t: Tensor) -> Tensor:
        return t

    def velocity_weights(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """(1, 1): v = eps - x_0."""
        return torch.ones_like(t), torch.ones_like(t)


@dataclass(frozen=True)
class CosineSchedule(Schedule):
    """Variance preserving: alpha = cos(pi t / 2), sigma = sin(pi t / 2); no signal at t = 1.

    Reference:
        Nichol & Dhariwal (2021), eq. 17, without the offset s. arXiv:2102.09672.
    """

    def alpha(self, t: Tensor) -> Tensor:
        return torch.cos(t * (math.pi / 2)).clamp(min=0)

    def sigma(self, t: Tensor) -> Tensor:
        return torch.sin(t * (math.pi / 2))


@dataclass(frozen=True)
class LinearBetaSchedule(Schedule):
    """The report's schedule: beta rises linearly over `num_steps`.

    t = i / num_steps is after its step i (from 1), and 0 is clean. Between steps the signal's power is
    interpolated linearly, which keeps alpha^2 + sigma^2 = 1.

    Attributes:
        zero_terminal_snr: Shift and scale alpha so that no signal is left at t = 1. Without it, the report's
            numbers leave a power of 0.132 there, and sampling starts from a noise the network never saw.

    Reference:
        Report eq. 1-2; Ho et al. (2020), eq. 4. arXiv:2006.11239.
        Lin et al. (2023), algorithm 1. arXiv:2305.08891.
    """

    num_steps: int = 200
    beta_start: float = 1e-4
    beta_end: float = 0.02
    zero_terminal_snr: bool = True

    def alpha(self, t: Tensor) -> Tensor:
        return self._interpolate(self._alpha_bar(), t).sqrt()

    def sigma(self, t: Tensor) -> Tensor:
        return self._interpolate(1 - self._alpha_bar(), t).sqrt()

    def _alpha_bar(self) -> Tensor:
        return _alpha_bar(self.num_steps, self.beta_start, self.beta_end, self.zero_terminal_snr)

    def _interpolate(self, table: Tensor, t: Tensor) -> Tensor:
        """`table` (float64) read at t * num_steps, linearly between its entries."""
        table = table.to(t.device, t.dtype)
        position = (t * self.num_steps).clamp(0, self.num_steps)
        below = position.floor().long().clamp(max=self.num_steps - 1)
        return torch.lerp(table[below], table[below + 1], position - below)


@lru_cache(maxsize=8)
def _alpha_bar(num_steps: int, beta_start: float, beta_end: float, zero_terminal_snr: bool) -> Tensor:
    """Signal power after 0..num_steps steps, ``(num_steps + 1,)``, float64."""
    beta = torch.linspace(beta_start, beta_end, num_steps, dtype=torch.float64)
    alpha = torch.cumprod(1 - beta, dim=0).sqrt()  # report eq. 2
    if zero_terminal_snr:
        first, last = alpha[0], alpha[-1]
        alpha = (alpha - last) * (first / (first - last))
    return torch.cat([torch.ones(1, dtype=torch.float64), alpha.square()])


def make_schedule(name: Literal["flow", "cosine"]) -> Schedule:
    """The schedule a preset names."""
    return FlowSchedule() if name == "flow" else CosineSchedule()


def add_noise(x_0: Tensor, eps: Tensor, t: Tensor, schedule: Schedule) -> Tensor:
    """x_t = alpha x_0 + sigma eps.

    Args:
        eps: Unit normal noise.
        t: In [0, 1].

    Shape:
        ``x_0``, ``eps`` and the result are ``(B, ...)``; ``t`` is ``(B,)``.

    Reference:
        Report eq. 3.
    """
    return _fit(schedule.alpha(t), x_0) * x_0 + _fit(schedule.sigma(t), x_0) * eps


def target(
    x_0: Tensor, eps: Tensor, t: Tensor, schedule: Schedule, parameterisation: Parameterisation = "velocity"
) -> Tensor:
    """What the network should predict: the schedule's velocity, the noise, or the clean sample.

    Shape:
        ``x_0``, ``eps`` and the result are ``(B, ...)``; ``t`` is ``(B,)``.
    """
    if parameterisation == "eps":
        return eps
    if parameterisation == "x_0":
        return x_0
    p, q = (_fit(weight, x_0) for weight in schedule.velocity_weights(t))
    return p * eps - q * x_0


def to_x0_eps(
    prediction: Tensor,
    x_t: Tensor,
    t: Tensor,
    schedule: Schedule,
    parameterisation: Parameterisation = "velocity",
) -> tuple[Tensor, Tensor]:
    """(x_0, eps) that a prediction stands for; finite for every t, the ends included.

    Args:
        prediction: What a network trained on `target` answered to ``x_t``, t.

    Shape:
        ``prediction``, ``x_t`` and both results are ``(B, ...)``; ``t`` is ``(B,)``.

    Raises:
        ValueError: noise was predicted where no signal is left: x_0 cannot be had from it.

    Reference:
        Report eq. 4 for eps; Salimans & Ho (2022), appendix D, for the velocity. arXiv:2202.00512.
    """
    alpha, sigma = _fit(schedule.alpha(t), x_t), _fit(schedule.sigma(t), x_t)
    if parameterisation == "eps":
        if bool((alpha < _ALPHA_FLOOR).any()):
            raise ValueError("predicted noise says nothing of x_0 where alpha is 0; predict the velocity instead")
        return (x_t - sigma * prediction) / alpha, prediction
    if parameterisation == "x_0":
        return prediction, (x_t - alpha * prediction) / sigma.clamp(min=_SIGMA_FLOOR)
    p, q = (_fit(weight, x_t) for weight in schedule.velocity_weights(t))
    return p * x_t - sigma * prediction, q * x_t + alpha * prediction


def loss_weight(
    t: Tensor, schedule: Schedule, parameterisation: Parameterisation = "velocity", gamma: float = 5.0
) -> Tensor:
    """Min-SNR weight of the squared error of a prediction: min(SNR, gamma) in terms of x_0.

    For VP velocity that is min(SNR, gamma) / (SNR + 1), for eps min(SNR, gamma) / SNR. The velocity's falls
    to 0 with alpha: a flow, whose first step is a large one, is better trained unweighted.

    Shape:
        ``t`` and the result are ``(B,)``.

    Reference:
        Hang et al. (2023), section 3.4. arXiv:2303.09556.
    """
    signal, noise = schedule.alpha(t).square(), schedule.sigma(t).square()
    if parameterisation == "eps":
        return (gamma * noise / signal.clamp(min=_ALPHA_FLOOR**2)).clamp(max=1.0)
    if parameterisation == "x_0":
        return (signal / noise.clamp(min=_SIGMA_FLOOR**2)).clamp(max=gamma)
    return torch.minimum(signal, gamma * noise)  # an error of v is sigma times as large in x_0


def _fit(values: Tensor, like: Tensor) -> Tensor:
    """``(B,)`` values in a shape and dtype that multiplies ``(B, ...)``."""
    return values.reshape(-1, *[1] * (like.dim() - 1)).to(like.dtype)
