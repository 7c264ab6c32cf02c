"""The faults that the lab can be given, as a table: what changes, and the truth that should be found.

A fault is a cause, never a faked answer: it changes settings, and the real pool, lock, cache or event loop
does the rest. The truth is for tests alone. Nothing here may reach metrics, health, logs or a run folder,
or an analysis could read the answer instead of finding it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from lab.errors import LabError
from lab.settings import LabSettings, make_settings

# Every fault starts from a service without a bottleneck, so that each shows one cause alone.
HEALTHY: Mapping[str, Any] = MappingProxyType(
    {
        "bcrypt_cost": 4,
        "bcrypt_mode": "worker_pool",
        "bcrypt_workers": 4,
        "lock_timeout_ms": 10_000.0,
        "pool_size": 50,
        "cache_pool_size": 50,
        "cache_timeout_ms": 5000.0,
    }
)


@dataclass(frozen=True)
class Truth:
    """What a fault should produce under enough load; an empty `suspect` means nothing is to be found."""

    suspect: Literal["", "pool", "cache", "network", "bcrypt", "lock", "code", "rate_limit", "freeze"]
    statuses: tuple[int, ...] = ()
    message: str = ""
    load_effect: Literal["none", "rises", "constant"] = "none"
    temporal: Literal["none", "clustered", "distributed"] = "none"


@dataclass(frozen=True)
class Fault:
    """One switchable cause: settings that differ from the healthy lab, and what they should produce."""

    name: str
    description: str
    truth: Truth
    changes: Mapping[str, Any] = field(default_factory=dict)


_BUSY = "Service temporarily busy, please retry"
_TABLE = (
    Fault("none", "healthy: cheap bcrypt on worker threads, large pool, patient lock", Truth("")),
    Fault(
        "case",
        "the service of the case as it stands (all default settings)",
        Truth("bcrypt", (503,), _BUSY, "rises", "clustered"),
        {name: LabSettings.model_fields[name].default for name in HEALTHY},
    ),
    Fault(
        "small-pool",
        "two database connections for slow queries, with a short wait for one",
        Truth("pool", (500,), "connection pool exhausted", "rises", "clustered"),
        {
            "pool_size": 2,
            "pool_timeout_s": 0.25,
            "database_latency_ms": 60.0,
            "lock_enabled": False,  # else requests queue at the lock and the pool never runs dry
            "cache_enabled": False,  # else the second login of an account needs no query
        },
    ),
    Fault(
        "busy-valkey",
        "slow scripts keep Valkey busy, so reading the cache times out",
        Truth("cache", (500,), "redis connection failed", "constant", "clustered"),
        {
            "cache_busy_ms": 500.0,
            "cache_busy_every_ms": 2500.0,
            "cache_timeout_ms": 100.0,
            "lock_enabled": False,
        },
    ),
    Fault(
        "cache-off",
        "every login asks PostgreSQL",
        Truth(""),
        {"cache_enabled": False},
    ),
    Fault(
        "bcrypt-blocking",
        "bcrypt at cost 12 inside the event loop; the lock gives up after 50 ms",
        Truth("bcrypt", (503,), _BUSY, "rises", "clustered"),
        {"bcrypt_cost": 12, "bcrypt_mode": "blocking", "lock_timeout_ms": 50.0},
    ),
    Fault(
        "lock-timeout",
        "queries of 30 ms within a lock that gives up after 50 ms",
        Truth("lock", (503,), _BUSY, "rises", "distributed"),
        {"lock_timeout_ms": 50.0, "database_latency_ms": 30.0, "cache_enabled": False},
    ),
    Fault(
        "database-latency",
        "every query takes 250 ms longer; nothing runs dry",
        Truth(""),
        {"database_latency_ms": 250.0, "cache_enabled": False, "lock_enabled": False},
    ),
    Fault(
        "network-latency",
        "every answer arrives 150 ms later, and up to a second more",
        Truth("network"),
        {"client_latency_ms": 150.0, "client_latency_jitter_ms": 150.0},
    ),
    Fault(
        "broken-hash",
        "one account in six has a damaged password hash in the database",
        Truth("code", (500,), "password verification failed", "constant", "distributed"),
        {"broken_hash_ratio": 1 / 6},
    ),
    Fault(
        "rate-limit",
        "40 API requests a second are allowed, more are turned away",
        Truth("rate_limit", (429,), "Rate limit exceeded, please slow down", "rises", "distributed"),
        {"rate_limit_per_s": 40.0},
    ),
    Fault(
        "connection-leak",
        "one query in twenty never gives its connection back, until the pool is empty",
        Truth("pool", (500,), "connection pool exhausted", "none", "clustered"),
        {
            "connection_leak_ratio": 0.05,
            "pool_size": 20,
            "pool_timeout_s": 0.5,
            "lock_enabled": False,
            "cache_enabled": False,
        },
    ),
    Fault(
        "periodic-stall",
        "the event loop is stopped for 1.5 s every 20 s; the lock gives up after 50 ms",
        Truth("freeze", (503,), _BUSY, "none", "clustered"),
        {"stall_ms": 1500.0, "stall_every_s": 20.0, "lock_timeout_ms": 50.0, "cache_enabled": False},
    ),
    Fault(
        "freeze",
        "ten seconds after the first login nothing is answered for eight seconds",
        Truth("freeze"),
        {"freeze_after_s": 10.0, "freeze_for_s": 8.0},
    ),
)
FAULTS: Mapping[str, Fault] = MappingProxyType({fault.name: fault for fault in _TABLE})


def parse_faults(names: str) -> tuple[Fault, ...]:
    """`"broken-hash+small-pool"` as table rows; raises LabError for an unknown name, listing all."""
    chosen = []
    for name in names.split("+"):
        if name.strip() not in FAULTS:
            raise LabError(
                f"there is no fault {name.strip()!r}; choose from {', '.join(FAULTS)}, joined by +."
            )
        chosen.append(FAULTS[name.strip()])
    return tuple(chosen)


def apply_faults(settings: LabSettings, names: str) -> LabSettings:
    """The settings with the faults applied; a value that somebody asked for always wins.

    That is what lets an experiment change the pool of a lab with a small pool. Raises LabError when two
    faults want different values for the same setting.
    """
    changes: dict[str, Any] = {}
    origin: dict[str, str] = {}
    for fault in parse_faults(names):
        for name, value in fault.changes.items():
            asked_for = name in settings.model_fields_set
            if not asked_for and changes.get(name, value) != value:
                raise LabError(
                    f"faults {origin[name]} and {fault.name} cannot be combined: they set {name} to "
                    f"{changes[name]} and {value}. Set {name} yourself, or choose one of them."
                )
            changes[name] = value
            origin[name] = fault.name
    return make_settings({**HEALTHY, **changes, **settings.asked_for()})


def list_faults() -> list[Fault]:
    """All faults, in the order in which they are to be shown."""
    return list(FAULTS.values())
