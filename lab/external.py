"""Servers that are not ours: are they there, and, at the end, removing the lab's schema and keys from them.

The janitor runs `python -m lab.external NAMESPACE`, after a stop as after a crash. The URLs come from the
environment, because they may hold passwords. The clients are imported late: most labs need neither.
"""

import os
import sys
from contextlib import suppress

from lab.errors import LabError
from lab.servers import POSTGRES_URL, VALKEY_URL

_PATIENCE_S = 5


def check(postgres_url: str | None, valkey_url: str | None) -> None:
    """Raises LabError naming the variable when a server does not answer. The URL itself is not shown."""
    import psycopg
    from valkey import Valkey
    from valkey.exceptions import ValkeyError

    try:
        if postgres_url:
            psycopg.connect(postgres_url, connect_timeout=_PATIENCE_S).close()
    except psycopg.Error as error:
        raise LabError(_no_answer(POSTGRES_URL, error)) from None
    try:
        if valkey_url:
            with Valkey.from_url(valkey_url, socket_timeout=_PATIENCE_S) as client:
                client.ping()
    except (ValkeyError, ValueError) as error:
        raise LabError(_no_answer(VALKEY_URL, error)) from None


def _no_answer(variable: str, error: Exception) -> str:
    why = " ".join(str(error).split())
    return f"{variable}: no answer from the server it names ({why}); start it, or unset {variable}."


def drop(namespace: str, postgres_url: str | None, valkey_url: str | None) -> None:
    """Drops the schema and the keys of one lab; a server that is gone has nothing to drop."""
    import psycopg
    from psycopg import sql
    from valkey import Valkey
    from valkey.exceptions import ValkeyError

    if postgres_url:
        with (
            suppress(psycopg.Error),
            psycopg.connect(postgres_url, autocommit=True, connect_timeout=_PATIENCE_S) as server,
        ):
            server.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(namespace)))
    if valkey_url:
        with suppress(ValkeyError), Valkey.from_url(valkey_url, socket_timeout=_PATIENCE_S) as client:
            for key in client.scan_iter(match=f"{namespace}:*", count=1000):
                client.unlink(key)


if __name__ == "__main__":
    drop(sys.argv[1], os.environ.get(POSTGRES_URL), os.environ.get(VALKEY_URL))
