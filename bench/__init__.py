"""Programs that measure the model against alternatives and outside judges. Run them as `python -m bench.NAME`."""
