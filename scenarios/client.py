"""Client: sends one request of a behaviour, judges the answer, and hands the outcome to the recorder.

It goes through Locust's own HTTP session, so Locust's statistics and web page see every request too; the
failure text given to Locust comes from a closed set, because Locust keeps each distinct text for ever.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gevent
from locust.clients import HttpSession

from recording.examples import ExampleWriter, FailureCodes
from recording.recorder import Recorder
from recording.run import ErrorExample
from recording.sample import UNPLANNED
from recording.scrub import one_line, scrub
from scenarios.accounts import Account
from scenarios.request import COOKIE, HEADER, VARIABLE, Request
from scenarios.scenario import Timeouts
from scenarios.transport import outcome_of

KEPT_HEADERS = ("Content-Type", "Retry-After", "Server")
MESSAGE_KEYS = ("error", "message", "detail", "title", "reason")


class TotalTimeout(BaseException):
    """The request's total deadline. A BaseException, so that no client code swallows it."""


class RequestFailedError(Exception):
    """What Locust is told about a failed request: status or outcome, and the short code."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, judged."""

    outcome: str
    status: int = 0
    code: str = ""
    message: str = ""
    body: bytes = b""
    headers: Mapping[str, str] | None = None
    fields: Mapping[str, Any] | None = None

    @property
    def ok(self) -> bool:
        """Whether it was the right answer."""
        return self.outcome == "ok"


class Client:
    """Sends the requests of one process's users."""

    def __init__(
        self, base_url: str, recorder: Recorder, examples: ExampleWriter, timeouts: Timeouts
    ) -> None:
        self._base_url = base_url
        self._recorder = recorder
        self._examples = examples
        self._codes = FailureCodes()
        self._timeouts = timeouts

    def send(
        self,
        http: HttpSession,
        name: str,
        request: Request,
        account: Account,
        variables: Mapping[str, str],
        delay_ms: float = UNPLANNED,
    ) -> Answer:
        """Send one request and record it, whatever happens to it.

        Args:
            http: the user's session (connections, cookies).
            name: the request's name in the target; it becomes the sample's endpoint.
            request: what to send and which answer is right.
            account: whose credentials are used.
            variables: values for `{name}` in path, headers and body.
            delay_ms: how long ago the request was due, where it was due at a certain moment.
        """
        token = self._recorder.begin(name, request.method, account.slot, delay_ms)
        started = time.monotonic()
        secrets = _secrets(account, variables)
        answer = self._exchange(http, name, request, variables, secrets)
        self._recorder.finish(token, answer.outcome, answer.status, answer.code, len(answer.body))
        if not answer.ok and self._examples.wants(answer.status, answer.outcome, answer.code):
            age_s = time.monotonic() - started
            self._examples.keep(_example(name, answer, time.time() - age_s, secrets))
        return answer

    def _exchange(
        self,
        http: HttpSession,
        name: str,
        request: Request,
        variables: Mapping[str, str],
        secrets: list[str],
    ) -> Answer:
        deadline = gevent.Timeout(self._timeouts.total_s, TotalTimeout)
        answer = Answer("generator", code="script_error")
        with deadline:
            try:
                with http.request(
                    request.method,
                    self._base_url + filled(request.path, variables),
                    name=name,
                    json=filled(request.json_body, variables),
                    data=filled(request.form, variables),
                    headers=filled(request.headers, variables),
                    timeout=(self._timeouts.connect_s, self._timeouts.read_s),
                    allow_redirects=False,
                    catch_response=True,
                    context={"recorded": True},
                ) as response:
                    answer = self._judged(request, response, secrets)
                    if answer.ok:
                        response.success()
                    else:
                        response.failure(RequestFailedError(_label(answer)))
            except TotalTimeout:
                message = f"no whole answer within {self._timeouts.total_s:g} s"
                answer = Answer("total_timeout", message=message)
                self._tell_locust(http, name, request.method, answer)
            except Exception as error:  # whatever it is, the request must not vanish from the record
                outcome = outcome_of(error)
                answer = Answer("generator" if outcome == "unknown" else outcome, code=type(error).__name__)
                self._tell_locust(http, name, request.method, answer)
        return answer

    def _judged(self, request: Request, response: Any, secrets: list[str]) -> Answer:
        if response.error is not None:
            outcome = outcome_of(response.error)
            return Answer(outcome, code=outcome, message=type(response.error).__name__)
        status, body, headers = response.status_code, response.content or b"", response.headers
        fields = _json_mapping(body)
        if status not in request.expect.status:
            # Scrubbed before anything is made of it: the code ends up in samples, logs and Locust's page.
            message = one_line(scrub(_message(fields, body, headers), secrets))
            outcome = "http_error" if status >= 400 else "wrong_content"
            return Answer(outcome, status, self._codes.code(message), message, body, headers, fields)
        missing = request.missing_in(fields, headers)
        if missing:
            no_json = fields is None and not missing.startswith((HEADER, COOKIE))
            message = "no JSON object" if no_json else f"field {missing} missing"
            return Answer("wrong_content", status, self._codes.code(message), message, body, headers, fields)
        return Answer("ok", status, body=body, headers=headers, fields=fields)

    def _tell_locust(self, http: HttpSession, name: str, method: str, answer: Answer) -> None:
        http.request_event.fire(
            request_type=method,
            name=name,
            response_time=self._timeouts.total_s * 1000,
            response_length=0,
            exception=RequestFailedError(_label(answer)),
            context={"recorded": True},
        )


def filled(template: Any, variables: Mapping[str, str]) -> Any:
    """A template with `{name}` replaced by its value, through lists and mappings; other braces stay."""
    if isinstance(template, str):
        return VARIABLE.sub(lambda match: variables.get(match.group(1), match.group(0)), template)
    if isinstance(template, Mapping):
        return {key: filled(value, variables) for key, value in template.items()}
    if isinstance(template, list):
        return [filled(value, variables) for value in template]
    return template


def _label(answer: Answer) -> str:
    return f"{answer.status or answer.outcome} {answer.code}".strip()


def _json_mapping(body: bytes) -> Mapping[str, Any] | None:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _message(fields: Mapping[str, Any] | None, body: bytes, headers: Mapping[str, str]) -> str:
    """The text that tells the client what happened, or what stood in its place."""
    for key in MESSAGE_KEYS:
        value = (fields or {}).get(key)
        if isinstance(value, str) and value.strip():
            return value
    if not body:
        return "empty body"
    return "HTML page" if "html" in headers.get("Content-Type", "") else "no error text"


def _secrets(account: Account, variables: Mapping[str, str]) -> list[str]:
    """What must not be written down: names of accounts too, since a run keeps their slots only."""
    return [account.username, account.password, *variables.values()]


def _example(name: str, answer: Answer, start_s: float, secrets: list[str]) -> ErrorExample:
    headers = answer.headers or {}
    return ErrorExample(
        time_s=start_s,
        status=answer.status,
        outcome=answer.outcome,
        code=answer.code,
        message=one_line(scrub(answer.message, secrets)),
        endpoint=name,
        content_type=headers.get("Content-Type", ""),
        headers={key: scrub(headers[key], secrets, 200) for key in KEPT_HEADERS if key in headers},
        body=scrub(answer.body[:65536].decode("utf-8", "replace"), secrets),
    )
