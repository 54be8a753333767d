"""A sampler: a pure function from noise to a sample, over a callable that estimates the clean sample.

It knows nothing of networks, only of (alpha, sigma), so it works with every schedule. Noise with some signal in it and
`timesteps(..., start=strength)` start it half-way (SDEdit, shallow diffusion).
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from stylebox.core.diffusion.schedule import Schedule, to_x0_eps

Network = Callable[[Tensor, Tensor], Tensor]  # x_t (B, ...), t (B,) -> velocity (B, ...)
Denoise = Callable[[Tensor, Tensor], Tensor]  # x_t (B, ...), t (B,) -> x_0 (B, ...)
StepCallback = Callable[[int, int], None]  # steps done, steps in all


def denoiser(network: Network, schedule: Schedule) -> Denoise:
    """A network that predicts velocity, as a function that estimates x_0."""

    def denoise(x_t: Tensor, t: Tensor) -> Tensor:
        return to_x0_eps(network(x_t, t), x_t, t, schedule)[0]

    return denoise


def timesteps(num_steps: int, start: float = 1.0) -> Tensor:
    """Times from `start` down to 0 in equal steps: `num_steps` network calls, the first at `start` itself.

    Args:
        num_steps: At least 1.
        start: In (0, 1]; 1 begins at pure noise, less is the strength of a warm start.

    Shape:
        The result is ``(num_steps + 1,)``.

    Raises:
        ValueError: no steps, or a start outside (0, 1].

    Reference:
        "Trailing" spacing, Lin et al. (2023), table 2. arXiv:2305.08891.

    >>> timesteps(4).tolist()
    [1.0, 0.75, 0.5, 0.25, 0.0]
    """
    if num_steps < 1:
        raise ValueError(f"num_steps is {num_steps}; it must be at least 1")
    if not 0 < start <= 1:
        raise ValueError(f"start is {start}; it must be in (0, 1]")
    return torch.linspace(start, 0.0, num_steps + 1)


@torch.no_grad()
def dpm_solver_2m(
    denoise: Denoise,
    x_t: Tensor,
    schedule: Schedule,
    timesteps: Tensor,
    callback: StepCallback | None = None,
) -> Tensor:
    """Step from x_t to x_0 by DPM-Solver++(2M): second order, one network call per step, deterministic.

    Steps where the log-SNR is infinite at an end (from alpha = 0, to sigma = 0) are first order, and finite.

    Args:
        denoise: Estimates x_0 from x_t and t.
        x_t: The sample at ``timesteps[0]``.
        schedule: Gives alpha and sigma.
        timesteps: Falling, the last one the time to end at (0 for a clean sample).
        callback: Called after each step with the steps done and their number.

    Shape:
        ``x_t`` and the result are ``(B, ...)``; ``timesteps`` is ``(num_steps + 1,)``.

    Reference:
        Lu et al. (2022), algorithm 2. arXiv:2211.01095.
    """
    alphas, sigmas = amplitudes(schedule, timesteps)
    log_snr = [_log_ratio(alpha, sigma) for alpha, sigma in zip(alphas, sigmas, strict=True)]
    num_steps = len(alphas) - 1
    before: Tensor | None = None
    for i in range(num_steps):
        x_0 = denoise(x_t, batch_time(timesteps[i], x_t))
        towards = x_0
        if before is not None and sigmas[i + 1] > 0:
            h, h_before = log_snr[i + 1] - log_snr[i], log_snr[i] - log_snr[i - 1]
            towards = x_0 + (h / (2 * h_before)) * (x_0 - before)  # h_before may be inf: first order then
        shrink = sigmas[i + 1] / sigmas[i]
        x_t = shrink * x_t + (alphas[i + 1] - alphas[i] * shrink) * towards
        before = x_0
        if callback:
            callback(i + 1, num_steps)
    return x_t


def guided(conditional: Tensor, unconditional: Tensor, scale: float, rescale: float = 0.7) -> Tensor:
    """Classifier-free guidance: away from the unconditional prediction, without its rise in contrast.

    Args:
        conditional: The prediction with the condition.
        unconditional: The prediction without it.
        scale: 1 is the conditional prediction itself, 0 the unconditional one, above 1 overshoots.
        rescale: How far the result's spread is pulled back to the conditional one's, in [0, 1]; 0 is plain
            guidance.

    Shape:
        All ``(B, ...)``.

    Reference:
        Ho & Salimans (2022), eq. 6. arXiv:2207.12598. Lin et al. (2023), eq. 14-16. arXiv:2305.08891.
    """
    if scale == 1:
        return conditional
    both = unconditional + scale * (conditional - unconditional)
    if rescale == 0:
        return both
    axes = tuple(range(1, both.dim()))
    spread, wanted = both.std(axes, keepdim=True), conditional.std(axes, keepdim=True)
    return both * (1 - rescale + rescale * wanted / spread.clamp(min=1e-8))


def amplitudes(schedule: Schedule, timesteps: Tensor) -> tuple[Sequence[float], Sequence[float]]:
    """Alpha and sigma at each timestep, as floats (double precision).

    Shape:
        ``timesteps`` is ``(num_steps + 1,)``, falling.

    Raises:
        ValueError: the timesteps do not fall, or there are fewer than two.
    """
    t = timesteps.detach().cpu().double()
    if len(t) < 2 or bool((t.diff() >= 0).any()):
        raise ValueError("timesteps must fall, and be at least two")
    return schedule.alpha(t).tolist(), schedule.sigma(t).tolist()


def batch_time(t: Tensor, x_t: Tensor) -> Tensor:
    """The time `t` for each of the batch; float32 even if x_t is half precision.

    Shape:
        ``t`` is ``()``, ``x_t`` ``(B, ...)``, the result ``(B,)``.
    """
    return t.to(x_t.device, torch.float32).expand(len(x_t))


def _log_ratio(alpha: float, sigma: float) -> float:
    """log(alpha / sigma), infinite at the ends."""
    if alpha <= 0:
        return -math.inf
    return math.log(alpha / sigma) if sigma > 0 else math.inf
