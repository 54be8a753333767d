"""`stylebox models`: list the installed models."""

from stylebox.console import options as opt
from stylebox.console.views import show_list


def models(as_json: opt.AsJson = False) -> None:
    """List the installed models: your own and the shipped one."""
    from stylebox.core.store.library import list_models

    show_list(list_models(), as_json)
