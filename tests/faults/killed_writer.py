"""A load generating process that records many requests and is then killed, with six of them still waiting.

    python tests/faults/killed_writer.py FOLDER REQUESTS

Every sixth request fails. They are recorded at some 10,000 a second, as if they had been sent at 1,000.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import gevent

from recording.clock import Clock
from recording.folder import RunFolder
from recording.frames import LogWriter
from recording.recorder import Recorder, Situation

AT_A_TIME, PAUSE_S = 100, 0.01
RATE_PER_S = 1000
WAITING, WRITTEN_S = 6, 1.5
"""What waits is in the log after so long."""


def main(folder: RunFolder, requests: int) -> None:
    clock = Clock.start()
    recorder = Recorder(LogWriter(folder.log_path("local")), clock, "local", lambda: Situation(6, 6, "hold"))
    recorder.start()
    start_s = clock.now()
    folder.write_manifest({"format": 1, "start_s": start_s, "clean_end": False, "nodes": ["local"]})
    for _ in range(WAITING):
        recorder.begin("login", "POST")
    for number in range(requests):
        outcome, status = ("http_error", 503) if number % 6 == 5 else ("ok", 200)
        recorder.record(start_s + number / RATE_PER_S, 30.0, "login", "POST", outcome, status)
        if number % AT_A_TIME == 0:
            gevent.sleep(PAUSE_S)
    gevent.sleep(WRITTEN_S)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(RunFolder(Path(sys.argv[1])), int(sys.argv[2]))
