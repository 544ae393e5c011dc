"""Passwords and tokens come from files, the environment and commands, and are never shown."""

import shlex
import sys
from pathlib import Path

import pytest

from fetcher.commands.passwords import TokenCommand, find_credentials
from fetcher.exits import Misuse
from fetcher.imap.connection import Credentials, LoginRefused
from fetcher.imap.source import Source

SOURCE = Source.parse("imaps://jane@imap.example.org")


def _command(code: str) -> str:
    return shlex.join([sys.executable, "-c", code])


def _find(
    *, taken: str | None = None, password_file: Path | None = None, token_command: str | None = None
) -> Credentials:
    return find_credentials(SOURCE, taken=taken, password_file=password_file, token_command=token_command)


@pytest.mark.parametrize("text", ["pässword", "pässword\n", "pässword\r\nsecond line\n"])
def test_the_first_line_of_the_file_is_the_password(tmp_path: Path, text: str) -> None:
    """The password is the file's first line without its line break, which has two characters on Windows."""
    (tmp_path / "password").write_bytes(text.encode())

    assert _find(password_file=tmp_path / "password").password == "pässword"


def test_blanks_belong_to_a_password(tmp_path: Path) -> None:
    """Spaces are part of a password: app passwords are shown in groups, and some passwords end with a space."""
    (tmp_path / "password").write_text(" ab cd \n")

    assert _find(password_file=tmp_path / "password").password == " ab cd "


def test_the_file_goes_before_the_environment(tmp_path: Path) -> None:
    """A password file given on the command line takes precedence over the environment."""
    (tmp_path / "password").write_text("from the file")

    found = _find(taken="from the environment", password_file=tmp_path / "password")

    assert found.password == "from the file"
    assert _find(taken="from the environment").password == "from the environment"


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe"])
def test_a_file_without_a_password_is_refused(tmp_path: Path, content: bytes) -> None:
    """A file without a password is refused; the error names the file but not its content."""
    (tmp_path / "password").write_bytes(content)

    with pytest.raises(Misuse, match="password"):
        _find(password_file=tmp_path / "password")


def test_a_token_command_is_run_each_time(tmp_path: Path) -> None:
    """The token command runs for each login, so a token that expires during a mining is replaced."""
    count = tmp_path / "count"
    code = f"import pathlib; p = pathlib.Path({str(count)!r}); p.open('a').write('x'); print(len(p.read_text()))"

    token = _find(token_command=_command(code)).token

    assert token is not None
    assert [token(), token()] == ["1", "2"]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise SystemExit(3)", "exit code 3"),
        ("", "printed no token"),
        ("print('a\\x1bb')", "printed no token"),
        ("print('é')", "printed no token"),
    ],
)
def test_a_token_command_that_gives_none_is_named_without_what_it_printed(code: str, said: str) -> None:
    """If the token command gives no token, the error names the program but not its arguments or output."""
    with pytest.raises(LoginRefused, match=said) as caught:
        TokenCommand(_command(code))()

    assert "-c" not in str(caught.value)


def test_a_token_command_that_is_not_there_is_named() -> None:
    """A token command that does not exist, such as a misspelled one, is named in the error."""
    with pytest.raises(LoginRefused, match="/no/such/program"):
        TokenCommand("/no/such/program --for jane")()


def test_credentials_show_nothing(tmp_path: Path) -> None:
    """Credentials do not appear in their repr, and so not in a log or traceback."""
    assert "hunter2" not in repr(_find(taken="hunter2"))
