"""Files of weights and training state: whole or not at all, strict, and never a pickle."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from stylebox.core import files
from stylebox.core.config import TrainConfig
from stylebox.core.errors import ModelError
from stylebox.core.store import weights
from stylebox.core.training import checkpoint
from stylebox.core.training.failures import out_of_memory
from stylebox.core.training.optimizer import load_optimizer, optimizer_tensors


def tensors_of(value: float) -> dict[str, torch.Tensor]:
    return {"a": torch.full((3,), value), "b.weight": torch.arange(6.0).reshape(2, 3) + value}


def test_weights_and_metadata_come_back(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    tensors = tensors_of(1) | {"count": torch.tensor(7), "image": torch.rand(2, 3, 4, 4)}
    tensors["image"] = tensors["image"].to(memory_format=torch.channels_last)
    metadata = {"config": {"width": 3, "names": ["a", "b"]}, "step": 5}
    weights.save_weights(path, tensors, metadata)
    loaded, about = weights.load_weights(path)
    assert about == metadata == weights.load_metadata(path)
    assert loaded.keys() == tensors.keys()
    assert all(torch.equal(loaded[name], tensors[name]) for name in tensors)


def test_parameters_of_earlier_files_have_their_names_of_today(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    earlier = ("draft.unet.enter.weight", "draft.unet.leave.bias", "vocoder.backbone.0.widen.weight", "centre.weight")
    weights.save_weights(path, {name: torch.full((2,), float(at)) for at, name in enumerate(earlier)})
    present = ("draft.unet.conv_in.weight", "draft.unet.conv_out.bias", "vocoder.backbone.0.up.weight", "centre.weight")
    loaded, _ = weights.load_weights(path)
    assert {name: float(tensor[0]) for name, tensor in loaded.items()} == {n: float(i) for i, n in enumerate(present)}


def test_equal_weights_are_equal_files(tmp_path: Path) -> None:
    metadata = {name: name * 3 for name in "abcdefgh"}
    for name in ("x", "y"):
        weights.save_weights(tmp_path / f"{name}.safetensors", tensors_of(1), metadata)
    assert (tmp_path / "x.safetensors").read_bytes() == (tmp_path / "y.safetensors").read_bytes()


def test_half_precision_spares_what_it_cannot_hold(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    tensors = {"small": torch.tensor([0.5]), "large": torch.tensor([1e6]), "count": torch.tensor(70000)}
    weights.save_weights(path, tensors, dtype=torch.float16)
    loaded, _ = weights.load_weights(path)
    assert loaded["small"].dtype == torch.float16
    assert loaded["large"].item() == 1e6
    assert loaded["count"].item() == 70000


def test_tied_weights_are_written_twice_and_load(tmp_path: Path) -> None:
    shared = torch.rand(2, 2)
    weights.save_weights(tmp_path / "x.safetensors", {"a": shared, "b": shared[:1]})
    assert torch.equal(weights.load_weights(tmp_path / "x.safetensors")[0]["b"], shared[:1])


class Bomb:
    """Unpickling it would leave a file behind."""

    def __reduce__(self) -> Any:
        return (Path.touch, (Path("exploded"),))


@pytest.mark.parametrize("kind", ["pickle", "torch", "truncated", "empty", "text", "folder"])
def test_what_is_not_safetensors_is_refused_unread(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "model.safetensors"
    if kind == "pickle":
        path.write_bytes(pickle.dumps(Bomb()))
    elif kind == "torch":
        torch.save({"weights": Bomb()}, path)
    elif kind == "truncated":
        weights.save_weights(path, tensors_of(1))
        path.write_bytes(path.read_bytes()[:-4])
    elif kind == "folder":
        path.mkdir()
    else:
        path.write_bytes(b"" if kind == "empty" else b"weights, honestly\n" * 10)
    for read in (weights.load_weights, weights.load_metadata):
        with pytest.raises(ModelError, match="is not a complete safetensors file") as caught:
            read(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
    assert not Path("exploded").exists()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"gone\.safetensors: no such file"):
        weights.load_weights(tmp_path / "gone.safetensors")


def test_another_writers_header_is_kept_as_text(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(1)}, tmp_path / "x.safetensors", {"format": "pt"})
    assert weights.load_metadata(tmp_path / "x.safetensors") == {"format": "pt"}


def changed(kind: str) -> dict[str, torch.Tensor]:
    """Weights for a Linear(3, 2) named "draft", with one thing wrong."""
    tensors = {"draft.weight": torch.ones(2, 3), "draft.bias": torch.ones(2), "other.bias": torch.ones(1)}
    if kind == "missing":
        del tensors["draft.bias"]
    elif kind == "unexpected":
        tensors["draft.scale"] = torch.ones(2)
    elif kind == "shape":
        tensors["draft.bias"] = torch.ones(5)
    elif kind == "integers":
        tensors["draft.bias"] = torch.ones(2, dtype=torch.int64)
    return tensors


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("missing", "draft.bias is missing"),
        ("unexpected", "draft.scale is unexpected"),
        ("shape", "draft.bias has shape 5, this network needs 2"),
        ("integers", "draft.bias holds torch.int64"),
    ],
)
def test_loading_is_strict_and_all_or_nothing(kind: str, said: str) -> None:
    module = nn.Linear(3, 2)
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    with pytest.raises(ModelError) as caught:
        weights.load_into(module, changed(kind), "draft.", "model.safetensors")
    assert str(caught.value).startswith(f"model.safetensors: {said}")
    assert "\n" not in str(caught.value)
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())


def test_loading_keeps_dtype_and_ignores_other_parts() -> None:
    module = nn.Linear(3, 2)
    half = {name: tensor.half() for name, tensor in changed("nothing").items()}
    weights.load_into(module, half, "draft.", "model.safetensors")
    assert module.weight.dtype == torch.float32
    assert torch.equal(module.weight, torch.ones(2, 3))


def test_an_interrupted_save_leaves_the_earlier_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.safetensors"
    weights.save_weights(path, tensors_of(1))

    def half_written(tensors: Any, target: Path, header: Any) -> None:
        target.write_bytes(b"half a file")
        raise KeyboardInterrupt

    monkeypatch.setattr(weights, "save_file", half_written)
    with pytest.raises(KeyboardInterrupt):
        weights.save_weights(path, tensors_of(2))
    assert weights.load_weights(path)[0]["a"][0] == 1
    assert [file.name for file in tmp_path.iterdir()] == ["x.safetensors"]


def test_a_state_replaces_the_earlier_one(tmp_path: Path) -> None:
    assert checkpoint.load_state(tmp_path) is None
    for step in (10, 20):
        checkpoint.save_state(tmp_path, step, tensors_of(step), {"best_loss": 0.5})
    found = checkpoint.load_state(tmp_path)
    assert found is not None
    tensors, document = found.tensors, found.document
    assert (document["step"], document["best_loss"], tensors["a"][0].item()) == (20, 0.5, 20)
    names = {"state.json", "state-earlier.json", "state-000000010.safetensors", "state-000000020.safetensors"}
    assert {file.name for file in tmp_path.iterdir()} == names


@pytest.mark.parametrize("moment", ["tensors", "json", "switch", "tidying"])
def test_a_save_killed_at_any_moment_leaves_a_whole_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    checkpoint.save_state(tmp_path, 10, tensors_of(10), {})
    with monkeypatch.context() as patch:
        kill_at(moment, patch)
        with pytest.raises(KeyboardInterrupt):
            checkpoint.save_state(tmp_path, 20, tensors_of(20), {})
    # what kill -9 leaves behind, as it runs no `finally`
    (tmp_path / ".state-000000020.4711.part.safetensors").write_bytes(b"half a file")
    found = checkpoint.load_state(tmp_path)
    assert found is not None
    expected = 20 if moment == "tidying" else 10
    assert found.document["step"] == found.tensors["a"][0].item() == expected
    checkpoint.save_state(tmp_path, 30, tensors_of(30), {})
    kept = {f"state-{step:09d}.safetensors" for step in (expected, 30)}
    assert {file.name for file in tmp_path.iterdir()} == {"state.json", "state-earlier.json", *kept}


@pytest.mark.parametrize("harm", ["cut", "flip", "gone", "json", "value"])
def test_a_damaged_state_is_passed_over_for_the_one_before(tmp_path: Path, harm: str) -> None:
    for step in (10, 20):
        checkpoint.save_state(tmp_path, step, tensors_of(step), {"best_loss": 0.5})
    newest, document = tmp_path / "state-000000020.safetensors", tmp_path / "state.json"
    content = newest.read_bytes()
    if harm == "cut":
        newest.write_bytes(content[:-5])
    elif harm == "flip":
        newest.write_bytes(content[:-5] + bytes([content[-5] ^ 1]) + content[-4:])
    elif harm == "gone":
        newest.unlink()
    elif harm == "json":
        document.write_text(document.read_text()[:-20])
    else:
        document.write_text(document.read_text().replace("0.5", "0.6"))
    found = checkpoint.load_state(tmp_path)
    assert found is not None
    assert found.document["step"] == found.tensors["a"][0].item() == 10
    assert "going on from the state before it, step 10" in found.remark
    assert "\n" not in found.remark
    assert (newest.name if harm in ("cut", "flip", "gone") else "state.json") in found.remark
    checkpoint.save_state(tmp_path, 15, tensors_of(15), {})  # the damaged one does not replace the whole one before
    (tmp_path / "state-000000015.safetensors").unlink()
    again = checkpoint.load_state(tmp_path)
    assert again is not None
    assert again.document["step"] == 10
    (tmp_path / "state-000000010.safetensors").unlink()
    with pytest.raises(ModelError, match=r"no whole state before it; start again with --force"):
        checkpoint.load_state(tmp_path)


def kill_at(moment: str, patch: pytest.MonkeyPatch) -> None:
    """Make a save end at one moment: before or within a write, before the switch, or after it."""

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    if moment == "tensors":
        patch.setattr(weights, "save_file", killed)
    elif moment == "json":
        patch.setattr(files, "write_text", killed)
    elif moment == "switch":
        replace = Path.replace

        def all_but_the_switch(self: Path, target: Path) -> Path:
            if target.name == "state.json":
                raise KeyboardInterrupt
            return replace(self, target)

        patch.setattr(Path, "replace", all_but_the_switch)
    else:
        patch.setattr(Path, "glob", killed)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 1, "step": 3}', "\x00\x01"])
def test_a_damaged_state_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "state.json").write_text(text)
    with pytest.raises(ModelError, match="not a training state"):
        checkpoint.load_state(tmp_path)


def test_a_state_of_another_version_is_refused(tmp_path: Path) -> None:
    checkpoint.save_state(tmp_path, 1, tensors_of(1), {})
    document = json.loads((tmp_path / "state.json").read_text())
    (tmp_path / "state.json").write_text(json.dumps(document | {"version": 99}))
    with pytest.raises(ModelError, match="version 99"):
        checkpoint.load_state(tmp_path)


def test_optimiser_memory_fits_its_parameters_or_is_refused() -> None:
    layer = nn.Linear(2, 2)
    parameters = dict(layer.named_parameters())
    optimizer = torch.optim.AdamW(layer.parameters())
    layer(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    kept = optimizer_tensors(optimizer, parameters)
    other = torch.optim.AdamW(layer.parameters())
    load_optimizer(other, parameters, kept, "state.json")
    again = optimizer_tensors(other, parameters)
    assert kept.keys() == again.keys()
    assert all(torch.equal(kept[name], again[name]) for name in kept)
    with pytest.raises(ModelError, match="gain/exp_avg is unexpected"):
        load_optimizer(other, parameters, {"gain/exp_avg": torch.ones(1)}, "state.json")
    with pytest.raises(ModelError, match="bias/exp_avg has shape 3"):
        load_optimizer(other, parameters, {"bias/exp_avg": torch.ones(3)}, "state.json")


@pytest.mark.parametrize("left", ["", "{", "[1]", '{"tensors": "a"}'])
def test_a_failure_beside_a_damaged_state_is_still_one_line(tmp_path: Path, left: str) -> None:
    """The memory ran out; the state of the step before is named, or that there is none."""
    state = tmp_path / checkpoint.STATE_FILE
    state.write_text(left)
    config = TrainConfig(steps=9, batch_size=4)
    assert str(out_of_memory("vae", 9, config, tmp_path)).endswith("start again with --batch-size 2")
    (tmp_path / checkpoint.EARLIER_FILE).write_text('{"step": 5}')
    assert "the state of step 5 is kept: go on with --resume" in str(out_of_memory("vae", 9, config, tmp_path))


def test_weights_whose_description_a_killed_process_did_not_write_are_copied(tmp_path: Path) -> None:
    weights.save_weights(tmp_path / "best.safetensors", {"a": torch.ones(2)})
    weights.copy_weights(tmp_path / "best.safetensors", tmp_path / "vae.safetensors")
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["best.safetensors", "vae.safetensors"]
    (tmp_path / "best.json").write_text("{}")
    weights.copy_weights(tmp_path / "best.safetensors", tmp_path / "vae.safetensors")
    assert (tmp_path / "vae.json").read_text() == "{}"
    (tmp_path / "best.json").unlink()
    weights.copy_weights(tmp_path / "best.safetensors", tmp_path / "vae.safetensors")
    assert not (tmp_path / "vae.json").exists(), "it describes other weights"
