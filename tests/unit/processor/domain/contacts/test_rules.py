"""Every tag has a rule that people can read."""

from processor.domain.contacts import tags
from processor.domain.contacts.rules import RULES
from schemas.tags import TAGS


def test_every_tag_has_its_rule() -> None:
    """The rules are those of the tags that the code can give, and nothing else."""
    single = [tags.PROFESSIONAL, tags.ROLE, tags.CHAT, tags.GROUP, *(tag for tag in tags.MESSAGE_TAGS if tag)]
    given = [*tags.NO_REPLY, *tags.TRANSACTIONAL, *tags.NEWSLETTER, *tags.PERSONAL, *single]

    assert set(RULES) == {(tag.name, tag.source) for tag in given}


def test_the_contract_names_the_tags() -> None:
    """The names that a caller can filter by are those of the tags."""
    assert {name for name, _ in RULES} == set(TAGS)
    assert len(set(TAGS)) == len(TAGS)
