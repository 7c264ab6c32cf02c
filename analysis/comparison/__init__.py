"""Comparison: what differs between runs of one scenario, before and after."""
