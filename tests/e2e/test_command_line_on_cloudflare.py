"""The command line on a Cloudflare deployment: the same commands; only the environment differs."""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from bench.cloudflare import FETCHER_CLASS_A, FETCHER_CLASS_B
from fetcher.exits import Exit
from schemas.segments import segment_key
from tests.support.cloudflare.deployment import TOKEN, Deployment
from tests.support.dovecot import Dovecot
from tests.support.place import Place
from tests.support.stack import Begun, Folder, mail
from tests.support.tokens import user_token

LOGIN, PASSWORD = "me@example.org", "correct horse battery"
MESSAGES, PEOPLE = 450, 30
SEGMENTS = 3


@dataclass(frozen=True)
class CloudPlace(Place):
    """A mailbox, and the environment that points the commands at a deployment."""

    settings: Mapping[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """Return a command's environment."""
        return super().environment() | dict(self.settings)

    def of(self, user: str, **settings: str) -> "CloudPlace":
        """Return a copy with a token for one user and with changed settings."""
        return replace(self, settings={**self.settings, "PROCESSOR_TOKEN": user_token(TOKEN, user), **settings})


@pytest.fixture(scope="module")
def mailbox() -> Iterator[Dovecot]:
    """Yield a server with one mailbox."""
    with Dovecot() as server:
        server.add_user(LOGIN, PASSWORD)
        server.deliver(LOGIN, "INBOX", (mail(n, sender=f"Person <p{n % PEOPLE}@acme.com>") for n in range(MESSAGES)))
        yield server


@pytest.fixture
def place(deployment: Deployment, mailbox: Dovecot, tmp_path: Path) -> CloudPlace:
    """Return where the commands run."""
    settings = deployment.fetcher_settings
    return CloudPlace(mailbox, tmp_path / "home", LOGIN, PASSWORD, settings)


def test_a_mailbox_becomes_contacts(place: CloudPlace, deployment: Deployment, tmp_path: Path) -> None:
    """`mine`, `report`, `status` and `export` work as usual, with the expected number of calls to R2 and Queues."""
    place = place.of("cli-whole")
    before = Counter(deployment.local.counts())
    mined = place.mine(user="cli-whole")
    asked = Counter(deployment.local.counts()) - before
    reported = place.run("report", "--user", "cli-whole")
    status = place.run("status", "--user", "cli-whole")
    exported = place.run("export", "--user", "cli-whole", "--output", str(tmp_path / "contacts.csv"))

    assert [done.returncode for done in (mined, reported, status, exported)] == [Exit.OK] * 4, mined.stderr
    assert f" from {MESSAGES} messages." in mined.stdout
    assert f"listed  {MESSAGES} = fetched {MESSAGES} + skipped 0 + failed 0: balances" in reported.stdout
    with (tmp_path / "contacts.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["Email"] for row in rows} == {f"p{number}@acme.com" for number in range(PEOPLE)}
    assert {row["Occurrence"] for row in rows} == {str(MESSAGES // PEOPLE)}
    assert (asked["s3 PUT"], asked["s3 GET"]) == (SEGMENTS + 1, FETCHER_CLASS_A - 1 + FETCHER_CLASS_B)
    assert asked["api POST"] == SEGMENTS


def test_a_second_mining_fetches_nothing(place: CloudPlace) -> None:
    """Watermarks persist from one command to the next."""
    first = place.of("cli-twice").mine(user="cli-twice")

    again = place.of("cli-twice").mine(user="cli-twice")

    assert (first.returncode, again.returncode) == (Exit.OK, Exit.OK), again.stderr
    assert again.stdout.startswith("Nothing new since ")


def test_what_was_given_up_is_retried_and_a_mining_is_cancelled(place: CloudPlace, deployment: Deployment) -> None:
    """`retry` resends a dead segment before refining, `cancel` ends a mining without a fetcher, and both report it."""
    place = place.of("cli-dead")
    folder = Folder([[mail(n, sender="jane@acme.com") for n in range(4)], [mail(n) for n in range(4, 6)]])
    begun = deployment.begin("cli-dead")
    deployment.local.put_object(segment_key(begun.id, deployment.store(begun, folder)[0].segment), b"noise")
    for attempts in (1, 2, 3):
        deployment.deliver(begun.jobs, attempts=attempts)
    dead = deployment.status(begun)["segments"]["dead"]
    deployment.store(Begun(begun.user, begun.id, begun.lease, begun.answer), folder)

    retried = place.run("retry", "--user", "cli-dead")
    deployment.local.query("UPDATE minings SET heard_at = heard_at - 120 WHERE mining_id = ?1", begun.id)
    cancelled = place.run("cancel", "--user", "cli-dead")
    deployment.finish(begun)
    reported = place.run("report", "--user", "cli-dead")

    assert dead == 1
    assert (retried.returncode, retried.stdout) == (Exit.OK, f"Sent 1 segments of mining {begun.id} again.\n")
    assert (cancelled.returncode, begun.id in cancelled.stdout) == (Exit.OK, True), cancelled.stderr
    assert "fetched 6 = processed 6 + duplicate 0 + dead 0: balances" in reported.stdout


def test_contacts_are_listed_and_erased(place: CloudPlace) -> None:
    """`erase` removes one contact for good, and then everything of the user."""
    place = place.of("cli-erase")
    user = ("--user", "cli-erase")
    assert place.mine(user="cli-erase").returncode == Exit.OK

    listed = place.run("contacts", *user, "--limit", "5")
    one = place.run("erase", "p7@acme.com", *user, "--yes")
    rest = place.export("cli-erase")
    everything = place.run("erase", *user, "--yes")
    nothing = place.export("cli-erase")

    assert [done.returncode for done in (listed, one, everything)] == [Exit.OK] * 3, one.stderr + everything.stderr
    assert listed.stdout.count("@acme.com") == 5
    assert (rest.count('"email"'), "p7@acme.com" in rest) == (PEOPLE - 1, False)
    assert nothing == ""


def test_doctor_says_that_all_is_well(place: CloudPlace) -> None:
    """`doctor` asks every server of the mode, and each one answers."""
    examined = place.of("cli-well").run("doctor", "--user", "cli-well")

    assert examined.returncode == Exit.OK, examined.stdout + examined.stderr
    assert [word in examined.stdout for word in ("R2", "Queues", "processor")] == [True] * 3


def test_a_wrong_credential_is_said_by_its_name(place: CloudPlace) -> None:
    """The error names the setting to correct but does not show its value."""
    wrong = place.of("cli-wrong", CLOUDFLARE_R2_SECRET_ACCESS_KEY="not the secret")

    mined = wrong.mine(user="cli-wrong")

    assert mined.returncode == Exit.AUTHENTICATION
    assert "CLOUDFLARE_R2_SECRET_ACCESS_KEY" in mined.stderr.replace("\n", " ")
    assert "not the secret" not in mined.stderr
    assert "Traceback" not in mined.stderr
