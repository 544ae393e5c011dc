"""Mail as bytes: header fields and bodies as mail programs write them, and some that no program should write."""

import base64
import random
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.header import Header
from email.utils import format_datetime

from demo.people import Person

SUBJECTS = (
    "Quarterly figures|Lunch on Thursday|Draft contract|Your visit in spring|Notes from the call|Offer for the stand|"
    "Photographs|Travel plans|Question about the invoice|New opening hours|Translation|Spare parts|Workshop in autumn"
).split("|")
SENTENCES = (
    "Thank you for the quick answer.|I have put the papers in the usual place.|Could you look at the second page again?"
    "|The train arrives shortly after nine.|We would like to have forty of them before the end of the month.|"
    "That suits me well.|My colleague will call you on Monday.|The colours on the screen are not those on the paper.|"
    "I am out of the office until Wednesday.|Please tell me if anything is missing.|It took longer than we thought.|"
    "The new version is much clearer.|There is no hurry."
).split("|")


@dataclass
class Letter:
    """One message before it is encoded; `fields` are extra header fields, in order."""

    sender: str
    to: Sequence[str]
    subject: str
    date: datetime
    message_id: str
    cc: Sequence[str] = ()
    references: Sequence[str] = ()
    fields: Sequence[tuple[str, str]] = ()
    body: str = ""
    content: tuple[tuple[str, str], ...] = (("Content-Type", "text/plain; charset=utf-8"),)
    left_out: frozenset[str] = field(default=frozenset())

    def encode(self) -> bytes:
        """Return the message with CRLF line endings, without the fields named in `left_out`."""
        fields = [
            ("Date", format_datetime(self.date)),
            ("From", self.sender),
            ("To", ", ".join(self.to)),
            ("Cc", ", ".join(self.cc)),
            ("Subject", encode_words(self.subject)),
            ("Message-ID", f"<{self.message_id}>"),
            ("In-Reply-To", f"<{self.references[-1]}>" if self.references else ""),
            ("References", "\n ".join(f"<{reference}>" for reference in self.references)),
            *self.fields,
            ("MIME-Version", "1.0"),
            *self.content,
        ]
        head = "".join(f"{name}: {value}\n" for name, value in fields if value and name not in self.left_out)
        return f"{head}\n{self.body}".replace("\n", "\r\n").encode()


def encode_words(text: str, charset: str = "utf-8") -> str:
    """Return text that is valid in a header: unchanged if it is ASCII, otherwise as encoded words (RFC 2047)."""
    return text if text.isascii() else Header(text, charset).encode(linesep="\n")


def mailbox_of(person: Person, chance: random.Random) -> str:
    """Return a person's name and address in one of the forms that address fields use."""
    name, address = person.name, person.address
    if not name.isascii():
        return f"{encode_words(name, chance.choice(('utf-8', 'iso-8859-1')))} <{address}>"
    first, _, last = name.partition(" ")
    return chance.choice((f"{name} <{address}>", f'"{name}" <{address}>', f'"{last}, {first}" <{address}>', address))


def write_text(chance: random.Random, to: str, sender: Person, quoted: str = "") -> str:
    """Return a letter's text with a greeting and a signature, followed by the quoted text if it is a reply."""
    sentences = " ".join(chance.sample(SENTENCES, chance.randint(2, 6)))
    signature = f"-- \n{sender.name}\n{sender.address}\n"
    quote = textwrap.indent(quoted, "> ", lambda _: True) if quoted else ""
    return f"Hello {to},\n\n{textwrap.fill(sentences, 76)}\n\n{sender.first_name}\n{signature}{quote}"


def as_html(text: str) -> str:
    """Return the text as an HTML page that ends with a mailto link."""
    paragraphs = "".join(f"<p>{line}</p>\n" for line in text.splitlines() if line)
    return f'<html><body>{paragraphs}<a href="mailto:office@example.net">Write to us</a></body></html>\n'


def in_parts(boundary: str, *parts: tuple[str, str]) -> str:
    """Return a multipart body; each part is a pair of header fields and text."""
    return "".join(f"--{boundary}\n{head}\n\n{text}\n" for head, text in parts) + f"--{boundary}--\n"


def in_base64(data: bytes) -> str:
    """Return data as lines of base64."""
    return base64.encodebytes(data).decode("ascii")
