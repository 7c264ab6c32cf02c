"""Experiment: two states of a target under equal load, arm by arm, and what the change did to the errors."""
