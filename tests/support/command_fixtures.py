"""Fixtures of the commands: the core is replaced where it would load networks."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from stylebox.core.jobs.style_list import StyleInfo
from support.fake_transfer import FakeTransfer


@pytest.fixture
def transfer(monkeypatch: pytest.MonkeyPatch) -> FakeTransfer:
    fake = FakeTransfer()
    for name, module in fake.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    return fake


@pytest.fixture
def piano() -> Path:
    path = Path("piano.wav")
    path.write_text("a piano")
    return path


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    fake = ModuleType("stylebox.core.store.library")
    fake.list_models = lambda: []  # type: ignore[attr-defined]
    describing = ModuleType("stylebox.core.jobs.describe")
    monkeypatch.setitem(sys.modules, "stylebox.core.jobs.describe", describing)
    describing.describe = lambda **what: {"of": what, "components": {"unet": {"parameters": 6841504}}}  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "stylebox.core.store.library", fake)
    listing = ModuleType("stylebox.core.jobs.style_list")
    violin = StyleInfo("violin", 55, 98, 62, 88, ("player", "soft"), "a player")
    listing.list_styles = lambda model: [violin, StyleInfo("a [b] c")]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "stylebox.core.jobs.style_list", listing)
    return fake
