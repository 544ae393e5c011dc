"""Cut connections on which a request does not arrive, or its answer is not read, so that nobody holds them all."""

from asyncio import TimerHandle, Transport

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

ARRIVAL_SECONDS = 25.0
"""From the first byte of a request, or from the connection, until its head and body are here. The largest body, 1 MB,
needs 40 KB a second; nearly all requests fit into one packet."""

UNREAD_SECONDS = 25.0
"""For how long a client may read nothing of what waits for it."""


class TimedArrivals(H11Protocol):
    """uvicorn's protocol, with a limit on the time that a request takes to arrive, and on pauses in reading its answer.

    An answer can take as long as it wants, so event streams and exports go on. uvicorn limits only the pause between
    two requests. It closes a connection only when everything is sent, which a client that does not read prevents.
    """

    arrival_seconds = ARRIVAL_SECONDS
    unread_seconds = UNREAD_SECONDS
    _deadline: TimerHandle | None = None
    _reading: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Start to wait for the first request."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=0)  # so that writing is paused whenever something is unsent
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._stop_waiting()
        self._cancel_reading()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what arrived; if it is the beginning of a request, its time starts now."""
        if self.conn.their_state is h11.IDLE and not self.conn.trailing_data[0]:
            self._stop_waiting()
        super().data_received(data)
        self._watch()

    def pause_writing(self) -> None:
        """Write nothing more for now, and wait for the client to read."""
        super().pause_writing()
        self._reading = self.loop.call_later(self.unread_seconds, self._look, self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """Write on: everything is sent."""
        self._cancel_reading()
        super().resume_writing()

    def _look(self, unsent_before: int) -> None:
        """Cut the connection if its client has read nothing since the last look."""
        unsent = self.transport.get_write_buffer_size()
        if unsent < unsent_before:
            self._reading = self.loop.call_later(self.unread_seconds, self._look, unsent)
        else:
            self.transport.abort()

    def _cancel_reading(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _watch(self) -> None:
        """Wait for the rest of the request, or stop waiting if all of it is here."""
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            self._stop_waiting()
        elif self._deadline is None and not self.transport.is_closing():
            self._deadline = self.loop.call_later(self.arrival_seconds, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
