"""The `loadverdict` command line: one module per command, connecting the other parts."""
