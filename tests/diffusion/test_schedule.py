"""Schedules against their equations and their ends."""

import pytest
import torch

from stylebox.core.diffusion.schedule import FlowSchedule, Schedule, add_noise, to_x0_eps, velocity_target
from stylebox.core.paper.schedule import LinearBetaSchedule

SCHEDULES = [FlowSchedule(), LinearBetaSchedule()]
VARIANCE_PRESERVING = [LinearBetaSchedule(), LinearBetaSchedule(zero_terminal_snr=False)]
T = torch.linspace(0, 1, 101)
each_schedule = pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: type(s).__name__)


@each_schedule
def test_terminal_snr_is_zero(schedule: Schedule) -> None:
    end = torch.ones(1)
    assert (schedule.alpha(end) / schedule.sigma(end)) ** 2 < 1e-3
    assert schedule.alpha(end).item() == pytest.approx(0, abs=1e-6)
    assert schedule.sigma(end).item() == pytest.approx(1, abs=1e-6)


def test_the_papers_own_schedule_leaves_signal_at_its_end() -> None:
    uncorrected = LinearBetaSchedule(200, 1e-4, 0.02, zero_terminal_snr=False)
    assert uncorrected.alpha(torch.ones(1)).item() ** 2 == pytest.approx(0.1322, abs=1e-4)


@each_schedule
def test_starts_clean_and_only_gets_noisier(schedule: Schedule) -> None:
    alpha, sigma = schedule.alpha(T), schedule.sigma(T)
    assert alpha[0] == 1
    assert sigma[0] == 0
    assert (alpha.diff() < 0).all()
    assert (sigma.diff() > 0).all()


@pytest.mark.parametrize("schedule", VARIANCE_PRESERVING, ids=repr)
def test_variance_is_preserved(schedule: Schedule) -> None:
    torch.testing.assert_close(schedule.alpha(T) ** 2 + schedule.sigma(T) ** 2, torch.ones_like(T))


def test_linear_beta_is_the_product_of_the_steps() -> None:
    schedule = LinearBetaSchedule(200, 1e-4, 0.02, zero_terminal_snr=False)
    beta = torch.linspace(1e-4, 0.02, 200, dtype=torch.float64)
    t = torch.arange(1, 201, dtype=torch.float64) / 200
    torch.testing.assert_close(schedule.alpha(t) ** 2, torch.cumprod(1 - beta, 0))


def test_correcting_the_end_keeps_the_first_step() -> None:
    first = torch.tensor([1 / 200], dtype=torch.float64)
    corrected, uncorrected = LinearBetaSchedule(), LinearBetaSchedule(zero_terminal_snr=False)
    torch.testing.assert_close(corrected.alpha(first), uncorrected.alpha(first))


@each_schedule
@pytest.mark.parametrize("shape", [(5,), (5, 3), (5, 2, 4, 6)])
def test_velocity_gives_back_sample_and_noise(schedule: Schedule, shape: tuple[int, ...]) -> None:
    x_0, eps = torch.randn(2, *shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    t = torch.tensor([0.01, 0.3, 0.5, 0.9, 0.99], dtype=torch.float64)
    x_t = add_noise(x_0, eps, t, schedule)
    velocity = velocity_target(x_0, eps, t, schedule)
    for found, true in zip(to_x0_eps(velocity, x_t, t, schedule), (x_0, eps), strict=True):
        torch.testing.assert_close(found, true, rtol=1e-9, atol=1e-9)


@each_schedule
def test_ends_are_finite(schedule: Schedule) -> None:
    x_0, eps = torch.randn(2, 2, 3, generator=torch.Generator().manual_seed(0))
    t = torch.tensor([0.0, 1.0])
    x_t = add_noise(x_0, eps, t, schedule)
    velocity = velocity_target(x_0, eps, t, schedule)
    found_x_0, found_eps = to_x0_eps(velocity, x_t, t, schedule)
    torch.testing.assert_close(found_x_0, x_0)
    assert found_eps.isfinite().all()
    torch.testing.assert_close(found_eps[1], eps[1])


def test_flow_velocity_is_noise_minus_data() -> None:
    x_0, eps = torch.randn(2, 4, 3)
    torch.testing.assert_close(velocity_target(x_0, eps, torch.rand(4), FlowSchedule()), eps - x_0)
