"""Real PostgreSQL and Valkey servers for tests, each in a temporary folder. Does not depend on pytest."""

import itertools
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Generic, Self, TypeVar

import psycopg
import redis
from psycopg import sql

from fetcher.embedded.postgres import PostgresServer, postgres_binaries
from fetcher.embedded.valkey import ValkeyServer, valkey_binary

VALKEY_DATABASES = 16
NO_FSYNC = {"fsync": "off", "full_page_writes": "off"}
"""Faster starts and commits. A killed server loses nothing, because the machine itself does not crash."""


S = TypeVar("S", PostgresServer, ValkeyServer)


class _Server(Generic[S]):
    """A server in a temporary folder with a short path and mode 0700, which is removed with it."""

    server: S

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="lm-"))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self.server.child.pid

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self.server.start()

    def stop(self) -> None:
        """Shut the server down in an orderly way."""
        self.server.stop()

    def kill9(self) -> None:
        """Kill the server's process as a crash would; PostgreSQL's backends follow by themselves."""
        self.server.child.kill()

    def restart(self) -> None:
        """Kill the server as a crash would, and start it again with the data it left."""
        self.kill9()
        self.start()

    def close(self) -> None:
        """Kill the server and remove its folder."""
        self.kill9()
        shutil.rmtree(self.folder, ignore_errors=True)


class Postgres(_Server[PostgresServer]):
    """A PostgreSQL server; `binaries` is the folder of initdb and postgres, by default the embedded ones."""

    def __init__(self, binaries: Path | None = None, *, durable: bool = False) -> None:
        super().__init__()
        self.server = PostgresServer(
            data=self.folder / "data",
            sockets=self.folder,
            log=self.folder / "postgres.log",
            binaries=binaries or postgres_binaries(),
            settings={"max_connections": "200"} | ({} if durable else NO_FSYNC),
        )
        self._names = (f"test_{number}" for number in itertools.count(1))

    def close(self) -> None:
        """Kill the server, wait for its backends to end, and remove its folder."""
        self.kill9()
        self.server.end_leftovers()
        super().close()

    def conninfo(self, database: str = "postgres") -> str:
        """Return the connection string of a database on this server."""
        return self.server.conninfo(database)

    def fresh_database(self) -> str:
        """Create an empty database and return its connection string."""
        name = next(self._names)
        with psycopg.connect(self.conninfo(), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {} STRATEGY file_copy").format(sql.Identifier(name)))
        return self.conninfo(name)


class Valkey(_Server[ValkeyServer]):
    """A Valkey server; `binary` can be another server with the same protocol, such as Debian's redis-server."""

    def __init__(self, binary: Path | None = None) -> None:
        super().__init__()
        self.server = ValkeyServer(
            data=self.folder / "data",
            sockets=self.folder,
            log=self.folder / "valkey.log",
            binary=binary or valkey_binary(),
        )
        self._databases = itertools.cycle(range(VALKEY_DATABASES))

    def url(self, database: int = 0) -> str:
        """Return the connection string of a numbered database."""
        return self.server.url(database)

    def fresh_url(self) -> str:
        """Empty one of the numbered databases and return its connection string; up to 16 can be in use at once."""
        url = self.url(next(self._databases))
        with redis.Redis.from_url(url) as client:
            client.flushdb()
        return url
