"""The names of the tags that a contact can have."""

from typing import Final

TAGS: Final = ("personal", "professional", "role", "newsletter", "group", "chat", "transactional", "no-reply")
