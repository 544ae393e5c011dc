"""Address lists beyond the published cases, in the forms that people and programs write."""

import pytest

from processor.domain.mail.addresses import fold_address, parse_address_list, valid_address


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Team: a@b.com, Jane <c@d.com>;", [("a@b.com", None), ("c@d.com", "Jane")]),
        ("a@b.com; c@d.com;", [("a@b.com", None), ("c@d.com", None)]),
        (
            "Doe, Jane, PhD <jane@acme.com>, Bob <bob@acme.com>",
            [("jane@acme.com", "Doe, Jane, PhD"), ("bob@acme.com", "Bob")],
        ),
        ('"Doe, Jane" <jane@acme.com>', [("jane@acme.com", "Doe, Jane")]),
        ('"Jane", bob@acme.com', [("bob@acme.com", None)]),
        ('"Jane \\"JD\\" Doe" <jane@acme.com>', [("jane@acme.com", 'Jane "JD" Doe')]),
        ("Jane Doe jane@acme.com", [("jane@acme.com", "Jane Doe")]),
        ("jane@acme.com Jane Doe", [("jane@acme.com", None)]),
        ("'jane@acme.com'", [("jane@acme.com", None)]),
        ("'Jane' <'jane@acme.com'>", [("jane@acme.com", "Jane")]),
        ('"jane@acme.com"', [("jane@acme.com", None)]),
        ('"Jane <jane@acme.com>"', [("jane@acme.com", "Jane")]),
        ('"jane@acme.com" <jane@acme.com>', [("jane@acme.com", None)]),
        ("jane@acme.com <jane+x@acme.com>", [("jane@acme.com", None)]),
        ('"jane"@acme.com', [("jane@acme.com", None)]),
        ('"Jane Doe"@acme.com', [('"jane doe"@acme.com', None)]),
        ("<jane doe@acme.com>", []),
        ("<jane@acme.com foo>", [("jane@acme.com", None)]),
        ("<@a.com,@b.com:jane@acme.com>", [("jane@acme.com", None)]),
        ("mailto:jane@acme.com", [("jane@acme.com", None)]),
        ("Jane <jane@acme.com", [("jane@acme.com", "Jane")]),
        ("Jane <jane@acme.com, Bob <bob@acme.com>", [("jane@acme.com", "Jane"), ("bob@acme.com", "Bob")]),
        ("Jane <jane@acme.com> Bob <bob@acme.com>", [("jane@acme.com", "Jane"), ("bob@acme.com", "Bob")]),
        ("Jane (Sales (EU)) <jane@acme.com>", [("jane@acme.com", "Jane")]),
        ("(Jane \\) Doe) jane@acme.com", [("jane@acme.com", "Jane ) Doe")]),
        ("Jane ( <jane@acme.com>, bob@acme.com", [("jane@acme.com", "Jane ("), ("bob@acme.com", None)]),
        ("=?utf-8?Q?Doe,_Jane?= <jane@acme.com>", [("jane@acme.com", "Doe, Jane")]),
        ("=?utf-8?Q?Jane?= =?utf-8?Q?_Doe?= <jane@acme.com>", [("jane@acme.com", "Jane Doe")]),
        ("=?utf-8?B?SsOp?= =?utf-8?B?w6k=?= <jane@acme.com>", [("jane@acme.com", "J\u00e9\u00e9")]),
        ("=?utf-8?B?SsM=?= =?utf-8?B?qQ==?= <jane@acme.com>", [("jane@acme.com", "J\u00e9")]),
        ('"=?iso-8859-1?Q?J=E9?=" <jane@acme.com>', [("jane@acme.com", "J\u00e9")]),
        ("=?nonsense?Q?J=C3=A9?= <jane@acme.com>", [("jane@acme.com", "J\u00e9")]),
        ("=?utf-8*en?Q?J=E9?= <jane@acme.com>", [("jane@acme.com", "J\ufffd")]),
        ("J\u00e9 <jane@m\u00fcller.de>", [("jane@xn--mller-kva.de", "J\u00e9")]),
        ("Jane <jane+a@acme.com>, <jane+b@acme.com>, Janet <jane@acme.com>", [("jane@acme.com", "Jane")]),
        ("+x@acme.com", [("+x@acme.com", None)]),
        ("Jane <>, Bob <bob@acme.com>", [("bob@acme.com", "Bob")]),
        (",, ; jane@acme.com ,;", [("jane@acme.com", None)]),
        ("a@b.com,c@d.com,,e@f.com", [("a@b.com", None), ("c@d.com", None), ("e@f.com", None)]),
        ("List <list@acme.com> (via Slack)", [("list@acme.com", "List")]),
        ("Jane via Slack <jane@acme.com>", [("jane@acme.com", "Jane")]),
        ("N" * 300 + " <jane@acme.com>", [("jane@acme.com", None)]),
    ],
)
def test_lists(value: str, expected: list[tuple[str, str | None]]) -> None:
    """Each form gives its addresses with their names, and nothing else."""
    found = parse_address_list(value)

    assert [(mailbox.address, mailbox.name) for mailbox in found] == expected


def test_bytes() -> None:
    """Bytes that should have been ASCII are read as UTF-8, or else as Windows-1252."""
    values = ("J\u00e9 <jane@acme.com>".encode(charset) for charset in ("utf-8", "latin-1"))

    assert [mailbox.name for value in values for mailbox in parse_address_list(value)] == ["J\u00e9", "J\u00e9"]


@pytest.mark.parametrize("field", ["{}", "X <{}>", '"X" <{}>', "{} (X)", "X, Y <{}>"])
@pytest.mark.parametrize(
    ("address", "valid"),
    [
        ("a@b.co", True),
        ("a.b-c_d!#$%&'*/=?^`{|}~@x-1.acme.com", True),
        ("a@" + "b" * 63 + ".com", True),
        ("a@" + "b" * 64 + ".com", False),
        ("a@b." + "c" * 63, True),
        ("a@b." + "c" * 64, False),
        ("a" * 244 + "@acme.com", True),
        ("a" * 246 + "@acme.com", False),
        ("a..b@acme.com", True),
        ("a.@acme.com", True),
        (".a@acme.com", True),
        ("...@acme.com", False),
        ('"a b"@acme.com', True),
        ('"a\\"b"@acme.com', True),
        ('""@acme.com', False),
        ('" "@acme.com', False),
        ("imceaex-_o=a_cn=jane@acme.com", False),
        ("imceasmtp-jane+40b+2ecom@acme.com", False),
        ("/o=acme/ou=first/cn=jane@acme.com", False),
        ("imcea@acme.com", True),
        ("=?utf-8?q?@acme.com", False),
        ("a=?^b@acme.com", True),
        ("\u7528\u6237@acme.com", True),
        ("jos\u00e9@acme.com", True),
        ("jos\u00e9\u20ac@acme.com", False),
        ("\ufffd@acme.com", False),
        ("a@acme-.com", False),
        ("a@acme..com", False),
        ("a@acme.com-", False),
        ("a@b.xn--p1ai", True),
        ("a@b.xn--p1ai-", False),
        ("a@b@c.com", False),
    ],
)
def test_validity_is_the_same_in_every_form(field: str, address: str, valid: bool) -> None:
    """The fast and the careful reading accept the same addresses."""
    found = parse_address_list(field.format(address))

    assert valid_address(address) is valid
    assert [mailbox.address for mailbox in found] == ([address] if valid else [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" Jane+x@ACME.com ", "jane@acme.com"),
        ("jane@M\u00dcLLER.de", "jane@xn--mller-kva.de"),
        ("+x@acme.com", "+x@acme.com"),
        ("a.+x@acme.com", "a.@acme.com"),
        ('"Jane"@acme.com', "jane@acme.com"),
        ('"Jane Doe+x"@acme.com', '"jane doe"@acme.com'),
        ('"a..b+x"@acme.com', '"a..b"@acme.com'),
        ('"+x"@acme.com', "+x@acme.com"),
        ("JOSE\u0301@acme.com", "jos\u00e9@acme.com"),
        ("jane@stra\u00dfe.example", "jane@xn--strae-oqa.example"),
        ("Not An Address", "not an address"),
    ],
)
def test_folding(text: str, expected: str) -> None:
    """The address in lower case without its plus part identifies a person."""
    assert fold_address(text) == expected
