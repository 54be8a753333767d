"""The training loop: resumes bit for bit, stops cleanly, keeps the best, and touches only what it trains."""

import json
import math
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from support.command_result import Start
from support.stages import TinyStage, tiny_config
from torch import nn

from stylebox.core import files, interrupts
from stylebox.core.config import TrainConfig
from stylebox.core.errors import ModelError, StyleboxError
from stylebox.core.store import weights
from stylebox.core.training import checkpoint
from stylebox.core.training.ema import Ema
from stylebox.core.training.learning_rate import LearningRate, Plateau
from stylebox.core.training.log import read_log
from stylebox.core.training.loop import FitResult, fit
from stylebox.core.training.prefetch import prefetched
from stylebox.core.training.stages.base import eval_mode
from stylebox.core.training.timer import TrainingProgress


@pytest.fixture(autouse=True)
def _no_pictures(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Drawing takes longer than training here; one test draws."""
    if "draws" not in request.node.name:
        monkeypatch.setattr("stylebox.core.training.log.plot_losses", lambda *_: None)


def train(directory: Path, stage: TinyStage | None = None, config: TrainConfig | None = None, **how: Any) -> FitResult:
    return fit(stage or TinyStage(), config or tiny_config(), directory, device="cpu", **how)


def state(directory: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    found = checkpoint.load_state(directory / "training" / "tiny")
    assert found is not None
    return found.tensors, found.document


def exported(directory: Path) -> dict[str, torch.Tensor]:
    return weights.load_weights(directory / "tiny.safetensors")[0]


def log(directory: Path) -> list[dict[str, Any]]:
    return read_log(directory / "training" / "tiny" / "metrics.jsonl")


@pytest.mark.parametrize("schedule", ["cosine", "plateau"])
@pytest.mark.parametrize("kind", [{}, {"adversary": True, "idle": True}], ids=["plain", "adversary"])
def test_resume_equals_uninterrupted(tmp_path: Path, schedule: str, kind: dict[str, bool]) -> None:
    config = tiny_config(schedule=schedule, validate_every=2, learning_rate=0.3)
    train(tmp_path / "whole", TinyStage(**kind), config)
    for steps in (3, 4, 9, None):
        result = train(tmp_path / "pieces", TinyStage(**kind), config, resume=True, max_steps=steps)
    assert result.steps == 12
    (whole, about), (pieces, about_pieces) = state(tmp_path / "whole"), state(tmp_path / "pieces")
    assert whole.keys() == pieces.keys()
    assert {name.split("/")[0] for name in whole} == {"weights", "ema", "optimizer"}
    assert [name for name in whole if not torch.equal(whole[name], pieces[name])] == []
    same = ("step", "best_loss", "ema_updates", "learning_rate", "optimizers")
    assert {key: about[key] for key in same} == {key: about_pieces[key] for key in same}
    written = [(tmp_path / run / "tiny.safetensors").read_bytes() for run in ("whole", "pieces")]
    assert written[0] == written[1]


def test_state_is_not_trivially_equal(tmp_path: Path) -> None:
    """Another seed gives other weights: what the resume test compares can differ."""
    for seed in (0, 1):
        train(tmp_path / str(seed), config=tiny_config(seed=seed, steps=2))
    first, second = (state(tmp_path / str(seed))[0] for seed in (0, 1))
    assert not torch.equal(first["weights/net.0.weight"], second["weights/net.0.weight"])


def test_training_leaves_the_global_random_state_alone(tmp_path: Path) -> None:
    before = torch.get_rng_state()
    train(tmp_path)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_loss_falls_and_the_best_is_kept(tmp_path: Path) -> None:
    stage = TinyStage()
    result = train(tmp_path, stage, tiny_config(steps=60, validate_every=20, schedule="constant", ema=0.9))
    losses = [record["valid"]["loss"] for record in log(tmp_path) if "valid" in record]
    assert result == FitResult(60, min(losses), "steps", tmp_path)
    assert losses[-1] < 0.8 * losses[0]
    tensors, about = weights.load_weights(tmp_path / "tiny.safetensors")
    assert about["metrics"]["loss"] == result.best_loss
    card = json.loads((tmp_path / "tiny.json").read_text())
    assert card["sha256"] == files.file_sha256(tmp_path / "tiny.safetensors")
    assert card["config"] == {"net": {"width": 4}, "mel": {"n_mels": 8}}
    assert card["train"]["learning_rate"] == 0.02
    assert card["trained"]["precision"] in ("float32", "bf16")
    assert "styles.mean" in tensors


def test_what_is_exported_scores_what_validation_said(tmp_path: Path) -> None:
    """The file holds the averaged weights of the best validation, not the last raw ones."""
    result = train(tmp_path, config=tiny_config(steps=20, validate_every=5))
    fresh = TinyStage()
    tensors = exported(tmp_path)
    weights.load_into(fresh.parts["net"], tensors, "net.", "tiny.safetensors")
    generator = torch.Generator()
    from stylebox.core.training.seeds import step_seed

    with torch.no_grad(), eval_mode(fresh.parts["net"]):
        loss = fresh.validate(generator.manual_seed(step_seed(0, 0, "validate")))["loss"]
    assert loss == pytest.approx(result.best_loss, rel=1e-5)


def test_a_worse_validation_does_not_replace_the_best(tmp_path: Path) -> None:
    class Worsening(TinyStage):
        seen = 0

        def validate(self, generator: torch.Generator) -> dict[str, float]:
            self.seen += 1
            return {"loss": float(abs(self.seen - 2))}

    assert train(tmp_path, Worsening()).best_loss == 0
    assert weights.load_metadata(tmp_path / "tiny.safetensors")["step"] == 8
    assert weights.load_metadata(tmp_path / "training/tiny/last.safetensors")["step"] == 12


def test_the_start_is_kept_unless_training_improves_on_it(tmp_path: Path) -> None:
    class Worsening(TinyStage):
        seen = 0

        def validate(self, generator: torch.Generator) -> dict[str, float]:
            self.seen += 1
            return {"loss": float(self.seen)}

    stage = Worsening()
    start = {name: tensor.clone() for name, tensor in stage.parts["net"].state_dict().items()}
    config = tiny_config(steps=40, validate_every=2, patience=3, begin_with="base")
    result = train(tmp_path, stage, config)
    assert (result.steps, result.stopped_by, result.begun_with) == (6, "patience", "base")
    assert result.first_loss == result.best_loss == 1.0
    kept = exported(tmp_path)
    assert all(torch.equal(kept[f"net.{name}"], tensor) for name, tensor in start.items())


def test_patience_counts_across_sessions(tmp_path: Path) -> None:
    class Listed(TinyStage):
        def __init__(self, *losses: float) -> None:
            super().__init__()
            self.listed = iter(losses)

        def validate(self, generator: torch.Generator) -> dict[str, float]:
            return {"loss": next(self.listed)}

    config = tiny_config(steps=40, validate_every=2, patience=2)
    assert train(tmp_path, Listed(1.0, 2.0), config, max_steps=4).stopped_by == "max_steps"
    result = train(tmp_path, Listed(0.5, 0.7, 0.6), config, resume=True)
    assert (result.steps, result.stopped_by, result.best_loss) == (10, "patience", 0.5)
    assert train(tmp_path, Listed(), config, resume=True).steps == 10


def test_adversaries_and_idle_parts(tmp_path: Path) -> None:
    stage = TinyStage(adversary=True, idle=True)
    before = {name: tensor.clone() for name, tensor in stage.parts["vae"].state_dict().items()}
    critic = stage.parts["critic"].weight.clone()  # type: ignore[operator]
    train(tmp_path, stage)
    after = stage.parts["vae"].state_dict()
    assert all(torch.equal(after[name], before[name]) for name in before), "a frozen part moved"
    assert not torch.equal(stage.parts["critic"].weight, critic)  # type: ignore[arg-type]
    names = exported(tmp_path).keys()
    assert any(name.startswith("vae.") for name in names)
    assert not any(name.startswith("critic.") for name in names)
    assert {"loss", "critic/loss"} <= log(tmp_path)[0].keys()


def test_every_trained_part_moves_and_frozen_extras_do_not(tmp_path: Path) -> None:
    stage = TinyStage()
    stage.frozen = {"judge": nn.BatchNorm2d(1)}
    before = [parameter.clone() for parameter in stage.parts["net"].parameters()]
    train(tmp_path, stage, tiny_config(steps=4))
    # the convolution's bias before a normalisation has no gradient but rounding; all else must move
    moved = [not torch.equal(a, b) for a, b in zip(before, stage.parts["net"].parameters(), strict=True)]
    assert all(moved)
    assert not stage.frozen["judge"].training
    assert not any(name.startswith("judge") for name in exported(tmp_path))


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_no_number_ends_in_one_line(tmp_path: Path, value: float) -> None:
    class Failing(TinyStage):
        steps = 0

        def losses(self, batch: Any, generator: Any, group: str) -> dict[str, torch.Tensor]:
            losses = super().losses(batch, generator, group)
            self.steps += 1
            return losses if self.steps < 6 else {"loss": losses["loss"] * value}

    with pytest.raises(
        StyleboxError, match=r"tiny: loss.*not a finite number at step 6.*lower learning_rate"
    ) as caught:
        train(tmp_path / "none", Failing())
    assert "\n" not in str(caught.value)
    train(tmp_path / "kept", max_steps=3)
    with pytest.raises(StyleboxError, match=r"step 9 .*the state of step 8 is kept"):
        train(tmp_path / "kept", Failing(), resume=True)
    train(tmp_path / "eight", max_steps=8)
    good, kept = state(tmp_path / "eight")[0], state(tmp_path / "kept")[0]
    # the failing step counts in running statistics and averages, which have only moved towards good weights
    moving = [name for name in good if name.startswith(("weights/", "optimizer/")) and "net.1." not in name]
    assert len(moving) > 10
    assert all(torch.equal(kept[name], good[name]) for name in moving)
    assert train(tmp_path / "kept", config=tiny_config(learning_rate=0.001), resume=True).steps == 12


def test_a_gradient_that_is_no_number_is_caught_before_the_step(tmp_path: Path) -> None:
    class Cusp(TinyStage):
        def losses(self, batch: Any, generator: Any, group: str) -> dict[str, torch.Tensor]:
            made = self.parts["net"](batch["x"])
            return {"loss": torch.sqrt((made - made).abs()).sum()}

    stage = Cusp()
    before = {name: parameter.clone() for name, parameter in stage.parts["net"].named_parameters()}
    with pytest.raises(StyleboxError, match="loss or its gradient"):
        train(tmp_path, stage)
    assert all(torch.equal(p, before[name]) for name, p in stage.parts["net"].named_parameters())


def test_a_validation_that_is_no_number_is_refused(tmp_path: Path) -> None:
    class Blind(TinyStage):
        def validate(self, generator: torch.Generator) -> dict[str, float]:
            return {"loss": math.nan}

    with pytest.raises(StyleboxError, match="validation loss is not a finite number"):
        train(tmp_path, Blind())


def test_a_run_is_not_overwritten_by_accident(tmp_path: Path) -> None:
    train(tmp_path, max_steps=2)
    with pytest.raises(ModelError, match=r"--resume.*--force.*--name"):
        train(tmp_path)
    assert state(tmp_path)[1]["step"] == 2
    assert train(tmp_path, max_steps=1, force=True).steps == 1
    assert state(tmp_path)[1]["step"] == 1


def test_other_settings_are_refused_by_name(tmp_path: Path) -> None:
    train(tmp_path, max_steps=2)
    with pytest.raises(ModelError, match=r"begun with config\.net\.width = 4, now it is 6") as caught:
        train(tmp_path, TinyStage(width=6), resume=True)
    assert "\n" not in str(caught.value)
    with pytest.raises(ModelError, match=r"train\.clip = 1.0, now it is 3"):
        train(tmp_path, config=tiny_config(clip=3.0), resume=True)
    with pytest.raises(ModelError, match=r"train\.begin_with = None, now it is base; add --from-scratch"):
        checkpoint.refuse_other_settings({"train": {}}, {"train": {"begin_with": "base"}}, tmp_path)
    longer = tiny_config(steps=14, batch_size=4, validate_every=7, checkpoint_minutes=1.0)
    assert train(tmp_path, config=longer, resume=True).steps == 14


def test_a_finished_run_resumes_to_nothing(tmp_path: Path) -> None:
    first = train(tmp_path)
    before = (tmp_path / "tiny.safetensors").read_bytes()
    assert train(tmp_path, resume=True) == first
    assert (tmp_path / "tiny.safetensors").read_bytes() == before


@pytest.mark.parametrize("stop_at", [6, 7])
def test_better_weights_of_a_validation_out_of_turn_stay(tmp_path: Path, stop_at: int) -> None:
    class Listed(TinyStage):
        def __init__(self, *losses: float) -> None:
            super().__init__()
            self.listed = iter(losses)

        def validate(self, generator: torch.Generator) -> dict[str, float]:
            return {"loss": next(self.listed)}

    assert train(tmp_path, Listed(2.0, 1.0), max_steps=6).best_loss == 1.0  # at 4, and at the end
    assert train(tmp_path, Listed(3.0), resume=True, max_steps=stop_at).best_loss == 1.0
    assert weights.load_metadata(tmp_path / "tiny.safetensors")["step"] == 6
    assert train(tmp_path, Listed(0.5, 4.0), resume=True).best_loss == 0.5  # at 8, and 12
    assert weights.load_metadata(tmp_path / "tiny.safetensors")["step"] == 8


def test_progress_log_and_checkpoints_by_the_clock(tmp_path: Path) -> None:
    seen: list[TrainingProgress] = []
    saved: list[int] = []

    def look(report: TrainingProgress) -> None:
        seen.append(report)
        path = tmp_path / "training/tiny/state.json"
        saved.append(json.loads(path.read_text())["step"] if path.exists() else 0)

    train(tmp_path, config=tiny_config(checkpoint_minutes=0.0), progress=look)
    assert [report.step for report in seen] == list(range(1, 13))
    assert saved == list(range(12))
    last = seen[-1]
    assert (last.total, last.device, last.eta_seconds) == (12, "cpu", 0)
    assert last.samples_per_second > 0
    assert last.losses["loss"] > 0
    assert seen[2].valid is None
    assert last.valid is not None
    assert seen[0].eta_seconds > 0
    records = log(tmp_path)
    assert [record["step"] for record in records] == [4, 8, 10, 12]
    assert {"loss", "learning_rate", "samples_per_second", "seconds"} <= records[0].keys()
    assert records[0]["loss"] == pytest.approx(sum(r.losses["loss"] for r in seen[:4]) / 4)


def test_resuming_drops_what_was_logged_after_the_state(tmp_path: Path) -> None:
    train(tmp_path, max_steps=6)
    path = tmp_path / "training/tiny/metrics.jsonl"
    with path.open("a") as file:
        file.write('{"step": 8, "loss": 1.0}\n{"step": 10, "lo')  # logged, then killed before the next checkpoint
    train(tmp_path, resume=True)
    steps = [record["step"] for record in log(tmp_path)]
    assert steps == sorted(steps)
    assert steps.count(8) == 1
    assert steps[-1] == 12
    assert all(json.loads(line) for line in path.read_text().splitlines())


def test_stopping_by_minutes_and_by_steps(tmp_path: Path) -> None:
    assert train(tmp_path / "b", max_minutes=0.0) == FitResult(
        1, log(tmp_path / "b")[-1]["valid"]["loss"], "minutes", tmp_path / "b"
    )
    assert train(tmp_path / "b", max_steps=3, resume=True).stopped_by == "max_steps"


def test_the_first_signal_stops_after_the_step_and_handlers_return(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)

    def press(report: TrainingProgress) -> None:
        if report.step == 5:
            os.kill(os.getpid(), signal.SIGINT)

    result = train(tmp_path, progress=press)
    assert (result.steps, result.stopped_by) == (5, "interrupted")
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    assert state(tmp_path)[1]["step"] == 5


def test_the_second_ctrl_c_raises_and_leaves_the_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(tmp_path, max_steps=3)
    monkeypatch.setattr(interrupts, "BURST_SECONDS", 0.0)  # as if it came later

    def press(report: TrainingProgress) -> None:
        for _ in range(2 if report.step == 5 else 0):
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, resume=True, progress=press)
    assert state(tmp_path)[1]["step"] == 3


def test_an_early_stop_still_leaves_weights_to_use(tmp_path: Path) -> None:
    def press(report: TrainingProgress) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    assert train(tmp_path, progress=press) == FitResult(1, math.inf, "interrupted", tmp_path)
    assert "net.0.weight" in exported(tmp_path)


def test_training_works_outside_the_main_thread(tmp_path: Path) -> None:
    results: list[FitResult] = []
    thread = threading.Thread(target=lambda: results.append(train(tmp_path, max_steps=2)))
    thread.start()
    thread.join()
    assert results[0].steps == 2


ENDLESS = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from support.stages import TinyStage, tiny_config
from stylebox.core.training import log
from stylebox.core.training.loop import fit

log.plot_losses = lambda *_: None

def ready(report):
    if report.step == 3:
        print("training", flush=True)

config = tiny_config(steps=10**9, validate_every=10**9, schedule="constant")
print(fit(TinyStage(), config, Path(sys.argv[2]), device="cpu", progress=ready).stopped_by)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to catch")
def test_sigterm_leaves_a_state_to_resume(tmp_path: Path, start: Start) -> None:
    here = str(Path(__file__).parents[1])
    environment = os.environ | {"PYTHONPATH": str(Path(here).parent)}
    process = start("-c", ENDLESS, here, tmp_path, env=environment)
    assert process.stdout is not None
    assert process.stdout.readline() == "training\n"
    time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=300)
    assert (output, process.returncode) == ("interrupted\n", 0)
    step = state(tmp_path)[1]["step"]
    config = tiny_config(steps=step + 2, validate_every=10**9, schedule="constant")
    assert step >= 3
    assert train(tmp_path, config=config, resume=True).steps == step + 2


def test_the_run_draws_its_losses(tmp_path: Path) -> None:
    train(tmp_path)
    picture = tmp_path / "training/tiny/loss.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert not list(tmp_path.rglob("*.part*"))


def test_the_average_follows_its_formula() -> None:
    layer = nn.BatchNorm1d(1)
    ema = Ema({"norm": layer}, decay=0.25)
    expected = layer.weight.item()
    for n, value in enumerate([2.0, -1.0, 5.0, 3.0]):
        with torch.no_grad():
            layer.weight.fill_(value)
            layer.running_mean.fill_(value)  # type: ignore[union-attr]
            layer.num_batches_tracked.fill_(n)  # type: ignore[union-attr]
        decay = min(0.25, (1 + n) / (10 + n))
        expected = decay * expected + (1 - decay) * value
        ema.update()
    assert ema.tensors["norm.weight"].item() == pytest.approx(expected)
    assert ema.tensors["norm.running_mean"].item() == 3.0
    assert ema.tensors["norm.num_batches_tracked"].item() == 3


def test_the_average_is_lent_and_taken_back_exactly() -> None:
    layer = nn.Linear(2, 2)
    ema = Ema({"layer": layer}, decay=0.9)
    with torch.no_grad():
        layer.weight.add_(0.1)
    own = layer.weight.clone()

    def fails_with_the_average() -> None:
        with ema.applied():
            assert torch.equal(layer.weight, ema.tensors["layer.weight"])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails_with_the_average()
    assert torch.equal(layer.weight, own)


def test_eval_mode_restores_each_module() -> None:
    network = nn.Sequential(nn.Dropout(), nn.BatchNorm1d(1))
    network[1].eval()
    with eval_mode(network):
        assert not any(module.training for module in network.modules())
    with pytest.raises(ZeroDivisionError), eval_mode(network):
        raise ZeroDivisionError
    assert [module.training for module in network.modules()] == [True, True, False]


def test_plateau_halves_after_patience_and_has_a_floor() -> None:
    rate = LearningRate(1e-3, steps=100, schedule="plateau")
    rate.observe(1.0)
    for _ in range(10):
        rate.observe(1.0)
    assert rate.at(50) == 1e-3
    rate.observe(1.0)
    assert rate.at(50) == 5e-4
    rate.observe(0.5)
    assert rate.plateau.bad == 0
    for _ in range(500):
        rate.observe(0.5)
    assert rate.at(50) == 1e-6


def test_plateau_agrees_with_torch() -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=1.0)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=10)
    ours = Plateau()
    losses = torch.rand(200, generator=torch.Generator().manual_seed(0)).cumsum(0).flip(0) // 4 + 1
    for loss in losses.tolist():
        theirs.step(loss)
        ours.observe(loss)
        assert ours.scale == optimizer.param_groups[0]["lr"]
    assert ours.scale < 1


def test_warm_up_then_cosine_over_the_configured_steps() -> None:
    rate = LearningRate(1e-3, steps=110, warmup_steps=10, schedule="cosine")
    assert [rate.at(step) for step in (0, 4, 9)] == pytest.approx([1e-4, 5e-4, 1e-3])
    assert rate.at(60) == pytest.approx((1e-3 + 1e-6) / 2)
    assert rate.at(110) == pytest.approx(1e-6)
    assert rate.at(10_000) == pytest.approx(1e-6)
    assert LearningRate(1e-3, 100, 10, "constant").at(99) == 1e-3


def test_batches_come_in_order_and_errors_come_through() -> None:
    def make(step: int) -> dict[str, torch.Tensor]:
        if step == 7:
            raise StyleboxError("step 7 is broken")
        return {"step": torch.tensor(step)}

    assert [int(batch["step"]) for batch in prefetched(make, range(2, 6))] == [2, 3, 4, 5]
    assert list(prefetched(make, range(3, 3))) == []
    with pytest.raises(StyleboxError, match="step 7"):
        list(prefetched(make, range(5, 9)))


def test_an_unknown_device_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StyleboxError, match="device abacus"):
        fit(TinyStage(), tiny_config(), tmp_path, device="abacus")


def test_more_steps_than_the_settings_have_are_said(tmp_path: Path) -> None:
    lines: list[str] = []
    result = train(tmp_path, config=tiny_config(steps=3), max_steps=5, remark=lines.append)
    assert result.steps == 3
    assert lines == ["--max-steps 5: the settings end after 3 steps; a --config may set more"]
