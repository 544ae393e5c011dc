"""A thread that renews a mining's lease and learns of a cancellation."""

import threading
import time
from typing import Self

from fetcher.ports import Minings, Unavailable
from schemas.minings import Begun, Status


class Keeper:
    """Renews a lease every `renew_seconds` in its own thread; use it as a context manager.

    It sets `halt` when fetching must end: the mining was cancelled or erased, or `trouble` says what happened. If the
    processor does not answer, it keeps trying for `patience_seconds`.
    """

    def __init__(
        self,
        processor: Minings,
        user: str,
        begun: Begun,
        *,
        halt: threading.Event,
        renew_seconds: float,
        patience_seconds: float,
        wake: threading.Event | None = None,
    ) -> None:
        """Take the lease that begin returned. Whoever sets `wake` lets it be renewed at once."""
        self._processor = processor
        self._user = user
        self._begun = begun
        self._halt = halt
        self._renew_seconds = min(renew_seconds, begun.lease_seconds / 3)
        self._patience_seconds = patience_seconds
        self._ended = threading.Event()
        self._wake = wake or threading.Event()
        self._heard_at = time.monotonic()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)
        self.status = Status(begun.id, begun.state, cancelled=False)
        self.trouble: Exception | None = None

    def __enter__(self) -> Self:
        self.renew()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._wake.set()
        self._thread.join()

    def renew(self) -> None:
        """Renew the lease now; an error is stored in `trouble`."""
        try:
            self.status = self._processor.renew(self._user, mining=self._begun.id, lease=self._begun.lease)
            self._heard_at = time.monotonic()
        except Unavailable as trouble:
            if time.monotonic() - self._heard_at < self._patience_seconds:
                return
            self.trouble = trouble
        except Exception as trouble:
            self.trouble = trouble  # raised by whoever fetches, not lost in this thread
        if self.trouble is not None or self.status.cancelled or self.status.state != "fetching":
            self._halt.set()

    def _keep(self) -> None:
        while self.trouble is None:
            self._wake.wait(self._renew_seconds)
            self._wake.clear()
            if self._ended.is_set():
                return
            self.renew()
