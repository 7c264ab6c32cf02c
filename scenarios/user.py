"""User: one person at work, turn after turn. Which answer is right it leaves to the client."""

from __future__ import annotations

import random
from typing import Any

import gevent
from gevent import GreenletExit
from locust import User, task
from locust.exception import InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately, StopTest, StopUser

from recording.sample import UNPLANNED
from scenarios.accounts import NOBODY
from scenarios.attempts import APART_S, Attempts
from scenarios.crew import Crew, Seat
from scenarios.dispatcher import Dispatcher
from scenarios.pause import pause_s
from scenarios.session import Session, session_of
from scenarios.turn import IDLE_S, Turn

POOL_S = 5.0
"""How long an idle user of an open load waits before it looks whether there is anything left to do."""

ENDS = (StopUser, StopTest, GreenletExit, KeyboardInterrupt)
"""What ends a user or the whole test, whether a behaviour raises it or somebody else."""

ENDS_TURN = (InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately)
"""What a behaviour may raise to end its turn, which is no fault of it."""


class ScenarioUser(User):
    """Does the behaviour of the scenario that is running."""

    # Where the load goes is the target's business; the host field of Locust's web page cannot change it.
    host = "http://target.invalid"

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self._session: Session = session_of(environment)
        self.client = self._session.client.user()
        self._random = random.Random(f"{self._session.scenario.seed}/{self._session.next_user()}")
        self._attempts = Attempts(self._session.contact)
        self._account = NOBODY
        self._seat: Seat | None = None
        self._present = False
        self._busy = False
        self._leaving = False

    def on_start(self) -> None:
        """Take a seat and an account."""
        self._seat = self._session.sit_down()
        if self._seat is not None:
            self._account = self._session.lend_account()

    def on_stop(self) -> None:
        """Leave the seat, hand the account in, close the connection."""
        if self._seat is not None:
            self._seat.crew.stand_up(self._seat)
            self._session.give_back_account(self._account)
        self.client.close()

    @task
    def turn(self) -> None:
        """One turn: the requests of the behaviour in order until one fails, then a pause."""
        session, seat = self._session, self._seat
        if seat is None:
            gevent.sleep(POOL_S)
            return
        if not self._is_present(session, seat):
            return
        crew = seat.crew
        if crew.arrivals is not None:
            self._turn_when_due(session, crew, crew.arrivals)
            return
        if session.scenario.rendezvous_s is not None:
            self._wait_for_rendezvous(session.scenario.rendezvous_s)
        if self._leaving:
            raise StopUser
        if not session.may_send:
            gevent.sleep(IDLE_S)
            return
        went_well = self._work(session, crew)
        pause = self._pause_s(session, crew, went_well)
        if pause > 0:
            gevent.sleep(pause)

    def _pause_s(self, session: Session, crew: Crew, went_well: bool) -> float:
        """Seconds until the next turn."""
        every_s = session.scenario.rendezvous_s
        if every_s is not None:
            return 0.0 if every_s >= APART_S else self._attempts.pause_s()
        pause = pause_s(crew.part.think_time, crew.part.think_time_s, self._random)
        # Without think time Locust's own pause of no length between two tasks is enough; not where turns
        # break off before anything is sent, for they would keep the processor to themselves.
        return self._attempts.pause_s(pause if went_well else max(pause, IDLE_S))

    def _is_present(self, session: Session, seat: Seat) -> bool:
        """Whether the plan wants this user now; waits a while if not, so that it is asked again.

        A user begins at a random moment, so that users who begin together do not stay in step.
        """
        wait_s = seat.wanted_in_s(session.elapsed_s)
        if wait_s == 0 and self._present:
            return True
        self._present = wait_s == 0
        if wait_s != 0:
            gevent.sleep(POOL_S if wait_s is None else min(POOL_S, max(IDLE_S / 10, wait_s)))
        elif session.scenario.rendezvous_s is None and seat.crew.arrivals is None:
            gevent.sleep(self._random.uniform(0, seat.crew.part.think_time_s))
        return False

    def _turn_when_due(self, session: Session, crew: Crew, arrivals: Dispatcher) -> None:
        """One turn of an open load, begun by an arrival. From here to the send nothing switches to another
        greenlet, so that what is counted as sent is sent."""
        due_s = arrivals.take(POOL_S) if session.may_send else gevent.sleep(IDLE_S)
        if self._leaving:
            raise StopUser
        if due_s is None or not session.may_send:
            return
        arrivals.at_work += 1
        try:
            self._work(session, crew, arrivals.begin(due_s))
        finally:
            arrivals.at_work -= 1

    def stop(self, force: bool = False) -> bool:
        """Leave: at once between two turns, after the answer when a request is under way.

        Locust knows only two ways: kill the request, which would make up errors at every step down, or
        block until the user is done, which would upset the steps that follow. So a busy user leaves the
        runner's count now and ends by itself after its turn. `force` makes no difference: Locust uses it
        for a step down as well as for the end, and at the end the session has been drained before.
        """
        del force
        # Set in any case: a user whose pause ends at this very moment must not begin a request any more,
        # for the kill below reaches it only at the next turn of the event loop.
        self._leaving = True
        self._attempts.leave()
        if self._busy and not self._session.draining:
            self._session.leaving.add(self.greenlet)
            self.group.discard(self.greenlet)
            return False
        return bool(super().stop(force=True))

    def _work(self, session: Session, crew: Crew, delay_ms: float = UNPLANNED) -> bool:
        """Do a turn; then leave if that was asked for meanwhile, or change accounts.

        Returns whether the turn went well. Locust must not hear of one that did not: it would begin the next
        at once, and print the traceback of each, whose text may hold a password.
        """
        session.turns.begun += 1
        went_well = True
        self._busy = True
        turn = Turn(session, crew, self.client, self._account, self._random, delay_ms, self._attempts)
        try:
            crew.draw_behaviour(self._random).turn(turn)
        except ENDS:
            raise
        except ENDS_TURN:
            pass
        except BaseException as error:  # a gevent.Timeout is none of the others
            went_well = False
            session.turns.note(turn.failed(error), error, by_itself=not turn.went_wrong)
        finally:
            self._busy = False
        if self._leaving:
            session.leaving.discard(self.greenlet)
            raise StopUser
        before, self._account = self._account, session.exchange_account(self._account)
        if self._account is not before:
            self.client.forget()
        return went_well

    def _wait_for_rendezvous(self, every_s: float) -> None:
        elapsed = self._session.elapsed_s
        gevent.sleep((elapsed // every_s + 1) * every_s - elapsed)
