"""Samplers against oracles: denoisers that know the answer, and distributions whose posterior is exact."""

import math
from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from stylebox.core.diffusion.sampling import Denoise, denoiser, dpm_solver_2m, guided, timesteps
from stylebox.core.diffusion.schedule import FlowSchedule, Schedule, add_noise, velocity_target
from stylebox.core.paper.sampling import ddim, posterior_sigma
from stylebox.core.paper.schedule import LinearBetaSchedule

SCHEDULES = [FlowSchedule(), LinearBetaSchedule()]
each_schedule = pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: type(s).__name__)
each_sampler = pytest.mark.parametrize("sampler", [ddim, dpm_solver_2m], ids=["ddim", "dpm_solver_2m"])
Sampler = Callable[..., Tensor]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def gaussian_denoiser(schedule: Schedule, mean: float, spread: float) -> Denoise:
    """E[x_0 | x_t] when x_0 is normal."""

    def denoise(x_t: Tensor, t: Tensor) -> Tensor:
        shape = (-1, *[1] * (x_t.dim() - 1))
        alpha, sigma = schedule.alpha(t).view(shape), schedule.sigma(t).view(shape)
        gain = alpha * spread**2 / ((alpha * spread) ** 2 + sigma**2)
        return mean + gain * (x_t - alpha * mean)

    return denoise


def mixture_denoiser(schedule: Schedule, spread: float) -> Denoise:
    """E[x_0 | x_t] when x_0 is one of -1 and +1, each blurred by `spread`."""

    def denoise(x_t: Tensor, t: Tensor) -> Tensor:
        alpha, sigma = schedule.alpha(t)[:, None], schedule.sigma(t)[:, None]
        variance = (alpha * spread) ** 2 + sigma**2
        centre = torch.tanh(x_t * alpha / variance)  # of the responsibilities of the two
        gain = alpha * spread**2 / variance
        return centre + gain * (x_t - alpha * centre)

    return denoise


@each_schedule
@each_sampler
@pytest.mark.parametrize("num_steps", [1, 2, 10, 50])
def test_recovers_x0_from_the_true_noise(schedule: Schedule, sampler: Sampler, num_steps: int) -> None:
    x_0, eps = torch.randn(2, 3, 2, 8, 5, generator=seeded())

    def network(x_t: Tensor, t: Tensor) -> Tensor:
        return velocity_target(x_0, eps, t, schedule)

    for start in (1.0, 0.6):
        x_t = add_noise(x_0, eps, torch.full((3,), start), schedule)
        found = sampler(denoiser(network, schedule), x_t, schedule, timesteps(num_steps, start))
        torch.testing.assert_close(found, x_0, rtol=1e-4, atol=1e-4)


@each_schedule
@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0, None])
def test_samples_have_the_datas_mean_and_spread(schedule: Schedule, eta: float | None) -> None:
    denoise = gaussian_denoiser(schedule, mean=0.7, spread=0.4)
    x_t, times = torch.randn(20_000, 1, generator=seeded()), timesteps(400)
    if eta is not None:
        found = ddim(denoise, x_t, schedule, times, eta, seeded(1))
    else:
        found = dpm_solver_2m(denoise, x_t, schedule, times)
    assert found.mean().item() == pytest.approx(0.7, abs=0.01)
    assert found.std().item() == pytest.approx(0.4, abs=0.015)


@each_schedule
@each_sampler
def test_samples_fall_into_both_modes(schedule: Schedule, sampler: Sampler) -> None:
    x_t = torch.randn(8_000, 1, generator=seeded())
    found = sampler(mixture_denoiser(schedule, spread=0.1), x_t, schedule, timesteps(50))
    assert (found > 0).float().mean().item() == pytest.approx(0.5, abs=0.03)
    assert found.abs().mean().item() == pytest.approx(1.0, abs=0.02)
    assert found.abs().std().item() == pytest.approx(0.1, abs=0.02)


@each_schedule
def test_second_order_solver_converges_faster(schedule: Schedule) -> None:
    mean, spread = 0.7, 0.4
    denoise = gaussian_denoiser(schedule, mean, spread)
    x_t = torch.randn(200, 1, generator=seeded(), dtype=torch.float64)
    start = torch.tensor([0.9], dtype=torch.float64)
    alpha, sigma = schedule.alpha(start).item(), schedule.sigma(start).item()
    exact = mean + spread / math.hypot(alpha * spread, sigma) * (x_t - alpha * mean)  # the ODE, solved on paper

    def error(sampler: Sampler, num_steps: int) -> float:
        times = torch.linspace(0.9, 0.0, num_steps + 1, dtype=torch.float64)
        return (sampler(denoise, x_t, schedule, times) - exact).abs().mean().item()

    for num_steps in (20, 40):
        assert error(dpm_solver_2m, num_steps) < 0.5 * error(ddim, num_steps)
    assert error(ddim, 400) < 0.01


@each_schedule
def test_second_order_solver_against_a_fine_reference(schedule: Schedule) -> None:
    denoise = mixture_denoiser(schedule, spread=0.3)
    x_t = torch.randn(500, 1, generator=seeded(), dtype=torch.float64)
    times = [torch.linspace(1, 0, steps + 1, dtype=torch.float64) for steps in (16, 1000)]
    reference = ddim(denoise, x_t, schedule, times[1])
    errors = [(s(denoise, x_t, schedule, times[0]) - reference).abs().mean() for s in (dpm_solver_2m, ddim)]
    assert errors[0] < 0.7 * errors[1]


def test_eta_one_has_ddpms_variance() -> None:
    schedule = LinearBetaSchedule()
    beta = torch.linspace(1e-4, 0.02, 200, dtype=torch.float64)
    uncorrected = LinearBetaSchedule(zero_terminal_snr=False)
    for step in (2, 3, 50, 199, 200):
        s, t = torch.tensor([[step - 1], [step]], dtype=torch.float64) / 200
        for vp in (schedule, uncorrected):
            bar_t, bar_s = vp.alpha(t).item() ** 2, vp.alpha(s).item() ** 2
            ddpm = (1 - bar_s) / (1 - bar_t) * (1 - bar_t / bar_s)  # Ho et al. (2020), eq. 7
            found = posterior_sigma(vp.alpha(t).item(), vp.sigma(t).item(), vp.alpha(s).item(), vp.sigma(s).item())
            assert found**2 == pytest.approx(ddpm, rel=1e-9)
        assert 1 - bar_t / bar_s == pytest.approx(beta[step - 1].item(), rel=1e-9)


def test_eta_adds_noise() -> None:
    schedule, x_0, eps = LinearBetaSchedule(), torch.zeros(1, 4000), torch.randn(1, 4000, generator=seeded())
    times = torch.tensor([0.6, 0.5])

    def one_step(eta: float) -> Tensor:
        x_t = add_noise(x_0, eps, times[:1], schedule)
        return ddim(lambda x, t: x_0, x_t, schedule, times, eta, seeded(1))

    ends = [schedule.alpha(times[0]).item(), schedule.sigma(times[0]).item()]
    ends += [schedule.alpha(times[1]).item(), schedule.sigma(times[1]).item()]
    fresh = posterior_sigma(*ends)
    for eta in (0.0, 0.5, 1.0):
        kept = math.sqrt(ends[3] ** 2 - (eta * fresh) ** 2)
        added = one_step(eta) - kept * eps
        assert added.std().item() == pytest.approx(eta * fresh, rel=0.05, abs=1e-5)
        assert one_step(eta).std().item() == pytest.approx(ends[3], rel=0.05)


def test_flow_ddim_is_euler() -> None:
    schedule, times = FlowSchedule(), timesteps(5)
    denoise = mixture_denoiser(schedule, 0.3)
    x = x_t = torch.randn(50, 1, generator=seeded())
    for t, s in pairwise(times):
        x = x + (s - t) * (x - denoise(x, t.expand(50))) / t
    torch.testing.assert_close(ddim(denoise, x_t, schedule, times), x)


@each_schedule
@each_sampler
def test_sampling_takes_batches(schedule: Schedule, sampler: Sampler) -> None:
    x_t = torch.randn(4, 3, 8, 6, generator=seeded())

    def denoise(x: Tensor, t: Tensor) -> Tensor:
        assert t.shape == (len(x),)
        return torch.tanh(x) * (1 - t).view(-1, 1, 1, 1)

    whole = sampler(denoise, x_t, schedule, timesteps(7))
    single = torch.cat([sampler(denoise, x[None], schedule, timesteps(7)) for x in x_t])
    torch.testing.assert_close(whole, single, rtol=0, atol=0)


def test_same_generator_same_samples() -> None:
    schedule, x_t = LinearBetaSchedule(), torch.randn(2, 16, generator=seeded())
    first, again, other = (
        ddim(lambda x, t: torch.tanh(x), x_t, schedule, timesteps(5), 1.0, seeded(seed)) for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@each_sampler
def test_reports_each_step(sampler: Sampler) -> None:
    seen: list[tuple[int, int]] = []
    sampler(
        lambda x, t: x * 0,
        torch.ones(1, 1),
        FlowSchedule(),
        timesteps(3),
        callback=lambda step, total: seen.append((step, total)),
    )
    assert seen == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(("num_steps", "start"), [(0, 1.0), (5, 0.0), (5, 1.5)])
def test_refuses_impossible_timesteps(num_steps: int, start: float) -> None:
    with pytest.raises(ValueError, match="must be"):
        timesteps(num_steps, start)


def test_refuses_rising_times() -> None:
    with pytest.raises(ValueError, match="must fall"):
        ddim(lambda x, t: x, torch.ones(1, 1), FlowSchedule(), torch.tensor([0.0, 1.0]))


def test_timesteps_begin_at_the_start_and_end_clean() -> None:
    for num_steps, start in [(1, 1.0), (12, 0.5), (200, 1.0)]:
        times = timesteps(num_steps, start)
        assert len(times) == num_steps + 1
        assert times[0].item() == pytest.approx(start)
        assert times[-1] == 0


def test_guidance_moves_away_from_the_unconditional() -> None:
    conditional, unconditional = torch.randn(2, 3, 4, 50, generator=seeded())
    assert torch.equal(guided(conditional, unconditional, 1.0), conditional)
    torch.testing.assert_close(guided(conditional, unconditional, 0.0, rescale=0), unconditional)
    plain = guided(conditional, unconditional, 3.0, rescale=0)
    torch.testing.assert_close(plain, 3 * conditional - 2 * unconditional)
    calmed = guided(conditional, unconditional, 3.0, rescale=1.0)
    torch.testing.assert_close(calmed.std((1, 2)), conditional.std((1, 2)))
    between = guided(conditional, unconditional, 3.0).std((1, 2))
    assert (between > calmed.std((1, 2))).all()
    assert (between < plain.std((1, 2))).all()
