"""Noise schedules: how much signal and how much noise is in x_t, and the velocity that a network predicts from it.

Time is continuous, t in [0, 1]: 0 is clean, 1 is pure noise. Knows nothing of networks or samplers.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor


class Schedule(ABC):
    """x_t = alpha(t) x_0 + sigma(t) eps, with alpha falling from 1 and sigma rising from 0.

    `velocity_weights` defines the velocity v = p eps - q x_0, where alpha p + sigma q = 1: x_0 and eps follow from v
    without a division.
    """

    @abstractmethod
    def alpha(self, t: Tensor) -> Tensor:
        """Signal amplitude at t, in [0, 1].

        Shape:
            ``t`` and the result have any one shape.
        """

    @abstractmethod
    def sigma(self, t: Tensor) -> Tensor:
        """Noise amplitude at t, in [0, 1].

        Shape:
            ``t`` and the result have any one shape.
        """

    def velocity_weights(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """(p, q) of v = p eps - q x_0; here v = alpha eps - sigma x_0.

        Shape:
            ``t`` and both results have any one shape.

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
        """1 - t.

        Shape:
            ``t`` and the result have any one shape.
        """
        return 1 - t

    def sigma(self, t: Tensor) -> Tensor:
        """The time itself.

        Shape:
            ``t`` and the result have any one shape.
        """
        return t

    def velocity_weights(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """(1, 1): v = eps - x_0.

        Shape:
            ``t`` and both results have any one shape.
        """
        return torch.ones_like(t), torch.ones_like(t)


def add_noise(x_0: Tensor, eps: Tensor, t: Tensor, schedule: Schedule) -> Tensor:
    """x_t = alpha x_0 + sigma eps.

    Args:
        x_0: The clean sample.
        eps: Unit normal noise.
        t: Time of each sample, in [0, 1].
        schedule: Gives alpha and sigma.

    Shape:
        ``x_0``, ``eps`` and the result are ``(B, ...)``; ``t`` is ``(B,)``.

    Reference:
        Ho et al. (2020), eq. 4. arXiv:2006.11239.
    """
    return _fit(schedule.alpha(t), x_0) * x_0 + _fit(schedule.sigma(t), x_0) * eps


def velocity_target(x_0: Tensor, eps: Tensor, t: Tensor, schedule: Schedule) -> Tensor:
    """The velocity that a network should predict.

    Args:
        x_0: The clean sample.
        eps: The noise in it.
        t: Time of each sample, in [0, 1].
        schedule: Defines the velocity.

    Shape:
        ``x_0``, ``eps`` and the result are ``(B, ...)``; ``t`` is ``(B,)``.
    """
    p, q = (_fit(weight, x_0) for weight in schedule.velocity_weights(t))
    return p * eps - q * x_0


def to_x0_eps(velocity: Tensor, x_t: Tensor, t: Tensor, schedule: Schedule) -> tuple[Tensor, Tensor]:
    """(x_0, eps) that a predicted velocity stands for; finite for every t, the ends included.

    Args:
        velocity: What a network trained on `velocity_target` predicts from ``x_t`` and t.
        x_t: The noisy sample.
        t: Time of each sample, in [0, 1].
        schedule: Defines the velocity.

    Shape:
        ``velocity``, ``x_t`` and both results are ``(B, ...)``; ``t`` is ``(B,)``.

    Reference:
        Salimans & Ho (2022), appendix D. arXiv:2202.00512.
    """
    alpha, sigma = _fit(schedule.alpha(t), x_t), _fit(schedule.sigma(t), x_t)
    p, q = (_fit(weight, x_t) for weight in schedule.velocity_weights(t))
    return p * x_t - sigma * velocity, q * x_t + alpha * velocity


def _fit(values: Tensor, like: Tensor) -> Tensor:
    """``(B,)`` values in a shape and dtype that multiplies ``(B, ...)``."""
    return values.reshape(-1, *[1] * (like.dim() - 1)).to(like.dtype)
