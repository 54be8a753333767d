"""Modules that training must not change."""

from types import MethodType
from typing import TypeVar

from torch import nn

AnyModule = TypeVar("AnyModule", bound=nn.Module)


def freeze(module: AnyModule) -> AnyModule:
    """Make a module constant: its weights get no gradient, and it stays in eval mode.

    `train()` on it, or on a module that contains it, leaves it in eval mode, so that the running statistics of its
    normalisation layers do not change either. Gradients still pass through it to its input.

    Returns:
        `module` itself.
    """
    module.requires_grad_(False)
    for part in module.modules():
        part.training = False
        part.__dict__["train"] = MethodType(_stay, part)  # a bound method: deepcopy binds it to the copy
    return module


def _stay(module: nn.Module, mode: bool = True) -> nn.Module:
    """`train()` of a frozen module: does nothing, whatever `mode`."""
    return module
