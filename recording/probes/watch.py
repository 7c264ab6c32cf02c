"""Watch: one probe at work. It remembers what went wrong, in words, and goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from recording.probes.http_source import HttpPage, JsonSource, PrometheusSource
from recording.probes.log_source import LogSource
from recording.probes.mapping import Mapper
from recording.probes.process_source import ProcessSource
from recording.probes.redis_source import RedisSource
from recording.probes.spec import Probe
from recording.probes.tail import CommandTail, FileTail
from recording.probes.told import ProbeError, Reading, Told


class Source(Protocol):
    """Whatever tells figures by the target's own names."""

    def read(self) -> Told: ...

    def close(self) -> None: ...


@dataclass(slots=True)
class Outcome:
    """How a probe fared. Times are epoch seconds; `missing` maps a signal to the target's name for it."""

    reads: int = 0
    failed: int = 0
    first_failure: str = ""
    failing_since_s: float | None = None
    seen: set[str] = field(default_factory=set)
    missing: dict[str, str] = field(default_factory=dict)
    vanished_s: dict[str, float] = field(default_factory=dict)


class Watch:
    """One probe: opens its source when first read, and again after a failure."""

    def __init__(self, name: str, probe: Probe, now: Callable[[], float]) -> None:
        self.name, self.probe = name, probe
        self.outcome = Outcome()
        self._now = now
        self._asking_since_s: float | None = None
        self._mapper = Mapper(name, probe.signals)
        self._source: Source | None = None
        self._log: LogSource | None = None

    def read(self) -> list[Reading]:
        """The readings of one moment; none where it failed."""
        outcome = self.outcome
        self._asking_since_s = self._now()
        try:
            rows = self._logged() if self.probe.kind == "log" else self._mapped()
        except ProbeError as error:
            return self._failed(str(error))
        except Exception as error:
            # Whatever a target sends, one probe must not end the others.
            return self._failed(f"unexpected {type(error).__name__}")
        finally:
            self._asking_since_s = None
        outcome.reads += 1
        outcome.failing_since_s = None
        return rows

    def _failed(self, reason: str) -> list[Reading]:
        outcome = self.outcome
        outcome.failed += 1
        outcome.first_failure = outcome.first_failure or reason
        outcome.failing_since_s = outcome.failing_since_s or self._now()
        return []

    def _mapped(self) -> list[Reading]:
        source = self._source = self._source or _open(self.probe, self._mapper)
        told = source.read()
        now_s = self._now()
        rows, missing = self._mapper.readings(told, now_s)
        outcome = self.outcome
        outcome.seen |= {row.name for row in rows}
        for signal in missing:
            if signal in outcome.seen:
                outcome.vanished_s.setdefault(signal, now_s)
        outcome.missing = missing
        return rows

    def _logged(self) -> list[Reading]:
        if self._log is None:
            probe = self.probe
            tail = CommandTail(probe.command) if probe.command else FileTail(Path(probe.file or ""))
            self._log = LogSource(tail, probe.total, probe.within)
        return self._log.readings(self._now())

    def problems(self) -> list[dict[str, Any]]:
        """What went wrong, each as a clause with `grave` (readings are missing) and `at_s` where it began."""
        outcome, found = self.outcome, []
        tries = outcome.reads + outcome.failed
        if (since_s := self._asking_since_s) is not None:
            # A name that is not resolved, an answer that trickles: no time limit reaches there.
            text = "a reading begun at this moment had not ended when the run did"
            found.append({"text": text, "grave": True, "at_s": since_s})
        if outcome.failed:
            stopped = outcome.failing_since_s is not None and outcome.reads > 0
            text = f"{outcome.failed} of {tries} readings failed ({outcome.first_failure})"
            if outcome.reads == 0:
                text = f"nothing could be read ({outcome.first_failure})"
            elif stopped:
                text += ", all from this moment on"
            found.append(
                {
                    "text": text,
                    "grave": stopped or outcome.failed > 0.1 * tries,
                    "at_s": outcome.failing_since_s if stopped else None,
                }
            )
        never = {s: n for s, n in outcome.missing.items() if s not in outcome.seen}
        if never and outcome.reads:
            names = ", ".join(f"{name} ({signal})" for signal, name in list(never.items())[:3])
            more = f" and {len(never) - 3} more" if len(never) > 3 else ""
            found.append({"text": f"the target does not tell {names}{more}", "grave": False, "at_s": None})
        for signal, at_s in list(outcome.vanished_s.items())[:3]:
            found.append({"text": f"{signal} was there and vanished", "grave": True, "at_s": at_s})
        if self._log is not None:
            found += [{"text": text, "grave": False, "at_s": None} for text in self._log.problems()]
        return found

    def close(self) -> None:
        """Let go of connections, files and commands."""
        for one in (self._source, self._log):
            if one is not None:
                one.close()


def _open(probe: Probe, mapper: Mapper) -> Source:
    url, timeout_s = probe.url or "", probe.timeout_s
    if probe.kind == "prometheus":
        return PrometheusSource(HttpPage(url, probe.headers, timeout_s), mapper.names())
    if probe.kind == "json":
        return JsonSource(HttpPage(url, probe.headers, timeout_s))
    if probe.kind == "redis":
        return RedisSource(url, timeout_s)
    return ProcessSource(probe.pid, probe.port)
