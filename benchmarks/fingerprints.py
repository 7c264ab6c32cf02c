"""Fingerprints: our rule table against drain3 on messages whose true groups are known.

    python -m benchmarks.fingerprints                     our rules alone
    python -m benchmarks.fingerprints --drain3 PYTHON     and drain3, run by another Python that has it
    python -m benchmarks.fingerprints --samples PATH      and the real messages of other tools' files

Every template below is filled 30 times with random ids, UUIDs, hex, addresses, ports, URLs, durations,
quoted values, paths, stamps, e-mail addresses and counts. Two messages belong together if they come from one
template. F1 is that of all pairs: precision falls where different failures are thrown together, recall where
one is torn.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from analysis.messages import masked
from recording.errors import LoadverdictError
from recording.reader import read_run

PER_TEMPLATE = 30

TEMPLATES: tuple[str, ...] = (
    "storage lock timeout after {ms} ms",
    "could not acquire lock on row {int} of table {word} within {dur}",
    "KeyError: '{word}'",
    "KeyError: '{word}' in request {uuid}",
    "connection pool exhausted: {int} of {int} connections in use",
    "QueuePool limit of size {int} overflow {int} reached, connection timed out, timeout {float}",
    'FATAL: too many connections for role "{word}"',
    "FATAL: remaining connection slots are reserved for superuser",
    "dial tcp {ip}:{port}: connect: connection refused",
    "dial tcp {ip}:{port}: i/o timeout",
    "dial tcp: lookup {host} on {ip}:53: no such host",
    "read tcp {ip}:{port}->{ip}:{port}: read: connection reset by peer",
    'Post "{url}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)',
    'Post "{url}": EOF',
    'Get "{url}": EOF',
    "HTTPConnectionPool(host='{ip}', port={port}): Read timed out. (read timeout={int})",
    "HTTPConnectionPool(host='{host}', port={port}): Max retries exceeded with url: {path}",
    "[Errno 111] Connection refused",
    "[Errno 104] Connection reset by peer",
    "[Errno 110] Connection timed out",
    "503 Server Error: Service Unavailable for url: {url}",
    "500 Server Error: Internal Server Error for url: {url}",
    "502 Server Error: Bad Gateway for url: {path}",
    "connect ECONNREFUSED {ip}:{port}",
    "connect ETIMEDOUT {ip}:{port}",
    "read ECONNRESET",
    "getaddrinfo ENOTFOUND {host}",
    "java.net.SocketTimeoutException: Read timed out",
    "java.net.ConnectException: Connection refused (Connection refused)",
    "Redis error at {time}: LOADING Redis is loading the dataset in memory",
    "redis: connection pool timeout",
    "MISCONF Redis is configured to save RDB snapshots, errno {int}",
    "invalid token {token}",
    "token of user {email} expired at {time}",
    "token of session {hex} was revoked",
    "user {int} not found",
    "user {email} not found",
    "order {uuid} not found",
    "order {oid} is locked by {oid}",
    "object {ptr} has no attribute '{word}'",
    "password verification took {dur}, limit {dur}",
    "bcrypt: invalid salt {salt}",
    "rate limit exceeded: {int} requests in {dur}, retry after {int} seconds",
    "rate limit exceeded for {ip}",
    "disk quota exceeded writing {file}",
    "cannot open {file}: no such file or directory",
    "cannot open {file}: permission denied",
    "panic: runtime error: index out of range [{int}] with length {int}",
    "Worker {int} killed by signal 9 after {dur}",
    "SSL: CERTIFICATE_VERIFY_FAILED for {host}:{port}",
    "upstream {host}:{port} returned 502 after {ms}ms",
    "request {hex16} failed: upstream sent too big header",
    "deadlock detected: process {int} waits for ShareLock on transaction {int}; blocked by process {int}",
    "value too long for type character varying({int})",
    'duplicate key value violates unique constraint "{word}_pkey"',
    "could not serialize access due to concurrent update",
    "expected {int} bytes, got {int}",
    "[{ip6}]:{port} unreachable",
    "shard-{int} of {word} is read-only since {time}",
)

HELD_OUT: tuple[str, ...] = (
    "Lock wait timeout exceeded; try restarting transaction {int}",
    "ORA-12516: listener at {host}:{port} could not find available handler",
    "MongoServerSelectionError: connection {int} to {ip}:{port} closed",
    "AMQP channel {int} closed: PRECONDITION_FAILED in {dur}",
    "kafka: leader of {word}-{int} not available at {time}",
    "S3 upload of {path} failed after {dur}",
    "cannot read {file}: input/output error",
    "gRPC DEADLINE_EXCEEDED after {dur} calling {host}",
    "circuit breaker of {word} is open since {time}",
    "session {uuid} of {email} was evicted",
    "payment {oid} declined with code {int}",
    "nonce {hex} was used before",
    "invalid cursor {hex16}",
    "Cannot read properties of undefined (reading '{word}')",
    "heap out of memory at {ptr}",
    "no healthy upstream in cluster {word}",
    "no healthy upstream",
    "JWT {token} has no claim '{word}'",
    "Bearer token expired {dur} ago",
    "fetch of {url} aborted",
    "fetch of {url} failed: socket hang up",
    "tls: handshake with {ip}:{port} failed: bad certificate",
    "unexpected EOF while reading {int} bytes from {host}:{port}",
    'row {int}: column "{word}" is null',
    "queue length {int} over limit {int}",
    "statement timeout: canceled after {dur}",
    "worker pool of {int} threads is busy for {dur}",
    "replica lag {dur} over {dur}",
    "404 page {path} not found",
    "user {email} has {int} failed attempts",
)
"""Written after the rules were fixed, and never used to change them."""

WORDS = ("tenant", "orders", "users", "session", "billing", "account", "inventory", "region")


def _duration(chance: random.Random) -> str:
    n = chance.randrange(1, 60)
    return chance.choice((f"{n * 37}ms", f"{n}s", f"{n / 7:.3f}s", f"{n} seconds", f"{n}m{n // 2}s"))


def _host(chance: random.Random) -> str:
    domain = chance.choice(("internal", "example.com", "svc.cluster.local"))
    return f"{chance.choice(WORDS)}-{chance.randrange(40)}.{domain}"


def _url(chance: random.Random) -> str:
    scheme = chance.choice(("http", "https"))
    return f"{scheme}://{_host(chance)}:{chance.randrange(1024, 65536)}/api/{chance.randrange(10**6)}"


def _moment(chance: random.Random) -> str:
    day, hour, second = chance.randrange(1, 28), chance.randrange(24), chance.randrange(60)
    plain = f"2026-11-{day:02d} {hour:02d}:{second:02d}:{second:02d}"
    return chance.choice((plain, plain.replace(" ", "T") + f".{chance.randrange(1000):03d}Z"))


def _id(chance: random.Random) -> str:
    prefix = chance.choice(("ord", "job", "cus"))
    return f"{prefix}_{''.join(chance.choices(LETTERS, k=14))}"


def _ip6(chance: random.Random) -> str:
    first, second = chance.randrange(65536), chance.randrange(65536)
    return chance.choice((f"fe80::{first:x}:{second:x}", f"2001:db8:{first:x}::1", "::1"))


def _file(chance: random.Random) -> str:
    ending = chance.choice(("log", "db", "tmp"))
    return f"/var/{chance.choice(WORDS)}/{chance.choice(WORDS)}-{chance.randrange(10**5)}.{ending}"


LETTERS = "abcdefghjkmnpqrstvwxyzABCDEFGH0123456789"
KINDS: dict[str, Callable[[random.Random], str]] = {
    "int": lambda c: str(c.randrange(10 ** c.randrange(1, 8))),
    "ms": lambda c: str(c.randrange(5, 30000)),
    "float": lambda c: f"{c.random() * 60:.2f}",
    "dur": _duration,
    "ip": lambda c: ".".join(str(c.randrange(256)) for _ in range(4)),
    "ip6": _ip6,
    "port": lambda c: str(c.randrange(1024, 65536)),
    "host": _host,
    "url": _url,
    "path": lambda c: f"/api/{c.choice(WORDS)}/{c.randrange(10**6)}{c.choice(('', '?page=7'))}",
    "uuid": lambda c: str(uuid.UUID(int=c.getrandbits(128))),
    "hex": lambda c: f"{c.getrandbits(128):032x}",
    "hex16": lambda c: f"{c.getrandbits(64):016x}",
    "ptr": lambda c: f"0x{c.getrandbits(48):012x}",
    "oid": _id,
    "token": lambda c: f"eyJ{c.getrandbits(60):x}.eyJ{c.getrandbits(80):x}.{c.getrandbits(90):x}",
    "salt": lambda c: f"$2b$12${c.getrandbits(100):x}",
    "email": lambda c: f"{c.choice(WORDS)}.{c.randrange(10**4)}@example.com",
    "time": _moment,
    "file": _file,
    "word": lambda c: c.choice(WORDS),
}


def _fill(template: str, chance: random.Random) -> str:
    parts = template.split("{")
    text = parts[0]
    for part in parts[1:]:
        kind, _, rest = part.partition("}")
        text += KINDS[kind](chance) + rest
    return text


def fuzzed(templates: Sequence[str], seed: int = 1) -> tuple[list[str], list[int]]:
    """Messages in random order and the template each came from."""
    chance = random.Random(seed)
    made = [(_fill(t, chance), i) for i, t in enumerate(templates) for _ in range(PER_TEMPLATE)]
    chance.shuffle(made)
    return [text for text, _ in made], [group for _, group in made]


def pairwise(truth: Sequence[object], found: Sequence[object]) -> tuple[float, float, float]:
    """Precision, recall and F1 over all pairs of messages."""

    def pairs(groups: Sequence[object]) -> int:
        return sum(n * (n - 1) // 2 for n in Counter(groups).values())

    together = pairs(list(zip(truth, found, strict=True)))
    precision = together / max(pairs(found), 1)
    recall = together / max(pairs(truth), 1)
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-12)


DRAIN3 = r"""
import json, sys, time
from drain3 import TemplateMiner
from drain3.template_miner_config import TemplateMinerConfig
from drain3.masking import MaskingInstruction
messages, with_masks = json.load(sys.stdin)
config = TemplateMinerConfig()
config.profiling_enabled = False
masks = (
    (r"([0-9a-f]{2,}:){3,}([0-9a-f]{2,})", "ID"),
    (r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}", "IP"),
    (r"([0-9a-f]{6,} ?){3,}", "SEQ"),
    (r"([0-9A-F]{4} ?){4,}", "SEQ"),
    (r"0x[a-f0-9A-F]+", "HEX"),
    (r"[\-\+]?\d+", "NUM"),
)
if with_masks:
    alone = r"((?<=[^A-Za-z0-9])|^)(%s)((?=[^A-Za-z0-9])|$)"
    config.masking_instructions = [MaskingInstruction(alone % p, m) for p, m in masks]
miner = TemplateMiner(config=config)
began = time.perf_counter()
for m in messages:
    miner.add_log_message(m)
took = time.perf_counter() - began
groups = [miner.match(m, "always") for m in messages]
json.dump([[g.cluster_id if g else -i for i, g in enumerate(groups)], took], sys.stdout)
"""
"""The masks are those of drain3's own example configuration."""


def _drain3(python: Path, messages: list[str], *, masks: bool) -> tuple[list[object], float]:
    done = subprocess.run(
        [str(python), "-c", DRAIN3],
        input=json.dumps([messages, masks]),
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    groups, took = json.loads(done.stdout)
    return groups, took


def _ours(messages: list[str]) -> tuple[list[object], float]:
    began = time.perf_counter()
    groups: list[object] = [masked(text) for text in messages]
    return groups, time.perf_counter() - began


def _real(path: Path) -> tuple[list[str], list[str]]:
    """Messages kept from real files, and what they are: status and outcome."""
    found: dict[str, str] = {}
    for file in sorted(path.glob("*/*")):
        try:
            run = read_run(file)
        except LoadverdictError:
            continue
        for example in run.examples:
            found[example.message] = f"{example.status} {example.outcome}"
    return list(found), list(found.values())


def main() -> int:
    """Print the table, then templates that were torn or thrown together."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--drain3", type=Path, metavar="PYTHON", help="Python that has drain3")
    parser.add_argument("--samples", type=Path, metavar="PATH")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for title, templates in (("used to improve the rules", TEMPLATES), ("held out", HELD_OUT)):
        print(f"\n{title}: {len(templates)} templates, {len(templates) * PER_TEMPLATE} messages\n")
        _compare(templates, options.seed, options.drain3)
    if options.samples:
        texts, kinds = _real(options.samples)
        grouped = Counter(zip((masked(text) for text in texts), kinds, strict=True))
        print(f"\n{len(texts)} kept messages of real files in {len(grouped)} groups:")
        for (text, kind), count in sorted(grouped.items()):
            print(f"- {count} x {kind}: {text}")
    return 0


def _compare(templates: Sequence[str], seed: int, drain3: Path | None) -> None:
    messages, truth = fuzzed(templates, seed)
    answers = {"rule table": _ours(messages)}
    if drain3:
        answers["drain3"] = _drain3(drain3, messages, masks=False)
        answers["drain3 with its masks"] = _drain3(drain3, messages, masks=True)
        rules, took = _ours(messages)
        after, more = _drain3(drain3, [str(text) for text in rules], masks=False)
        answers["drain3 after our rules"] = after, took + more
    print("grouping | groups | precision | recall | F1 | µs per message")
    print("---|---|---|---|---|---")
    for name, (found, took) in answers.items():
        figures = " | ".join(f"{value:.3f}" for value in pairwise(truth, found))
        print(f"{name} | {len(set(found))} | {figures} | {took / len(messages) * 1e6:.0f}")
    _mistakes(templates, truth, answers["rule table"][0])


def _mistakes(templates: Sequence[str], truth: list[int], found: list[object]) -> None:
    torn: dict[int, set[object]] = {}
    mixed: dict[object, set[int]] = {}
    for group, text in zip(truth, found, strict=True):
        torn.setdefault(group, set()).add(text)
        mixed.setdefault(text, set()).add(group)
    for group, texts in torn.items():
        if len(texts) > 1:
            print(f"- torn into {len(texts)}: {templates[group]!r}, as {sorted(map(str, texts))[:3]}")
    for text, groups in mixed.items():
        if len(groups) > 1:
            print(f"- thrown together as {text!r}: {[templates[group] for group in sorted(groups)]}")


if __name__ == "__main__":
    sys.exit(main())
