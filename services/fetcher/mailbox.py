"""A mailbox over IMAP, read-only."""


class Mailbox:
    """One logged-in connection."""
