"""A wall clock that can be set: Python loads this first where its folder is on PYTHONPATH.

CLOCK_FILE holds the seconds by which the clock is wrong, CLOCK_FILE.PID those of one process; without a file
it is right.
"""

import os
import time

_right = time.time
_file = os.environ.get("CLOCK_FILE", "")


def _set() -> float:
    for file in (f"{_file}.{os.getpid()}", _file):
        try:
            with open(file) as stream:  # noqa: PTH123  (pathlib is not loaded yet)
                return _right() + float(stream.read())
        except (OSError, ValueError):
            continue
    return _right()


time.time = _set
