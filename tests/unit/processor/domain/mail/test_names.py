"""Names beyond the published cases."""

import pytest

from processor.domain.mail.names import clean_name, name_beside


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('""Jane""', "Jane"),
        ("'\"Jane Doe\"'", "Jane Doe"),
        ("\u201cJane\u201d", "Jane"),
        ("\\'Jane\\'", "Jane"),
        ("Jane O'", "Jane O"),
        ('"Jane', "Jane"),
        ("Jane'", "Jane"),
        ("\u201cJane Doe", "Jane Doe"),
        ("'t Hooft", "'t Hooft"),
        ("'s-Gravesande", "'s-Gravesande"),
        ('Jane "JD"', 'Jane "JD"'),
        ("O'Brien", "O'Brien"),
        (",;Jane Doe; ,", "Jane Doe"),
        ("Jane via Slack", "Jane"),
        ("Jane (via Google Docs)", "Jane"),
        ("'Jane' via Slack", "Jane"),
        ("Jane VIA Slack", "Jane VIA Slack"),
        ("Hotel Via Veneto", "Hotel Via Veneto"),
        ("Olivia Doe", "Olivia Doe"),
        ("J\u00e9r\u00f4me via Docs", "J\u00e9r\u00f4me"),
        ("via Roma 12", "via Roma 12"),
        ("Giovanni Via", "Giovanni Via"),
        ("Jane viaduct Doe", "Jane viaduct Doe"),
        ("Jane (Google Drive) (Google)", "Jane"),
        ("Jane (Sales)", "Jane (Sales)"),
        ("(Google Drive)", ""),
        ("Jane\t\r\n\u00a0Doe\x07\x9f", "Jane Doe"),
        ("Ja\ud800ne", "Ja ne"),
        ("A &amp;amp; B", "A & B"),
        ("O&#039;Brien", "O'Brien"),
        ("O&#x27;Brien &quot;JD&quot; Jr", 'O\'Brien "JD" Jr'),
        ("J&eacute;r&ocirc;me", "J\u00e9r\u00f4me"),
        ("AT&T; R&D", "AT&T; R&D"),
        ("Jane &copy 2020", "Jane &copy 2020"),
        ("a&notit;b", "a&notit;b"),
        ("=?utf-8?Q?Smith_&amp;_Co?=", "Smith & Co"),
        ("Jose\u0301", "Jos\u00e9"),
        ("=?utf-8?Q?Jose=CC=81?=", "Jos\u00e9"),
        ("\u200bJa\u00adne\u200d \ufeffDoe\u202c\u2060", "Jane Doe"),
        ("Jane\u2028\u3000Doe", "Jane Doe"),
        ("&#8203;Jane", "Jane"),
        ("-", ""),
        ("...", ""),
        ("*** !!! ***", ""),
        ("\u2026\u3002", ""),
        ("=?utf-8?Q?=FF=FE?=", ""),
        ("7", "7"),
        ("<h2>", "<h2>"),
        ("L@O 2012", "L@O 2012"),
        ("=?utf-8?Q?=3D=3Futf-8=3FQ=3FJ=3F=3D?=", "J"),
        ("=?iso-8859-1?Q?J\u00e9?=", "J\u00e9"),
        ("=?utf-8?X?J?=", "=?utf-8?X?J?="),
        ("\u674e\u5c0f\u9f99", "\u674e\u5c0f\u9f99"),
        ('"', ""),
        ("J" * 256, "J" * 256),
        ("J" * 257, ""),
        ("\u00e9" * 5000, ""),
    ],
)
def test_clean_names(text: str, expected: str) -> None:
    """A name loses what mail systems add to it, and nothing else."""
    assert clean_name(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("jane@acme.com", None),
        ("JANE@ACME.COM", None),
        ("'<jane@acme.com>'", None),
        ("mailto:jane@acme.com", None),
        ("Jane+X@acme.com", None),
        ("(jane@acme.com)", None),
        ("", None),
        ('""', None),
        ("ops@acme.com", "ops@acme.com"),
        ("Jane jane@acme.com", "Jane"),
        ("Jane Doe (jane@acme.com)", "Jane Doe"),
        ("Jane Doe (Jane@ACME.com)", "Jane Doe"),
        ("Jane Doe [mailto:jane@acme.com]", "Jane Doe"),
        ("Jane Doe <jane@acme.com>", "Jane Doe"),
        ("Jane Doe <mailto:jane@acme.com>", "Jane Doe"),
        ("Jane Doe <mailto:other@acme.com>", "Jane Doe"),
        ("jane@acme.com <mailto:jane@acme.com>", None),
        ("jane@acme.com jane@acme.com", None),
        ("Jane Doe - jane+x@acme.com", "Jane Doe"),
        ("Jane Doe, jane@acme.com;", "Jane Doe"),
        ("'Jane Doe' 'jane@acme.com'", "Jane Doe"),
        ("Jane Doe (ops@acme.com)", "Jane Doe (ops@acme.com)"),
        ("jane@acme", "jane@acme"),
        ("Jane <h2>", "Jane <h2>"),
    ],
)
def test_an_address_is_no_name(text: str, expected: str | None) -> None:
    """An address in any form is not its own name, but another address can be."""
    assert name_beside(text, "jane@acme.com", "jane+x@acme.com") == expected


@pytest.mark.parametrize(
    "text", ["jane@m\u00fcller.de", "JANE@M\u00dcLLER.de", "jane@xn--mller-kva.de", "<jane@mu\u0308ller.de>"]
)
def test_an_idn_address_is_no_name(text: str) -> None:
    """An address is not its own name with its host in A-labels, in U-labels, or decomposed."""
    assert name_beside(text, "jane@xn--mller-kva.de", None) is None
    assert name_beside(f"Jane ({text})", "jane@xn--mller-kva.de", None) == "Jane"
