"""Sends single requests through the suite's client, in a process of its own, and prints what was recorded.

    python tests/scenarios/send.py KIND < CASES

CASES is JSON: {name: {url, method?, path?, headers?, fields?, few_files?, cookies?, redirects?, times?,
variables?, given?}}; what was recorded is printed as {name: {outcome, status, ...}}, with `times` as
{"name 1": ..., "name 2": ...}. Locust changes sockets and threads of the process it is imported in: tests are
not to suffer from that.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from locust.env import Environment

from recording.clock import Clock
from recording.examples import ExampleWriter, read_examples
from recording.folder import RunFolder
from recording.frames import LogWriter
from recording.logs import read_logs
from recording.recorder import Recorder, Situation
from scenarios.accounts import NOBODY
from scenarios.client import Client
from scenarios.request import Expect, Request
from scenarios.scenario import Timeouts
from scenarios.senders import Senders
from tests.scenarios.misbehaving import CONNECT_S, READ_S, TOTAL_S

TIMEOUTS = Timeouts(connect_s=CONNECT_S, read_s=READ_S, total_s=TOTAL_S)


def main(kind: Any) -> None:
    """One request per case."""
    environment = Environment()
    environment.create_local_runner()
    folder = RunFolder.create(Path(tempfile.mkdtemp()), "send")
    recorder = Recorder(
        LogWriter(folder.log_path("a")),
        Clock.start(),
        "a",
        lambda: Situation(1, 1, "only"),
        rows_per_flush=64,
    )
    examples = ExampleWriter(folder.errors_jsonl)
    answers = {}
    for name, case in json.load(sys.stdin).items():
        client = Client(
            case["url"],
            recorder,
            examples,
            Senders(kind, case["url"], TIMEOUTS),
            environment.events.request,
            total_s=TIMEOUTS.total_s,
            keep_cookies=case.get("cookies", False),
        )
        user = client.user()
        files = resource.getrlimit(resource.RLIMIT_NOFILE)
        if case.get("few_files"):
            resource.setrlimit(resource.RLIMIT_NOFILE, (3, files[1]))
        request = Request(
            method=case.get("method", "GET"),
            path=case.get("path", "/"),
            headers=case.get("headers", {}),
            expect=Expect(json_fields=tuple(case.get("fields", ()))),
            redirects=case.get("redirects", 0),
        )
        for number in range(1, case.get("times", 1) + 1):
            one = f"{name} {number}" if "times" in case else name
            answers[one] = client.send(
                user, one, request, NOBODY, case.get("variables", {}), given=case.get("given", ())
            )
        resource.setrlimit(resource.RLIMIT_NOFILE, files)
        user.close()
        client.close()
    recorder.close("done")
    samples = read_logs(folder).samples
    stats = environment.stats
    endpoints = samples.endpoint.to_list()
    by_name = dict(zip(endpoints, range(len(samples)), strict=True))
    kept = {example.endpoint: asdict(example) for example in read_examples(folder.errors_jsonl)}
    outcomes, codes = samples.outcome.to_list(), samples.code.to_list()
    result = {
        name: {
            "answer": answer.outcome,
            "outcome": outcomes[by_name[name]],
            "code": codes[by_name[name]],
            "status": int(samples.status[by_name[name]]),
            "duration_ms": float(samples.duration_ms[by_name[name]]),
            "records": endpoints.count(name),
            "example": kept.get(name),
            "locust": [
                sum(e.num_requests for e in stats.entries.values() if e.name == name),
                sum(e.num_failures for e in stats.entries.values() if e.name == name),
            ],
        }
        for name, answer in answers.items()
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1])
