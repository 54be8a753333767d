"""The paper's noise schedule."""

from stylebox.core.config import PaperConfig
from stylebox.core.diffusion.schedule import LinearBetaSchedule


def paper_schedule(config: PaperConfig) -> LinearBetaSchedule:
    """The report's noise schedule, its end mended: no signal is left at t = 1."""
    return LinearBetaSchedule(config.num_steps, config.beta_start, config.beta_end)
