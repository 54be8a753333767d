"""DDIM, the paper's sampler. Knows nothing of networks, only of (alpha, sigma)."""

import math

import torch
from torch import Tensor

from stylebox.core.diffusion.sampling import Denoise, StepCallback, amplitudes, batch_time
from stylebox.core.diffusion.schedule import Schedule


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
        denoise: Estimates x_0 from x_t and t.
        x_t: The sample at ``timesteps[0]``.
        schedule: Gives alpha and sigma.
        timesteps: Decreasing times in [0, 1]. The last one is the time to stop at (0 for a clean sample).
        eta: Noise added in each step, in [0, 1]: 0 adds none (deterministic), 1 as much as the posterior of DDPM.
        generator: Source of that noise, which is drawn on the device of the generator.
        callback: Called after each step with the number of steps done and of all steps.

    Shape:
        ``x_t`` and the result are ``(B, ...)``; ``timesteps`` is ``(num_steps + 1,)``.

    Reference:
        Prioteasa & Stempel-Hauburger (2025), eq. 5-6; Song et al. (2021), eq. 12 and 16. arXiv:2010.02502.
    """
    alphas, sigmas = amplitudes(schedule, timesteps)
    num_steps = len(alphas) - 1
    for i in range(num_steps):
        x_0 = denoise(x_t, batch_time(timesteps[i], x_t))
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
    """Standard deviation of q(x_s | x_t, x_0) for a step from t down to s: the noise that eta = 1 adds.

    With r = sigma / alpha it is alpha_s r_s sqrt(1 - r_s^2 / r_t^2), which on a variance-preserving schedule
    equals DDPM's sqrt((1 - alpha_bar_s) / (1 - alpha_bar_t) (1 - alpha_bar_t / alpha_bar_s)). Written without
    dividing by alpha_t, which is 0 at the start.

    Args:
        alpha_t: Signal amplitude at t, in [0, 1].
        sigma_t: Noise amplitude at t, in (0, 1].
        alpha_s: Signal amplitude at s, in (0, 1].
        sigma_s: Noise amplitude at s, in [0, 1].

    Reference:
        Ho et al. (2020), eq. 7. arXiv:2006.11239. Song et al. (2021), eq. 16. arXiv:2010.02502.
    """
    return sigma_s * math.sqrt(max(1 - (sigma_s * alpha_t / (alpha_s * sigma_t)) ** 2, 0.0))


def _noise_like(x: Tensor, generator: torch.Generator | None) -> Tensor:
    """Unit normal noise in the shape of x, drawn on the device of the generator: same seed, same noise."""
    device = generator.device if generator is not None else x.device
    return torch.randn(x.shape, generator=generator, device=device).to(x)
