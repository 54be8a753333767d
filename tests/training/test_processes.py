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


def run_processes(start: Start, count: int, folder: Path) -> list[str]:
    """Run the worker in some processes, as `accelerate launch` does; what each one printed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    here = Path(__file__).parents[1]
    common = {"PYTHONPATH": str(here.parent), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    common |= {"WORLD_SIZE": str(count), "LOCAL_WORLD_SIZE": str(count), "ACCELERATE_USE_CPU": "true"}
    workers = [
        start("-c", WORKER, str(here), folder, env=os.environ | common | {"RANK": str(rank), "LOCAL_RANK": str(rank)})
        for rank in range(count)
    ]
    printed = [worker.communicate(timeout=300)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * count
    return printed


@pytest.mark.skipif(sys.platform == "win32", reason="gloo over loopback, tried on POSIX")
def test_two_processes_equal_one_with_the_whole_batch(tmp_path: Path, start: Start) -> None:
    alone = LinearStage()
    fit(alone, linear_config(), tmp_path / "one", device="cpu")
    seen = [json.loads(line) for line in run_processes(start, 2, tmp_path / "two")]
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
