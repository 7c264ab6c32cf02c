"""SLO: targets as text, checked before any traffic (`grammar`), measured and judged after the run."""
