"""Starting Locust: what is heard in that very moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

import pytest

from commands import locust_process


def test_ctrl_c_while_locust_is_being_started_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **settings: Any) -> None:
            super().__init__(*arguments, **settings)
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(locust_process.subprocess, "Popen", Interrupted)
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    with locust_process.running(sleep, dict(os.environ)) as (process, received):
        assert process.wait(30) != 0
    assert received == [signal.SIGINT]
