"""What the lab's tests use to talk to it: one request, or many at once, over real connections."""

import csv
import http.client
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from lab import RunningLab


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: Any
    duration_ms: float


class Client:
    """One connection that is kept open."""

    def __init__(self, lab: RunningLab, timeout_s: float = 30.0) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", lab.port, timeout=timeout_s)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def ask(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        started = time.perf_counter()
        payload = body if isinstance(body, str | bytes | None) else json.dumps(body)
        self._connection.request(method, path, payload, headers or {})
        response = self._connection.getresponse()
        text = response.read()
        is_json = response.headers.get("content-type", "").startswith("application/json")
        return Answer(
            response.status,
            {name.lower(): value for name, value in response.headers.items()},
            json.loads(text) if is_json else text.decode(),
            (time.perf_counter() - started) * 1000,
        )

    def login(self, account: dict[str, str], headers: dict[str, str] | None = None) -> Answer:
        return self.ask("POST", "/api/auth/login", account, headers)


def read_accounts(lab: RunningLab) -> list[dict[str, str]]:
    with lab.accounts_path.open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def log_in_at_once(lab: RunningLab, clients: int, each: int) -> list[Answer]:
    """Every client logs in `each` times without a pause, each time as somebody else."""
    answers: list[Answer] = []
    accounts = read_accounts(lab)

    def work(number: int) -> None:
        mine = cycle(accounts[number::clients])
        with Client(lab) as client:
            answers.extend(client.login(next(mine)) for _ in range(each))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def statuses(answers: list[Answer]) -> Counter[int]:
    return Counter(answer.status for answer in answers)


def errors(answers: list[Answer]) -> Counter[str]:
    return Counter(answer.body["error"] for answer in answers if answer.status != 200)


def metric(lab: RunningLab, line: str) -> float:
    """The value of one line of /metrics, by its name and labels; 0 when there is none."""
    with Client(lab) as client:
        text = client.ask("GET", "/metrics").body
    for found in text.splitlines():
        name, _, value = found.rpartition(" ")
        if name == line:
            return float(value)
    return 0.0
