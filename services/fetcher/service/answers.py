"""What the routes answer, for the OpenAPI document. Answers are sent as they are; a test compares them with these."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from fetcher.mining.failures import Failure
from fetcher.mining.outcome import Progress
from schemas.ledger import Ledger


class Health(BaseModel):
    """The service is up."""

    status: Literal["ok"]
    version: str


class ProviderFields(BaseModel):
    """What a person needs to know about the provider of an address."""

    name: str
    source: str
    server: str
    port: int
    starttls: bool
    login: str
    accepts: str
    oauth_only: bool
    advice: str | None
    page: str | None


class ProviderAnswer(BaseModel):
    """The provider of an address, or null."""

    provider: ProviderFields | None


class FolderFields(BaseModel):
    """A folder of a mailbox."""

    name: str
    role: str | None
    messages: int | None
    mined: bool
    reason: str | None


class FolderList(BaseModel):
    """The folders of a mailbox."""

    folders: list[FolderFields]


class Started(BaseModel):
    """A mining that was started, resumed or put in line; only then it has a `place`."""

    id: str
    resumed: bool
    place: int = 0


class Trouble(BaseModel):
    """Why a mining does not go on."""

    error: str
    code: str


class SegmentCounts(BaseModel):
    """The segments of a mining; `sent` is null until all are sent."""

    sent: int | None
    done: int
    dead: int


class MessageCounts(BaseModel):
    """The messages of a mining by what became of them."""

    processed: int
    duplicate: int
    dead: int


class MiningStatus(BaseModel):
    """What the processor knows of a mining, and what this service is doing with it."""

    id: str
    source_name: str
    state: str
    cancelled: bool
    begun_at: str | None
    finished_at: str = ""
    listed: int | None
    segments: SegmentCounts
    messages: MessageCounts
    chunks: int
    chunks_refined: int
    ledger: Ledger | None
    receipt: dict[str, Any] | None
    run: Literal["queued", "running", "left", "waiting", "ended"]
    place: int | None
    remark: str | None
    progress: Progress | None
    trouble: Trouble | None
    failures: list[Failure]


class MiningList(BaseModel):
    """A user's minings."""

    minings: list[MiningStatus]


class Report(BaseModel):
    """The account of a mining."""

    id: str
    state: str
    ledger: Ledger
    balanced: bool
    imbalance: list[str]
    receipt: dict[str, Any] | None
    failures: list[Failure]


class Retried(BaseModel):
    """How many dead segments were sent again."""

    retried: int


class ContactTag(BaseModel):
    """A tag of a contact."""

    name: str
    reachability: int
    source: str


class CountedTag(ContactTag):
    """A tag, and how many messages give it."""

    count: int


class ExplainedTag(ContactTag):
    """A tag, how many messages give it, and its rule in a sentence."""

    messages: int
    rule: str


class CountedName(BaseModel):
    """A name of a contact, how many messages have it, the latest of them, and whether the contact signs with it."""

    name: str
    messages: int
    latest: str | None
    signed: bool


class KnownContact(BaseModel):
    """A contact, without its tags."""

    address: str
    name: str | None
    recency: str | None
    seniority: str | None
    occurrence: int
    sender: int
    recipient: int
    conversations: int
    replied_conversations: int
    temperature: int
    alternate_names: list[str]
    alternate_emails: list[str]
    sources: list[str]


class ContactFields(KnownContact):
    """A contact in a list."""

    tags: list[CountedTag]


class ContactDetail(KnownContact):
    """Everything about a contact, and why it is one."""

    fields_: Annotated[dict[str, int], Field(alias="fields")]
    first: str | None
    last: str | None
    names: list[CountedName]
    tags: list[ExplainedTag]
    first_mining: str | None
    last_mining: str | None


class ContactPage(BaseModel):
    """A page of contacts, and the cursor of the next one."""

    contacts: list[ContactFields]
    after: str | None


class ContactTotal(BaseModel):
    """How many contacts there are."""

    contacts: int


class Erased(BaseModel):
    """The receipt of an erasure: how many contacts and minings, and the SHA-256 of the addresses."""

    contacts: int
    minings: int
    keys: str


class Suppressions(BaseModel):
    """A hash for each address that must not come back."""

    suppressions: list[str]


class Allowed(BaseModel):
    """Whether an address was suppressed, and can now come back."""

    allowed: bool
