"""Addresses begin and end at the right places, in plain text and in HTML."""

import pytest

from processor.domain.mail.addresses import extract_from_text


def found(text: str, *, is_html: bool = False) -> list[str]:
    """Return the addresses in a text."""
    return [mailbox.address for mailbox in extract_from_text(text, is_html=is_html)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<jane@acme.com>", ["jane@acme.com"]),
        ("(jane@acme.com), [jane@acme.com]; {jane@acme.com}", ["jane@acme.com"]),
        (
            "'jane@acme.com' \"bob@acme.com\" `al@acme.com` *ed@acme.com*",
            ["jane@acme.com", "bob@acme.com", "al@acme.com", "ed@acme.com"],
        ),
        ("jane@acme.com... bob@acme.com- ann@acme.com:", ["jane@acme.com", "bob@acme.com", "ann@acme.com"]),
        ("o'brien@acme.com", ["o'brien@acme.com"]),
        ("jane+x@acme.com", ["jane@acme.com"]),
        ("mailto:jane@acme.com?subject=x", ["jane@acme.com"]),
        ("https://acme.com/u?e=jane@acme.com&x=1", ["jane@acme.com"]),
        ("https://jane@acme.com/path", ["jane@acme.com"]),
        ("bounce-jane=acme.com@lists.acme.org", ["bounce-jane=acme.com@lists.acme.org"]),
        ("> On Monday Jane Doe <jane@acme.com> wrote:", ["jane@acme.com"]),
        ("jane@acme.com@acme.org", []),
        ("@acme.com jane@ jane @acme.com jane@acme jane@acme.c1", []),
        ("jane@m\u00fcller.de", ["jane@xn--mller-kva.de"]),
        ("\u8bf7\u8054\u7cfbjane@acme.com\u8c22\u8c22\uff0cbob@acme.com\u3002", ["jane@acme.com", "bob@acme.com"]),
        ("\u00e9jane@acme.com \u0436bob@acme.com", []),
        ("\u201cjane@acme.com\u201d\u00a0bob@acme.com\u2026", ["jane@acme.com", "bob@acme.com"]),
        ("a" * 250 + "@acme.com", []),
        ("", []),
    ],
)
def test_plain_text(text: str, expected: list[str]) -> None:
    """An address ends before punctuation, brackets and quotes, and half an address is not read."""
    assert found(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<p>jane@acme.com</p><p>bob@acme.com</p>", ["jane@acme.com", "bob@acme.com"]),
        ("jane@acme.com<br>bob@acme.com", ["jane@acme.com", "bob@acme.com"]),
        ("Jane &lt;jane@acme.com&gt;&nbsp;bob@acme.com&nbsp;", ["jane@acme.com", "bob@acme.com"]),
        ("<a href='MAILTO:jane@acme.com?cc=bob@acme.com'>x</a>", ["jane@acme.com", "bob@acme.com"]),
        ('<a href="mailto:jane@acme.com,bob@acme.com">x</a>', ["jane@acme.com", "bob@acme.com"]),
        ('<a href="mailto:jane%40acme.com">x</a>', ["jane@acme.com"]),
        ('<a href="&#109;ailto:jane&#64;acme.com">x</a>', ["jane@acme.com"]),
        (
            "jane&#64;acme.com, bob&#x40;acme.com, ann&commat;acme.com",
            ["jane@acme.com", "bob@acme.com", "ann@acme.com"],
        ),
        ("o&#39;brien@acme.com", ["o'brien@acme.com"]),
        ("jan&eacute;@acme.com jane@acme&#46;com", ["jane@acme.com"]),
        ("jane@ac<wbr>me.com ja<wbr>ne@acme.com", ["jane@acme.com"]),
        (
            '<img src="cid:a@acme.com" alt="b@acme.com"><a href="https://acme.com/?e=c@acme.com">d@acme.com</a>',
            ["d@acme.com"],
        ),
        ("<!-- a@acme.com <b>b@acme.com</b> --> c@acme.com", ["c@acme.com"]),
        ("<style>@import a@acme.com</style><SCRIPT>'b@acme.com'</SCRIPT>c@acme.com", ["c@acme.com"]),
        ("<!-- never closed <p>a@acme.com</p>", ["a@acme.com"]),
        ("Jane <jane@acme.com> wrote, 1 < 2: bob@acme.com", ["jane@acme.com", "bob@acme.com"]),
        ("<p>\u00e9</p>jane@acme.com\u2026", ["jane@acme.com"]),
    ],
)
@pytest.mark.parametrize("careful", [False, True])
def test_html(text: str, expected: list[str], careful: bool) -> None:
    """Shown text and link targets are read, tags and hidden text are not, by the fast and the careful way alike."""
    found_in_html = found(f"{text} &#64;" if careful else text, is_html=True)

    assert sorted(found_in_html) == sorted(expected)
