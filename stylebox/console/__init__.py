"""All that a screen shows, and what the program reads from the command line."""
