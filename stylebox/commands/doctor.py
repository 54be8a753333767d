"""`doctor`: check this machine."""

import typer

from stylebox.console import options as opt
from stylebox.console.console import console
from stylebox.console.exit import FAILED


def doctor(as_json: opt.AsJson = False) -> None:
    """Look what works on this machine, and say how to mend what does not."""
    from stylebox.core.jobs.doctor import examine

    findings = examine()
    if as_json:
        console.document(findings)
    else:
        console.findings(findings)
    if any(finding.state == "broken" for finding in findings):
        raise typer.Exit(FAILED)
