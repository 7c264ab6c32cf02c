"""A circuit that breaks after CIRCUIT_LIMIT_S: Python loads this first where its folder is on PYTHONPATH."""

import os

from scenarios import circuit

circuit.LIMIT_S = float(os.environ["CIRCUIT_LIMIT_S"])
