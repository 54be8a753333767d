"""`stylebox styles`, `models` and `info`: what they show."""

import json
from collections.abc import Callable
from types import ModuleType

from support.command_result import CommandResult


def test_styles_and_models_are_tables_and_info_is_a_tree(
    run: Callable[..., CommandResult], library: ModuleType
) -> None:
    lines = run("styles").out.splitlines()
    assert [line.split() for line in lines] == [
        ["style", "range", "usual", "sounds", "learnt", "from"],
        ["violin", "G3", "to", "D7", "D4", "to", "E6", "player,", "soft", "a", "player"],
        ["a", "[b]", "c", "-", "-", "-", "-"],
    ]
    first, second = json.loads(run("styles", "--json").out)
    assert (first["usual_lowest_key"], first["sounds"], first["learnt_from"]) == (62, ["player", "soft"], "a player")
    assert second["lowest_key"] is None
    assert run("models") == CommandResult(0, "", "none\n")
    assert "    parameters: 6 841 504\n" in run("info", "--preset", "paper").out
    assert "model: base" in run("info").out


def test_the_networks_of_the_paper_have_its_numbers_of_parameters(run: Callable[..., CommandResult]) -> None:
    components = json.loads(run("info", "--preset", "paper", "--json").out)["components"]
    assert {name: part["parameters"] for name, part in components.items()} == {
        "spectrogram_encoder": 111840,
        "spectrogram_decoder": 198209,
        "style_encoder": 2729984,
        "cross_attention": 1313792,
        "unet": 6841504,
    }
