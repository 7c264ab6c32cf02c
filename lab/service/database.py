"""Accounts in PostgreSQL, through a pool of connections with a longest wait."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import psycopg
from psycopg import sql
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from lab.service.answers import broken
from lab.service.users import User
from lab.settings import LabSettings

PING_WAIT_S = 1.0
Connection = psycopg.AsyncConnection[tuple[Any, ...]]
Pool = AsyncConnectionPool[Connection]


class Database:
    """The pool, the queries on it, and the ways in which a lab lets it suffer (latency, leak)."""

    def __init__(self, url: str, schema: str, settings: LabSettings) -> None:
        self._url = url
        self._table = sql.Identifier(schema, "users")
        self._schema = sql.Identifier(schema)
        self._settings = settings
        self._pool = self._make_pool(settings)
        self._leaked: list[tuple[Pool, Connection]] = []
        self._chance = random.Random(settings.seed)
        self._totals: Counter[str] = Counter()  # of pools that are gone, so totals never fall
        self._wait_ms = 0.0
        self._query = sql.SQL("SELECT user_id, username, password_hash, workspace_id FROM {} WHERE {} = %s")
        self._by_name = self._query.format(self._table, sql.Identifier("username"))
        self._by_id = self._query.format(self._table, sql.Identifier("user_id"))

    def _make_pool(self, settings: LabSettings) -> Pool:
        return AsyncConnectionPool(
            self._url,
            min_size=min(4, settings.pool_size),
            max_size=settings.pool_size,
            timeout=settings.pool_timeout_s,
            max_idle=settings.pool_idle_timeout_s,
            max_lifetime=settings.pool_max_lifetime_s,
            kwargs={"autocommit": True, "application_name": "loadverdict-lab"},
            open=False,
            name="lab",
        )

    async def open(self) -> None:
        await self._pool.open(wait=True, timeout=10)

    async def close(self) -> None:
        await self._give_back_leaked()
        await self._pool.close(timeout=1)

    async def change(self, settings: LabSettings) -> None:
        """Takes new settings; a pool of another kind replaces the old one, whose work is finished first."""
        before, self._settings = self._settings, settings
        if not settings.connection_leak_ratio:
            await self._give_back_leaked()
        if not any(
            getattr(before, name) != getattr(settings, name)
            for name in ("pool_size", "pool_timeout_s", "pool_idle_timeout_s", "pool_max_lifetime_s")
        ):
            return
        old, self._pool = self._pool, self._make_pool(settings)
        await self._pool.open(wait=False)
        self._totals += Counter(_totals(old.get_stats()))
        await self._give_back_leaked()
        await old.close(timeout=1)

    async def create(self, users: Sequence[User]) -> None:
        """Makes the lab's own schema with these accounts in it, in place of any earlier ones."""
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(self._schema))
            await connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(self._table))
            await connection.execute(
                sql.SQL(
                    "CREATE TABLE {} (user_id bigint PRIMARY KEY, username text UNIQUE NOT NULL,"
                    " password_hash text NOT NULL, workspace_id bigint NOT NULL)"
                ).format(self._table)
            )
            copy = sql.SQL("COPY {} FROM STDIN").format(self._table)
            async with connection.cursor() as cursor, cursor.copy(copy) as rows:
                for user in users:
                    await rows.write_row((user.user_id, user.username, user.password_hash, user.workspace_id))

    async def user_by_name(self, username: str) -> User | None:
        """Raises Refused (500) when there is no connection in time, or the query fails."""
        return await self._find(self._by_name, username)

    async def user_by_id(self, user_id: int) -> User | None:
        """Raises Refused (500) when there is no connection in time, or the query fails."""
        return await self._find(self._by_id, user_id)

    async def ping_ms(self) -> float | None:
        """How long a minimal query takes, without waiting for a connection; None when there is no answer."""
        try:
            async with asyncio.timeout(PING_WAIT_S + self._settings.database_latency_ms / 1000):
                async with self._pool.connection(timeout=PING_WAIT_S) as connection:
                    started = time.perf_counter()
                    await self._delay(connection)
                    await connection.execute("SELECT 1")
                    return (time.perf_counter() - started) * 1000
        except (psycopg.Error, TimeoutError):
            return None

    def figures(self) -> Mapping[str, float]:
        """What /metrics shows of the pool."""
        now = self._pool.get_stats()
        idle = now.get("pool_available", 0)
        return {
            "max_connections": now.get("pool_max", 0),
            "active_connections": now.get("pool_size", 0) - idle,
            "idle_connections": idle,
            "waiting_requests": now.get("requests_waiting", 0),
            "wait_ms": self._wait_ms,
            **{name: self._totals[name] + value for name, value in _totals(now).items()},
        }

    async def _find(self, query: sql.Composed, value: object) -> User | None:
        try:
            async with self._connection() as connection:
                await self._delay(connection)
                row = await (await connection.execute(query, (value,))).fetchone()
        except psycopg.Error:
            raise broken("database query failed", "lookup") from None
        return User(*row) if row else None

    async def _delay(self, connection: Connection) -> None:
        """Latency as the database would have it: the server sleeps, the connection stays in use."""
        if self._settings.database_latency_ms:
            await connection.execute("SELECT pg_sleep(%s)", (self._settings.database_latency_ms / 1000,))

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        pool = self._pool
        started = time.perf_counter()
        try:
            connection = await pool.getconn()
        except PoolTimeout:
            raise broken("connection pool exhausted", "lookup") from None
        finally:
            self._wait_ms += (time.perf_counter() - started) * 1000
        leaks = self._chance.random() < self._settings.connection_leak_ratio
        try:
            yield connection
        finally:
            if leaks:
                self._leaked.append((pool, connection))
            else:
                await pool.putconn(connection)

    async def _give_back_leaked(self) -> None:
        leaked, self._leaked = self._leaked, []
        for pool, connection in leaked:
            # Closed before it is returned, the pool throws it away and opens a fresh one.
            with suppress(psycopg.Error):
                await connection.close()
            with suppress(ValueError):
                await pool.putconn(connection)


def _totals(stats: Mapping[str, int]) -> dict[str, int]:
    return {
        "waits": stats.get("requests_queued", 0),
        "errors": stats.get("requests_errors", 0) + stats.get("connections_errors", 0),
    }
