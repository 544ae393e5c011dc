"""A small mailbox for the deployed Worker, and the outcome that must not depend on how its mining went."""

from typing import Any

from tests.support.cloudflare.deployment import Deployment
from tests.support.stack import Begun, Folder, mail

SUBJECT = "a word that no log contains"
MAILBOX = (
    Folder(
        [
            [mail(n, sender=f"Jane Doe {n % 3} <jane+{n % 2}@acme.com>") for n in range(5)],
            [mail(n, sender=f"p{n}@firm{n}.com", to="me@example.org, Bob <bob@acme.com>") for n in range(5, 12)],
        ]
    ),
    Folder([[mail(n, more=f"X-Copy: {SUBJECT}\r\n") for n in range(3, 8)]], name="Archive"),
)
LISTED, DISTINCT = 17, 12


def start(deployment: Deployment, user: str) -> Begun:
    """Begin a mining and store its segments, without sending their jobs."""
    begun = deployment.begin(user)
    deployment.store(begun, *MAILBOX)
    return begun


def outcome(deployment: Deployment, begun: Begun) -> dict[str, Any]:
    """Return a mining's outcome: `ledger`, which must balance, and `contacts`."""
    report = deployment.report(begun)
    assert report["balanced"], report
    return {"ledger": report["ledger"], "contacts": deployment.contacts(begun.user)}
