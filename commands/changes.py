"""Changes: how an experiment makes its change and takes it back: lab, command, HTTP, a person, or the load.

Command lines, requests and what comes back may hold secrets: none of it is printed or kept.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

from recording.errors import LoadverdictError, RefusedError, UsageError
from scenarios.experiment import Call, Calls, DoAndUndo, Experiment, Setting
from scenarios.target import Target, is_loopback

T = TypeVar("T")

LIMIT_S = 120.0
"""The longest that a command or call may take."""


class ChangeError(LoadverdictError):
    """The change could not be made, or not be taken back."""

    exit_code = 3


class Change(Protocol):
    """A change between the first state and the other.

    Attributes:
        stays: whether the target stays changed if this process is killed.
        asks: whether a person is waited for.
        before: what `undo` needs and the experiment's file does not hold; no secrets.
    """

    stays: bool
    asks: bool
    before: Mapping[str, Any]

    def do(self) -> None:
        """Make it."""

    def undo(self) -> None:
        """Take it back."""


class OfTheLoadAlone:
    """Nothing of the target is changed."""

    stays = asks = False
    before: Mapping[str, Any] = {}

    def do(self) -> None:
        """Nothing."""

    def undo(self) -> None:
        """Nothing."""


class LabChange:
    """Settings of a running lab."""

    asks = False

    def __init__(
        self, port: int, wanted: Mapping[str, Setting], before: Mapping[str, Setting], *, stays: bool
    ) -> None:
        self._port, self._wanted = port, wanted
        self.before, self.stays = before, stays

    def do(self) -> None:
        """Set them."""
        _set_lab(self._wanted, self._port)

    def undo(self) -> None:
        """Set what they were before."""
        _set_lab(self.before, self._port)


class CommandChange:
    """Two command lines."""

    stays, asks = True, False
    before: Mapping[str, Any] = {}

    def __init__(self, lines: DoAndUndo) -> None:
        self._lines = lines

    def do(self) -> None:
        """Run the one."""
        self._run("do", self._lines.do)

    def undo(self) -> None:
        """Run the other."""
        self._run("undo", self._lines.undo)

    def _run(self, which: str, line: tuple[str, ...]) -> None:
        name = Path(line[0]).name
        try:
            # A session of its own: Ctrl-C is for us, and a half-run undo is worse than none.
            process = subprocess.Popen(
                line,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            raise ChangeError(f"command.{which}: {name} cannot be run: {error.strerror}") from None
        try:
            code = process.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            # With all that it started: it must not take effect after it was taken back.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise ChangeError(f"command.{which}: {name} did not end within {LIMIT_S:.0f} s") from None
        if code:
            raise ChangeError(
                f"command.{which}: {name} ended with exit code {code}; run it by hand to see why"
            )


class HttpChange:
    """Two HTTP requests."""

    stays, asks = True, False
    before: Mapping[str, Any] = {}

    def __init__(self, calls: Calls, target: Target) -> None:
        self._calls, self._target = calls, target
        for call in (calls.do, calls.undo):
            self._check_allowed(call)

    def do(self) -> None:
        """Send the one."""
        self._send("do", self._calls.do)

    def undo(self) -> None:
        """Send the other."""
        self._send("undo", self._calls.undo)

    def _url(self, call: Call) -> str:
        return self._target.base_url + call.url if call.url.startswith("/") else call.url

    def _check_allowed(self, call: Call) -> None:
        host = urlsplit(self._url(call)).hostname or ""
        own = urlsplit(self._target.base_url).hostname
        if is_loopback(host) or host == self._calls.allow_host or (self._target.allow_load and host == own):
            return
        raise RefusedError(
            f"the experiment calls {host}, which is neither this machine nor a target that allows load: "
            f"write 'allow_host: {host}' below 'http' if you may change it"
        )

    def _send(self, which: str, call: Call) -> None:
        host = urlsplit(self._url(call)).hostname
        body = None if call.json_ is None else json.dumps(call.json_).encode()
        headers = {"Content-Type": "application/json", **call.headers} if body is not None else call.headers
        request = urllib.request.Request(
            self._url(call), data=body, headers=dict(headers), method=call.method
        )
        # No proxy: it would see the request. No redirects: they may lead to a host that is not allowed.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects())
        try:
            with opener.open(request, timeout=LIMIT_S):
                return
        except urllib.error.HTTPError as error:
            error.close()
            raise ChangeError(f"http.{which}: {host} answered {error.code} to the {call.method}") from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or type(error).__name__
            raise ChangeError(f"http.{which}: {host} did not answer the {call.method} ({reason})") from None


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


class AskedChange:
    """A person does it."""

    stays = asks = True
    before: Mapping[str, Any] = {}

    def __init__(self, do: str, undo: str) -> None:
        self._texts = {"do": do, "undo": undo}
        if sys.stdin is None or not sys.stdin.isatty():
            raise UsageError("this experiment asks a person to make the change; run it in a terminal")

    def do(self) -> None:
        """Ask, and wait for Enter."""
        self._ask("do")

    def undo(self) -> None:
        """Ask, and wait for Enter."""
        self._ask("undo")

    def _ask(self, which: str) -> None:
        print(f"\nPlease do this now, then press Enter: {self._texts[which]}", file=sys.stderr, flush=True)
        if not sys.stdin.readline():
            raise ChangeError(f"nobody confirmed that this was done: {self._texts[which]}")


def change_of(
    experiment: Experiment, target: Target, *, own_lab: bool, before: Mapping[str, Any] | None = None
) -> Change:
    """The change of an experiment on a target that runs.

    Args:
        experiment: what is changed.
        target: where it is.
        own_lab: whether the lab was started for this experiment, and ends with it.
        before: settings of the lab before the change, where it has been made already.

    Raises:
        UsageError: it cannot be made there, or nothing would change.
        RefusedError: it would call a host that is not allowed.
    """
    make: dict[str, Callable[[], Change]] = {
        "scenario": OfTheLoadAlone,
        "lab": lambda: _lab_change(experiment, target, own_lab, before),
        "command": lambda: CommandChange(_given(experiment.command)),
        "http": lambda: HttpChange(_given(experiment.http), target),
        "ask": lambda: AskedChange(_given(experiment.ask).do, _given(experiment.ask).undo),
    }
    return make[experiment.way]()


def _given(value: T | None) -> T:
    assert value is not None
    return value


def _lab_change(
    experiment: Experiment, target: Target, own_lab: bool, before: Mapping[str, Any] | None
) -> Change:
    import lab

    wanted = dict(_given(experiment.lab))
    try:
        port = urlsplit(target.base_url).port
        if not is_lab_at(target.base_url):
            raise UsageError(
                f"experiment {experiment.name!r} changes a setting of the lab, and target {target.name!r} is "
                "none; say how to change yours with 'command', 'http' or 'ask' in a file of your own"
            )
        if before is None:
            now = lab.settings_of(port).model_dump()
            unknown = sorted(set(wanted) - set(now))
            if unknown:
                lab.load_settings(arguments=wanted)  # says what is wrong
            checked = lab.load_settings(arguments=wanted).model_dump()
            wanted = {name: checked[name] for name in wanted}
            before = {name: now[name] for name in wanted}
            _check_something_changes(experiment, wanted, before)
    except lab.LabError as error:
        raise UsageError(f"experiment {experiment.name!r}: {error}") from None
    return LabChange(port or 0, wanted, before, stays=not own_lab)


def is_lab_at(base_url: str) -> bool:
    """Whether a lab of this user runs there: on this machine, at that port."""
    import lab

    place = urlsplit(base_url)
    return is_loopback(place.hostname or "") and place.port is not None and bool(lab.status(place.port))


def _check_something_changes(
    experiment: Experiment, wanted: Mapping[str, Setting], before: Mapping[str, Setting]
) -> None:
    if all(before[name] == value for name, value in wanted.items()):
        name, value = next(iter(before.items()))
        raise UsageError(f"nothing to change: the lab has {name} {value} already")
    if experiment.towards is None:
        return
    ((name, value),) = wanted.items()
    now = before[name]
    if isinstance(now, int | float) and isinstance(value, int | float):
        past = now >= value if experiment.towards == "higher" else now <= value
        if past:
            raise UsageError(f"nothing to test: the lab has {name} {now:g}, which is past {value:g} already")


def _set_lab(settings: Mapping[str, Setting], port: int) -> None:
    import lab

    try:
        lab.set_settings(settings, port)
    except lab.LabError as error:
        raise ChangeError(str(error)) from None
