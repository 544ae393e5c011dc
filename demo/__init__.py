"""A sample mailbox of people who do not exist, an IMAP server that shows it, and the run that mines it."""
