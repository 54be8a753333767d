"""Sound in and out of files and sound cards."""
