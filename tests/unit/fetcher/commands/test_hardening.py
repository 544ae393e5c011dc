"""A process that holds passwords leaves no core file."""

import subprocess
import sys

import pytest

PROBE = """
import ctypes, resource, subprocess, sys
from fetcher.commands.hardening import harden_process
harden_process()
child = subprocess.run([sys.executable, "-c", "import resource; print(resource.getrlimit(resource.RLIMIT_CORE))"],
    capture_output=True, text=True)
print(resource.getrlimit(resource.RLIMIT_CORE), child.stdout.strip(), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), sep="|")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_no_core_file_is_written_and_no_memory_read() -> None:
    """Neither the process nor its children write core files, and PR_GET_DUMPABLE is 0."""
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "(0, 0)|(0, 0)|0"
