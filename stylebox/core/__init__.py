"""The library behind the command line. It never prints, and never imports typer or rich."""
