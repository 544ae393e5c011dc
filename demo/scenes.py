"""The scenes of the sample mailbox: each one yields letters of one kind."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from demo.letters import SENTENCES, SUBJECTS, Letter, as_html, in_base64, in_parts, mailbox_of, write_text
from demo.people import OWNER, OWNER_NAME, Person, invent_domain, invent_people

REFERENCE = datetime(2026, 11, 1, 12, tzinfo=UTC)
"""The `--as-of` date for mining the sample mailbox, so that the contacts are always the same."""
SPAN = timedelta(days=1100)
ME = Person(OWNER_NAME, OWNER)


class Placed(NamedTuple):
    """A letter and its folder."""

    folder: str
    letter: Letter


class Scenes:
    """All scenes of a mailbox, driven by one seeded random generator."""

    def __init__(self, chance: random.Random, people: int) -> None:
        self.chance = chance
        self.people = invent_people(chance, people)
        self.letters = 0

    def conversation(self) -> Iterator[Placed]:
        """Yield a thread with one person, sometimes with others in Cc; the owner's own letters are in Sent."""
        chance = self.chance
        person = self.people[min(int(chance.expovariate(6 / len(self.people))), len(self.people) - 1)]
        copied = [mailbox_of(other, chance) for other in chance.sample(self.people, chance.choice((0, 0, 0, 1, 2)))]
        folder = chance.choice(("INBOX", "INBOX", "INBOX", "Archive/2024", "Archive/2025", "Projets/Été"))
        subject, date = chance.choice(SUBJECTS), self._date()
        references: list[str] = []
        quoted = ""
        mine = chance.random() < 0.4
        for turn in range(chance.choice((1, 1, 2, 2, 3, 4, 6, 8))):
            sender, reader = (ME, person) if mine else (person, ME)
            text = write_text(chance, reader.first_name, sender, quoted)
            letter = Letter(
                sender=mailbox_of(sender, chance),
                to=[mailbox_of(reader, chance)],
                cc=copied,
                subject=f"Re: {subject}" if turn else subject,
                date=date,
                message_id=self._message_id(sender),
                references=tuple(references),
                body=text,
            )
            yield Placed("Sent" if mine else folder, letter)
            references.append(letter.message_id)
            quoted, mine = text, not mine
            date = min(date + timedelta(minutes=chance.randint(12, 5400)), REFERENCE)

    def newsletter(self) -> Iterator[Placed]:
        """Yield an issue of one of a dozen newsletters, in HTML with a plain alternative."""
        number = self.chance.randrange(12)
        domain = f"letters{number}.example.com"
        text = " ".join(self.chance.sample(SENTENCES, 5))
        boundary = f"=_{self.letters}"
        body = in_parts(
            boundary,
            ("Content-Type: text/plain; charset=utf-8", text),
            ("Content-Type: text/html; charset=utf-8", as_html(text)),
        )
        yield Placed(
            "INBOX/Newsletters",
            self._bulk(
                f"The Weekly {number} <editor@{domain}>",
                [f"Issue {self.letters}", body],
                (("List-Unsubscribe", f"<https://{domain}/leave>"), ("List-Id", f"Weekly <weekly.{domain}>")),
                (("Content-Type", f'multipart/alternative; boundary="{boundary}"'),),
            ),
        )

    def mailing_list(self) -> Iterator[Placed]:
        """Yield a letter to one of three mailing lists, with the list's header fields."""
        chance = self.chance
        name = chance.choice(("builders", "gardeners", "choir"))
        person = chance.choice(self.people)
        list_address = f"{name}@lists.example.org"
        letter = Letter(
            sender=mailbox_of(person, chance),
            to=[f"{name.title()} <{list_address}>"],
            subject=f"[{name}] {chance.choice(SUBJECTS)}",
            date=self._date(),
            message_id=self._message_id(person),
            fields=(
                ("List-Post", f"<mailto:{list_address}>"),
                ("List-Id", f"<{name}.lists.example.org>"),
                ("Precedence", "list"),
            ),
            body=write_text(chance, "all", person),
        )
        yield Placed(f"Lists/{name}", letter)

    def notice(self) -> Iterator[Placed]:
        """Yield an automated message: an order, an alert, an invoice."""
        chance = self.chance
        local = chance.choice(("no-reply", "order-confirmation", "alerts", "bounce", "invoice"))
        yield Placed(
            "INBOX",
            self._bulk(
                f"{local.title()} <{local}@{invent_domain(chance)}>",
                [f"Your order {self.letters}", " ".join(chance.sample(SENTENCES, 2)) + "\n"],
                (("Auto-Submitted", "auto-generated"), ("Feedback-ID", "7:orders:example")),
                (("Content-Type", "text/plain; charset=us-ascii"),),
            ),
        )

    def attachment(self) -> Iterator[Placed]:
        """Yield a letter with a picture of up to 150 KB (before base64) after its text."""
        chance = self.chance
        person = chance.choice(self.people[: len(self.people) // 3])
        boundary = f"=_{self.letters}"
        text = write_text(chance, ME.first_name, person)
        picture = in_base64(chance.randbytes(chance.choice((8_000, 30_000, 150_000))))
        body = in_parts(
            boundary,
            ("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64", in_base64(text.encode())),
            ("Content-Type: image/png\nContent-Transfer-Encoding: base64", picture),
        )
        yield Placed(
            "INBOX",
            Letter(
                sender=mailbox_of(person, chance),
                to=[OWNER],
                subject="Photographs",
                date=self._date(),
                message_id=self._message_id(person),
                body=body,
                content=(("Content-Type", f'multipart/mixed; boundary="{boundary}"'),),
            ),
        )

    def left_out(self) -> Iterator[Placed]:
        """Yield a message in a folder that is not mined."""
        person = Person("Lucky Winner", f"prize{self.chance.randrange(500)}@example.net")
        letter = self._bulk(f"{person.name} <{person.address}>", ["You have won", "Write to us.\n"], (), ())
        yield Placed(self.chance.choice(("Junk", "Trash", "Drafts")), letter)

    def _bulk(
        self, sender: str, text: list[str], fields: tuple[tuple[str, str], ...], content: tuple[tuple[str, str], ...]
    ) -> Letter:
        subject, body = text
        machine = Person("", sender.rpartition("<")[2].rstrip(">"))
        return Letter(
            sender=sender,
            to=[OWNER],
            subject=subject,
            date=self._date(),
            message_id=self._message_id(machine),
            fields=fields,
            body=body,
            content=content,
        )

    def _message_id(self, sender: Person) -> str:
        self.letters += 1
        return f"{self.letters}.{self.chance.getrandbits(32):08x}@{sender.address.rpartition('@')[2]}"

    def _date(self) -> datetime:
        return (REFERENCE - SPAN * self.chance.random()).replace(microsecond=0)
