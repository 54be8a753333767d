"""The computing device: what `auto` takes, and devices that do not exist."""

import pytest

from stylebox.core import device
from stylebox.core.errors import StyleboxError


def test_a_device_chosen_by_name_must_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert device.resolve_device("cpu") == ("cpu", None)
    name, note = device.resolve_device("auto")
    assert name == "cpu"
    assert note is not None
    assert note.endswith("using the CPU")
    for missing in ("cuda", "mps"):
        with pytest.raises(StyleboxError, match=f"device {missing}: .*use --device auto"):
            device.resolve_device(missing)
    with pytest.raises(StyleboxError, match="abacus"):
        device.resolve_device("abacus")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert device.resolve_device("auto")[0] == "mps"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert device.resolve_device("auto") == ("cuda", None)
