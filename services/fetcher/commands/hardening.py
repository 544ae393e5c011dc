"""Hardening for a process that holds passwords and mail: no core files, no debugger."""

import ctypes
import resource
import sys

PR_SET_DUMPABLE = 4
"""From linux/prctl.h. With 0, the kernel writes no core, and no process of the same user can read our memory."""


def harden_process() -> None:
    """Forbid core files in this process and its children; on Linux, also forbid reading this process's memory."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
