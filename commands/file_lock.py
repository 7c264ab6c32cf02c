"""File lock: waits for its turn at a file or folder that other processes may hold."""

from __future__ import annotations

import fcntl
import time
from typing import IO


def locked(handle: int | IO[str], wait_s: float, look_every_s: float) -> bool:
    """Take the lock; False if another process has held it for all that time. Closing the handle frees it.

    Args:
        handle: of the open file or folder.
        wait_s: how long to wait.
        look_every_s: how often to look whether it is free.

    Raises:
        OSError: there are no locks here (some network disks).
    """
    until = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(look_every_s)
        else:
            return True
