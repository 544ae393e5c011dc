"""The yardstick for whole commands: who wrote to whom, with imaplib and `email`, in about thirty lines.

usage: python -m bench.thirty_lines PORT headers|text
"""

import email
import imaplib
import re
import sys
from collections import Counter
from email.utils import getaddresses

from bench.mailbox import FOLDER, LOGIN, PASSWORD

FIELDS = ("From", "To", "Cc", "Bcc", "Reply-To", "Date", "Message-ID")
ITEMS = {"headers": f"(BODY.PEEK[HEADER.FIELDS ({' '.join(FIELDS)})])", "text": "(BODY.PEEK[]<0.65536>)"}
ADDRESS = re.compile(r"[\w.+'-]+@[\w-]+(?:\.[\w-]+)+", re.ASCII)
BATCH_MESSAGES = 500


def read(port: int, scope: str) -> Counter[str]:
    """Return the addresses in the mailbox's messages, with how often each is named."""
    imap, found = imaplib.IMAP4("127.0.0.1", port), Counter[str]()
    imap.login(LOGIN, PASSWORD)
    _, [count] = imap.select(FOLDER, readonly=True)
    last = int(count or 0)
    for first in range(1, last + 1, BATCH_MESSAGES):
        _, answer = imap.fetch(f"{first}:{min(first + BATCH_MESSAGES - 1, last)}", ITEMS[scope])
        for raw in (piece[1] for piece in answer if isinstance(piece, tuple)):
            message = email.message_from_bytes(raw)
            values = [str(value) for field in FIELDS[:5] for value in message.get_all(field, ())]
            found.update(address.lower() for _, address in getaddresses(values))
            for part in message.walk() if scope == "text" else ():
                if part.get_content_maintype() == "text" and isinstance(text := part.get_payload(decode=True), bytes):
                    found.update(address.lower() for address in ADDRESS.findall(text.decode("utf-8", "replace")))
    imap.logout()
    return found


if __name__ == "__main__":
    print(f"{len(read(int(sys.argv[1]), sys.argv[2])):,} addresses")
