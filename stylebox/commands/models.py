"""`models`: list the installed models."""

from stylebox.console import options as opt
from stylebox.console.console import console


def models(as_json: opt.AsJson = False) -> None:
    """List the models that are there: your own and the shipped one."""
    from stylebox.core.store.library import list_models

    console.listing(list_models(), as_json)
