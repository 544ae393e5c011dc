"""Servers as some providers and products run them, each with the oddities that others reported of it.

All hold the same mailbox: an inbox, sent mail, a folder of the user's own, and three folders that are not mined.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from tests.support.imap.commands import Command
from tests.support.imap.faults import changed, on, refused, rewritten, understated
from tests.support.imap.mail import Folder
from tests.support.imap.server import Fault, ImapServer

MESSAGES: Final = {"inbox": 60, "sent": 25, "own": 15, "drafts": 3, "trash": 4, "junk": 5}
"""Messages by the role of their folder."""
MINED: Final = ("inbox", "sent", "own")
FIRST: Final = datetime(2026, 1, 1, tzinfo=UTC)
MARKS: Final = {"sent": r"\Sent", "drafts": r"\Drafts", "trash": r"\Trash", "junk": r"\Junk"}
"""Special use (RFC 6154)."""


@dataclass(frozen=True)
class Profile:
    """One kind of server. `connections` is the most that it serves at once; `commands` the most for this mailbox.

    `names` are the folders on the wire, by role; `all_mail` is one that holds all mail that is mined. `marks` says
    whether LIST shows special use. `sources` are reports of what `faults` and the rest imitate.
    """

    name: str
    capabilities: str
    names: Mapping[str, str]
    sources: Sequence[str]
    commands: int
    marks: bool = False
    delimiter: str = "/"
    connections: int = 10
    too_many: str = "NO [LIMIT] too many connections"
    faults: Callable[[], Sequence[Fault]] = field(default=tuple)
    unselectable: Sequence[str] = ()
    all_mail: str = ""

    def server(self) -> ImapServer:
        """Return a new server of this kind."""
        folders = {name: Folder(attributes=r"\Noselect") for name in self.unselectable}
        for role, name in self.names.items():
            folders[name] = mailbox(role, attributes=MARKS.get(role, "") if self.marks else "")
        if self.all_mail:
            folders[self.all_mail] = mailbox(*MINED, attributes=r"\All")
        server = ImapServer(folders, capabilities=self.capabilities, delimiter=self.delimiter, faults=self.faults())
        server.most_connections, server.too_many = self.connections, self.too_many
        return server


def message(role: str, number: int) -> bytes:
    """Return one message of a folder, alike on all servers."""
    own, other = "Jane Doe <jane@example.org>", f"Person {number % 9} <person{number % 9}@{role}.example.com>"
    sender, recipient = (own, other) if role == "sent" else (other, own)
    return (
        f"From: {sender}\r\nTo: {recipient}\r\nMessage-ID: <{role}.{number}@example.com>\r\n"
        f"Subject: {role} {number}\r\n\r\nHello {number}\r\n"
    ).encode()


def mailbox(*roles: str, attributes: str = "") -> Folder:
    """Return a folder with the messages of these roles."""
    folder = Folder(attributes=attributes)
    for role in roles:
        for number in range(MESSAGES[role]):
            uid = len(folder.messages) + 1
            folder.messages[uid] = message(role, number)
            folder.dates[uid] = FIRST + timedelta(days=len(role), minutes=number)
    return folder


def once(name: str, text: str, **narrowed: bytes) -> Fault:
    """Refuse a command a single time."""
    return on(name, refused(text), times=1, **narrowed)


def unless_known() -> Fault:
    """Refuse to open a folder on a connection that did not send ID."""
    known: set[str] = set()

    def refuse(command: Command, answer: Iterator[bytes]) -> Iterator[bytes]:
        connection = command.tag.rstrip("0123456789")
        if command.name == "ID":
            known.add(connection)
        if command.name in ("EXAMINE", "STATUS") and connection not in known:
            return iter([command.done(f"NO {command.name} Unsafe Login. Please contact kefu@188.com for help")])
        return answer

    return refuse


def without_extended_list(text: str) -> Fault:
    """Refuse LIST with RETURN."""
    return on("LIST", refused(text), containing=b"RETURN")


WITHOUT_BODIES: Final = changed(lambda response: response.partition(b" BODY[]")[0] + b' BODY[] "")\r\n')
"""Sends an empty body for each message."""


GMAIL: Final = Profile(
    "Gmail",
    "UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 UIDPLUS ENABLE MOVE CONDSTORE ESEARCH LIST-EXTENDED "
    "LIST-STATUS SPECIAL-USE",
    {"inbox": "INBOX", "sent": "[Gmail]/Sent Mail", "own": "Work"}
    | {"drafts": "[Gmail]/Drafts", "trash": "[Gmail]/Trash", "junk": "[Gmail]/Spam"},
    sources=(
        "https://developers.google.com/workspace/gmail/imap/imap-extensions",
        "http://mail.google.com/support/bin/answer.py?hl=en&answer=97150",
        "https://github.com/owncloud-archive/mail/issues/1341",
    ),
    commands=20,
    marks=True,
    connections=10,
    too_many="NO [ALERT] Too many simultaneous connections. (Failure)",
    faults=lambda: (once("EXAMINE", "NO System Error (Failure)"),),
    unselectable=("[Gmail]",),
    all_mail="[Gmail]/All Mail",
)
EXCHANGE: Final = Profile(
    "Exchange Online",
    "IMAP4 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS MOVE ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+",
    {"inbox": "INBOX", "sent": "Sent Items", "own": "Work", "drafts": "Drafts", "trash": "Deleted Items"}
    | {"junk": "Junk Email"},
    sources=(
        "https://github.com/mscdex/node-imap/issues/523",
        "https://github.com/jstedfast/MailKit/issues/1494",
        "https://learn.microsoft.com/exchange/clients/pop3-and-imap4/set-message-retrieval-format",
    ),
    commands=45,
    connections=20,
    faults=lambda: (
        once("EXAMINE", "BAD User is authenticated but not connected."),
        once("LIST", "BAD User is authenticated but not connected."),
        rewritten(rb"RFC822\.SIZE (\d+)", rb"RFC822.SIZE \g<1>7"),
    ),
)
YAHOO: Final = Profile(
    "Yahoo",
    "SASL-IR AUTH=PLAIN AUTH=XOAUTH2 AUTH=OAUTHBEARER ID MOVE NAMESPACE XYMHIGHESTMODSEQ UIDPLUS LITERAL+ CHILDREN "
    "UNSELECT",
    {"inbox": "Inbox", "sent": "Sent", "own": "Work", "drafts": "Draft", "trash": "Trash", "junk": "Bulk"},
    sources=(
        "https://github.com/postalsys/imapflow/issues/75",
        "https://github.com/imapsync/imapsync/issues/119",
        "https://github.com/joeyates/imap-backup/issues/218",
    ),
    commands=45,
    marks=True,
    connections=5,
    too_many="NO [LIMIT] LOGIN Rate limit hit.",
    faults=lambda: (
        once("UID FETCH", "NO [UNAVAILABLE] UID FETCH Server error while fetching messages", containing=b"BODY"),
        once("UID FETCH", "NO UID FETCH Server error - Please try again later", containing=b"BODY"),
    ),
)
ICLOUD: Final = Profile(
    "iCloud",
    "XAPPLEPUSHSERVICE IDLE NAMESPACE ID UIDPLUS UNSELECT CONDSTORE ESEARCH QUOTA AUTH=PLAIN X-APPLE-REMOTE-LINKS",
    {"inbox": "INBOX", "sent": "Sent Messages", "own": "Work", "drafts": "Drafts", "trash": "Deleted Messages"}
    | {"junk": "Junk"},
    sources=(
        "https://github.com/zammad/zammad/issues/4589",
        "https://github.com/modern-email/defects/issues/36",
        "https://github.com/Webklex/php-imap/issues/562",
    ),
    commands=45,
    marks=True,
    faults=lambda: (on("UID FETCH", WITHOUT_BODIES, times=1, containing=b"BODY"),),
)
NETEASE: Final = Profile(
    "NetEase",
    "SASL-IR ID UIDPLUS",
    {"inbox": "INBOX", "sent": "&XfJT0ZAB-", "own": "Work", "drafts": "&g0l6P3ux-", "trash": "&XfJSIJZk-"}
    | {"junk": "&V4NXPpCuTvY-"},
    sources=(
        "https://github.com/pimalaya/himalaya/issues/651",
        "https://github.com/mscdex/node-imap/issues/908",
        "https://github.com/OfflineIMAP/offlineimap3/issues/71",
    ),
    commands=45,
    faults=lambda: (unless_known(),),
)
COURIER: Final = Profile(
    "Courier",
    "UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT THREAD=REFERENCES SORT QUOTA IDLE",
    {"inbox": "INBOX", "sent": "INBOX.Sent", "own": "INBOX.Work", "drafts": "INBOX.Drafts", "trash": "INBOX.Trash"}
    | {"junk": "INBOX.Junk"},
    sources=(
        "https://news.numlock.ch/it/courier-imap-and-server-xy-has-disconnected-error-messages",
        "https://support.signetique.com/en/support/solutions/articles/14000100072",
    ),
    commands=45,
    delimiter=".",
    connections=4,
    too_many="* BYE Too many connections from the same IP address.",
)
ZIMBRA: Final = Profile(
    "Zimbra",
    "ACL AUTH=PLAIN BINARY CATENATE CHILDREN CONDSTORE ENABLE ESEARCH ESORT I18NLEVEL=1 ID IDLE LIST-EXTENDED "
    "LIST-STATUS LITERAL+ MULTIAPPEND NAMESPACE QRESYNC QUOTA RIGHTS=ektx SASL-IR SEARCHRES SORT UIDPLUS UNSELECT",
    {"inbox": "INBOX", "sent": "Sent", "own": "Work", "drafts": "Drafts", "trash": "Trash", "junk": "Junk"},
    sources=("https://github.com/stalwartlabs/vandelay/issues/5", "https://github.com/Zimbra/zm-mailbox/pull/348"),
    commands=45,
    faults=lambda: (without_extended_list('BAD parse error: unknown LIST return option "SPECIAL-USE"'),),
)
PROTON: Final = Profile(
    "Proton Bridge",
    "ID IDLE MOVE UIDPLUS UNSELECT SPECIAL-USE LIST-EXTENDED",
    {"inbox": "INBOX", "sent": "Sent", "own": "Folders/Work", "drafts": "Drafts", "trash": "Trash", "junk": "Spam"},
    sources=(
        "https://github.com/ProtonMail/proton-bridge/issues/112",
        "https://github.com/mjl-/mox/issues/66",
        "https://github.com/Foundry376/Mailspring-Sync/pull/3",
    ),
    commands=20,
    marks=True,
    faults=lambda: (without_extended_list("BAD unsupported"),),
    unselectable=("Folders", "Labels"),
    all_mail="All Mail",
)
DOMINO: Final = Profile(
    "Domino",
    "AUTH=PLAIN LITERAL+ NAMESPACE QUOTA UIDPLUS",
    {"inbox": "INBOX", "sent": "Sent", "own": "Work", "drafts": "Drafts", "trash": "Trash", "junk": "Junk"},
    sources=(
        "https://github.com/planetaryescape/mxr/issues/216",
        "https://github.com/jstedfast/MailKit/issues/954",
        "https://github.com/jstedfast/MailKit/issues/943",
    ),
    commands=45,
    delimiter="\\",
    faults=lambda: (on("UID FETCH", understated(3, 5, 6), times=1, containing=b"BODY"),),
)
GMX: Final = Profile(
    "GMX",
    "CHILDREN ENABLE ID IDLE LIST-EXTENDED LIST-STATUS LITERAL- MOVE NAMESPACE SASL-IR SORT SPECIAL-USE THREAD "
    "UIDPLUS UNSELECT WITHIN AUTH=LOGIN AUTH=PLAIN",
    {"inbox": "INBOX", "sent": "Gesendet", "own": "B&APw-ro", "drafts": "Entw&APw-rfe", "trash": "Gel&APY-scht"}
    | {"junk": "Spamverdacht"},
    sources=(
        "https://github.com/chatmail/provider-db/issues/56",
        "https://hilfe.gmx.net/email/ordner/ordner-verwalten.html",
    ),
    commands=45,
)
PROFILES: Final = (GMAIL, EXCHANGE, YAHOO, ICLOUD, NETEASE, COURIER, ZIMBRA, PROTON, DOMINO, GMX)
