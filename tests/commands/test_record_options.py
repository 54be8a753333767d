"""`stylebox record`: `--input` is the microphone, `--device` the computing device."""

from collections.abc import Callable
from pathlib import Path

import pytest
from support.command_result import CommandResult

from stylebox.console.choices import DeviceName
from stylebox.console.option_groups import Microphone
from stylebox.core.jobs.transfer_outcome import TransferBatch
from stylebox.core.sources.record.recorder import Take


@pytest.mark.parametrize("name", ["usb", "2"])
def test_a_microphone_given_as_device_is_refused_with_the_option_to_use(
    name: str, run: Callable[..., CommandResult]
) -> None:
    code, out, err = run("record", "--device", name)
    assert (code, out) == (2, "")
    message = " ".join(err.replace("│", " ").split())
    assert f"'{name}' is not one of auto, cuda, mps, cpu; choose the microphone with --input" in message


@pytest.mark.parametrize("options", ["", "--device cpu", "--compute cpu", "--device auto --compute cpu"])
def test_device_and_its_former_name_choose_where_the_networks_run(
    options: str, run: Callable[..., CommandResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    take = Take(Path("take.flac"), "usb", 8000, 1, 1.0, 0.0, -6.0, 0, 0, 0.0, "seconds", (), None)
    inputs: list[str | None] = []
    devices: list[str] = []

    def record_take(microphone: Microphone, *_: object) -> Take:
        inputs.append(microphone.audio_input)
        return take

    def transfer_sources(*arguments: object) -> TransferBatch:
        devices.extend(value for value in arguments if isinstance(value, DeviceName))
        return TransferBatch()

    monkeypatch.setattr("stylebox.commands.record._record_take", record_take)
    monkeypatch.setattr("stylebox.commands.record.transfer_sources", transfer_sources)
    result = run("record", "--input", "usb", "--style", "violin", *options.split())
    assert (result.code, inputs, devices) == (0, ["usb"], ["cpu" if options else "auto"])


def test_help_shows_device_and_not_its_former_name(run: Callable[..., CommandResult]) -> None:
    text = run("record", "--help").out
    assert "--input" in text
    assert "--device" in text
    assert "--compute" not in text
