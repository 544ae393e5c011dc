"""Reports of mail systems. Whom they name could not be reached, and who sends them is a robot."""

import re
from typing import Final

from processor.domain.data.words import EXCHANGE_ROBOT
from processor.domain.mail.headers import Fields

_DAEMON: Final = re.compile(
    rf"(?<![\w.+-])(?:mailer-?daemon|mail-?daemon|postmaster|{EXCHANGE_ROBOT})(?=[@>]|\s*+(?:\(|\Z))"
)


def is_from_daemon(fields: Fields) -> bool:
    """Return whether a mail system wrote a message: whether its From has a daemon's address, or the name as address."""
    for value in fields.get("from", ()):
        lowered = value.lower()
        if ("daemon" in lowered or "postmaster" in lowered or "microsoftexc" in lowered) and _DAEMON.search(lowered):
            return True
    return False
