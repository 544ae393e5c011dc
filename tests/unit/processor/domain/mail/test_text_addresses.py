"""Addresses begin and end at the right places, in plain text and in HTML."""

import re
from pathlib import Path

import pytest

import processor.domain.data
from processor.domain.data.lists import read_entries
from processor.domain.mail.addresses import extract_from_text
from processor.domain.mail.text_addresses import find_addresses

CAREFULLY = "<a href='mailto:%40'></a>"
"""A link that only the careful way can read."""


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
        ("jane@acme.com... bob@acme.com; ann@acme.com:", ["jane@acme.com", "bob@acme.com", "ann@acme.com"]),
        ("o'brien@acme.com", ["o'brien@acme.com"]),
        ("jane+x@acme.com", ["jane@acme.com"]),
        ("mailto:jane@acme.com?subject=x", ["jane@acme.com"]),
        ("bounce-jane=acme.com@lists.acme.org", ["bounce-jane=acme.com@lists.acme.org"]),
        ("> On Monday Jane Doe <jane@acme.com> wrote:", ["jane@acme.com"]),
        ("jane@acme.com@acme.org", []),
        ("@acme.com jane@ jane @acme.com jane@acme jane@acme.c1", []),
        ("jane@m\u00fcller.de", ["jane@xn--mller-kva.de"]),
        ("\u8bf7\u8054\u7cfbjane@acme.com\u8c22\u8c22\uff0cbob@acme.com\u3002", ["bob@acme.com"]),
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
        ("jane@<b>acme</b>.com <i>bob</i>@acme.com", ["jane@acme.com", "bob@acme.com"]),
        ("<b>c.</b>smith@acme.com <span>al</span>-doe@acme.com", ["c.smith@acme.com", "al-doe@acme.com"]),
        ("jane<!-- x -->@acme<o:p></o:p>.com bob@<font color=red>acme.com</font>", ["jane@acme.com", "bob@acme.com"]),
        ("jane@mail.ex<b>ample</b>.org<br>bob@mail.ex<div>ample.org</div>", ["jane@mail.example.org"]),
        ("jane@acme.com<br>x bob<p>@acme.com</p> al@acme.com<td>uk</td>", ["jane@acme.com", "al@acme.com"]),
        ("<a href='x'>jane@acme.com</a>s <b>bob@acme.com</b>. <i>x</i>al@acme.com", ["bob@acme.com", "xal@acme.com"]),
        ("<a href='x'>@jane</a> <b>x</b>@bob <p>@acme.com", []),
        ("jane&commat;acme&period;com mailto&colon;bob&#x40;acme.com", ["jane@acme.com", "bob@acme.com"]),
        ("jane&shy;.doe@ac&#8203;me.com", ["jane.doe@acme.com"]),
        ("jane&#64acme.com &amp;#64; x&amp;jane&amp;#64;acme.org", ["jane@acme.com"]),
        ("jan<span style='display:none'>x</span>e@acme.com <b style='display: none'>bob@acme.com</b>", []),
        ("<img alt='Jane <jane@acme.com>' title=\"a > bob@acme.com\">al@acme.com", ["al@acme.com"]),
        ('<a title=jane@acme.com href="mailto:bob@acme.com">Bob</a>', ["bob@acme.com"]),
        (
            "<a title='mailto:jane@acme.com' data-href='mailto:bob@acme.com' href=mailto:al@acme.com>x</a>",
            ["al@acme.com"],
        ),
        ("<form action='mailto:jane@acme.com'><img src=mailto:bob@acme.com>", []),
        ("<a href='mailto:a%40acme.com?CC=b%40acme.com&amp;bcc=c@acme.com'>x</a>", [f"{x}@acme.com" for x in "abc"]),
        ("<a href='mailto:a@acme.com?subject=b@acme.com&body=c@acme.com'>x</a>", ["a@acme.com"]),
        ("<a href='mailto:Jane%20Doe%20%3Cjane@acme.com%3E'>x</a>", ["jane@acme.com"]),
        ("<a href=' mailto://jane@acme.com'>x</a>", ["jane@acme.com"]),
        ("<b>https://</b>jane:<i>s3cret</i>@acme.com https:<wbr>//x:<wbr>s3cret@acme.com", []),
        ("Message-ID: &lt;1@acme.com&gt;<br>References:<br>&nbsp;&lt;2@acme.com&gt; &lt;3@acme.com&gt;", []),
        ("<table><td>In-Reply-To:</td><td>&lt;1@acme.com&gt;</td></table>&lt;jane@acme.com&gt;", ["jane@acme.com"]),
    ],
)
@pytest.mark.parametrize("careful", [False, True])
def test_html(text: str, expected: list[str], careful: bool) -> None:
    """Shown text and link targets are read, tags and hidden text are not, by the fast and the careful way alike."""
    found_in_html = found(f"{text}{CAREFULLY}" if careful else text, is_html=True)

    assert sorted(found_in_html) == sorted(expected)


@pytest.mark.parametrize(
    "text",
    [
        "https://jane:s3cret@acme.com/x",
        "postgres://app:hunter2@db.acme.com:5432/prod",
        "ftp://jane@acme.com, redis://:s3cret@acme.com",
        "<https://jane:s3,cr(e)t@acme.com>",
        "https://x:s3cret|jane@acme.com",
        "https:\\/\\/jane:s3cret@acme.com",
        "//jane:s3cret@acme.com/",
        "HTTPS://JANE:S3CRET@ACME.COM",
        "https://jane:s\u00a7cret@acme.com",
        "https://acme.com/u?e=jane@acme.com&x=1",
        "https://acme.com/" + "x" * 400 + ",jane@acme.com",
        "www.acme.com/~jane@acme.com www.jane@acme.com WWW.acme.com/?jane@acme.com",
        "unsubscribe.php?e=jane@acme.com acme.com/jane@acme.com",
        "https://lore.acme.org/r/20220405.12345-1-jane@acme.org/",
        "[cid:part1.0604.0902@acme.org] (mid:1.2@acme.org/x@acme.org) news:1@acme.org",
        "Cid:image001.png@01D5.acme.com urn:x:jane@acme.com",
        "sip:1234@acme.com sips:+491234@acme.com SIP: 1234@acme.com",
        "git@acme.com:org/repo.git root@acme.com:/var app:hunter2@acme.com:5432",
        "Message-ID: <1@acme.com>",
        "> In-Reply-To: <1@acme.com>",
        "Message-Id:\r\n <1@acme.com>",
        "message-id: 1@acme.com",
        "References: <1@acme.com> <2@acme.com>\r\n\t<3@acme.com>\r\n\t<4@acme.com> <5@acme.com>",
        "> References: <1@acme.com>\n>  <2@acme.com>",
        "References:" + "\n <0123456789@acme.com>" * 40,
        'In-Reply-To: Your message of "Mon, 5 Apr". <1@acme.com>',
        "In message <1@acme.com> you write, in article\n<2@acme.com>",
        "logo@2x.png header@3x.jpg getty@tty1.service actions/checkout@main.yml jane@acme.local",
        "jane@my_host.com jane@acme.com_ jane@acme.com_x _jane@acme.com jane_@acme.com",
        "-jane@acme.com jane@acme.com- jane-@acme.com .jane@acme.com jane.@acme.com",
        "jane@acme.com\u0301 \u0301jane@acme.com jane\u0301@acme.com jane@acme.com\u0939\u093f",
        "\u0434jane@acme.com jane@acme.com\u4e2d \u0661jane@acme.com jane@acme.com\u00e9",
        "=20jane@acme.com =3Djane@acme.com %20jane@acme.com %3Cjane@acme.com%3E",
        "\\njane@acme.com \\u003cjane@acme.com",
        "{jane,bob}@acme.com jane..doe@acme.com",
    ],
)
@pytest.mark.parametrize("careful", [False, True])
def test_what_only_looks_like_an_address(text: str, careful: bool) -> None:
    """Nothing of a URL is read, nor a Message-ID, a place, a file or a piece of an address, fast or carefully."""
    assert found(f"{text}\n\n\u00e9z@acme.com" if careful else text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("key=jane@acme.com email:bob@acme.com", ["jane@acme.com", "bob@acme.com"]),
        ("a=1&e=jane@acme.com ?bob@acme.com", ["jane@acme.com", "bob@acme.com"]),
        ("name|jane@acme.com|x \\email{bob@acme.com}", ["jane@acme.com", "bob@acme.com"]),
        ("sip:jane@acme.com xmpp:bob@acme.com", ["jane@acme.com", "bob@acme.com"]),
        ("<https://acme.com>,jane@acme.com", ["jane@acme.com"]),
        ("https://acme.com jane@acme.com\nwww.acme.com,bob@acme.com", ["jane@acme.com", "bob@acme.com"]),
        ("http://acme.com/\uff0cjane@acme.com", ["jane@acme.com"]),
        ("From: Jane <jane@acme.com>\nMessage-ID: <1@acme.com>\nTo: bob@acme.com", ["jane@acme.com", "bob@acme.com"]),
        ("References: Jane Doe <jane@acme.com>", ["jane@acme.com"]),
        ("References: <1@acme.com>\n\n<jane@acme.com> wrote:", ["jane@acme.com"]),
        ("my references are jane@acme.com, bob@acme.com", ["jane@acme.com", "bob@acme.com"]),
        (
            "jane@ac\u200bme.com \ufeffbob@acme.com j.\u2060doe@acme.com",
            ["jane@acme.com", "bob@acme.com", "j.doe@acme.com"],
        ),
        ("\u2709\ufe0fjane@acme.com", ["jane@acme.com"]),
        ("mailto:jane%40acme.com?cc=bob%40acme.com&body=al@acme.com", ["jane@acme.com", "bob@acme.com"]),
        ("[jane@acme.com](mailto:jane@acme.com)", ["jane@acme.com"]),
        ("jane@acme.com:bob@acme.com", ["jane@acme.com", "bob@acme.com"]),
        ("jane@other.example bob@x.test", ["jane@other.example", "bob@x.test"]),
        ("jane@xn--mller-kva.xn--p1ai", ["jane@xn--mller-kva.xn--p1ai"]),
        ("jane@m\u00fcller.\u0440\u0444", ["jane@xn--mller-kva.xn--p1ai"]),
        ("jane@acme.com=20\njane+x@acme.com\\n", ["jane@acme.com"]),
    ],
)
@pytest.mark.parametrize("careful", [False, True])
def test_addresses_beside_lookalikes(text: str, expected: list[str], careful: bool) -> None:
    """An address beside a URL, an id or a key is read alone, and whole, fast or carefully."""
    assert found(f"{text}\n\n\u00e9z@acme.com" if careful else text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"<p>jane@acme.co<b>", []),
        (b"<p>jane@acme.com</p>", ["jane@acme.com"]),
        (b"<p>jane@acme.com</p>bob@acme.co", ["jane@acme.com"]),
        (b"<p>&#106;ane&#64;acme.co</i>", []),
        (b"jane@acme.com,bob@acme.co", ["jane@acme.com"]),
    ],
)
def test_the_end_of_html_that_was_cut_off(text: bytes, expected: list[str]) -> None:
    """An inline tag at the cut does not show that the address before it is whole."""
    assert list(find_addresses(text, is_html=True, cut=True)) == expected


def test_the_list_of_top_level_domains() -> None:
    """IANA's list is sorted, in lower case and in A-labels, and names its source and date."""
    text = Path(processor.domain.data.__path__[0], "tlds.txt").read_text("ascii")
    names = read_entries("tlds.txt")

    assert names == sorted(set(names))
    assert len(names) > 1400
    assert all(re.fullmatch(r"[a-z]{2,63}|xn--[a-z0-9-]+", name) for name in names)
    assert re.search(r"^# Source: .+, read 20\d\d-\d\d; license MIT, see README\.md\.$", text, re.MULTILINE)
