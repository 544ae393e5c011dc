"""Address lists as programs write them: obsolete forms, broken ones, and those that encode too much."""

from base64 import b64encode

import pytest

from processor.domain.mail.addresses import parse_address_list


def word(text: str) -> str:
    """Return a text as one encoded word."""
    return f"=?utf-8?B?{b64encode(text.encode()).decode()}?="


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Pete(A nice \\) chap) <pete(his account)@silly.example(his host)>", [("pete@silly.example", "Pete")]),
        ("bob(d)@other.example", [("bob@other.example", None)]),
        ("bob@(d)other.example (Bob)", [("bob@other.example", "Bob")]),
        ("bob@other(d).example", [("bob@other.example", None)]),
        ("bob(a(b)c)@other.example, jane@acme.com", [("bob@other.example", None), ("jane@acme.com", None)]),
        ('"John Doe" <john@company.example (John Doe)>', [("john@company.example", "John Doe")]),
        ("<(c)john@company.example>", [("john@company.example", None)]),
        ("John Doe <jdoe@machine(comment).  example>", [("jdoe@machine.example", "John Doe")]),
        ("111(aaa\uff09<bb@test.example>", [("bb@test.example", "111(aaa\uff09")]),
    ],
)
def test_comments(value: str, expected: list[tuple[str, str | None]]) -> None:
    """Comments are skipped wherever they are; one inside an address is not a name."""
    assert [(mailbox.address, mailbox.name) for mailbox in parse_address_list(value)] == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("jane @ acme.com", [("jane@acme.com", None)]),
        ("jane @acme.com, bob@ acme.com", [("jane@acme.com", None), ("bob@acme.com", None)]),
        ("Jane jane @ acme . com", [("jane@acme.com", "Jane")]),
        ("jane . doe @ acme . co . uk", [("jane.doe@acme.co.uk", None)]),
        ("Jane <jane . doe@acme. com>", [("jane.doe@acme.com", "Jane")]),
        ("jane@acme. com", [("jane@acme.com", None)]),
        ("Prof. jane@acme.com", [("jane@acme.com", "Prof.")]),
        ("jane@acme.com. Thanks", [("jane@acme.com", None)]),
        ("L@O 2012 <lo@acme.com>", [("lo@acme.com", "L@O 2012")]),
        ("Jane @ Acme jane@acme.com", [("jane@acme.com", "Jane @ Acme")]),
        ("<@a.example , @b.example : jane@acme.com>", [("jane@acme.com", None)]),
    ],
)
def test_obsolete_blanks(value: str, expected: list[tuple[str, str | None]]) -> None:
    """Blanks around the @ and the dots of an address do not count; those behind a word that ends in a dot do."""
    assert [(mailbox.address, mailbox.name) for mailbox in parse_address_list(value)] == expected


@pytest.mark.parametrize(
    "address", ["{}jane@acme.com", "<{}jane@acme.com>", "Jane <{}jane@acme.com>", "[{}jane@acme.com]"]
)
@pytest.mark.parametrize("prefix", ["SMTP:", "smtp: ", "mailto:", "MAILTO: ", "mailto:mailto:"])
def test_prefixes(address: str, prefix: str) -> None:
    """What programs put before an address is dropped, with blanks behind it."""
    found = parse_address_list(f"{address.format(prefix)}, bob@acme.com")

    assert [mailbox.address for mailbox in found] == ["jane@acme.com", "bob@acme.com"]
    assert found[0].name in ("Jane", None)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('"Jane Doe <jane@acme.com>', [("jane@acme.com", "Jane Doe")]),
        ('Jane" <jane@acme.com>, Bob <bob@acme.com>', [("jane@acme.com", "Jane"), ("bob@acme.com", "Bob")]),
        ('"Jane <jane@acme.com>, "Bob" <bob@acme.com>', [("jane@acme.com", "Jane"), ("bob@acme.com", "Bob")]),
        ('"Jane <jane@acme.com>, "Bob <bob@acme.com>', [("jane@acme.com", "Jane"), ("bob@acme.com", "Bob")]),
        ('"Doe, "JD" Jane" <jane@acme.com>', [("jane@acme.com", "Doe, JD Jane")]),
        ('"" "" jane@acme.com, bob "" @acme.com', [("jane@acme.com", None)]),
        ('"jane@acme.com" <jane@acme.com>, "x', [("jane@acme.com", None)]),
        ("'jane@acme.com, bob@acme.com'", [("jane@acme.com", None), ("bob@acme.com", None)]),
        ("'jane@acme.com', 'bob@acme.com'", [("jane@acme.com", None), ("bob@acme.com", None)]),
        ("'Jane <jane@acme.com>, Bob <bob@acme.com>'", [("jane@acme.com", "Jane"), ("bob@acme.com", "Bob")]),
        ("<'jane@acme.com'>, 'bob@acme.com", [("jane@acme.com", None), ("bob@acme.com", None)]),
        ("o'brien@acme.com, 'Pat' <o'brien@acme.com>", [("o'brien@acme.com", "Pat")]),
        ("\u201cjane@acme.com\u201d; \u00abbob@acme.com\u00bb", [("jane@acme.com", None), ("bob@acme.com", None)]),
    ],
)
def test_stray_quotes(value: str, expected: list[tuple[str, str | None]]) -> None:
    """A quote mark that is never closed quotes nothing, and single quotes around an address or a list are dropped."""
    assert [(mailbox.address, mailbox.name) for mailbox in parse_address_list(value)] == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (word("J\u00fcrgen <j@acme.com>"), [("j@acme.com", "J\u00fcrgen")]),
        (word("Doe, Jane <jane@acme.com>"), [("jane@acme.com", "Doe, Jane")]),
        (word("jane@acme.com"), [("jane@acme.com", None)]),
        (f'"{word("Jane <jane@acme.com>")}"', [("jane@acme.com", "Jane")]),
        (f"{word('Jane <jane@acme.com>')}, bob@acme.com", [("jane@acme.com", "Jane"), ("bob@acme.com", None)]),
        (f"bob@acme.com; {word('Jane <jane@acme.com>')}", [("bob@acme.com", None), ("jane@acme.com", "Jane")]),
        (f"Jane <{word('jane@acme.com')}>", [("jane@acme.com", "Jane")]),
        (
            f"{word('Jane')} <{word('jane@acme.com')}>, bob@acme.com",
            [("jane@acme.com", "Jane"), ("bob@acme.com", None)],
        ),
        (f"{word('Jane@Acme')} <jane@acme.com>", [("jane@acme.com", "Jane@Acme")]),
        (f"{word('Jane@Acme')}, Inc <jane@acme.com>", [("jane@acme.com", "Jane@Acme, Inc")]),
        (f"{word('bob@other.example')} <jane@acme.com>", [("jane@acme.com", "bob@other.example")]),
        (f"{word('a@b.com, c@d.com')} <jane@acme.com>", [("jane@acme.com", "a@b.com, c@d.com")]),
        ("=?ISO-8859-1?Q?M=F6ller=2C_Keith?= <keith@acme.com>", [("keith@acme.com", "M\u00f6ller, Keith")]),
        ("=?utf-8?q?=3Ch2=3E?= <jane@acme.com>", [("jane@acme.com", "<h2>")]),
        ("=?utf-8?Q?=D0=9D=D0=94?=<jane@acme.com>", [("jane@acme.com", "\u041d\u0414")]),
        ("Jane <=?utf-8?Q?jane?=@acme.com>", [("jane@acme.com", "Jane")]),
        ("Jane <jane@=?utf-8?Q?acme.com?=>", [("jane@acme.com", "Jane")]),
        ("=?utf-8?B?amFuZQ==?=@acme.com", [("jane@acme.com", None)]),
        ("<=?utf-8?Q?jane_doe?=@acme.com>", []),
        ("<=?utf-8?X?jane?=@acme.com>", [("=?utf-8?x?jane?=@acme.com", None)]),
    ],
)
def test_encoded_mailboxes(value: str, expected: list[tuple[str, str | None]]) -> None:
    """A mailbox that is encoded as a whole is read, and nothing is split by what decoding brings."""
    assert [(mailbox.address, mailbox.name) for mailbox in parse_address_list(value)] == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Smith &amp; Co <smith@acme.com>", [("smith@acme.com", "Smith & Co")]),
        (
            "Jane O&#039;Brien <jane@acme.com>; bob@acme.com",
            [("jane@acme.com", "Jane O'Brien"), ("bob@acme.com", None)],
        ),
        ("Jane &lt;jane@acme.com&gt;", [("jane@acme.com", "Jane")]),
        ("&quot;Doe, Jane&quot; &lt;jane@acme.com&gt;", [("jane@acme.com", "Doe, Jane")]),
        ("R&D; jane@acme.com", [("jane@acme.com", None)]),
        ("a&b@acme.com", [("a&b@acme.com", None)]),
        ("jane@acme.com&nbsp;", [("jane@acme.com", None)]),
    ],
)
def test_entities(value: str, expected: list[tuple[str, str | None]]) -> None:
    """The semicolon of an entity ends nothing; a text that was HTML is read."""
    assert [(mailbox.address, mailbox.name) for mailbox in parse_address_list(value)] == expected


@pytest.mark.parametrize("mark", ["\u00ad", "\u200b", "\u200c", "\u200f", "\u202a", "\u202c", "\u2060", "\ufeff"])
@pytest.mark.parametrize(
    "form",
    ["{0}jane@acme.com", "jane@acme.com{0}", "<{0}jane@acme.com{0}>", "ja{0}ne@ac{0}me.com", "{0}<jane@acme.com>"],
)
def test_invisible_characters(mark: str, form: str) -> None:
    """Characters that nobody sees are dropped before an address is judged."""
    assert [(m.address, m.name) for m in parse_address_list(form.format(mark))] == [("jane@acme.com", None)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            '"taro..yamada."@docomo.example, j..d.@docomo.example',
            ['"taro..yamada."@docomo.example', "j..d.@docomo.example"],
        ),
        ('"a@b"@acme.com', ['"a@b"@acme.com']),
        ('"jane@acme.com"@list.example', ["jane@acme.com"]),
        ('Jane <"Jane \\"JD\\" Doe"@acme.com>', ['"jane \\"jd\\" doe"@acme.com']),
        ("\u7528\u6237 <\u7528\u6237@\u4f8b\u3048.example>", ["\u7528\u6237@xn--r8jz45g.example"]),
        ("JOSE\u0301@acme.com", ["jos\u00e9@acme.com"]),
        ("<jane@stra\u00dfe.example>, jane@STRASSE.example", ["jane@xn--strae-oqa.example", "jane@strasse.example"]),
        ("jane@m\u00fcller.example, bob@acme.com", ["jane@xn--mller-kva.example", "bob@acme.com"]),
        ("jane@\u2615.example, jane@m\u00fc_ller.example, jane@m\u00fc ller.example", []),
        ("Jane <IMCEAEX-_O=ACME_CN=JANE@acme.com>, Bob <bob@acme.com>", ["bob@acme.com"]),
        ("IMCEAEX-_O=ACME_CN=JANE@acme.com", []),
        ("Jane </O=ACME/OU=FIRST/CN=RECIPIENTS/CN=JANE>, bob@acme.com", ["bob@acme.com"]),
        ("Jane </O=ACME/CN=JANE@acme.com>, /o=acme/cn=cy@acme.com", []),
        ("undisclosed-recipients:;", []),
        ("A: bob@acme.com, Cy <cy@acme.com>;, Empty:;, dee@acme.com", ["bob@acme.com", "cy@acme.com", "dee@acme.com"]),
        ("<mailto:list%40acme.com?subject=x>", ["list@acme.com"]),
    ],
)
def test_addresses(value: str, expected: list[str]) -> None:
    """Quoted, dotted and international addresses are valid; Exchange's wrappers and empty groups are none."""
    assert [mailbox.address for mailbox in parse_address_list(value)] == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("jane@acme.com, , ,bob@acme.com", [("jane@acme.com", None), ("bob@acme.com", None)]),
        ("Doe,jane@acme.com", [("jane@acme.com", "Doe")]),
        ("Doe,Jane <jane@acme.com>", [("jane@acme.com", "Doe,Jane")]),
        ("John Smith, Jr <john@acme.com>", [("john@acme.com", "John Smith, Jr")]),
        ("Berg, Kim T - Eagan, MN <kim@acme.com>", [("kim@acme.com", "Berg, Kim T - Eagan, MN")]),
        ("Doe, , Jane <jane@acme.com>", [("jane@acme.com", "Jane")]),
        ("Jane <<jane@acme.com>>", [("jane@acme.com", "Jane")]),
        (
            "TPB@a.example, AFK@a.example:Updates <b@b.example>",
            [("tpb@a.example", None), ("b@b.example", "AFK@a.example:Updates")],
        ),
        ("http://acme.com/?a=jane@acme.com", []),
    ],
)
def test_commas_and_marks_without_quotes(value: str, expected: list[tuple[str, str | None]]) -> None:
    """A piece without an @ joins the next one's name, a blank one joins nothing, and no address is lost to a comma."""
    assert [(mailbox.address, mailbox.name) for mailbox in parse_address_list(value)] == expected


def test_many_recipients_in_odd_forms() -> None:
    """Each of 10,000 recipients is read in any form, and none is lost to its neighbors."""
    forms = (
        "<a{}@acme.com>",
        "a{}(x)@acme.com",
        "a{} @ acme . com",
        word("<a{}@acme.com>"),
        "'a{}@acme.com'",
        "SMTP: a{}@acme.com",
    )

    for form in forms:
        value = ", ".join(
            word(f"<a{number}@acme.com>") if form[:2] == "=?" else form.format(number) for number in range(10_000)
        )
        assert len(parse_address_list(value)) == 10_000, form
