"""Commands run in an empty environment, against a processor that a test fills, and with a person who answers."""

import os
import pty
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.fake_processor import TOKEN, FakeProcessor, running

OURS = ("POSTGRES_", "REDIS_", "CLOUDFLARE_", "PROCESSOR_", "LEADMINER_", "RAW_", "STORAGE_", "SERVE_", "IMAP_")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(OURS):
            monkeypatch.delenv(name)
    monkeypatch.setenv("LEADMINER_HOME", str(tmp_path / "home"))


@pytest.fixture
def processor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeProcessor]:
    with running(FakeProcessor()) as fake:
        monkeypatch.setenv("POSTGRES_CONNECTION_STRING", "postgresql://127.0.0.1:1/none")
        monkeypatch.setenv("REDIS_URL", "redis://:redis-secret@127.0.0.1:1")
        monkeypatch.setenv("RAW_STORE_PATH", str(tmp_path / "raw"))
        monkeypatch.setenv("PROCESSOR_URL", fake.url)
        monkeypatch.setenv("PROCESSOR_TOKEN", TOKEN)
        yield fake


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Return a function that makes standard input a terminal on which a person has typed a line."""
    person, terminal = pty.openpty()
    with os.fdopen(terminal, "r") as typed:

        def type_line(text: str) -> None:
            monkeypatch.setattr("sys.stdin", typed)
            os.write(person, f"{text}\n".encode())

        yield type_line
    os.close(person)
