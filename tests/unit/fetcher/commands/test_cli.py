"""The command line: what it prints, its exit codes, and what it never shows."""

import csv
import io
import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from fetcher import imap
from fetcher.commands.cli import OPTIONS, run
from fetcher.exits import Exit
from fetcher.service.sessions import Sessions, kept_secret
from schemas.tokens import TokenScope, read_token
from tests.support.fake_processor import TOKEN, FakeProcessor, contact, detail

FIRST = "11111111-aaaa-4aaa-8aaa-000000000001"
SECOND = "22222222-aaaa-4aaa-8aaa-000000000002"
SOUND = {
    "listed": 12,
    "fetched": 10,
    "skipped": {"vanished": 2},
    "failed": {},
    "processed": 9,
    "duplicate": 1,
    "dead": {},
    "unparsable": 1,
    "cut": 3,
    "unread_fields": 1234,
    "contacts": {"contact": 5, "automated": 2},
    "folders_failed": {},
}


def _mining(mining: str, state: str = "finished", begun_at: str = "2026-01-02T10:00:00Z") -> dict[str, Any]:
    return {
        "id": mining,
        "source_name": "me@example.org",
        "state": state,
        "cancelled": False,
        "begun_at": begun_at,
        "listed": 1234,
        "segments": {"sent": 1, "done": 1, "dead": 0},
        "messages": {"processed": 1200, "duplicate": 34, "dead": 0},
        "chunks": 16,
        "chunks_refined": 16,
        "ledger": None,
        "receipt": None,
    }


def _report(mining: str, ledger: dict[str, Any], *, balanced: bool, state: str = "finished") -> dict[str, Any]:
    return {
        "id": mining,
        "state": state,
        "ledger": ledger,
        "balanced": balanced,
        "imbalance": [],
        "receipt": {"objects": 4, "rows": {"points": 77}, "keys": "00ff"},
    }


def test_the_version_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` prints one line and starts nothing."""
    code = run(["--version"])

    assert code == Exit.OK
    assert capsys.readouterr().out.startswith("leadminer ")


def test_the_help_lists_every_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    """The help explains every exit code, so that scripts can rely on them."""
    run(["--help"])

    shown = capsys.readouterr().out
    assert [code for code in Exit if f"{code.value:>3}  {code.meaning}" not in shown] == []


@pytest.mark.parametrize("closed", [1, 2])
def test_a_closed_output_is_no_error(closed: int) -> None:
    """The command line works with a closed standard output, as under some schedulers."""
    command = ["sh", "-c", f'exec "$@" {closed}>&-', "sh", sys.executable, "-m", "fetcher.commands.cli", "--version"]

    done = subprocess.run(command, capture_output=True)

    assert (done.returncode, done.stderr) == (Exit.OK, b"")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["mine", "imaps://jane:hunter2@imap.example.org"], "password"),
        (["mine", "http://jane@imap.example.org"], "imaps://"),
        (["mine", "imaps://imap.example.org"], "login"),
        (["mine", "imaps://jane@imap.example.org"], "--password-file"),
        (["mine", "jane:hunter2@gmail.com"], "password"),
        (["mine", "jane@gmail.com"], "https://myaccount.google.com/apppasswords"),
        (["mine", "jane@outlook.com"], "accepts only OAuth tokens"),
        (["mine", "imaps://jane@hotmail.com@outlook.office365.com", "--password-file", "/no/such"], "--token-command"),
        (["doctor", "jane"], "'jane'"),
        (["mine", "imaps://jane@imap.example.org", "--since", "yesterday"], "yesterday"),
        (["mine", "imaps://jane@imap.example.org", "--scope", "everything"], "everything"),
        (["mine", "imaps://jane@imap.example.org", "--connections", "0"], "'0' is invalid: it must be at least 1"),
        (["mine", "imaps://jane@imap.example.org", "--connections", "99"], "'99' is invalid: it must be at most 16"),
        (["contacts", "--limit", "many"], "'many' is invalid: it must be a whole number"),
        (["mine", "imaps://jane@imap.example.org", "--ca-file", "/no/such.pem"], "/no/such.pem"),
        (["mine", "imaps://jane@imap.example.org", "--password-file", "/no/such"], "/no/such"),
        (["mine", "imaps://jane@imap.example.org", "--password-file", "x", "--token-command", "x"], "--token-command"),
        (["mine", "imaps://jane@imap.example.org", "--token-command", "say 'x"], "quote"),
        (["mine", "imaps://jane@imap.example.org", "--user", "a/b"], "a/b"),
        (["export", "--format", "xlsx"], "xlsx"),
        (["export", "--delimiter", ",,"], ",,"),
        (["contacts", "--tag", "friend"], "'friend' is not a tag: use one of personal, "),
        (["contacts", "--since", "yesterday"], "'yesterday' is not a date"),
        (["contacts", "--order", "best"], "best"),
        (["contacts", "--limit", "-1"], "'-1'"),
        (["allow", "jane"], "'jane'"),
        (["token", "jane", "--scope", "admin"], "admin"),
        (["token", "jane", "--days", "0"], "'0'"),
        (["erase"], "--user"),
        (["erase", "jane"], "jane"),
        (["erase", "jane@acme.com"], "--yes"),
        (["contact"], "contact"),
        (["status", "--jsn"], "--jsn"),
    ],
)
def test_a_wrong_command_line_is_said_with_what_is_wrong(
    capsys: pytest.CaptureFixture[str], arguments: list[str], named: str
) -> None:
    """A wrong command line ends with exit code 2 and says what is wrong, without a traceback or a password."""
    code = run(arguments)

    shown = capsys.readouterr()
    assert (code, shown.out) == (Exit.USAGE, "")
    assert named in shown.err
    assert [word for word in ("Traceback", "hunter2", "Value error") if word in shown.err] == []


def test_wrong_settings_are_all_said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong settings end with exit code 3 and one sentence each."""
    monkeypatch.setenv("STORAGE_MODE", "sqlite")
    monkeypatch.setenv("LEADMINER_HOEM", "/x")

    code = run(["status"])

    shown = capsys.readouterr().err
    assert code == Exit.SETTINGS
    assert [name in shown for name in ("'sqlite'", "cloudflare", "LEADMINER_HOEM")] == [True] * 3


def test_an_unknown_setting_warns_and_stops_nothing(
    processor: FakeProcessor, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistyped name is said once, beside the result."""
    monkeypatch.setenv("LEADMINER_HOEM", "/x")

    code = run(["status", "--json"])

    shown = capsys.readouterr()
    assert (code, shown.out) == (Exit.OK, "[]\n")
    assert shown.err.count("LEADMINER_HOEM is ignored: the settings that start with LEADMINER_ are") == 1


def test_options_and_commands_are_found_in_any_case(processor: FakeProcessor) -> None:
    """Commands, options and their values may be written in capitals."""
    processor.contacts = [contact(1)]

    assert [run(["CONTACTS", "--Limit", "1"]), run(["export", "--FORMAT", "JSONL"])] == [Exit.OK, Exit.OK]


def test_the_cloudflare_mode_says_what_it_needs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In `cloudflare` mode, every missing setting of the account gets a sentence."""
    monkeypatch.setenv("STORAGE_MODE", "cloudflare")

    code = run(["status"])

    shown = capsys.readouterr().err
    assert code == Exit.SETTINGS
    assert [name in shown for name in ("CLOUDFLARE_R2_BUCKET", "CLOUDFLARE_QUEUES", "PROCESSOR_URL")] == [True] * 3


def test_the_password_leaves_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The password is removed from the environment, so no child process inherits it."""
    monkeypatch.setenv("IMAP_PASSWORD", "hunter2")

    run(["--version"])

    assert "IMAP_PASSWORD" not in os.environ


def test_status_lists_minings_as_plain_lines(processor: FakeProcessor, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal, `status` prints tab-separated lines with a header."""
    processor.minings = [_mining(FIRST, "refining"), _mining(SECOND)]

    code = run(["status"])

    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert code == Exit.OK
    assert lines[0][:3] == ["Mining", "Source", "State"]
    assert [line[:3] for line in lines[1:]] == [
        [FIRST, "me@example.org", "refining"],
        [SECOND, "me@example.org", "finished"],
    ]
    assert lines[1][4] == "1234"


@pytest.mark.parametrize("command", ["status", "contacts"])
def test_what_waits_is_said_with_how_to_go_on(
    processor: FakeProcessor, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    """After an interruption, the lists say beside their rows what is not finished and how to continue."""
    processor.minings = [_mining(FIRST, "processing"), _mining(SECOND)]

    run([command])

    shown = capsys.readouterr().err
    assert "The mining of me@example.org is not finished: 1,234 of 1,234 messages are processed." in shown
    assert "run the same leadminer mine command again" in shown


def test_contacts_end_with_how_many_there_are(processor: FakeProcessor, capsys: pytest.CaptureFixture[str]) -> None:
    """A cut list says how many it shows of how many, and how to see all; a whole one says how many there are."""
    processor.contacts = [contact(number) for number in range(1_234)]

    run(["contacts"])
    cut = capsys.readouterr()
    run(["contacts", "--limit", "0"])
    whole = capsys.readouterr()

    assert cut.err == "50 of 1,234; --limit 0 shows all\n"
    assert whole.err == "1,234 contacts\n"
    assert [len(shown.out.splitlines()) for shown in (cut, whole)] == [51, 1_235]


def test_no_contacts_yet_says_how_to_begin(processor: FakeProcessor, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty list says whose it is and how to begin."""
    run(["contacts"])

    assert capsys.readouterr().err == "User local has no contacts yet: run leadminer mine ADDRESS.\n"


def test_status_can_be_json(processor: FakeProcessor, capsys: pytest.CaptureFixture[str]) -> None:
    """`status --json` prints the processor's answer for other programs."""
    processor.minings = [_mining(FIRST)]

    run(["status", "--json"])

    assert json.loads(capsys.readouterr().out) == processor.minings


def test_a_sound_report_shows_both_lines_with_their_reasons(
    processor: FakeProcessor, capsys: pytest.CaptureFixture[str]
) -> None:
    """`report` shows numbers, reasons, verdicts and what was removed, by default for the latest mining."""
    processor.minings = [_mining(FIRST), _mining(SECOND, begun_at="2026-03-01T00:00:00Z")]
    processor.reports = {SECOND: _report(SECOND, SOUND, balanced=True)}

    code = run(["report"])

    shown = capsys.readouterr().out
    assert code == Exit.OK
    assert SECOND in shown
    assert "listed  12 = fetched 10 + skipped 2 (vanished 2) + failed 0: balances" in shown
    assert "fetched 10 = processed 9 + duplicate 1 + dead 0: balances" in shown
    assert "1,234 address fields (From, To …) hold text but no readable address" in shown
    assert "5 became contacts" in shown
    assert "rows points: 77" in shown


def test_a_report_that_does_not_balance_ends_with_1(
    processor: FakeProcessor, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line that does not balance says what its columns add up to."""
    processor.minings = [_mining(FIRST)]
    processor.reports = {FIRST: _report(FIRST, SOUND | {"listed": 13}, balanced=False)}

    code = run(["report", FIRST[:6]])

    assert code == Exit.NOT_WELL
    assert "does NOT balance: the columns add up to 12" in capsys.readouterr().out


def test_a_mining_under_way_need_not_balance_yet(processor: FakeProcessor, capsys: pytest.CaptureFixture[str]) -> None:
    """The report of a running mining shows the numbers so far and exits with 0."""
    processor.minings = [_mining(FIRST, "fetching")]
    processor.reports = {FIRST: _report(FIRST, SOUND | {"listed": 13}, balanced=False, state="fetching")}

    code = run(["report"])

    assert code == Exit.OK
    assert "NOT" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "named"),
    [
        (["report", "99"], Exit.UNKNOWN, "'99'"),
        (["report", "33333333-aaaa-4aaa-8aaa-000000000003"], Exit.UNKNOWN, "33333333-aaaa-4aaa-8aaa-000000000003"),
        (["cancel"], Exit.UNKNOWN, "no unfinished mining"),
    ],
)
def test_a_mining_that_is_not_there_is_named(
    processor: FakeProcessor, capsys: pytest.CaptureFixture[str], arguments: list[str], code: Exit, named: str
) -> None:
    """An unknown mining ends with exit code 10, and the error says how to list the minings."""
    processor.minings = [_mining(FIRST)]

    ended = run(arguments)

    shown = capsys.readouterr().err.replace("\n", " ")
    assert ended == code
    assert named in shown
    assert "leadminer status" in shown


@pytest.mark.parametrize("command", ["report", "cancel", "retry"])
def test_before_the_first_mining_it_is_said_how_to_begin(
    processor: FakeProcessor, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    """Before the first mining, the error says how to start one."""
    code = run([command])

    assert (code, processor.minings) == (Exit.UNKNOWN, [])
    assert "start one with leadminer mine" in capsys.readouterr().err.replace("\n", " ")


def test_an_ambiguous_id_lists_what_it_could_be(processor: FakeProcessor, capsys: pytest.CaptureFixture[str]) -> None:
    """An ambiguous id is refused, and the error lists the candidates."""
    processor.minings = [_mining(FIRST), _mining(FIRST[:-1] + "9")]

    code = run(["report", "1111"])

    assert code == Exit.USAGE
    assert FIRST in capsys.readouterr().err


def test_cancel_takes_the_only_unfinished_mining(processor: FakeProcessor) -> None:
    """`cancel` needs no id if there is only one unfinished mining."""
    processor.minings = [_mining(FIRST), _mining(SECOND, "fetching")]

    code = run(["cancel"])

    assert (code, processor.cancelled) == (Exit.OK, [SECOND])


def test_a_stuck_mining_can_be_discarded(processor: FakeProcessor, capsys: pytest.CaptureFixture[str]) -> None:
    """`cancel --discard` ends a mining in whatever state it is, and says that it failed."""
    processor.minings = [_mining(FIRST, "refining")]

    code = run(["cancel", "--discard"])

    assert (code, set(processor.cancelled)) == (Exit.OK, {FIRST})
    assert f"Mining {FIRST} is failed" in capsys.readouterr().out


def test_a_late_retry_repeats_the_processors_sentence(
    processor: FakeProcessor, capsys: pytest.CaptureFixture[str]
) -> None:
    """A retry that comes too late ends with exit code 9 and the processor's sentence."""
    processor.minings = [_mining(FIRST, "refining")]
    processor.retry = (409, {"error": "Refining has begun.", "code": "refining"})

    code = run(["retry"])

    assert code == Exit.HELD
    assert "Refining has begun." in capsys.readouterr().err


def test_contacts_are_plain_lines_without_anything_that_steers_a_terminal(
    processor: FakeProcessor, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a terminal, contacts are plain lines without control characters, because names come from others' mail."""
    processor.contacts = [contact(1, name="Eve\x1b[2J\u202e[bold]evil[/bold]\x9b"), contact(2, name=None)]

    code = run(["contacts"])

    lines = capsys.readouterr().out.splitlines()
    assert code == Exit.OK
    assert lines[1].split("\t")[:3] == ["52", "Eve\ufffd[2J\ufffd[bold]evil[/bold]\ufffd", "jane1@acme.com"]
    assert lines[2].split("\t")[1] == ""


def test_contacts_ask_for_what_they_show_alone(processor: FakeProcessor, capsys: pytest.CaptureFixture[str]) -> None:
    """`--limit` limits the list, and `--source` accepts a mailbox in the form that `mine` takes."""
    processor.contacts = [contact(number) for number in range(5)]

    run(["contacts", "--limit", "3", "--json", "--source", "imaps://Me%40Example.org@imap.example.org"])

    shown = json.loads(capsys.readouterr().out)
    assert [contact["email"] for contact in shown] == ["jane0@acme.com", "jane1@acme.com", "jane2@acme.com"]
    assert processor.sources == ["me@example.org"]


@pytest.mark.parametrize("command", ["contacts", "export"])
def test_contacts_are_selected(processor: FakeProcessor, command: str) -> None:
    """Words, tag, source, day, mining and order narrow what is listed and what is exported alike."""
    processor.minings = [_mining(FIRST)]
    options = ["--tag", "Role", "--source", "Me@example.org", "--since", "2026-01-01", "--mining", "11111"]

    code = run([command, "anna", "acme", *options, "--order", "recent"])

    assert code == Exit.OK
    assert processor.selections == [
        {
            "q": "anna acme",
            "tag": "role",
            "source": "me@example.org",
            "since": "2026-01-01",
            "mining": FIRST,
            "order": "recent",
        }
    ]


def test_a_search_that_finds_nobody_says_what_was_sought(
    processor: FakeProcessor, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a match, the sentence repeats the search instead of advising to mine."""
    processor.contacts = [contact(1)]

    code = run(["contacts", "nobody", "here", "--tag", "role", "--since", "2026-01-01"])

    assert code == Exit.OK
    assert capsys.readouterr().err == ("User local has no contacts with 'nobody here' tagged role since 2026-01-01.\n")


def test_a_total_counts_what_was_selected(processor: FakeProcessor, capsys: pytest.CaptureFixture[str]) -> None:
    """The last line counts the matches, not all contacts."""
    processor.contacts = [contact(number) for number in range(60)]

    run(["contacts", "jane1"])

    assert capsys.readouterr().err == "11 contacts\n"


def test_one_contact_says_why_it_is_there(processor: FakeProcessor, capsys: pytest.CaptureFixture[str]) -> None:
    """`contact` shows counts, dates, names with their votes, each tag with its rule, and the minings."""
    processor.contacts = [contact(1, alternate_emails=["jane1+x@acme.com"], last_mining=SECOND)]

    code = run(["contact", "JANE1@acme.com"])

    assert code == Exit.OK
    assert capsys.readouterr().out.splitlines() == [
        "Jane Doe · jane1@acme.com",
        "  temperature 52 of 100",
        "  3 messages: 2 from them, 1 to them",
        "  last on 2022-04-05",
        "  1 message in conversations, of which they wrote 1",
        "  names:",
        "    Jane Doe: 2 messages, last on 2022-04-05, as they sign",
        "  tags:",
        "    professional (3 messages): The address is at a domain of its own, such as a company's.",
        "  also written as:",
        "    jane1+x@acme.com",
        "  found in:",
        "    me@example.org",
        "  first found by mining 00000000-0000-4000-8000-000000000001",
        f"  last found by mining {SECOND}",
    ]


def test_one_contact_as_json(processor: FakeProcessor, capsys: pytest.CaptureFixture[str]) -> None:
    """`contact --json` prints what the processor answers."""
    processor.contacts = [contact(1)]

    run(["contact", "jane1@acme.com", "--json"])

    assert json.loads(capsys.readouterr().out) == detail(contact(1))


def test_somebody_who_is_no_contact(processor: FakeProcessor, capsys: pytest.CaptureFixture[str]) -> None:
    """An address that is no contact ends with its own exit code, and a word that is no address with advice."""
    codes = [run(["contact", "joe@acme.com"]), run(["contact", "joe"])]

    assert codes == [Exit.UNKNOWN, Exit.USAGE]
    assert capsys.readouterr().err.splitlines() == [
        "leadminer: joe@acme.com is not a contact of user local: run leadminer contacts to list them.",
        "leadminer: 'joe' is not an email address: to find one, run leadminer contacts joe.",
    ]


def test_an_export_reads_all_pages(processor: FakeProcessor, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """An export of more than one page contains every contact once, in order."""
    processor.contacts = [contact(number) for number in range(2100)]

    code = run(["export"])

    rows = list(csv.DictReader(io.StringIO(capsysbinary.readouterr().out.decode("utf-8-sig"))))
    assert code == Exit.OK
    assert [row["Email"] for row in rows] == [contact["address"] for contact in processor.contacts]


def test_an_exported_file_is_whole_and_private(processor: FakeProcessor, tmp_path: Path) -> None:
    """Only the owner can read an exported file, and no temporary file is left beside it."""
    processor.contacts = [contact(1)]

    code = run(["export", "--format", "jsonl", "--output", str(tmp_path / "none" / "contacts.jsonl")])

    assert code == Exit.STORAGE
    assert run(["export", "--format", "jsonl", "--output", str(tmp_path / "contacts.jsonl")]) == Exit.OK
    assert json.loads((tmp_path / "contacts.jsonl").read_text())["email"] == "jane1@acme.com"
    assert stat.S_IMODE((tmp_path / "contacts.jsonl").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["contacts.jsonl"]


def test_an_export_that_breaks_off_leaves_the_earlier_file(processor: FakeProcessor, tmp_path: Path) -> None:
    """If an export breaks off, the earlier file stays unchanged."""
    (tmp_path / "contacts.csv").write_text("earlier")
    processor.contacts = [contact(number) for number in range(1500)]
    processor.fails_after_pages = 1

    code = run(["export", "--force", "--output", str(tmp_path / "contacts.csv")])

    assert code == Exit.UNAVAILABLE
    assert (tmp_path / "contacts.csv").read_text() == "earlier"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["contacts.csv"]


def test_erase_prints_the_receipt(processor: FakeProcessor, capsys: pytest.CaptureFixture[str]) -> None:
    """`erase` prints the counts and the hash of what was removed."""
    code = run(["erase", "Jane@acme.com", "--yes"])

    shown = capsys.readouterr().out
    assert (code, processor.erased) == (Exit.OK, ["Jane@acme.com"])
    assert "contacts: 1" in shown
    assert "keys: 00ff" in shown


def test_erase_of_what_is_no_contact_says_so(processor: FakeProcessor, capsys: pytest.CaptureFixture[str]) -> None:
    """If the address was not a contact, `erase` says so, and the next mining does not add it."""
    processor.erases = 0

    code = run(["erase", "jane@acme.com", "--yes"])

    assert (code, processor.erased) == (Exit.OK, ["jane@acme.com"])
    assert capsys.readouterr().out == "jane@acme.com was not a contact of user local, and will not become one.\n"


def test_erase_of_a_user_names_no_address(processor: FakeProcessor, capsys: pytest.CaptureFixture[str]) -> None:
    """`erase --user` without an address erases all data of that user."""
    code = run(["erase", "--user", "local", "--yes", "--json"])

    assert (code, processor.erased) == (Exit.OK, [None])
    assert json.loads(capsys.readouterr().out)["contacts"] == 1


def test_a_refused_token_says_so(
    processor: FakeProcessor, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refused token ends with exit code 5, and the token is not shown."""
    monkeypatch.setenv("PROCESSOR_TOKEN", "another-token")

    code = run(["status"])

    assert code == Exit.AUTHENTICATION
    assert "another-token" not in capsys.readouterr().err


def test_a_processor_that_is_not_there_is_named(
    processor: FakeProcessor, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A processor that does not answer ends with exit code 8; the error names its address and the setting."""
    monkeypatch.setenv("PROCESSOR_URL", "http://127.0.0.1:9")

    code = run(["status"])

    shown = capsys.readouterr().err
    assert code == Exit.UNAVAILABLE
    assert "127.0.0.1:9" in shown
    assert "PROCESSOR_URL" in shown


@pytest.mark.parametrize("debug", ["", "1"])
def test_an_unexpected_error_is_one_sentence_without_its_text(
    processor: FakeProcessor, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, debug: str
) -> None:
    """An unexpected error says where it happened but not its text, which could contain mail."""
    monkeypatch.setenv("LEADMINER_DEBUG", debug)
    processor.broken = True

    code = run(["status"])

    shown = capsys.readouterr().err
    assert code == Exit.UNEXPECTED
    assert "KeyError" in shown
    assert "LEADMINER_DEBUG" in shown
    assert "Traceback" not in shown
    assert "nobody may see" not in shown
    assert ("commands/minings.py" in shown) is bool(debug)


@pytest.mark.parametrize(
    ("options", "scopes", "days"),
    [
        ([], {"read"}, 30),
        (["--scope", "mine", "--scope", "erase", "--days", "1"], {"mine", "erase"}, 1),
    ],
)
def test_a_users_token_is_made_from_the_services(
    processor: FakeProcessor, capsys: pytest.CaptureFixture[str], options: list[str], scopes: set[str], days: int
) -> None:
    """`token` prints one line, which is valid for that user, scope and time; by default to read for 30 days."""
    code = run(["token", "jane", *options])

    token = capsys.readouterr().out.removesuffix("\n")
    almost, after = time.time() + days * 86_400 - 60, time.time() + days * 86_400
    assert code == Exit.OK
    claims = read_token(token, [TOKEN], now=almost)
    assert claims is not None
    assert (claims.user, set(claims.scopes)) == ("jane", scopes)
    assert read_token(token, [TOKEN], now=after) is None


def test_a_token_with_embedded_servers_is_for_the_service(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With embedded servers, `token` uses the secret of `leadminer serve`: SERVE_TOKEN, or else the one it keeps."""
    run(["token", "jane"])
    kept = capsys.readouterr().out.strip()
    monkeypatch.setenv("SERVE_TOKEN", "the-token-of-the-service")
    run(["token", "jane"])
    given = capsys.readouterr().out.strip()

    claims = [read_token(kept, [kept_secret(tmp_path / "home")]), read_token(given, ["the-token-of-the-service"])]
    assert [(each.user, {*each.scopes}) for each in claims if each] == [("jane", {TokenScope.READ})] * 2


@pytest.mark.parametrize(
    ("settings", "address"),
    [
        ({}, "http://127.0.0.1:8090"),
        ({"SERVE_LISTEN": "0.0.0.0:80"}, "http://127.0.0.1:80"),
        ({"SERVE_LISTEN": "fd:3", "SERVE_URL": "https://leadminer.example.org/"}, "https://leadminer.example.org"),
    ],
)
def test_a_link_signs_a_user_in(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], address: str
) -> None:
    """`token --link` prints a link to the service, which that user's sessions accept once."""
    sessions = Sessions("the-token-of-the-service")
    for name, value in {"SERVE_TOKEN": "the-token-of-the-service", **settings}.items():
        monkeypatch.setenv(name, value)

    code = run(["token", "jane", "--link"])

    start, _, link = capsys.readouterr().out.strip().partition("?link=")
    assert (code, start) == (Exit.OK, f"{address}/sign-in")
    assert [sessions.spend(link), sessions.spend(link)] == ["jane", None]


def test_a_link_to_nowhere_is_not_made(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """If nobody said where the service is reached, the error names the setting."""
    monkeypatch.setenv("SERVE_LISTEN", "fd:3")

    code = run(["token", "jane", "--link"])

    assert code == Exit.SETTINGS
    assert "SERVE_URL is not set" in capsys.readouterr().err


def test_doctor_says_what_is_wrong_and_how_to_mend_it(
    processor: FakeProcessor, capsys: pytest.CaptureFixture[str]
) -> None:
    """`doctor` reports a dead Redis beside a working processor, exits with 1 and shows no credential."""
    code = run(["doctor"])

    shown = capsys.readouterr().out
    assert code == Exit.NOT_WELL
    assert "FAIL  Redis" in shown
    assert "REDIS_URL" in shown
    assert "ok    processor" in shown
    assert "redis-secret" not in shown


def test_doctor_lists_every_wrong_setting(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """`doctor --json` lists every wrong setting, and which checks are well."""
    monkeypatch.setenv("STORAGE_MODE", "sqlite")
    monkeypatch.setenv("LEADMINER_HOEM", "/x")

    code = run(["doctor", "--json"])

    findings = json.loads(capsys.readouterr().out)
    assert code == Exit.NOT_WELL
    assert [finding["well"] for finding in findings if finding["check"] == "settings"] == [False, False]


@pytest.mark.parametrize("advice", OPTIONS)
def test_each_advice_is_in_a_sentence(advice: str) -> None:
    """What the command line adds an option to is said by the mailbox's side."""
    sentences = "".join(path.read_text() for path in Path(imap.__path__[0]).glob("*.py"))

    assert advice in sentences
