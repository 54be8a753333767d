"""`stylebox doctor`: check this machine."""

import typer

from stylebox.console import options as opt
from stylebox.console.console import console
from stylebox.console.exit import FAILED
from stylebox.console.views import show_findings


def doctor(as_json: opt.AsJson = False) -> None:
    """Check this machine and suggest a fix for each problem."""
    from stylebox.core.jobs.doctor import examine

    findings = examine()
    if as_json:
        console.document(findings)
    else:
        show_findings(findings)
    if any(finding.state == "broken" for finding in findings):
        raise typer.Exit(FAILED)
