"""Client: has one request of a behaviour sent, judges the answer, and tells the recorder and Locust.

Which HTTP client sends is the scenario's choice; the judging is the same for all. Locust's request event is
fired for each request, so its statistics and web page see them too; the failure text given to it comes from a
closed set, because Locust keeps each distinct text for ever.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import gevent
from gevent import GreenletExit

from recording.error_text import message_of
from recording.examples import ExampleWriter, FailureCodes
from recording.recorder import Recorder
from recording.run import ErrorExample
from recording.sample import UNPLANNED
from recording.scrub import one_line, scrub, scrub_body
from scenarios.accounts import Account
from scenarios.cookies import CookieJar
from scenarios.hidden import hidden_in
from scenarios.lookups import SILENT, outcome_of_limit
from scenarios.prepared import Prepared, UnsendableError, filled
from scenarios.received import Headers, Received, Sender
from scenarios.redirects import redirected
from scenarios.request import COOKIE, HEADER, Request
from scenarios.senders import Senders

KEPT_HEADERS = ("Content-Type", "Retry-After", "Server")
MOST_PREPARED = 500
UNSENDABLE = "unsendable_value"
"""Code of a request that was not sent, because an earlier answer gave what cannot stand in it."""
_RECORDED = {"recorded": True}


class RequestFailedError(Exception):
    """What Locust is told about a failed request: status or outcome, and the short code."""


@dataclass(slots=True)
class Answer:
    """What came back, judged."""

    outcome: str
    status: int = 0
    code: str = ""
    message: str = ""
    body: bytes = b""
    headers: Headers | None = None
    fields: Mapping[str, Any] | None = None

    @property
    def ok(self) -> bool:
        """Whether it was the right answer."""
        return self.outcome == "ok"

    @property
    def was_sent(self) -> bool:
        """Whether nothing that an earlier answer gave kept the request from being sent."""
        return self.outcome != "wrong_content" or self.status > 0


class UserHttp:
    """One user's HTTP client and cookies."""

    __slots__ = ("cookies", "sender")

    def __init__(self, sender: Sender, cookies: CookieJar | None) -> None:
        self.sender = sender
        self.cookies = cookies

    def forget(self) -> None:
        """The user goes on as somebody else: its cookies were another's."""
        if self.cookies is not None:
            self.cookies.clear()

    def close(self) -> None:
        """Close the user's connections."""
        self.sender.close()


class Client:
    """Sends the requests of one process's users."""

    def __init__(
        self,
        base_url: str,
        recorder: Recorder,
        examples: ExampleWriter,
        senders: Senders,
        request_event: Any,
        *,
        total_s: float,
        keep_cookies: bool = False,
        fresh: bool = False,
    ) -> None:
        """Prepare for the requests of a run.

        Args:
            base_url: scheme, host and port of the target.
            recorder: gets every request.
            examples: gets a few failed ones of each kind.
            senders: makes each user's HTTP client.
            request_event: Locust's.
            total_s: limit of a whole request, redirects included.
            keep_cookies: whether users keep what they are given.
            fresh: whether each request has a connection of its own.
        """
        self._base_url = base_url
        self._recorder = recorder
        self._examples = examples
        self._codes = FailureCodes()
        self._senders = senders
        self._request_event = request_event
        self._total_s = total_s
        self._keep_cookies = keep_cookies
        self._fresh = fresh
        self._prepared: dict[int, Prepared] = {}

    def user(self) -> UserHttp:
        """The HTTP client of one more user."""
        return UserHttp(self._senders.user(), CookieJar(self._base_url) if self._keep_cookies else None)

    def close(self) -> None:
        """The run is over."""
        self._senders.close()

    def send(
        self,
        http: UserHttp,
        name: str,
        request: Request,
        account: Account,
        variables: Mapping[str, str],
        delay_ms: float = UNPLANNED,
        given: Collection[str] = (),
    ) -> Answer:
        """Send one request and record it, whatever happens to it.

        Args:
            http: the user's client (connections, cookies).
            name: the request's name in the target; it becomes the sample's endpoint.
            request: what to send and which answer is right.
            account: whose credentials are used.
            variables: values for `{name}` in path, headers and body.
            delay_ms: how long ago the request was due, where it was due at a certain moment.
            given: values among the variables that the target's answers gave.
        """
        method = request.method
        token = self._recorder.begin(name, method, account.slot, delay_ms)
        try:
            prepared = self._prepared.get(id(request)) or self._prepare(request)
            received = self._received(http, prepared, variables)
        except UnsendableError as error:
            received = _unsent(error, given)
        except Exception as error:  # our own fault must not leave the request open, as if nobody had answered
            received = Received(outcome="generator", code=type(error).__name__)
        except GreenletExit:
            raise  # the end of the run: what is still open then is unfinished
        except BaseException as error:  # a behaviour's own gevent.Timeout is a limit as any other
            outcome = outcome_of_limit(error)[0] if isinstance(error, gevent.Timeout) else "generator"
            self._recorder.finish(token, outcome, code=type(error).__name__)
            raise
        expect = request.expect
        if received.status in expect.status and not (expect.json_fields or request.save):
            answer = Answer("ok", received.status, "", "", received.body)
        else:
            answer = self._judged(http, request, received, account, variables)
        size = len(answer.body)
        duration_ms = self._recorder.finish(
            token, answer.outcome, answer.status, answer.code, size if answer.status else -1, received.traits
        )
        if answer.outcome == "ok":
            failure = None
        else:
            failure = RequestFailedError(_label(answer))
            if self._examples.wants(answer.status, answer.outcome, answer.code):
                secrets = hidden_in(request, account, variables, http.cookies, answer.headers)
                self._examples.keep(_example(name, answer, time.time() - duration_ms / 1000, secrets))
        self._request_event.fire(
            request_type=method,
            name=name,
            response_time=duration_ms,
            response_length=size,
            exception=failure,
            context=_RECORDED,
        )
        return answer

    def _prepare(self, request: Request) -> Prepared:
        """Make a request ready; what is made of it keeps it alive, so its id stays its own.

        A behaviour may make requests of its own without end: their number is bounded.
        """
        if len(self._prepared) >= MOST_PREPARED:
            self._prepared.clear()
        prepared = Prepared(request, self._base_url, fresh=self._fresh)
        self._prepared[id(request)] = prepared
        return prepared

    def _received(self, http: UserHttp, prepared: Prepared, variables: Mapping[str, str]) -> Received:
        deadline_s = time.monotonic() + self._total_s
        cookies = http.cookies
        if cookies is None and not prepared.request.redirects:
            return http.sender.exchange(prepared, variables, "", deadline_s)
        followed = 0
        while True:
            path = filled(prepared.request.path, variables) if cookies is not None else ""
            header = cookies.header(path) if cookies is not None else ""
            received = http.sender.exchange(prepared, variables, header, deadline_s)
            if cookies is not None and received.headers:
                cookies.take(Headers(received.headers), path)
            following = redirected(prepared.request, received, self._base_url, variables)
            if following is None or followed >= prepared.request.redirects:
                return received
            followed += 1
            prepared = Prepared(following, self._base_url, fresh=self._fresh)

    def _judged(
        self,
        http: UserHttp,
        request: Request,
        received: Received,
        account: Account,
        variables: Mapping[str, str],
    ) -> Answer:
        if received.outcome:
            message = received.code if received.code != received.outcome else ""
            if received.outcome == "total_timeout":
                message = f"no whole answer within {self._total_s:g} s"
            if received.code == SILENT:
                message = "the name server had not answered when the time limit ended: nothing was sent"
            if received.code == UNSENDABLE:
                message = "an earlier answer gave a value that cannot be sent"
            return Answer(received.outcome, code=received.code, message=message)
        status, body, headers = received.status, received.body, Headers(received.headers)
        value = _json_value(body)
        fields = value if isinstance(value, dict) else None
        if status not in request.expect.status:
            # Scrubbed before anything is made of it: the code ends up in samples, logs and Locust's page.
            told = _json_value(_decoded(body)) if value is None else value
            text = message_of(told, empty=not body, content_type=headers.get("Content-Type", ""))
            secrets = hidden_in(request, account, variables, http.cookies, headers)
            message = one_line(scrub(text, secrets))
            outcome = "http_error" if status >= 400 else "wrong_content"
            return Answer(outcome, status, self._codes.code(message), message, body, headers, fields)
        missing = request.missing_in(fields, headers)
        if missing:
            no_json = fields is None and not missing.startswith((HEADER, COOKIE))
            message = "no JSON object" if no_json else f"field {missing} missing"
            return Answer("wrong_content", status, self._codes.code(message), message, body, headers, fields)
        return Answer("ok", status, body=body, headers=headers, fields=fields)


def _unsent(error: UnsendableError, given: Collection[str]) -> Received:
    """A request that cannot be made: the target's fault where what its own answer gave does not fit."""
    if any(value and value in error.value for value in given):
        return Received(outcome="wrong_content", code=UNSENDABLE)
    return Received(outcome="generator", code=type(error).__name__)


def _label(answer: Answer) -> str:
    return f"{answer.status or answer.outcome} {answer.code}".strip()


def _json_value(body: bytes | str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _decoded(body: bytes) -> str:
    """The text of a body, also where it is not the UTF-8 it should be; without a byte order mark."""
    return body.decode("utf-8-sig", "replace")


def _example(name: str, answer: Answer, start_s: float, secrets: list[str]) -> ErrorExample:
    headers = answer.headers or Headers()
    return ErrorExample(
        time_s=start_s,
        status=answer.status,
        outcome=answer.outcome,
        code=answer.code,
        message=one_line(scrub(answer.message, secrets)),
        endpoint=name,
        content_type=scrub(headers.get("Content-Type", ""), secrets, 200),
        headers={key: scrub(headers[key], secrets, 200) for key in KEPT_HEADERS if key in headers},
        body=scrub_body(_decoded(answer.body[:65536]), secrets),
    )
