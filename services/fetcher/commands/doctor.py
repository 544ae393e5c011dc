"""The checks of `doctor`. Each check gives one finding, with a fix if something is wrong."""

import os
import platform
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fetcher.bootstrap import Stack, open_stack, probes
from fetcher.embedded.child import EmbeddedError
from fetcher.embedded.postgres import postgres_account, postgres_binaries
from fetcher.embedded.valkey import valkey_binary
from fetcher.imap.connection import Connector
from fetcher.imap.folders import Folder
from fetcher.imap.mailbox import Mailbox
from fetcher.ports import Trouble
from fetcher.settings import Settings, WrongSettings, read_settings, unknown_settings

OLDEST_PYTHON = (3, 11)
MIN_FREE_BYTES = 1 << 30
"""Raw mail stays on the disk until the mining's teardown. At least 20,000 messages in scope `text` fit into this."""
LINE_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check: a sentence, and in `fix` what to do. `fix` is empty if all is well."""

    check: str
    text: str
    fix: str = ""

    @property
    def well(self) -> bool:
        """Whether there is nothing to fix."""
        return not self.fix


def examine(user: str) -> Iterator[Finding]:
    """Yield one finding per check: Python, the settings, and then whatever the settings require."""
    yield _python()
    yield from (
        Finding("settings", unknown, "Correct its name, or unset it.") for unknown in unknown_settings(os.environ)
    )
    try:
        settings = read_settings()
    except WrongSettings as wrong:
        yield from (Finding("settings", fault, "Correct this environment variable.") for fault in wrong.faults)
        return
    servers = "embedded servers" if settings.embedded else "your own servers"
    yield Finding("settings", f"STORAGE_MODE is {settings.storage_mode}, with {servers}.")
    yield from _embedded(settings) if settings.embedded else _configured(settings)
    yield from _stack(settings, user)


def examine_source(connector: Connector) -> Finding:
    """Log in to a mailbox and count its folders; a list of folders that is not complete needs a fix."""
    folders: list[Folder] = []

    def ask() -> str:
        mailbox = Mailbox(connector)
        try:
            folders.extend(mailbox.folders())
        finally:
            mailbox.close()
        listed = sum(folder.readable and folder.listed for folder in folders)
        return f"Logged in to {connector.source.name}, which has {listed} folders."

    finding = _tried("mailbox", ask)
    return replace(finding, fix=finding.fix or _list_fix(folders))


def _list_fix(folders: Sequence[Folder]) -> str:
    unreadable = [folder.title for folder in folders if not folder.readable]
    if unreadable:
        line = ascii(unreadable[0][:LINE_CHARACTERS])
        return (
            f"Show the server's operator a line of its list of folders that cannot be read ({line}): it hides a folder."
        )
    if not all(folder.listed for folder in folders):
        return "Ask the server's operator why its list of folders lacks INBOX: it may lack other folders too."
    return ""


def _python() -> Finding:
    found = f"Python {platform.python_version()}"
    if sys.version_info >= OLDEST_PYTHON:
        return Finding("python", f"{found} is supported.")
    return Finding("python", f"{found} is too old.", "Install Python 3.11 or newer.")


def _embedded(settings: Settings) -> Iterator[Finding]:
    yield _home(settings.home)
    yield _disk(settings.home)
    yield _tried("PostgreSQL", lambda: f"Installed in {postgres_binaries()}.")
    yield _tried("account", _account)
    yield _tried("Valkey", lambda: f"Installed as {valkey_binary()}.")


def _configured(settings: Settings) -> Iterator[Finding]:
    if settings.raw_store_path is not None:
        path = settings.raw_store_path.expanduser()
        yield _raw_store(path)
        yield _disk(path)
    for server, ask in probes(settings).items():
        yield _tried(server, ask)


def _stack(settings: Settings, user: str) -> Iterator[Finding]:
    """Open the stack as any command would, and make a request to the processor that needs the token."""

    def ask() -> str:
        with open_stack(settings) as stack:
            return _asked(stack, user)

    yield _tried("processor", ask)


def _asked(stack: Stack, user: str) -> str:
    ready = stack.processor.ready()
    minings = stack.processor.minings(user)
    return f"Version {ready.get('version', 'unknown')} answers. User {user} has {len(minings)} minings."


def _tried(check: str, ask: Callable[[], str]) -> Finding:
    try:
        return Finding(check, ask())
    except (Trouble, EmbeddedError) as trouble:
        said, _, advice = str(trouble).partition(": ")
        if not advice:
            return Finding(check, "It does not work.", said)
        return Finding(check, f"{said}.", f"{advice[:1].upper()}{advice[1:]}")


def _account() -> str:
    postgres_account()
    return "PostgreSQL can run under this account."


def _home(folder: Path) -> Finding:
    fix = f"Run: chmod 700 {folder}"
    if not folder.exists():
        place = _nearest(folder)
        if os.access(place, os.W_OK | os.X_OK):
            return Finding("home", f"The data directory {folder} will be created.")
        return Finding("home", f"{place} is not writable.", "Set LEADMINER_HOME to a folder that you can write to.")
    found = folder.stat()
    if not stat.S_ISDIR(found.st_mode) or not os.access(folder, os.W_OK | os.X_OK):
        return Finding(
            "home", f"{folder} is not a writable folder.", "Set LEADMINER_HOME to a folder that you can write to."
        )
    if stat.S_IMODE(found.st_mode) & 0o077:
        mode = f"{stat.S_IMODE(found.st_mode):04o}"
        return Finding("home", f"Other accounts can access the data directory {folder} (mode {mode}).", fix)
    return Finding("home", f"Only you can access the data directory {folder}.")


def _raw_store(folder: Path) -> Finding:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return Finding("raw store", f"{folder} is writable.")
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        return Finding(
            "raw store", f"{folder} is not writable ({reason}).", "Correct RAW_STORE_PATH or the folder's permissions."
        )


def _disk(folder: Path) -> Finding:
    free = shutil.disk_usage(_nearest(folder)).free
    text = f"{folder} has {free / (1 << 30):,.1f} GiB of free space."
    return Finding("disk", text, "" if free >= MIN_FREE_BYTES else "Free some space: raw mail needs at least 1 GiB.")


def _nearest(folder: Path) -> Path:
    """Return the folder, or its nearest parent that exists."""
    return next((place for place in (folder, *folder.parents) if place.exists()), Path("/"))
