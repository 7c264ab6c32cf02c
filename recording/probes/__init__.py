"""Probes: a process of its own that reads the target's figures during a run (docs/probes.md)."""
