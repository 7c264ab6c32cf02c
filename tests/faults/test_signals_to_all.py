"""F4, F5: signals to a whole process group, as a terminal sends Ctrl-C and a service manager its SIGTERM; `nohup`.

Every command is started in a session of its own, as from a terminal of its own. Locust runs in another one, so
that a terminal's Ctrl-C reaches the command and what it started beside the load, and never Locust.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable

import pytest

from tests.commands.conftest import Cli, wait_for
from tests.faults.harness import (
    LOAD,
    LONG,
    SHORT,
    USERS,
    Bench,
    Going,
    Ledger,
    audit,
    check_all_agree,
    check_said,
    findings_of,
    measured,
    verdict_of,
)
from tests.faults.test_signals import RAMP, RAMP_USERS

OWN_SESSION = ("setsid",)
"""The command leads a process group and a session of its own: setsid makes it, and becomes the command."""

WITHOUT_TERMINAL = ("setsid", "nohup")

Reached = Callable[[Going], set[int]]


def of_terminal(going: Going) -> set[int]:
    """Ctrl-C in the command's terminal."""
    return {os.getpgid(going.process.pid)}


def everybody(going: Going) -> set[int]:
    """As a service manager: all that belongs to the run."""
    return of_terminal(going) | {os.getpgid(one.pid) for one in going.locusts()}


def send(groups: set[int], number: signal.Signals) -> None:
    """Send a signal to process groups; never to this one."""
    assert os.getpgrp() not in groups
    for group in groups:
        os.killpg(group, number)
