"""Runs the script of the container `backup` as the container does, on the tests' PostgreSQL."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fetcher.embedded.postgres import ROLE
from infra.docker import postgres
from tests.support.servers import Postgres

SCRIPT = Path(__file__).resolve().parents[2] / "infra" / "docker" / "backup.sh"
# On the tests' server, the superuser has the name that an ordinary role has in the stack.
PERMANENT, MINING = "miner", "miner_mining"
SETUP_SQL = postgres.SETUP_SQL.replace("leadminer", "miner")


@dataclass(frozen=True, slots=True)
class Backups:
    """The script on one server, with its own folder of dumps."""

    server: Postgres
    folder: Path

    def prepare(self) -> None:
        """Create the folders, the databases and their roles."""
        self.dumps.mkdir(parents=True)
        (self.folder / "tmp").mkdir()
        (self.folder / "databases.sql").write_text(SETUP_SQL, "utf-8")
        self.psql("postgres", SETUP_SQL)

    @property
    def dumps(self) -> Path:
        """Return the folder of the dumps."""
        return self.folder / "dumps"

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment that the container has."""
        return {
            "PATH": f"{self.server.server.binaries}:{os.environ['PATH']}",
            "TMPDIR": str(self.folder / "tmp"),
            "PGHOST": str(self.server.folder),
            "PGUSER": ROLE,
            "PGPASSWORD": "unused",
            "PERMANENT_PASSWORD": "one",
            "MINING_PASSWORD": "another",
            "PERMANENT_DATABASE": PERMANENT,
            "MINING_DATABASE": MINING,
            "BACKUPS": str(self.dumps),
            "BACKUPS_KEPT": "3",
            "BACKUP_HOUR": "02",
            "SETUP_SQL": str(self.folder / "databases.sql"),
        }

    def start(self, *words: str, **environment: str) -> "subprocess.Popen[str]":
        """Start a command of the script."""
        return subprocess.Popen(
            ["bash", str(SCRIPT), *words],
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, **environment: str) -> str:
        """Run a command of the script, and return what it printed; fail if the command fails."""
        done = self.attempt(*words, **environment)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def attempt(self, *words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of the script, and return its result even if it fails."""
        with self.start(*words, **environment) as started:
            out, error = started.communicate(timeout=120)
        return subprocess.CompletedProcess(words, started.returncode, out, error)

    def dump(self) -> str:
        """Create a dump, and return its name."""
        return self.run("dump")

    def psql(self, database: str, sql: str, **environment: str) -> str:
        """Run SQL as the superuser, and return its rows."""
        command = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database]
        given: Mapping[str, str] = self.environment | environment
        done = subprocess.run(command, input=sql, env=given, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()
