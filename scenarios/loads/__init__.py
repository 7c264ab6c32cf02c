"""Load models: one file per family, each a pure function from a few numbers to stages of load."""
