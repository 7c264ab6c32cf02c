"""The phase log: one JSON line per login, with what each phase took and no name, password or token.

Lines wait in memory and are written twice a second and at exit, so a login pays for one list append.
"""

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

FLUSH_EVERY_S = 0.5


@dataclass(slots=True)
class LoginPhases:
    """What one login took, in milliseconds; None for phases that were not reached."""

    request_id: str
    phase: str = "request"
    status: int = 0
    lock_ms: float | None = None
    lookup_ms: float | None = None
    bcrypt_ms: float | None = None
    token_ms: float | None = None
    total_ms: float | None = None

    def line(self, ts: float) -> str:
        """One line of the log; `ts` is the end of the login in epoch seconds."""
        figures = {
            name: None if value is None else round(value, 3)
            for name, value in (
                ("lock_ms", self.lock_ms),
                ("lookup_ms", self.lookup_ms),
                ("bcrypt_ms", self.bcrypt_ms),
                ("token_ms", self.token_ms),
                ("total_ms", self.total_ms),
            )
        }
        head = {"ts": round(ts, 6), "request_id": self.request_id, "phase": self.phase, "status": self.status}
        return json.dumps({**head, **figures}, separators=(",", ":"))


class PhaseLog:
    """Appends login lines to a file; `run` writes them out until cancelled, `close` writes the rest."""

    def __init__(self, file: Path) -> None:
        self._stream: IO[str] = file.open("a", encoding="utf-8")
        self._waiting: list[tuple[float, LoginPhases]] = []

    def add(self, ts: float, phases: LoginPhases) -> None:
        self._waiting.append((ts, phases))

    async def run(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_EVERY_S)
            self.flush()

    def flush(self) -> None:
        """Writes what waits; a full disk loses log lines, never logins."""
        lines, self._waiting = self._waiting, []
        if not lines:
            return
        with suppress(OSError):
            self._stream.write("".join(phases.line(ts) + "\n" for ts, phases in lines))
            self._stream.flush()

    def close(self) -> None:
        self.flush()
        self._stream.close()
