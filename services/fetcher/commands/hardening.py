"""What a process that holds passwords and mail does before anything else: leave no core file, take no debugger."""

import ctypes
import resource
import sys

PR_SET_DUMPABLE = 4
"""linux/prctl.h: with 0, the kernel writes no core and lets no process of the same user read this one's memory."""


def harden_process() -> None:
    """Forbid core files, here and in child processes, and on Linux the reading of this process's memory."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
