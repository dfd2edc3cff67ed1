"""One switch that ends everything that is being fetched or built."""

from __future__ import annotations

import threading

from clusters.errors import TestbedError


class StoppedError(TestbedError):
    """The run was stopped (Ctrl-C, or another part failed) while this part was being made."""


class Stop:
    """Set from any thread; the others notice at their next check."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Asks all to stop; may be called more than once."""
        self._event.set()

    def check(self) -> None:
        """Raise StoppedError if the switch was set."""
        if self._event.is_set():
            raise StoppedError("stopped before it was finished; the next run goes on from here")

    def wait(self, seconds: float) -> None:
        """Sleeps up to `seconds`; raises StoppedError as soon as the switch is set."""
        self._event.wait(seconds)
        self.check()
