"""stylebox: hear a recording played by another instrument."""

__version__ = "0.1.0"
