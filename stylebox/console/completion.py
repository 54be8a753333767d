"""What the Tab key offers for styles, models and presets. Loads no network, so that it answers at once."""

from collections.abc import Iterable

import typer


def complete_style(context: typer.Context, incomplete: str) -> list[str]:
    """Styles that begin like the text; in a blend, like what follows its last comma."""
    from stylebox.core.store.names import own_style_names, styles_of_model

    before, comma, last = incomplete.rpartition(",")
    model = str(context.params.get("model") or "base")
    return _beginning(last, [*styles_of_model(model), *own_style_names()], f"{before}{comma}")


def complete_model(incomplete: str) -> list[str]:
    """Models that begin like the text."""
    from stylebox.core.store.names import model_names

    return _beginning(incomplete, model_names())


def complete_preset(incomplete: str) -> list[str]:
    """Presets that begin like the text."""
    from importlib import resources

    files = (file.name for file in (resources.files("stylebox") / "presets").iterdir())
    return _beginning(incomplete, sorted(name.removesuffix(".toml") for name in files if name.endswith(".toml")))


def _beginning(text: str, names: Iterable[str], before: str = "") -> list[str]:
    return [f"{before}{name}" for name in names if name.casefold().startswith(text.casefold())]
