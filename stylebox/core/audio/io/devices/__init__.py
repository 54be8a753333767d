"""Sound in and out of the machine. Knows no files."""
