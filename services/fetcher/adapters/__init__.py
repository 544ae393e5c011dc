"""What the fetcher talks to, behind its ports.

`import httpx` also imports the command line of httpx, if its libraries are installed. That takes two fifths of the
import and a sixth of a short command, so it is skipped: a None in `sys.modules` makes an import fail (Python's Language
Reference, section 5.3.1), and httpx goes on without it.
"""

import sys

sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
