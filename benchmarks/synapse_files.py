"""Synapse's files: the configurations compared, and the homeserver, target and scenario that they become."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ACCOUNTS = 60
"""More than there are users, since no two share one."""
SERVER_NAME = "loadverdict.test"
LOOPBACK = "127.0.0.1"
_UNLIMITED = {"per_second": 10_000, "burst_count": 10_000}

# What an audit trigger does that writes elsewhere and waits for it: a login's transaction takes this longer.
SLOW_INSERT = """
CREATE FUNCTION slow_audit() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN PERFORM pg_sleep(0.3); RETURN NEW; END';
CREATE TRIGGER slow_audit BEFORE INSERT ON access_tokens FOR EACH ROW EXECUTE FUNCTION slow_audit();
"""


@dataclass(frozen=True)
class Configuration:
    """One Synapse: what differs from the healthy one.

    Attributes:
        name: of the command line and the folder.
        about: what it is, in one line.
        bcrypt_rounds: cost of a password hash; Synapse's own default is 12.
        pool: fewest and most connections to the database.
        logins: limit of logins from one address: `per_second` and `burst_count`.
        sql: run on the database when Synapse has made its tables.
    """

    name: str
    about: str
    bcrypt_rounds: int = 4
    pool: tuple[int, int] = (10, 20)
    logins: dict[str, int] = field(default_factory=lambda: dict(_UNLIMITED))
    sql: str = ""


CONFIGURATIONS = {
    one.name: one
    for one in (
        Configuration("healthy", "bcrypt rounds 4, up to 20 connections, no rate limit"),
        Configuration(
            "small-pool",
            "2 connections, and a trigger that takes 0.3 s per login",
            pool=(1, 2),
            sql=SLOW_INSERT,
        ),
        Configuration("slow-trigger", "the same trigger, up to 20 connections", sql=SLOW_INSERT),
        Configuration("bcrypt", "bcrypt rounds 12, Synapse's own default", bcrypt_rounds=12),
        Configuration("bcrypt-13", "bcrypt rounds 13: twice the work", bcrypt_rounds=13),
        Configuration(
            "rate-limited",
            "8 logins per second from one address",
            logins={"per_second": 8, "burst_count": 10},
        ),
    )
}


@dataclass(frozen=True)
class Places:
    """Where a Synapse lives: a folder of its own, two ports of this machine, a database behind a socket."""

    folder: Path
    port: int
    metrics_port: int
    database: str
    socket_folder: str


def homeserver(configuration: Configuration, places: Places, secret: str) -> dict[str, Any]:
    """homeserver.yaml: this machine only, no federation, metrics on, accounts by the shared `secret`."""
    smallest, largest = configuration.pool
    return {
        "server_name": SERVER_NAME,
        "pid_file": str(places.folder / "homeserver.pid"),
        "signing_key_path": str(places.folder / "signing.key"),
        "media_store_path": str(places.folder / "media"),
        "log_config": str(places.folder / "log.yaml"),
        "listeners": [
            _listener(places.port, "http", resources=[{"names": ["client"]}]),
            _listener(places.metrics_port, "metrics"),
        ],
        "enable_metrics": True,
        "report_stats": False,
        "trusted_key_servers": [],
        "federation_domain_whitelist": [],
        "registration_shared_secret": secret,
        "bcrypt_rounds": configuration.bcrypt_rounds,
        "rc_login": {
            "address": configuration.logins,
            "account": _UNLIMITED,
            "failed_attempts": _UNLIMITED,
        },
        "database": {
            "name": "psycopg2",
            "args": {
                "user": "lab",
                "dbname": places.database,
                "host": places.socket_folder,
                "cp_min": smallest,
                "cp_max": largest,
            },
        },
    }


def log_config() -> dict[str, Any]:
    """Synapse's log: warnings and worse, to standard error."""
    return {
        "version": 1,
        "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
        "root": {"level": "WARNING", "handlers": ["console"]},
        "disable_existing_loggers": False,
    }


def target(places: Places) -> dict[str, Any]:
    """The target file, as docs/synapse.md shows it."""
    return {
        "description": "Matrix Synapse on this machine",
        "base_url": f"http://{LOOPBACK}:{places.port}",
        "health": "/health",
        "accounts": "accounts.csv",
        "requests": {
            "login": {
                "method": "POST",
                "path": "/_matrix/client/v3/login",
                "json": {
                    "type": "m.login.password",
                    "identifier": {"type": "m.id.user", "user": "{username}"},
                    "password": "{password}",
                },
                "expect": {"status": 200, "json_fields": ["access_token", "user_id"]},
                "save": {"token": "access_token"},
            },
            "me": {
                "path": "/_matrix/client/v3/account/whoami",
                "headers": {"Authorization": "Bearer {token}"},
                "expect": {"status": 200, "json_fields": ["user_id"]},
            },
        },
        "probes": {
            "metrics": {
                "map": "synapse",
                "url": f"http://{LOOPBACK}:{places.metrics_port}/_synapse/metrics",
                # Not in the map: how long a login takes by Synapse's own clock. Shown, not weighed.
                "signals": {
                    "x_login_ms": {
                        "mean": "synapse_http_server_response_time_seconds",
                        "where": {"servlet": "LoginRestServlet"},
                        "scale": 1000,
                    }
                },
            },
            "process": {"map": "process", "port": places.port},
        },
    }


def scenario(seed: int = 1) -> dict[str, Any]:
    """Five levels, each three times in shuffled order, 80 s; a client waits two seconds for an answer."""
    return {
        "description": "Log in to Synapse, then ask three times who one is",
        "behaviour": "session",
        "load": {"shape": "steps", "users": [2, 6, 11, 16, 20], "step_s": 5, "blocks": 3, "warm_up_s": 5},
        "think_time_s": 0.25,
        "timeouts": {"total_s": 2},
        "slo": ["error_rate < 1 %", "p99 < 1000 ms", "freeze < 2 s"],
        "seed": seed,
    }


def _listener(port: int, kind: str, **more: Any) -> dict[str, Any]:
    return {"port": port, "type": kind, "bind_addresses": [LOOPBACK], **more}
