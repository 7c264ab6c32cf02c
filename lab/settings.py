"""The lab's settings: what they are, which values are possible, and where they come from.

Order of sources, later ones win: defaults (the system of the case), YAML file, environment, arguments.
`model_fields_set` remembers which values somebody asked for; faults never override those (see faults.py).
"""

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from lab.errors import LabError

ENVIRONMENT_PREFIX = "LAB_"
# Read by servers.py and state.py; they say where the lab runs, not how the service behaves.
OTHER_ENVIRONMENT_NAMES = frozenset({"LAB_POSTGRES_URL", "LAB_VALKEY_URL", "LAB_STATE_DIR"})
# Everything that starts with one of these is fixed when the accounts are made.
NEEDS_NEW_LAB = frozenset({"accounts", "seed", "token_secret"})


class LabSettings(BaseModel):
    """Behaviour of the login service; the defaults are the system of the case. Units are in the names."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    pool_size: int = Field(10, ge=1, le=100, description="most PostgreSQL connections of the pool")
    pool_timeout_s: float = Field(5.0, gt=0, le=120, description="longest wait for a pool connection")
    pool_idle_timeout_s: float = Field(300.0, gt=0, description="idle connections are closed after this")
    pool_max_lifetime_s: float = Field(1800.0, gt=0, description="connections are replaced after this")

    cache_enabled: bool = Field(True, description="look accounts up in Valkey before PostgreSQL")
    cache_ttl_s: float = Field(60.0, gt=0, description="how long a cached account is valid")
    cache_pool_size: int = Field(10, ge=1, le=200, description="most connections to Valkey")
    cache_timeout_ms: float = Field(1000.0, gt=0, description="longest wait for Valkey, then an error")

    bcrypt_cost: int = Field(12, ge=4, le=15, description="log2 of the bcrypt rounds of every account")
    bcrypt_mode: Literal["blocking", "worker_pool"] = Field(
        "blocking", description="check passwords in the event loop (stops it) or on worker threads"
    )
    bcrypt_workers: int = Field(2, ge=1, le=64, description="threads of the worker pool")

    lock_enabled: bool = Field(True, description="look accounts up within the storage lock")
    lock_timeout_ms: float | None = Field(
        50.0, ge=0, description="longest wait for the storage lock; 0 or none waits for ever"
    )

    instances: int = Field(
        1, ge=1, le=2, description="processes that serve, each with its own pool, lock and threads"
    )

    database_latency_ms: float = Field(0.0, ge=0, le=60_000, description="added to every query, as pg_sleep")
    client_latency_ms: float = Field(0.0, ge=0, le=60_000, description="added before every answer")
    client_latency_jitter_ms: float = Field(
        0.0, ge=0, le=60_000, description="mean of a further, exponentially distributed delay"
    )
    region: str = Field("local", min_length=1, max_length=40, description="what /health answers as region")
    rate_limit_per_s: float | None = Field(None, gt=0, description="API requests allowed, then 429")

    accounts: int = Field(240, ge=200, le=100_000, description="seeded accounts")
    seed: int = Field(20_240, ge=0, description="decides passwords and which accounts are broken")
    token_secret: str | None = Field(None, min_length=32, repr=False, description="random when absent")

    broken_hash_ratio: float = Field(0.0, ge=0, le=1, description="share of accounts with a damaged hash")
    connection_leak_ratio: float = Field(
        0.0, ge=0, le=1, description="share of queries that keep their connection"
    )
    cache_busy_ms: float = Field(0.0, ge=0, le=4000, description="length of a slow script in Valkey")
    cache_busy_every_ms: float = Field(1000.0, gt=0, description="time from one slow script to the next")
    stall_ms: float = Field(0.0, ge=0, le=60_000, description="how long the event loop is stopped")
    stall_every_s: float = Field(20.0, gt=0, description="time from one stall to the next")
    freeze_after_s: float = Field(10.0, ge=0, description="from the first login to the freeze")
    freeze_for_s: float = Field(0.0, ge=0, le=600, description="how long nothing is answered, once")

    @field_validator("lock_timeout_ms", "rate_limit_per_s", "token_secret", mode="before")
    @classmethod
    def _words_for_none(cls, value: Any) -> Any:
        return None if isinstance(value, str) and value.strip().lower() in {"", "none", "null"} else value

    @field_validator("lock_timeout_ms")
    @classmethod
    def _zero_waits_for_ever(cls, value: float | None) -> float | None:
        return value or None

    def asked_for(self) -> dict[str, Any]:
        """The values somebody set (file, environment, argument), without the defaults."""
        return {name: getattr(self, name) for name in sorted(self.model_fields_set)}


def load_settings(
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    arguments: Mapping[str, Any] | None = None,
) -> LabSettings:
    """Settings from a YAML file, then `LAB_<NAME>` of the environment, then arguments.

    Raises LabError naming the source, the setting and the allowed values for everything that does not fit.
    """
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for source, found in (
        (f"settings file {file}", _from_file(file) if file else {}),
        ("environment", _from_environment(environment or {})),
        ("arguments", dict(arguments or {})),
    ):
        values.update(found)
        sources.update(dict.fromkeys(found, source))
    return make_settings(values, sources)


def make_settings(values: Mapping[str, Any], sources: Mapping[str, str] | None = None) -> LabSettings:
    """Checked settings; raises LabError with one line per mistake."""
    sources = sources or {}
    for name in values:
        if name not in LabSettings.model_fields:
            raise LabError(_unknown(name, LabSettings.model_fields, sources.get(name, "settings")))
    try:
        return LabSettings(**values)
    except ValidationError as error:
        raise LabError("\n".join(_mistakes(error, sources))) from None


def _from_file(file: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise LabError(f"settings file {file}: cannot be read ({error.strerror}).") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise LabError(f"settings file {file}: not valid YAML ({' '.join(str(error).split())}).") from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise LabError(f"settings file {file}: expected `name: value` lines, found {type(found).__name__}.")
    return {str(name): value for name, value in found.items()}


def _from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    allowed = {ENVIRONMENT_PREFIX + name.upper(): name for name in LabSettings.model_fields}
    found = {}
    for variable, value in environment.items():
        if not variable.startswith(ENVIRONMENT_PREFIX) or variable in OTHER_ENVIRONMENT_NAMES:
            continue
        if variable not in allowed:
            raise LabError(_unknown(variable, {*allowed, *OTHER_ENVIRONMENT_NAMES}, "environment"))
        found[allowed[variable]] = value
    return found


def _unknown(name: str, allowed: Iterable[str], source: str) -> str:
    names = sorted(allowed)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"allowed: {', '.join(names)}."
    return f"{source}: there is no lab setting {name}; {hint}"


def _mistakes(error: ValidationError, sources: Mapping[str, str]) -> list[str]:
    lines = []
    for mistake in error.errors(include_url=False):
        name = str(mistake["loc"][0])
        found = "(hidden)" if name == "token_secret" else repr(mistake["input"])
        lines.append(f"{sources.get(name, 'settings')}: {name} = {found}: {mistake['msg']}.")
    return lines
