"""`python -m stylebox` is the `stylebox` command."""

from stylebox.cli import main

if __name__ == "__main__":
    main()
