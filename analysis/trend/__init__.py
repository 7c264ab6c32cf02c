"""Trend: runs of one scenario over days; whether the newest is worse, and since when."""
