"""Turn: what a behaviour sends with: one user's connection, account and variables for one turn."""

from __future__ import annotations

import random
from collections import deque
from typing import Any

import gevent

from recording.sample import UNPLANNED
from scenarios.accounts import Account
from scenarios.attempts import Attempts
from scenarios.client import Answer
from scenarios.crew import Crew
from scenarios.hidden import hidden_of, written_in
from scenarios.raised import raised
from scenarios.request import Request
from scenarios.session import Session

IDLE_S = 0.1
"""How often who may not send looks again."""

MOST_OWN = 50
"""So many requests of a behaviour's own making are remembered in a turn, which may go on for hours."""
MOST_SAVED = 500
"""The same for values that requests saved, which a behaviour may take out of its variables again."""


class Turn:
    """One turn of one user; see `scenarios.behaviour.Sender`."""

    def __init__(
        self,
        session: Session,
        crew: Crew,
        http: Any,
        account: Account,
        chance: random.Random,
        delay_ms: float,
        attempts: Attempts,
    ) -> None:
        self._session = session
        self._crew = crew
        self._http = http
        self._account = account
        self._delay_ms = delay_ms
        self._attempts = attempts
        self._has_sent = False
        self._own: deque[Request] = deque(maxlen=MOST_OWN)
        self._saved: deque[str] = deque(maxlen=MOST_SAVED)
        self.went_wrong = False
        """Whether a request failed or could not be sent any more: a behaviour may well raise then."""
        self.random = chance
        self.requests = session.target.requests
        self.tags = frozenset(session.scenario.tags)
        self.variables = {"username": account.username, "password": account.password}

    def send(self, name: str, request: Request | None = None) -> Answer | None:
        """Send a request of the target, or one made by the behaviour; None when the run is ending.

        Only a turn's first request was due at a certain moment, the others follow answers.
        """
        session = self._session
        if request is not None:
            self._own.append(request)  # also one that is not sent: its secrets may stand in what is raised
        if not session.may_send or self._has_to_leave():
            self.went_wrong = True
            gevent.sleep(IDLE_S)  # a behaviour that asks again and again would leave nobody else a turn
            return None
        request = request or self.requests[name]
        delay_ms, self._delay_ms = self._delay_ms, UNPLANNED
        name = self._crew.endpoint(name)
        wrong, self.went_wrong = self.went_wrong, True  # until the answer is there
        self._attempts.begin()
        answer = session.client.send(
            self._http, name, request, self._account, self.variables, delay_ms, self._saved
        )
        self._attempts.end(answer.outcome, was_sent=answer.was_sent)
        self.went_wrong = wrong or not answer.ok
        if answer.ok:
            saved = request.saved_from(answer.fields, answer.headers or {})
            self._saved.extend(saved.values())
            self.variables |= saved
        return answer

    def _has_to_leave(self) -> bool:
        """Whether the user leaves, or the run ends, while it waits because nothing connects.

        Before a turn's first request it has waited already, and an open load goes by its plan.
        """
        has_sent, self._has_sent = self._has_sent, True
        if not has_sent or self._crew.arrivals is not None:
            return False
        return self._attempts.wait() or not self._session.may_send

    def failed(self, error: BaseException) -> str:
        """What an exception of the behaviour says, without secrets."""
        # The behaviour may have put anything into its variables, and taken anything out.
        variables = {name: str(value) for name, value in self.variables.items()}
        secrets = [*hidden_of(self._account, variables, self._http.cookies), *self._saved]
        for request in (*self.requests.values(), *self._own):
            secrets += written_in(request, variables)
        return raised(error, secrets)
