"""npm's `postal-mime`, fetched once into the cache, and run by Node over many messages at once."""

import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypedDict

from tests.support.cloudflare.packages import PiecesMissing, find_node
from tests.support.npm import fetch_packages

HERE: Final = Path(__file__).parent / "postal_mime"


class PostalUnavailable(RuntimeError):
    """Node, npm or the package is missing; the text says what to do."""


class PostalReading(TypedDict):
    """What postal-mime reads in one message: the addresses in its address fields as written, and its decoded texts."""

    addresses: list[str]
    texts: list[str]
    htmls: list[str]


def read_all(messages: Sequence[bytes]) -> list[PostalReading]:
    """Read the messages in one run of Node; raise PostalUnavailable."""
    try:
        node, packages = find_node(), fetch_packages(HERE, "postal-mime").parent
    except PiecesMissing as error:
        raise PostalUnavailable(str(error)) from error
    with tempfile.TemporaryDirectory(prefix="lm-postal-") as name:
        for number, raw in enumerate(messages):
            (Path(name) / f"{number:06}.eml").write_bytes(raw)
        command = [node, str(HERE / "read.mjs"), str(packages), name]
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    if done.returncode:
        raise PostalUnavailable(f"`{' '.join(command)}` failed: {done.stderr.strip()[-1000:]}")
    return [json.loads(line) for line in done.stdout.split("\n") if line]
