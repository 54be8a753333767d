"""Commands: one module each, which reads its options, calls the core and shows the report."""
