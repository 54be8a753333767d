"""Samplers: pure functions from noise to a sample over a callable that says what the clean sample may be.

They know nothing of networks, only of (alpha, sigma), so every schedule works with every sampler. Noise with
some signal in it and `timesteps(..., start=strength)` start them half-way (SDEdit, shallow diffusion).
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from stylebox.core.diffusion.schedule import Parameterisation, Schedule, to_x0_eps

Network = Callable[[Tensor, Tensor], Tensor]  # x_t (B, ...), t (B,) -> prediction (B, ...)
Denoise = Callable[[Tensor, Tensor], Tensor]  # x_t (B, ...), t (B,) -> x_0 (B, ...)
StepCallback = Callable[[int, int], None]  # steps done, steps in all


def denoiser(network: Network, schedule: Schedule, parameterisation: Parameterisation = "velocity") -> Denoise:
    """A network of any parameterisation as "give me x_0"."""

    def denoise(x_t: Tensor, t: Tensor) -> Tensor:
        return to_x0_eps(network(x_t, t), x_t, t, schedule, parameterisation)[0]

    return denoise


def timesteps(num_steps: int, start: float = 1.0) -> Tensor:
    """Times from `start` down to 0 in equal steps: `num_steps` network calls, the first at `start` itself.

    Args:
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
def ddim(
    denoise: Denoise,
    x_t: Tensor,
    schedule: Schedule,
    timesteps: Tensor,
    eta: float = 0.0,
    generator: torch.Generator | None = None,
    callback: StepCallback | None = None,
) -> Tensor:
    """Step from x_t to x_0 by DDIM. For the flow schedule with eta 0 these are Euler steps.

    Args:
        x_t: The sample at ``timesteps[0]``.
        timesteps: Falling, the last one the time to end at (0 for a clean sample).
        eta: Fresh noise in each step: 0 none (deterministic), 1 as much as DDPM's posterior has.
        generator: Where fresh noise comes from; its own device is where it is drawn.

    Shape:
        ``x_t`` and the result are ``(B, ...)``; ``timesteps`` is ``(num_steps + 1,)``.

    Reference:
        Report eq. 5-6; Song et al. (2021), eq. 12 and 16. arXiv:2010.02502.
    """
    alphas, sigmas = _amplitudes(schedule, timesteps)
    num_steps = len(alphas) - 1
    for i in range(num_steps):
        x_0 = denoise(x_t, _batch_time(timesteps[i], x_t))
        eps = (x_t - alphas[i] * x_0) / sigmas[i]
        fresh = eta * posterior_sigma(alphas[i], sigmas[i], alphas[i + 1], sigmas[i + 1])
        kept = math.sqrt(max(sigmas[i + 1] ** 2 - fresh**2, 0.0))
        x_t = alphas[i + 1] * x_0 + kept * eps
        if fresh > 0:
            x_t = x_t + fresh * _noise_like(x_t, generator)
        if callback:
            callback(i + 1, num_steps)
    return x_t


def posterior_sigma(alpha_t: float, sigma_t: float, alpha_s: float, sigma_s: float) -> float:
    """Spread of q(x_s | x_t, x_0) for a step from t down to s: what eta = 1 adds.

    With r = sigma / alpha it is alpha_s r_s sqrt(1 - r_s^2 / r_t^2), which on a variance-preserving schedule
    equals DDPM's sqrt((1 - alpha_bar_s) / (1 - alpha_bar_t) (1 - alpha_bar_t / alpha_bar_s)). Written without
    dividing by alpha_t, which is 0 at the start.

    Reference:
        Ho et al. (2020), eq. 7. arXiv:2006.11239. Song et al. (2021), eq. 16. arXiv:2010.02502.
    """
    return sigma_s * math.sqrt(max(1 - (sigma_s * alpha_t / (alpha_s * sigma_t)) ** 2, 0.0))


@torch.no_grad()
def dpm_solver_2m(
    denoise: Denoise,
    x_t: Tensor,
    schedule: Schedule,
    timesteps: Tensor,
    callback: StepCallback | None = None,
) -> Tensor:
    """Step from x_t to x_0 by DPM-Solver++(2M): second order, one network call a step, deterministic.

    Steps where the log-SNR is infinite at an end (from alpha = 0, to sigma = 0) are first order, and finite.

    Args:
        x_t: The sample at ``timesteps[0]``.
        timesteps: Falling, the last one the time to end at (0 for a clean sample).

    Shape:
        ``x_t`` and the result are ``(B, ...)``; ``timesteps`` is ``(num_steps + 1,)``.

    Reference:
        Lu et al. (2022), algorithm 2. arXiv:2211.01095.
    """
    alphas, sigmas = _amplitudes(schedule, timesteps)
    log_snr = [_log_ratio(alpha, sigma) for alpha, sigma in zip(alphas, sigmas, strict=True)]
    num_steps = len(alphas) - 1
    before: Tensor | None = None
    for i in range(num_steps):
        x_0 = denoise(x_t, _batch_time(timesteps[i], x_t))
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


def _amplitudes(schedule: Schedule, timesteps: Tensor) -> tuple[Sequence[float], Sequence[float]]:
    """alpha and sigma at each timestep, as floats (double precision)."""
    t = timesteps.detach().cpu().double()
    if len(t) < 2 or bool((t.diff() >= 0).any()):
        raise ValueError("timesteps must fall, and be at least two")
    return schedule.alpha(t).tolist(), schedule.sigma(t).tolist()


def _log_ratio(alpha: float, sigma: float) -> float:
    """log(alpha / sigma), infinite at the ends."""
    if alpha <= 0:
        return -math.inf
    return math.log(alpha / sigma) if sigma > 0 else math.inf


def _batch_time(t: Tensor, x_t: Tensor) -> Tensor:
    """The time `t` for each of the batch; float32 even if x_t is half precision."""
    return t.to(x_t.device, torch.float32).expand(len(x_t))


def _noise_like(x: Tensor, generator: torch.Generator | None) -> Tensor:
    """Unit normal noise of x's shape, drawn on the generator's device: a seed means the same everywhere."""
    device = generator.device if generator is not None else x.device
    return torch.randn(x.shape, generator=generator, device=device).to(x)
