"""F18, F19: workers that never come, and strangers at the port for workers."""

from __future__ import annotations

import random

import msgpack
import pytest
import zmq

from commands.locust_process import free_port
from tests.faults.harness import LOAD, Bench, Going, audit, check_all_agree, check_said, health_of

MILLION = {"method": "POST", "num_requests": 1_000_000}
FORGED = {
    "stats": {
        "stats": [{"name": "login", **MILLION}],
        "stats_total": {"name": "Aggregated", **MILLION},
        "errors": {},
    },
    "quit": None,
    "client_stopped": None,
    "heartbeat": {},
    "spawning_complete": {},
    "loadverdict_drained": {"start_s": 0},
    "loadverdict_ship": {"node": "worker-0", "file": "log", "offset": 0, "data": b"x"},
    "exception": {},
}


REFUSALS_TOLD = 20
"""Of however many: a stranger must not fill the disk with the log."""


def nested(depth: int) -> bytes:
    """A worker's word on its version: a list in a list, so deep that Python gives up on it."""
    version = b"\x91" * depth + b"\xc0"
    told = b"\x81" + msgpack.dumps("version") + version
    return b"\x93" + msgpack.dumps("loadverdict_version") + told + msgpack.dumps("stranger")


def port_of(going: Going) -> int:
    """Where the master of --processes waits for its workers."""
    arguments = going.locusts()[0].cmdline()
    return int(arguments[arguments.index("--master-bind-port") + 1])


def rude_messages(victim: str) -> list[bytes]:
    """Bytes that are no message, messages in a worker's name, messages that lack what they should have."""
    chance = random.Random(19)
    noise = [b"\xc1", b"", b"\x93", *(chance.randbytes(chance.randint(1, 60)) for _ in range(100))]
    forged = [msgpack.dumps((kind, data, victim)) for kind, data in FORGED.items()]
    own = [msgpack.dumps((kind, data, "stranger")) for kind, data in FORGED.items()]
    unhashable = [msgpack.dumps((kind, None, "stranger")) for kind in ([], {})]
    return [
        *noise,
        *forged,
        *own,
        msgpack.dumps(("locustfile", None, "stranger")),
        msgpack.dumps([1, 2, 3]),
        *unhashable,
        msgpack.dumps(("client_ready", "2.47.0", "stranger")),
        *map(nested, (3, 700, 990)),
    ]


@pytest.mark.slow
def test_strangers_at_the_port_for_workers_change_nothing(bench: Bench) -> None:
    going = bench.start(LOAD % 6, "--processes", "2")
    going.until_finished(60)
    log = (going.folder.path / "locust.log").read_text()
    victim = next(word for word in log.split() if word.count("_") and len(word) > 32)
    with zmq.Context() as context, context.socket(zmq.DEALER) as stranger:
        stranger.setsockopt(zmq.LINGER, 1000)
        stranger.setsockopt(zmq.IDENTITY, b"stranger")
        stranger.connect(f"tcp://127.0.0.1:{port_of(going)}")
        for message in rude_messages(victim):
            stranger.send(message)
    with zmq.Context() as context, context.socket(zmq.DEALER) as nameless:
        nameless.setsockopt(zmq.LINGER, 1000)
        nameless.setsockopt(zmq.IDENTITY, b"\xff\xfe")
        nameless.connect(f"tcp://127.0.0.1:{port_of(going)}")
        nameless.send(b"\xc1")
    going.until_ended()
    check_said(going, 1)
    assert audit(going).lost == 0
    check_all_agree(going)  # Locust's own totals too, for all that was forged
    told = [line for line in (going.folder.path / "locust.log").read_text().splitlines() if "refused" in line]
    assert len(told) == REFUSALS_TOLD
    assert all("at the port for workers" in line for line in told)
    health = health_of(going)
    assert health.nodes == ("worker-0", "worker-1")
    assert not health.nodes_without_end


@pytest.mark.slow
def test_workers_that_never_come_are_waited_for_no_longer_than_said(bench: Bench) -> None:
    port = free_port()
    going = bench.start(LOAD % 4, "--workers", "2", "--workers-port", str(port), "--workers-wait", "3s")
    going.until_ended()
    check_said(going, 6, "2 workers", str(port), "3 s", "none was there")
    assert going.ledger.target.served() == 0
