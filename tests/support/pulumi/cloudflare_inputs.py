"""The inputs that the stand-in for the provider `cloudflare` accepts, by kind, as strict as the API.

Sources: the provider's schema (pulumi-cloudflare 6.23.1), and the limits pages of Queues, D1, R2 and Workers (2026-11).
"""

import base64
import hashlib
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from tests.support.pulumi.provider import Properties, is_known

DAY_SECONDS = 86_400
MAX_SCRIPT_BYTES = 64 * 1024 * 1024
MAX_VARIABLE_BYTES = 5_000
Id = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Uuid = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
BucketName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$")]
Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Cron = Annotated[str, StringConstraints(pattern=r"^[0-9*/,A-Z#L-]+( [0-9*/,A-Z#L-]+){4}$")]
ContentType = Literal["text/x-python", "text/plain", "application/octet-stream", "application/javascript+module"]
Jurisdiction = Literal["eu", "fedramp", "us"]
Region = Literal["apac", "eeur", "enam", "oc", "weur", "wnam"]
Rate = Annotated[float, Field(ge=0, le=1)]


class Inputs(BaseModel):
    """Inputs with exactly these names, and values of exactly these types."""

    model_config = ConfigDict(extra="forbid", strict=True, alias_generator=to_camel)


class QueueSettings(Inputs):
    """A queue's settings, all required: the provider reports drift for any that are left out."""

    delivery_delay: Annotated[int, Field(ge=0, le=DAY_SECONDS)]
    delivery_paused: Literal[False]
    message_retention_period: Annotated[int, Field(ge=60, le=14 * DAY_SECONDS)]


class Queue(Inputs):
    """A queue."""

    account_id: Id
    queue_name: Name
    jurisdiction: Jurisdiction | None = None
    settings: QueueSettings


class ConsumerSettings(Inputs):
    """A consumer's settings, all required: the provider reports drift for any that are left out."""

    batch_size: Annotated[int, Field(ge=1, le=100)]
    max_concurrency: Annotated[int, Field(ge=1, le=250)]
    max_retries: Annotated[int, Field(ge=0, le=100)]
    max_wait_time_ms: Annotated[int, Field(ge=0, le=60_000)]
    retry_delay: Annotated[int, Field(ge=0, le=DAY_SECONDS)]


class QueueConsumer(Inputs):
    """A Worker as the consumer of a queue."""

    account_id: Id
    queue_id: Id
    script_name: Name
    type: Literal["worker"]
    dead_letter_queue: Name | None = None
    settings: ConsumerSettings


class ReadReplication(Inputs):
    """Read replication, which must be disabled."""

    mode: Literal["disabled"]


class D1Database(Inputs):
    """A database; without `read_replication` the provider sends null, which the API refuses."""

    account_id: Id
    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    jurisdiction: Jurisdiction | None = None
    primary_location_hint: Region | None = None
    read_replication: ReadReplication

    @model_validator(mode="after")
    def has_one_place(self) -> Self:
        """Refuse a location hint together with a jurisdiction, which overrides it."""
        if self.jurisdiction and self.primary_location_hint:
            raise ValueError("jurisdiction and primaryLocationHint are mutually exclusive")
        return self


class R2Bucket(Inputs):
    """A bucket."""

    account_id: Id
    name: BucketName
    jurisdiction: Literal["default"] | Jurisdiction
    location: Region | None = None
    storage_class: Literal["Standard", "InfrequentAccess"]


class RuleConditions(Inputs):
    """The objects that a rule applies to."""

    prefix: str


class Age(Inputs):
    """The minimum age of an object, in seconds; the provider once wrote 0 here."""

    type: Literal["Age"]
    max_age: Annotated[int, Field(ge=DAY_SECONDS)]


class Transition(Inputs):
    """The condition under which a rule acts."""

    condition: Age


class Rule(Inputs):
    """A rule that deletes objects."""

    id: str
    enabled: bool
    conditions: RuleConditions
    delete_objects_transition: Transition


class R2BucketLifecycle(Inputs):
    """A bucket's lifecycle rules."""

    account_id: Id
    bucket_name: BucketName
    jurisdiction: Literal["default"] | Jurisdiction
    rules: list[Rule]


class D1Binding(Inputs):
    """A binding to a database by id."""

    type: Literal["d1"]
    name: Variable
    id: Uuid


class BucketBinding(Inputs):
    """A binding to a bucket by name and jurisdiction."""

    type: Literal["r2_bucket"]
    name: Variable
    bucket_name: BucketName
    jurisdiction: Jurisdiction | None = None


class QueueBinding(Inputs):
    """A binding to a queue by name."""

    type: Literal["queue"]
    name: Variable
    queue_name: Name


def _fits(text: str) -> str:
    if len(text.encode()) > MAX_VARIABLE_BYTES:
        raise ValueError(f"a variable can have at most {MAX_VARIABLE_BYTES} bytes")
    return text


class TextBinding(Inputs):
    """A variable or a secret."""

    type: Literal["plain_text", "secret_text"]
    name: Variable
    text: Annotated[str, AfterValidator(_fits)]


Bound = Annotated[D1Binding | BucketBinding | QueueBinding | TextBinding, Field(discriminator="type")]


class File(Inputs):
    """A module other than the main one."""

    content_type: ContentType
    content_base64: Annotated[str, Field(alias="contentBase64")]
    content_sha256: Annotated[str, Field(alias="contentSha256")]

    @model_validator(mode="after")
    def is_what_it_says(self) -> Self:
        """Refuse content that does not match its digest."""
        found = hashlib.sha256(base64.b64decode(self.content_base64, validate=True)).hexdigest()
        if found != self.content_sha256:
            raise ValueError(f"the content's digest is {found}, not {self.content_sha256}")
        return self


class Limits(Inputs):
    """The limits of an invocation."""

    cpu_ms: Annotated[int, Field(ge=10, le=300_000)]


class Placement(Inputs):
    """Where the Worker runs."""

    mode: Literal["smart"]


class Logs(Inputs):
    """The log lines to keep."""

    enabled: bool
    invocation_logs: bool
    head_sampling_rate: Rate
    persist: bool


class Observability(Inputs):
    """The logs and traces to keep."""

    enabled: bool
    head_sampling_rate: Rate
    logs: Logs


class WorkersScript(Inputs):
    """A Python Worker with many modules."""

    account_id: Id
    script_name: Name
    main_module: Annotated[str, StringConstraints(pattern=r"\.py$")]
    content: str
    content_type: Literal["text/x-python"]
    files: dict[str, File]
    compatibility_date: Annotated[str, StringConstraints(pattern=r"^20\d\d-[01]\d-[0-3]\d$")]
    compatibility_flags: list[Literal["python_workers"]]
    bindings: list[Bound]
    limits: Limits
    placement: Placement
    observability: Observability

    @model_validator(mode="after")
    def is_one_script(self) -> Self:
        """Refuse duplicate names, and scripts that are too large."""
        names = [binding.name for binding in self.bindings]
        if len(set(names)) != len(names):
            raise ValueError(f"two bindings have the same name: {names}")
        if self.main_module in self.files:
            raise ValueError(f"{self.main_module} is both the main module and a file")
        size = len(self.content.encode()) + sum(len(file.content_base64) * 3 // 4 for file in self.files.values())
        if size > MAX_SCRIPT_BYTES:
            raise ValueError(f"the modules have {size} bytes; the limit is {MAX_SCRIPT_BYTES}")
        return self


class Schedule(Inputs):
    """A cron expression."""

    cron: Cron


class WorkersCronTrigger(Inputs):
    """A script's cron schedules."""

    account_id: Id
    script_name: Name
    schedules: list[Schedule]


class WorkersScriptSubdomain(Inputs):
    """Whether a script is served at workers.dev."""

    account_id: Id
    script_name: Name
    enabled: bool
    previews_enabled: bool


def find_faults(model: type[Inputs], inputs: Properties) -> list[str]:
    """Return the faults of inputs; values that are not known yet count as valid."""
    try:
        model.model_validate(inputs)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)
        return [f"{_path(each['loc'])}: {each['msg']}" for each in found if is_known(each["input"])]
    return []


def _path(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "the inputs"
