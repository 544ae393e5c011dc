"""The output of an export: standard output, or a file that appears only once it is complete."""

import os
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import typer

from fetcher.commands.terminal import sanitise
from fetcher.contacts.export import SUFFIXES, Format
from fetcher.exits import Misuse, Unwritable

Write = Callable[[bytes], object]


def choose_format(path: Path | None, form: Format | None) -> Format:
    """Return the format that was asked for, else that of the file's suffix, else CSV; raise Misuse if they disagree."""
    suffix = "" if path is None else path.suffix
    meant = SUFFIXES.get(suffix.lower())
    if form is not None and meant not in (None, form):
        raise Misuse(f"{str(path)!r} ends in {suffix}, which is not {form}: change --output or leave out --format.")
    if form is None and meant is None and suffix and suffix != ".":
        raise Misuse(f"{str(path)!r} has the unknown suffix {suffix}: use {' or '.join(SUFFIXES)}, or add --format.")
    return form or meant or Format.CSV


def confirm_replacing(path: Path | None) -> None:
    """Ask before an existing file is replaced; raise Misuse if there is no terminal to ask on."""
    if path is None or not path.is_file():
        return
    if not sys.stdin.isatty():
        raise Misuse(f"{str(path)!r} exists: add --force to replace it, or choose another --output.")
    typer.confirm(f"{path} exists. Replace it?", abort=True, err=True)


@contextmanager
def opened_output(path: Path | None) -> Iterator[Write]:
    """Yield a function that writes bytes to the file, or to standard output if there is no path; raise Unwritable.

    The data goes to a temporary file beside the target, which only the owner can read, and is renamed once it is
    complete. On a terminal, control characters other than line breaks and tabs are replaced.
    """
    if path is None or str(path) == "-":
        yield _write_safely if sys.stdout.isatty() else sys.stdout.buffer.write
        sys.stdout.flush()
        return
    if path.exists() and not path.is_file():
        with _translated(path), path.open("wb") as device:
            yield device.write
        return
    with _translated(path), _replaced(path) as write:
        yield write


def _write_safely(data: bytes) -> None:
    sys.stdout.write(sanitise(data.decode("utf-8", "replace"), keep="\r\n\t").removeprefix("\ufeff"))


@contextmanager
def _replaced(path: Path) -> Iterator[Write]:
    target = path.resolve()
    temporary = target.parent / f".{target.name}.{secrets.token_hex(4)}.part"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file.write
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise Unwritable(f"{str(path)!r} cannot be written ({reason}): choose another --output.") from None
