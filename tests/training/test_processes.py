"""Several processes train as one: the same weights as one process with the whole batch, and one writer."""

import json
import os
import socket
import sys
from pathlib import Path

import pytest
import torch
from support.command_result import Start
from support.stages import LinearStage, linear_config

from stylebox.core.config import load_preset
from stylebox.core.data import streamed
from stylebox.core.data.dataset import Dataset
from stylebox.core.data.shards import read_index, write_shards
from stylebox.core.data.streamed import StreamedDataset
from stylebox.core.errors import ConfigError
from stylebox.core.store import weights
from stylebox.core.training.accelerator import share_of_batch
from stylebox.core.training.loop import fit

WORKER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from support.stages import LinearStage, linear_config
from stylebox.core.training import log
from stylebox.core.training.loop import fit

log.plot_losses = lambda *_: None
stage = LinearStage()
for steps in (3, None):
    result = fit(stage, linear_config(), Path(sys.argv[2]), device="cpu", resume=True, max_steps=steps)
print(stage.seen)
"""

SHARD_WORKER = """
import json, os, sys, threading
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from stylebox.core.config import load_preset
from stylebox.core.data import streamed
from stylebox.core.jobs.train import make_stage
from stylebox.core.progress import silent
from stylebox.core.training import log
from stylebox.core.training.loop import fit

log.plot_losses = lambda *_: None
streamed.WINDOW_SHARDS = 2
folder, steps = Path(sys.argv[2]), int(sys.argv[3])
here, fetched, read = threading.local(), [], {}

class Counted(streamed.StreamedDataset):
    def mel(self, recording):
        if hasattr(here, "step"):  # not for a validation
            read.setdefault(here.step, []).append(self._shard_of[recording.files].name)
        return super().mel(recording)

    def _fetch_once(self, shard):
        fetched.append(shard.name)
        super()._fetch_once(shard)

dataset = Counted(str(folder / "shards"), folder / "cache", int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))
preset = load_preset("tiny")
config = preset.stage("vae").model_copy(update={"steps": steps, "batch_size": 8, "validate_every": steps})
preset = preset.model_copy(update={"train": {**preset.train, "vae": config}})
stage = make_stage("vae", preset, dataset, "tiny", "cpu", silent)
batch = stage.batch

def counted(step):
    here.step = step
    return batch(step)

stage.batch = counted
fit(stage, config, folder / "model", device="cpu")
print(json.dumps([{step: read[step] for step in range(steps)}, fetched]))
"""


def run_processes(start: Start, count: int, worker: str, *arguments: object) -> list[str]:
    """Run a worker in some processes, as `accelerate launch` does; what each one printed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    here = Path(__file__).parents[1]
    common = {"PYTHONPATH": str(here.parent), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    common |= {"WORLD_SIZE": str(count), "LOCAL_WORLD_SIZE": str(count), "ACCELERATE_USE_CPU": "true"}
    workers = [
        start(
            "-c",
            worker,
            str(here),
            *map(str, arguments),
            env=os.environ | common | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(count)
    ]
    printed = [worker.communicate(timeout=300)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * count
    return printed


@pytest.mark.skipif(sys.platform == "win32", reason="gloo over loopback, tried on POSIX")
def test_two_processes_equal_one_with_the_whole_batch(tmp_path: Path, start: Start) -> None:
    alone = LinearStage()
    fit(alone, linear_config(), tmp_path / "one", device="cpu")
    seen = [json.loads(line) for line in run_processes(start, 2, WORKER, tmp_path / "two")]
    assert sorted(seen[0] + seen[1]) == sorted(alone.seen)  # every example once, in one of them
    assert not set(seen[0]) & set(seen[1])
    one, two = (weights.load_weights(tmp_path / run / "linear.safetensors") for run in ("one", "two"))
    for name, tensor in one[0].items():
        torch.testing.assert_close(two[0][name], tensor, rtol=1e-5, atol=1e-6)
    losses = [json.loads((tmp_path / run / "linear.json").read_text())["metrics"]["loss"] for run in ("one", "two")]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    # a run of two processes goes on with one
    longer = linear_config(steps=10)
    fit(LinearStage(), longer, tmp_path / "two", device="cpu", resume=True)
    fit(LinearStage(), longer, tmp_path / "one", device="cpu", resume=True)
    one, two = (weights.load_weights(tmp_path / run / "linear.safetensors") for run in ("one", "two"))
    for name, tensor in one[0].items():
        torch.testing.assert_close(two[0][name], tensor, rtol=1e-5, atol=1e-6)


@pytest.mark.skipif(sys.platform == "win32", reason="gloo over loopback, tried on POSIX")
def test_two_processes_read_each_shard_once_per_epoch(
    tiny_home: Path, tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stylebox.core.data.shards.REFERENCE_SECONDS", 1.0)
    monkeypatch.setattr(streamed, "WINDOW_SHARDS", 2)
    write_shards(Dataset.open(tiny_home / "dataset"), str(tmp_path / "shards"), shard_bytes=1)  # a recording in each
    config = load_preset("tiny").stage("vae")
    whole, per_step = StreamedDataset(str(tmp_path / "shards"), tmp_path / "unused"), 8 * config.crop_frames
    shards = sorted(s.name for s in read_index(str(tmp_path / "shards")).shards if s.kind in ("train", "reference"))
    kept = {name for name in shards if name.startswith("reference")}
    assert len(shards) - len(kept) >= 2
    epochs: list[range] = []
    for _ in range(2):
        first = stop = epochs[-1].stop if epochs else 0
        for _ in range(len(shards) // 2):  # windows
            stop = whole.window(stop, per_step, config.seed).stop
        epochs.append(range(first, stop))
    printed = run_processes(start, 2, SHARD_WORKER, tmp_path, epochs[-1].stop)
    (reads, fetches), (other_reads, other_fetches) = (json.loads(line.splitlines()[-1]) for line in printed)
    for steps in epochs:
        one, other = ({name for step in steps for name in found[str(step)]} for found in (reads, other_reads))
        assert not one & other
        assert sorted(one | other) == shards
    for name in set(shards) - kept:
        assert 1 <= (fetches + other_fetches).count(name) <= len(epochs)


def test_the_shares_of_all_processes_are_the_batch() -> None:
    class Processes:
        num_processes = 4
        process_index = 0

    shares = []
    for rank in range(4):
        Processes.process_index = rank
        shares += list(range(12))[share_of_batch(Processes(), 12)]
    assert shares == list(range(12))
    with pytest.raises(ConfigError, match="4 processes cannot share a batch of 10 equally; use --batch-size 8"):
        share_of_batch(Processes(), 10)
    with pytest.raises(ConfigError, match="use --batch-size 4"):
        share_of_batch(Processes(), 3)
