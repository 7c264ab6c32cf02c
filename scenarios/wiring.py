"""Wiring: connects Locust's events with controller, session and recorder. The only place that listens."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
import time
from typing import Any
from weakref import WeakKeyDictionary

import gevent
import locust.runners
import psutil
from locust.runners import MasterRunner, WorkerRunner

from recording.errors import LoadverdictError
from recording.scrub import on_screen
from scenarios.controller import (
    CLOCK_MESSAGE,
    DRAIN_MESSAGE,
    DRAINED_MESSAGE,
    ENV_FOLDER,
    LOCAL,
    RUN_MESSAGE,
    SHIP_MESSAGE,
    VERSION_MESSAGE,
    Controller,
    worker_name,
)
from scenarios.distant import DistantWorker
from scenarios.farewell import Farewell
from scenarios.late_workers import LateWorkers
from scenarios.live.routes import add_live_page
from scenarios.load import Plan
from scenarios.loads.together import Together
from scenarios.master_port import MasterPort
from scenarios.master_watch import MasterWatch
from scenarios.same_version import own_version
from scenarios.scenario import scenario_names
from scenarios.session import Assignment, Session, bind
from scenarios.statistics import bound_entries, bound_failures
from scenarios.target import target_names
from scenarios.transport import outcome_of

LIVENESS_S = 10
"""Heartbeats, one a second, that a worker may owe before its master takes it for lost.

Locust's own three end a whole test when the line to all workers is cut for so long, and with it every request
that they have not shipped yet.
"""

CONTACT = "loadverdict_contact"
"""Key of what a worker's report to its master says of its connections."""

log = logging.getLogger("loadverdict")


class Wiring:
    """One Locust process's listeners and what they work on."""

    def __init__(self, environment: Any) -> None:
        self._environment = environment
        self._runner = environment.runner
        self.controller = None if isinstance(self._runner, WorkerRunner) else Controller(environment)
        self._assignment: Assignment | None = None
        self._session: Session | None = None
        self._plan: Plan | Together | None = None
        self._distant: DistantWorker | None = None
        self._draining: gevent.Greenlet | None = None

    def listen(self) -> None:
        """Add the listeners this process's role needs."""
        events, runner = self._environment.events, self._runner
        _interrupt_main_only()
        _end_with_terminal()
        if isinstance(runner, WorkerRunner):
            _die_with_parent(signal.SIGTERM)
        elif ENV_FOLDER in os.environ:
            # SIGINT: a master that Locust's --processes made is ended by SIGTERM without any clean-up.
            _die_with_parent(signal.SIGINT)
        if isinstance(runner, WorkerRunner):
            runner.register_message(RUN_MESSAGE, self._on_run)
            # Concurrent: waiting for answers must not hold up the worker's other messages.
            runner.register_message(DRAIN_MESSAGE, self._on_drain, concurrent=True)
            self._distant = DistantWorker(runner)
            MasterWatch(runner)
            runner.send_message(VERSION_MESSAGE, {"version": own_version()})
            events.report_to_master.add_listener(self._on_report)
        if isinstance(runner, MasterRunner):
            assert self.controller is not None
            locust.runners.HEARTBEAT_LIVENESS = LIVENESS_S
            LateWorkers(runner, self.controller)
            Farewell(
                runner,
                gives_up=self.controller.gave_up,
                all_have_finished=self.controller.all_have_finished,
                processes=psutil.Process().children(),  # of --processes; a master has no others yet
            )
            MasterPort(runner)  # before it: what strangers send is none of its business
            runner.register_message(DRAINED_MESSAGE, self._on_drained)
            runner.register_message(SHIP_MESSAGE, self._on_ship)
            runner.register_message(CLOCK_MESSAGE, self._on_clock)
            runner.register_message(VERSION_MESSAGE, self._on_version)
            events.worker_connect.add_listener(self._on_worker_connect)
            events.worker_report.add_listener(self._on_worker_report)
        events.test_start.add_listener(self._on_test_start)
        events.test_stopping.add_listener(self._on_test_stopping)
        events.quitting.add_listener(self._on_quitting)
        events.test_stop.add_listener(self._on_test_stop)
        events.request.add_listener(self._on_request)
        events.user_error.add_listener(self._on_user_error)

    def progress(self) -> tuple[Plan | Together, Controller, Session | None]:
        """What the shape asks for, once a second."""
        assert self.controller is not None
        if self.controller.assignment is None:
            # Before the first users of a test: the scenario may have been chosen on the web page just now.
            self._plan = self.controller.resolve()[0].schedule()
            self.controller.check_workers()
        assert self._plan is not None
        if self._session is not None:
            self.controller.hear(LOCAL, self._session.told_of_contact())
        return self._plan, self.controller, self._session

    def _on_run(self, msg: Any, **_: Any) -> None:
        self._assignment = Assignment.from_message(msg.data)

    def _on_drain(self, msg: Any, **_: Any) -> None:
        if self._assignment is not None and msg.data["start_s"] != self._assignment.start_s:
            return  # of a run that is over: it waited on a cut line
        if self._draining is None:
            self._draining = gevent.spawn(self._drain)
        draining = self._draining
        draining.join()
        if not draining.successful():
            self._draining = None  # the master asks again
            return
        # Answered each time: the master asks again if the answer before was lost on a cut line.
        self._runner.send_message(DRAINED_MESSAGE, msg.data)

    def _drain(self) -> None:
        session = self._session
        if session is None:
            return
        session.drain()
        if self._distant is not None and self._distant.ships:
            # Nothing will be recorded any more, and later the worker no longer hears what has arrived.
            session.close("stopped")
            self._distant.finish()

    def _on_drained(self, msg: Any, **_: Any) -> None:
        assert self.controller is not None
        self.controller.drained(msg.node_id, msg.data)

    def _on_ship(self, msg: Any, **_: Any) -> None:
        assert self.controller is not None
        self.controller.receive(msg.node_id, msg.data)

    def _on_clock(self, msg: Any, **_: Any) -> None:
        assert self.controller is not None
        self.controller.tell_time(msg.node_id, msg.data)

    def _on_version(self, msg: Any, **_: Any) -> None:
        assert self.controller is not None
        self.controller.versions.tell(msg.node_id, msg.data)

    def _on_worker_connect(self, client_id: str, **_: Any) -> None:
        assert self.controller is not None
        self.controller.welcome(client_id)

    def _on_report(self, data: dict[str, Any], **_: Any) -> None:
        if self._session is not None:
            data[CONTACT] = self._session.told_of_contact()

    def _on_worker_report(self, client_id: str, data: dict[str, Any], **_: Any) -> None:
        assert self.controller is not None
        told = data.get(CONTACT)
        if isinstance(told, dict):
            self.controller.hear(client_id, told)

    def _on_test_start(self, **_: Any) -> None:
        if self.controller is not None:
            self._assignment = self.controller.begin()
        if isinstance(self._runner, MasterRunner) or self._assignment is None:
            return
        index = self._runner.worker_index if isinstance(self._runner, WorkerRunner) else 0
        node = worker_name(index) if isinstance(self._runner, WorkerRunner) else LOCAL
        clock = None
        if self._distant is not None:
            self._assignment, clock = self._distant.prepared(self._assignment, node)
        self._draining = None
        self._session = Session(self._assignment, self._runner, node, index, clock)
        if self._distant is not None:
            self._distant.begin(self._assignment, node)
        bind(self._environment, self._session)

    def _on_test_stopping(self, **_: Any) -> None:
        if self._session is not None:
            self._session.stop_sending()
        if self.controller is not None:
            self.controller.drain()
        if self._session is not None:
            self._session.drain()

    def _on_quitting(self, **_: Any) -> None:
        """SIGTERM: where the workers got it too, Locust sees a test that ended by itself."""
        if self.controller is not None:
            self.controller.note_interruption()

    def _on_test_stop(self, **_: Any) -> None:
        if self._session is not None:
            self._session.close("stopped")
            self._session = None
        if self.controller is not None:
            self.controller.end()

    def _on_request(self, **request: Any) -> None:
        """Record what a user class that is not ours has sent; our own users record by themselves."""
        if self._session is None or (request.get("context") or {}).get("recorded"):
            return
        error = request.get("exception")
        status = getattr(request.get("response"), "status_code", 0) or 0
        outcome = "ok" if error is None else "http_error" if status >= 400 else outcome_of(error)
        start_s = request.get("start_time") or self._session.clock.now() - request["response_time"] / 1000
        self._session.recorder.record(
            start_s, request["response_time"], request["name"], request["request_type"], outcome, status
        )

    def _on_user_error(self, exception: BaseException, **_: Any) -> None:
        text = str(exception) if isinstance(exception, LoadverdictError) else type(exception).__name__
        log.error("a user ended with an error: %s", text)
        if self.controller is not None:
            self.controller.note("user_error", text=text)


_WIRINGS: WeakKeyDictionary[Any, Wiring] = WeakKeyDictionary()


def wiring_of(environment: Any) -> Wiring:
    """The wiring of a Locust environment."""
    return _WIRINGS[environment]


def register(events: Any) -> None:
    """Add everything the suite needs to Locust's events. Call it once, from the locustfile."""
    bound_entries()  # now: Locust makes its statistics before it tells of its environment
    events.init_command_line_parser.add_listener(_add_arguments)
    events.init.add_listener(_on_init)


def _add_arguments(parser: Any) -> None:
    # ~/.locust.conf, locust.conf and pyproject.toml, which Locust reads unasked: what load is made does not
    # depend on the folder it is started in. A file that --config names is still read.
    parser._default_config_files = []
    # Locust's own default is every interface; --web-host '*' and --master-bind-host '*' still say so.
    parser.set_defaults(web_host="127.0.0.1", master_bind_host="127.0.0.1")
    # Not in a group of their own: Locust's web page offers only what is added to the parser itself.
    for name, known, default, text in (
        ("scenario", scenario_names(), "steps", "Load, behaviour and targets to meet (config/scenarios)"),
        ("target", target_names(), "lab", "Where the load goes (config/targets)"),
    ):
        variable = f"LOADVERDICT_{name.upper()}"
        chosen = os.environ.get(variable)
        choices = known if chosen is None or chosen in known else [*known, chosen]
        parser.add_argument(f"--{name}", choices=choices, default=default, env_var=variable, help=text)


def _on_init(environment: Any, **_: Any) -> None:
    bound_failures(environment)
    wiring = Wiring(environment)
    _WIRINGS[environment] = wiring
    wiring.listen()
    if wiring.controller is not None:
        try:
            to_run = environment.web_ui is None
            environment.host = wiring.controller.resolve(to_run=to_run)[1].base_url
        except LoadverdictError as error:
            print(f"loadverdict: {on_screen(str(error))}", file=sys.stderr)
            sys.exit(error.exit_code)
        add_live_page(environment, wiring.controller)


TOGETHER_S = 1.0
"""Signals that come so soon after one another are one wish: whoever ends a service tells every process of it,
and the command that started this one passes it on as well."""


def _interrupt_main_only() -> None:
    """Have Ctrl-C interrupt the main greenlet, as it ends the test, and SIGTERM as well.

    Python raises it in whichever greenlet runs at that moment; a user hit between the note that its request
    begins and the sending would die, and its request would be waited for in vain. Locust heeds SIGTERM only
    once it is done with starting: for a shape without its page that is when the test is over.
    """
    main, last_s = gevent.get_hub().parent, float("-inf")

    def interrupt() -> None:
        nonlocal last_s
        before_s, last_s = last_s, time.monotonic()
        if last_s - before_s > TOGETHER_S:
            gevent.kill(main, KeyboardInterrupt)

    for number in (signal.SIGINT, signal.SIGTERM):
        gevent.signal_handler(number, interrupt)


def _end_with_terminal() -> None:
    """Have SIGHUP end this process as SIGTERM does; its default is to die without an end mark."""
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        gevent.signal_handler(signal.SIGHUP, os.kill, os.getpid(), signal.SIGTERM)


def _die_with_parent(number: signal.Signals) -> None:
    """Have the kernel signal this process when whoever started it was killed, so that no load goes on
    unwatched (Linux)."""
    try:
        ctypes.CDLL(None).prctl(1, number)  # 1: PR_SET_PDEATHSIG
    except (OSError, AttributeError):
        log.info("this system cannot end a worker together with its master")
