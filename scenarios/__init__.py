"""What load is made: scenarios and targets from YAML, load shape, behaviours, accounts."""
