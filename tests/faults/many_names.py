"""Requests with another name each time, told to Locust and a recorder, as of a user class that is not ours.

    python tests/faults/many_names.py FOLDER REQUESTS

Every second one fails, with another text each time. Prints, as JSON, what Locust's statistics hold, and by
how many bytes this process has grown.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import gevent
import psutil
from locust import events
from locust.env import Environment

from recording.clock import Clock
from recording.folder import RunFolder
from recording.frames import LogWriter
from recording.recorder import Recorder, Situation
from scenarios.statistics import bound_entries, bound_failures

AT_ONCE = 10
"""Requests between which nobody else has the processor."""


def main(folder: RunFolder, requests: int) -> None:
    bound_entries()
    environment = Environment(events=events)
    environment.create_local_runner()
    bound_failures(environment)
    clock = Clock.start()
    recorder = Recorder(LogWriter(folder.log_path("local")), clock, "local", lambda: Situation(1, 1, "hold"))
    recorder.start()
    start_s, before = clock.now(), psutil.Process().memory_info().rss
    folder.write_manifest({"format": 1, "start_s": start_s, "clean_end": True, "nodes": ["local"]})
    for number in range(requests):
        name, fails = f"item {number}", number % 2 == 1
        error = ValueError(f"no item {number}") if fails else None
        outcome, status = ("http_error", 500) if fails else ("ok", 200)
        if number % AT_ONCE == 0:
            gevent.sleep(1e-6)  # as for an answer: the recorder writes, and notes how late it is
        recorder.record(start_s + number / 1000, 20.0, name, "GET", outcome, status)
        events.request.fire(
            request_type="GET", name=name, response_time=20, response_length=2, exception=error, context={}
        )
    recorder.close("stopped")
    stats = environment.stats
    told = {
        "requests": sum(entry.num_requests for entry in stats.entries.values()),
        "failures": sum(error.occurrences for error in stats.errors.values()),
        "entries": len(stats.entries),
        "errors": len(stats.errors),
        "grown_bytes": psutil.Process().memory_info().rss - before,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(RunFolder(Path(sys.argv[1])), int(sys.argv[2]))
