"""The adapters that the jobs use, as a composition root hands them over."""

from dataclasses import dataclass

from processor.minings.table import Minings
from processor.ports import Alert, Compute, ContactStore, JobQueue, RawStore, compute_here


@dataclass(frozen=True, slots=True)
class Ports:
    """The adapters behind the ports."""

    raw: RawStore
    minings: Minings
    contacts: ContactStore
    queue: JobQueue
    alert: Alert
    compute: Compute = compute_here
