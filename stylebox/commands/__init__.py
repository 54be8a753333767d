"""One module per command: parse, call one function of the core, show. `cli` registers them."""
