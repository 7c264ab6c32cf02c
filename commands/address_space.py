"""Address space: where it is limited (`ulimit -v`), the libraries get along with little of it, or are not
loaded at all.

They reserve far more addresses than they use memory: the C library for each thread, Arrow for its pool. And
OpenBLAS, which comes with scipy, asks for its 32 MB again and again without end where it does not get them,
before anybody could raise an error.
"""

from __future__ import annotations

import ctypes
import importlib
import mmap
import os
import resource

NEEDED_BYTES = 400_000_000
"""For the libraries and the verdict of a small run, which took less than 375 MB with the interpreter."""

_M_ARENA_MAX = -8
"""Of mallopt(3), in glibc."""


def make_do() -> None:
    """Prepare for what is left, before any library is loaded; nothing happens without a limit.

    Raises:
        MemoryError: it is too little.
    """
    if resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY:
        return
    _reserve_little()
    try:
        mmap.mmap(-1, NEEDED_BYTES, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=mmap.PROT_READ).close()
    except OSError as error:
        raise MemoryError from error
    # While there is room: a large run may leave none.
    importlib.import_module("scipy.special")


def _reserve_little() -> None:
    """One arena for all threads, here and in the processes to come, and Arrow within it too."""
    os.environ.setdefault("MALLOC_ARENA_MAX", "1")
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)
