"""Tags say who reads an address, from its words, its domain, its name and its messages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.domain.contacts.tags import add_message_tag, address_tags, says_newsletter
from processor.domain.data import words
from processor.domain.facts import CHAT, GROUP, NEWSLETTER, NO_TAG, TRANSACTIONAL

PROFESSIONAL = "professional/1/email_address"
PERSONAL = "personal/1/email_address"
NO_REPLY = "no-reply/0/email_address"
ROBOT = "transactional/0/email_address"
LETTER = "newsletter/3/email_address"
ROLE = "role/2/email_address"
CHATTED = "chat/2/email_address"
GROUPED = "group/2/email_address"


def written(address: str, *, newsletter_name: bool = False, tag: int = NO_TAG) -> list[str]:
    tags = add_message_tag(address_tags(address, newsletter_name), tag)
    return [f"{name}/{reachability}/{source}" for name, reachability, source in tags]


@pytest.mark.parametrize(
    "local",
    [
        *(
            "noreply",
            "no-reply",
            "no_reply",
            "no.reply",
            "donotreply",
            "do-not-reply",
            "ne-pas-repondre",
            "nepasrepondre",
        ),
        *(
            "notification",
            "notifications",
            "notify",
            "alert",
            "alerts",
            "alerte",
            "alertes",
            "mailer-daemon",
            "maildaemon",
        ),
        *("auto-confirm", "acme-noreply", "jane.no-reply.x", "nicht-antworten", "no-responder", "non-rispondere"),
        *("nao-responda", "no--reply", "ne_pas.repondre"),
    ],
)
def test_a_no_reply_word_is_read_before_everything_else(local: str) -> None:
    """Nobody reads a no-reply address, whether its domain is a provider's or custom."""
    assert written(f"{local}@acme.com") == written(f"{local}@gmail.com") == [NO_REPLY]


@pytest.mark.parametrize("host", ["acme.com", "gmail.com"])
def test_exchange_reports_by_a_robot(host: str) -> None:
    """The sender of Exchange's reports is a robot, and a person whose name begins alike is not."""
    assert written(f"microsoftexchange329e71ec88ae4615bbc36ab6ce41109e@{host}") == [NO_REPLY]
    assert written(f"microsoftexchange@{host}") != [NO_REPLY]


@pytest.mark.parametrize(
    "local",
    [
        *("bounce", "bounces", "orders", "order-confirmation", "ship-confirm", "commande", "livraison", "receipts"),
        *("invoice", "postmaster", "unsubscribe", "updates", "invitations", "connect", "bounces.jane", "acme_orders"),
    ],
)
def test_a_transactional_word_makes_a_robot(local: str) -> None:
    """The second list of words comes before the domain's class."""
    assert written(f"{local}@acme.com") == written(f"{local}@gmail.com") == [ROBOT]


@pytest.mark.parametrize(
    "local", ["newsletter", "news-letter", "infolettre", "acme.newsletters", "mailing", "rundbrief"]
)
def test_a_newsletter_word_is_unsure(local: str) -> None:
    """The third list of words comes before the domain's class."""
    assert written(f"{local}@acme.com") == written(f"{local}@gmail.com") == [LETTER]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("newsletter.bounces@acme.com", [ROBOT]),
        ("noreply-newsletter@acme.com", [NO_REPLY]),
        ("orders-notifications@acme.com", [NO_REPLY]),
        ("newsletter@notify.acme.com", [NO_REPLY]),
        ("noreply@mailinator.com", []),
    ],
)
def test_of_several_rules_the_first_applies_alone(address: str, expected: list[str]) -> None:
    """A disposable domain comes before no-reply, then transactional, then newsletter."""
    assert written(address) == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("jane@connect.com", [PROFESSIONAL]),
        ("jane@connect-group.com", [PROFESSIONAL]),
        ("jane@team.org", [PROFESSIONAL]),
        ("jane@connect.acme.com", [ROBOT]),
        ("jane@eu.mail-alerts.acme.com", [NO_REPLY]),
        ("jane@no-reply.acme.com", [NO_REPLY]),
        ("jane@no.reply.acme.com", [NO_REPLY]),
        ("jane@support.acme.com", [PROFESSIONAL, ROLE]),
        ("jane@update.com.br", [PROFESSIONAL]),
        ("jane@alerts.co.uk", [PROFESSIONAL]),
        ("jane@digest.co.jp", [PROFESSIONAL]),
        ("jane@support.gov.uk", [PROFESSIONAL]),
        ("jane@lists.org.uk", [PROFESSIONAL]),
        ("jane@alerts.uk.com", [PROFESSIONAL]),
        ("jane@connect.city.kobe.jp", [ROBOT]),
        ("jane@alerts.acme.co.uk", [NO_REPLY]),
        ("jane@mail.alerts.co.uk", [PROFESSIONAL]),
        ("jane@lists.acme.co.uk", [PROFESSIONAL, GROUPED]),
        ("jane@co.uk", [PROFESSIONAL]),
        ("reply@acme.com", [PROFESSIONAL]),
        ("no@reply.acme.com", [PROFESSIONAL]),
    ],
)
def test_words_of_a_host_count_but_for_its_registrable_domain(address: str, expected: list[str]) -> None:
    """The labels before a host's registrable domain count as words, and no word spans the at sign."""
    assert written(address) == expected


@pytest.mark.parametrize(
    "local",
    [
        *("info", "hello", "sales", "support", "team", "hr", "press", "billing", "office", "abuse", "noc", "security"),
        *("hostmaster", "usenet", "news", "webmaster", "www", "uucp", "ftp", "marketing", "sales.emea", "the_team"),
        *("equipe", "service-client", "vertrieb", "ventas", "ufficio", "suporte", "facturation"),
    ],
)
def test_a_role_word_adds_to_professional(local: str) -> None:
    """A role address at a custom domain is read by many; at a provider it is a personal address."""
    assert written(f"{local}@acme.com") == [PROFESSIONAL, ROLE]
    assert written(f"{local}@gmail.com") == [PERSONAL]


@pytest.mark.parametrize("local", ["contact", "kontakt", "teamwork", "infos2", "bob.salesman", "hrvoje", "pressman"])
def test_other_words_are_no_role(local: str) -> None:
    """Words match whole labels, and `contact` is not a role word."""
    assert written(f"{local}@acme.com") == [PROFESSIONAL]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("x@eu.reply.airbnb.com", [PROFESSIONAL, CHATTED]),
        ("x@reply.linkedin.com", [PROFESSIONAL, CHATTED]),
        ("x@members.ebay.com", [PROFESSIONAL, CHATTED]),
        ("x@airbnb.com", [PROFESSIONAL]),
        ("x@noreply.airbnb.com.example.org", [NO_REPLY]),
        ("dev@lists.acme.org", [PROFESSIONAL, GROUPED]),
        ("dev@eu.lists.acme.org", [PROFESSIONAL, GROUPED]),
        ("dev@lists.org", [PROFESSIONAL]),
        ("dev@groups.io", [PROFESSIONAL, GROUPED]),
        ("dev@acme.groups.io", [PROFESSIONAL, GROUPED]),
        ("dev@googlegroups.com", [PROFESSIONAL, GROUPED]),
        ("dev@mygroups.io", [PROFESSIONAL]),
        ("info@lists.acme.org", [PROFESSIONAL, ROLE, GROUPED]),
        ("dev@notifications.groups.io", [NO_REPLY]),
    ],
)
def test_named_hosts_match_themselves_and_what_is_under_them(address: str, expected: list[str]) -> None:
    """Hosts that relay chats or serve groups add their tag to `professional`."""
    assert written(address) == expected


@pytest.mark.parametrize(
    "name",
    [
        *(
            "Newsletter",
            "Acme Newsletter",
            "THE NEWSLETTERS",
            "News-Letter Acme",
            "L'infolettre d'Acme",
            "e-newsletter",
        ),
        *("Lettre d'information Acme", "Rundbrief", "Boletín informativo", "Acme (newsletter)"),
    ],
)
def test_a_name_says_newsletter_in_whole_words(name: str) -> None:
    """A newsletter name turns a person's address into a newsletter's, unless an earlier rule applies."""
    assert says_newsletter(name)
    assert written("jane@acme.com", newsletter_name=True) == [LETTER]
    assert written("jane@gmail.com", newsletter_name=True) == [LETTER]
    assert written("info@acme.com", newsletter_name=True) == [LETTER]
    assert written("noreply@acme.com", newsletter_name=True) == [NO_REPLY]
    assert written("orders@acme.com", newsletter_name=True) == [ROBOT]
    assert written("jane@mailinator.com", newsletter_name=True) == []


@pytest.mark.parametrize("name", ["Jane Doe", "", "Letterman", "Newslettering", "The Bulletin", "Mynewsletter", "News"])
def test_other_names_say_nothing(name: str) -> None:
    """A word inside another word, or one that newspapers and people also have as a name, is not a newsletter."""
    assert not says_newsletter(name)


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        (NO_TAG, None),
        (CHAT, "chat/2/message_header"),
        (NEWSLETTER, "newsletter/3/message_header"),
        (GROUP, "group/2/message_header"),
        (TRANSACTIONAL, "transactional/0/message_header"),
    ],
)
def test_a_message_tag_replaces_all_but_professional(tag: int, expected: str | None) -> None:
    """A message tag applies to addresses tagged `professional` or `role`, and leaves all others alone."""
    assert written("info@lists.acme.org", tag=tag) == (
        [PROFESSIONAL, expected] if expected else [PROFESSIONAL, ROLE, GROUPED]
    )
    assert written("jane@gmail.com", tag=tag) == [PERSONAL]
    assert written("noreply@acme.com", tag=tag) == [NO_REPLY]
    assert written("jane@acme.com", newsletter_name=True, tag=tag) == [LETTER]
    assert written("jane@mailinator.com", tag=tag) == []


def test_no_word_is_in_two_lists() -> None:
    """Each word has one meaning and is written in the form in which labels are compared."""
    listed = " ".join((words.NO_REPLY, words.TRANSACTIONAL, words.NEWSLETTER, words.ROLE)).split()

    assert len(listed) == len(set(listed))
    assert all(piece.isalnum() and piece == piece.lower() for word in listed for piece in word.split("-"))


@given(local=st.text(), host=st.text())
def test_any_text_has_tags(local: str, host: str) -> None:
    """No address raises, however odd, and each one has a tag unless its domain is disposable."""
    assert len(address_tags(f"{local}@x.{host}")) <= 4
    assert address_tags(f"{local}@acme.com")
