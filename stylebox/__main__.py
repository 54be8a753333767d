"""Runs the command line for `python -m stylebox`."""

from stylebox.cli import main

if __name__ == "__main__":
    main()
