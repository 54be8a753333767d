"""Schedules against their equations and their ends."""

import pytest
import torch

from stylebox.core.diffusion.schedule import (
    CosineSchedule,
    FlowSchedule,
    LinearBetaSchedule,
    Parameterisation,
    Schedule,
    add_noise,
    loss_weight,
    target,
    to_x0_eps,
)

SCHEDULES = [FlowSchedule(), CosineSchedule(), LinearBetaSchedule()]
VARIANCE_PRESERVING = [CosineSchedule(), LinearBetaSchedule(), LinearBetaSchedule(zero_terminal_snr=False)]
T = torch.linspace(0, 1, 101)
each_schedule = pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: type(s).__name__)


@each_schedule
def test_terminal_snr_is_zero(schedule: Schedule) -> None:
    end = torch.ones(1)
    assert (schedule.alpha(end) / schedule.sigma(end)) ** 2 < 1e-3
    assert schedule.alpha(end).item() == pytest.approx(0, abs=1e-6)
    assert schedule.sigma(end).item() == pytest.approx(1, abs=1e-6)


def test_the_reports_own_schedule_leaves_signal_at_its_end() -> None:
    unmended = LinearBetaSchedule(200, 1e-4, 0.02, zero_terminal_snr=False)
    assert unmended.alpha(torch.ones(1)).item() ** 2 == pytest.approx(0.1322, abs=1e-4)


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


def test_mending_the_end_keeps_the_first_step() -> None:
    first = torch.tensor([1 / 200], dtype=torch.float64)
    mended, unmended = LinearBetaSchedule(), LinearBetaSchedule(zero_terminal_snr=False)
    torch.testing.assert_close(mended.alpha(first), unmended.alpha(first))


@each_schedule
@pytest.mark.parametrize("parameterisation", ["velocity", "eps", "x_0"])
@pytest.mark.parametrize("shape", [(5,), (5, 3), (5, 2, 4, 6)])
def test_prediction_gives_back_sample_and_noise(
    schedule: Schedule, parameterisation: Parameterisation, shape: tuple[int, ...]
) -> None:
    x_0, eps = torch.randn(2, *shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    t = torch.tensor([0.01, 0.3, 0.5, 0.9, 0.99], dtype=torch.float64)
    x_t = add_noise(x_0, eps, t, schedule)
    prediction = target(x_0, eps, t, schedule, parameterisation)
    for found, true in zip(to_x0_eps(prediction, x_t, t, schedule, parameterisation), (x_0, eps), strict=True):
        torch.testing.assert_close(found, true, rtol=1e-9, atol=1e-9)


@each_schedule
@pytest.mark.parametrize("parameterisation", ["velocity", "x_0"])
def test_ends_are_finite(schedule: Schedule, parameterisation: Parameterisation) -> None:
    x_0, eps = torch.randn(2, 2, 3, generator=torch.Generator().manual_seed(0))
    t = torch.tensor([0.0, 1.0])
    x_t = add_noise(x_0, eps, t, schedule)
    prediction = target(x_0, eps, t, schedule, parameterisation)
    found_x_0, found_eps = to_x0_eps(prediction, x_t, t, schedule, parameterisation)
    torch.testing.assert_close(found_x_0, x_0)
    assert found_eps.isfinite().all()
    torch.testing.assert_close(found_eps[1], eps[1])


@each_schedule
def test_noise_prediction_is_refused_where_no_signal_is_left(schedule: Schedule) -> None:
    x_t = torch.randn(2, 3)
    with pytest.raises(ValueError, match="predict the velocity"):
        to_x0_eps(x_t, x_t, torch.tensor([0.5, 1.0]), schedule, "eps")


def test_flow_velocity_is_noise_minus_data() -> None:
    x_0, eps = torch.randn(2, 4, 3)
    torch.testing.assert_close(target(x_0, eps, torch.rand(4), FlowSchedule()), eps - x_0)


@each_schedule
@pytest.mark.parametrize("parameterisation", ["velocity", "eps", "x_0"])
def test_loss_weight_is_finite_and_bounded(schedule: Schedule, parameterisation: Parameterisation) -> None:
    weight = loss_weight(T, schedule, parameterisation)
    assert weight.shape == T.shape
    assert (weight >= 0).all()
    assert (weight <= 5).all()


def test_loss_weight_is_min_snr() -> None:
    schedule, t = CosineSchedule(), T[1:-1].double()
    snr = (schedule.alpha(t) / schedule.sigma(t)) ** 2
    least = snr.clamp(max=5.0)
    torch.testing.assert_close(loss_weight(t, schedule, "velocity"), least / (snr + 1))
    torch.testing.assert_close(loss_weight(t, schedule, "eps"), least / snr)
    torch.testing.assert_close(loss_weight(t, schedule, "x_0"), least)
