"""Signals: our names for what a target measures about itself, whatever the target calls it."""

from __future__ import annotations

import re

SIGNALS = {
    "pool_max": "most connections that the database pool may open",
    "pool_active": "connections in use",
    "pool_idle": "connections open and not in use",
    "pool_waiting": "requests that wait for a connection now",
    "pool_waits_per_s": "requests a second that had to wait",
    "pool_wait_ms": "mean wait for a connection",
    "pool_wait_ms_per_s": "milliseconds waited for connections, in all, per second",
    "pool_errors_per_s": "requests a second that got no connection",
    "cache_hits_per_s": "values found",
    "cache_misses_per_s": "values not found",
    "cache_errors_per_s": "cache operations that failed",
    "cache_get_ms": "mean time to read a value",
    "cache_set_ms": "mean time to write a value",
    "cache_command_ms": "mean time of a command, as the cache itself measures it",
    "cache_commands_per_s": "commands that the cache ran",
    "cache_evictions_per_s": "values thrown out for want of memory",
    "cache_pool_max": "most connections to the cache",
    "cache_pool_active": "connections to the cache that are in use",
    "cache_memory_mb": "memory that the cache uses",
    "password_hash_ms": "mean time to check a password",
    "lock_wait_ms": "mean wait for the storage lock",
    "lock_timeouts_per_s": "waits for the lock that were given up",
    "database_ping_ms": "a minimal query, as the target itself measures it",
    "database_query_ms": "mean time of a query",
    "region": "where the target says it runs (the text is the label)",
    "workers_max": "worker threads or processes",
    "workers_busy": "those of them at work",
    "hash_workers_max": "worker threads that hash passwords",
    "hash_workers_busy": "those of them at work",
    "loop_lag_ms": "how late the target's event loop is",
    "cpu_percent": "CPU of the process and its children, 100 = one core",
    "cpu_thread_percent": "CPU of its busiest thread, 100 = all that one thread can have",
    "cpu_thread_wanted_percent": "the same with the time it waited for a core (Linux): 100 = never idle",
    "cpu_cores": "cores that the process may use",
    "memory_mb": "resident memory of the process and its children",
}
"""Closed, so that suspects can rely on it; whatever else is wanted has a name that begins with `x_`."""

PHASE_COUNT, PHASE_MS, PHASE_OWN_MS = "phase_count", "phase_ms", "phase_own_ms"
"""Of a phase log, per second and phase (the label): lines, mean time, and mean without the phases within."""

_OWN = re.compile(r"x_[a-z0-9_]{1,40}")


def is_signal(name: str) -> bool:
    """Whether a map may use this name."""
    return name in SIGNALS or _OWN.fullmatch(name) is not None
