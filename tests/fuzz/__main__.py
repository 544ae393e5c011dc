"""`make fuzz`: look for inputs that break the laws of extraction, guided by the branches that they reach.

usage: python -m tests.fuzz [TARGET] [--seconds 60]; TARGET is message, addresses, text or words, by default each in
turn. It prints the shortest input found for each broken law, as it belongs in `findings.json`, and how many inputs ran.
What it learned is kept in the cache, so that the next run goes on from there. README.md says what it needs.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from infra.vendored import cache_folder
from tests.fuzz.laws import READERS, Broken, try_input
from tests.fuzz.seeds import LONGEST, dictionary, seeds

SHRINK_SECONDS: Final = 20
HANG_SECONDS: Final = 20
_RAN: Final = re.compile(r"stat::number_of_executed_units:\s*(\d+)")


def main() -> int:
    """Fuzz the targets; return 1 if a law is broken or the fuzzer failed."""
    options = read_options()
    return max(fuzz(target, options.seconds) for target in ([options.target] if options.target else READERS))


def read_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Look for inputs that break a law.")
    parser.add_argument("target", nargs="?", choices=list(READERS))
    parser.add_argument("--seconds", type=int, default=60)
    return parser.parse_args()


def fuzz(target: str, seconds: int) -> int:
    """Fuzz one target and print what it found; return 1 if a law is broken or the fuzzer failed."""
    kept = cache_folder() / f"fuzz-{target}"
    kept.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="lm-fuzz-") as name:
        folder = Path(name)
        write_seeds(target, folder)
        notes = folder / "notes.json"
        options = (
            *(
                f"-dict={folder / 'tokens'}",
                f"-max_total_time={seconds}",
                f"-max_len={LONGEST}",
                "-print_final_stats=1",
            ),
            *(f"-timeout={HANG_SECONDS}", f"-artifact_prefix={folder}/hang-", "-rss_limit_mb=2048", "-verbosity=0"),
        )
        command = [sys.executable, "-m", "tests.fuzz.child", target, str(notes), *options, str(kept)]
        done = subprocess.run(
            [*command, str(folder / "seeds")], stderr=subprocess.PIPE, text=True, errors="replace", check=False
        )
        findings = {law: shrink(target, law, data) for law, data in read_notes(notes)}
        hangs = [path.read_bytes() for path in folder.glob("hang-*")]
    ran = _RAN.search(done.stderr)
    for law, data in findings.items():
        print(json.dumps({"target": target, "law": law, "input": data.decode("latin-1")}))
    for data in hangs:
        print(json.dumps({"target": target, "law": "reading ends", "input": data.decode("latin-1")}))
    print(f"{target}: {len(findings) + len(hangs)} broken laws; {ran[1] if ran else 'an unknown number of'} inputs ran")
    if done.returncode:
        print(done.stderr[-2000:], file=sys.stderr)
    return 1 if findings or hangs or done.returncode else 0


def write_seeds(target: str, folder: Path) -> None:
    """Write the tokens and the seeds of a target to files."""
    (folder / "tokens").write_text(dictionary())
    (folder / "seeds").mkdir()
    for number, seed in enumerate(seeds(target)):
        (folder / "seeds" / str(number)).write_bytes(seed)


def read_notes(notes: Path) -> Iterator[tuple[str, bytes]]:
    """Yield each broken law with an input that breaks it."""
    if notes.exists():
        for law, data in json.loads(notes.read_text()).items():
            yield law, data.encode("latin-1")


def shrink(target: str, law: str, data: bytes) -> bytes:
    """Return a shorter input that breaks the same law: without each piece that it does not need."""
    until = time.monotonic() + SHRINK_SECONDS
    size = max(len(data) // 2, 1)
    while size and time.monotonic() < until:
        at, before = 0, len(data)
        while at < len(data) and time.monotonic() < until:
            shorter = data[:at] + data[at + size :]
            if breaks(target, law, shorter):
                data = shorter
            else:
                at += size
        size = size if len(data) < before and size == 1 else size // 2
    return data


def breaks(target: str, law: str, data: bytes) -> bool:
    """Return whether an input breaks a law."""
    try:
        try_input(target, data)
    except Broken as error:
        return error.law == law
    return False


if __name__ == "__main__":
    os.nice(10)
    sys.exit(main())
