"""What each command does: parse, call one function of the core, show. `cli` makes them the program."""
