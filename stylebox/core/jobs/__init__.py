"""The work of the commands: files in, files out."""
