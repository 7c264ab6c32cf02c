"""Farewell: a master whose workers have all said that they go waits no longer for them.

Locust's master tells its workers to quit, then sleeps for half a second, in which their last statistics
arrive, and does so three times. A worker that quits sends its statistics first, and then that it goes: once
all have gone, nothing can arrive any more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import gevent
import psutil

LIMIT_S = 0.5
"""As long as Locust's own wait, for who does not say that he goes."""

LOOK_INTERVAL_S = 0.02


class Farewell:
    """Stands before the master's way to quit.

    Only the end of a run of which every worker has told that it has nothing in flight is made shorter. One
    that is lost, that did not answer or that went by itself is waited for as Locust does.
    """

    def __init__(
        self,
        runner: Any,
        *,
        gives_up: Callable[[], None],
        all_have_finished: Callable[[], bool],
        processes: Sequence[psutil.Process],
        limit_s: float = LIMIT_S,
    ) -> None:
        """Take the place of the runner's `quit`.

        Args:
            runner: Locust's master.
            gives_up: told of each `quit` before anything else: Locust fires no event for a master that ends
                because not all of its workers came.
            all_have_finished: whether the run is over and every worker of it has told that it is done.
            processes: workers of this machine that the master has made.
            limit_s: how long each call of `quit` waits for those who do not say that they go.
        """
        self._runner = runner
        self._processes = processes
        self._limit_s = limit_s
        self._gives_up = gives_up
        self._all_have_finished = all_have_finished
        self._quit = runner.quit
        runner.quit = self._told

    def _told(self) -> None:
        try:
            self._gives_up()
        finally:
            self._quit_with_all()

    def _quit_with_all(self) -> None:
        self._runner.stop(send_stop_to_client=False)
        if not self._all_have_finished():
            self._quit()  # and what is stopped already is not stopped again
            return
        self._runner.send_message("quit")
        deadline = time.monotonic() + self._limit_s
        while self._somebody_is_left() and time.monotonic() < deadline:
            gevent.sleep(LOOK_INTERVAL_S)
        self._runner.greenlet.kill(block=True)

    def _somebody_is_left(self) -> bool:
        """Whether a worker has not said that it goes, or a process of this machine has not ended.

        Such a process is signalled when its master ends, and there is nobody else to take note of its end.
        """
        return len(self._runner.clients) > 0 or any(one.is_running() for one in self._processes)
