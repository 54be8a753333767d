"""Programs that build what ships with the package. Run them as `python -m tools.NAME`."""
