"""Senders: Locust's own HTTP clients behind the same door as the lean one.

Both are asked for a response that reports nothing by itself; what Locust is told comes from `Client`, so that
all three are told of in the same words.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlencode

import gevent
from geventhttpclient.response import HTTPParseError
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession, LocustBadStatusCode
from locust.event import EventHook

from scenarios.lean.session import LeanClient
from scenarios.lookups import outcome_of_limit
from scenarios.prepared import FORM_TYPE, Prepared, UnsendableError, filled
from scenarios.received import Received, Sender
from scenarios.request import VARIABLE
from scenarios.scenario import ClientKind, Timeouts
from scenarios.transport import outcome_of

_EOF = 14
"""llhttp's number for a connection that ends within an answer."""


class TotalTimeout(BaseException):
    """The request's total deadline. A BaseException, so that no client code swallows it."""


class Senders:
    """Makes the HTTP clients of one process's users."""

    def __init__(self, kind: ClientKind, base_url: str, timeouts: Timeouts, *, fresh: bool = False) -> None:
        self.kind = kind
        self._base_url, self._timeouts, self._fresh = base_url, timeouts, fresh
        self._lean = LeanClient(base_url, timeouts, fresh=fresh) if kind == "lean" else None

    def user(self) -> Sender:
        """A client for one more user."""
        if self._lean is not None:
            return self._lean.user()
        made: type[FastSender | RequestsSender] = FastSender if self.kind == "fast" else RequestsSender
        return made(self._base_url, self._timeouts, fresh=self._fresh)

    def close(self) -> None:
        """The run is over."""
        if self._lean is not None:
            self._lean.close()


class _LocustSender:
    """What the two have in common: the total deadline, and failures by the type of their exception."""

    def __init__(self, base_url: str, timeouts: Timeouts, *, fresh: bool = False) -> None:
        self._base_url, self._timeouts = base_url, timeouts
        self._close = {"Connection": "close"} if fresh else {}

    def exchange(
        self, prepared: Prepared, variables: Mapping[str, str], cookies: str, deadline_s: float
    ) -> Received:
        """See `scenarios.received.Sender`."""
        left_s = max(0.001, deadline_s - time.monotonic())
        with gevent.Timeout(left_s, TotalTimeout):
            try:
                prepared.message(variables, cookies)  # refuses what the lean client does; libraries vary
                headers = {"User-Agent": "loadverdict", **self._close, **prepared.request.headers}
                headers = {name: _as_bytes(filled(value, variables)) for name, value in headers.items()}
                return self._sent(prepared, variables, headers | ({"Cookie": cookies} if cookies else {}))
            except UnsendableError:
                raise
            except TotalTimeout as error:
                outcome, code = outcome_of_limit(error)
                return Received(outcome=outcome, code=code)
            except Exception as error:  # whatever it is, the request must not vanish from the record
                outcome = self._outcome(error)
                return Received(outcome="generator" if outcome == "unknown" else outcome, code=_name(error))

    def _sent(self, prepared: Prepared, variables: Mapping[str, str], headers: dict[str, str]) -> Received:
        raise NotImplementedError

    def _outcome(self, error: BaseException) -> str:
        return outcome_of(error)

    def _failed(self, error: BaseException) -> Received:
        outcome = self._outcome(error)
        return Received(outcome=outcome, code=outcome)


class RequestsSender(_LocustSender):
    """Locust's HttpSession: the client of its HttpUser, on requests."""

    def __init__(self, base_url: str, timeouts: Timeouts, *, fresh: bool = False) -> None:
        super().__init__(base_url, timeouts, fresh=fresh)
        self._http = HttpSession(base_url, EventHook(), None)  # type: ignore[no-untyped-call]
        # Proxies and .netrc of the machine must not decide where the load goes.
        self._http.trust_env = False
        # Cookies are the business of `scenarios.cookies`, for all clients alike.
        self._http.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def close(self) -> None:
        """Close the user's connections."""
        self._http.close()

    def _sent(self, prepared: Prepared, variables: Mapping[str, str], headers: dict[str, str]) -> Received:
        request = prepared.request
        response: Any = self._http.request(
            request.method,
            self._base_url + filled(request.path, variables),
            json=filled(request.json_body, variables),
            data=filled(request.form, variables),
            headers=headers,
            timeout=(self._timeouts.connect_s, self._timeouts.read_s),
            allow_redirects=False,
            catch_response=True,
        )
        if response.error is not None:
            return self._failed(response.error)
        pairs = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in response.raw.headers.iteritems()]
        return Received(response.status_code, pairs, response.content or b"")


class FastSender(_LocustSender):
    """Locust's FastHttpSession: the client of its FastHttpUser, on geventhttpclient."""

    def __init__(self, base_url: str, timeouts: Timeouts, *, fresh: bool = False) -> None:
        super().__init__(base_url, timeouts, fresh=fresh)
        self._http = FastHttpSession(
            base_url,
            EventHook(),  # type: ignore[no-untyped-call]
            None,
            insecure=False,
            connection_timeout=timeouts.connect_s,
            network_timeout=timeouts.read_s,
            max_redirects=0,
            max_retries=0,
            concurrency=1,
        )
        self._http.client.cookiejar = None
        # Where the server hangs up it sends a GET, PUT or DELETE again, `size + 1` times: the target would
        # get more requests than are counted. `size` serves nothing else once the pool is made.
        self._http.client.clientpool.get_client(base_url)._connection_pool.size = -1

    def close(self) -> None:
        """Close the user's connections."""
        self._http.client.close()

    def _sent(self, prepared: Prepared, variables: Mapping[str, str], headers: dict[str, str]) -> Received:
        request = prepared.request
        content = {} if request.form is None else {"Content-Type": FORM_TYPE}
        path = filled(request.path, variables)
        if path.startswith("//"):  # the library takes no such path
            first = VARIABLE.match(request.path, 1)
            raise UnsendableError("a path that begins with //", variables.get(first[1], "") if first else "")
        response: Any = self._http.request(
            request.method,
            path,
            json=filled(request.json_body, variables),
            data=None if request.form is None else urlencode(filled(request.form, variables)),
            headers={"Accept-Encoding": "gzip, deflate", **content, **headers},
            allow_redirects=False,
            catch_response=True,
        )
        error = response.request_meta["exception"]
        if error is not None and not isinstance(error, LocustBadStatusCode):
            failed = self._failed(error)
            if failed.outcome == "first_byte_timeout" and response.status_code:
                failed.outcome = failed.code = "body_timeout"
            return failed
        pairs = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in response.headers.items()]
        return Received(response.status_code, pairs, bytes(response.content or b""))

    def _outcome(self, error: BaseException) -> str:
        if isinstance(error, HTTPParseError) and _EOF in error.args:
            return "closed_early"
        outcome = outcome_of(error)
        # One exception serves both waits; only the place it comes from tells them apart.
        if outcome == "body_timeout":
            return "connect_timeout" if _passed(error, "_connect_socket") else "first_byte_timeout"
        return outcome


def _passed(error: BaseException | None, function: str) -> bool:
    """Whether an exception, or what it was made from, came through a function."""
    while error is not None:
        if any(frame.f_code.co_name == function for frame, _ in traceback.walk_tb(error.__traceback__)):
            return True
        error = getattr(error, "original", None) or error.__cause__ or error.__context__
    return False


def _as_bytes(header: str) -> str:
    """A header's value as both libraries take it: bytes of UTF-8, without the white space around them."""
    return header.strip().encode().decode("latin-1")


def _name(error: BaseException) -> str:
    return type(error).__name__
