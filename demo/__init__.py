"""A sample mailbox of fictional people, an IMAP server that serves it, and a run that mines it."""
