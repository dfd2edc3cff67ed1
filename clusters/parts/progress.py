"""What is being prepared and since when: a live step list on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Protocol, Self, TextIO

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

_DETAIL_EVERY_SECONDS = 10.0


class Step:
    """One thing being prepared; its details may come from another thread than the display's."""

    def __init__(self, name: str, owner: Recorder) -> None:
        self.name = name
        self.started = time.monotonic()
        self.seconds: float | None = None
        self.failed = False
        self.text = ""
        self._owner = owner

    @property
    def elapsed(self) -> float:
        """Seconds since the start, or the whole duration once ended."""
        return time.monotonic() - self.started if self.seconds is None else self.seconds

    def detail(self, text: str) -> None:
        """Says what the step is doing now."""
        self.text = text
        self._owner.changed(self)


class Progress(Protocol):
    """Where steps are shown; `records` are (name, seconds) of those that ended well."""

    records: list[tuple[str, float]]

    def step(self, name: str) -> contextlib.AbstractContextManager[Step]:
        """Open a step that lasts as long as the with block."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class Recorder:
    """Silent progress: keeps the times and shows nothing."""

    def __init__(self) -> None:
        self.records: list[tuple[str, float]] = []
        self.steps: list[Step] = []
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Open a step; may be called from several threads at once."""
        step = Step(name, self)
        with self._lock:
            self.steps.append(step)
        self.opened(step)
        try:
            yield step
        except BaseException:
            step.failed = True
            raise
        finally:
            step.seconds = step.elapsed
            with self._lock:
                if not step.failed:
                    self.records.append((name, step.seconds))
            self.closed(step)

    def opened(self, step: Step) -> None:
        """Take note that a step begins."""

    def changed(self, step: Step) -> None:
        """Take note that a step says something new."""

    def closed(self, step: Step) -> None:
        """Take note that a step ended, well or not."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return


class PlainProgress(Recorder):
    """One line per event, `[  12 s] kernel: compiling`, at most one detail per step in 10 s."""

    def __init__(self, stream: TextIO, every: float = _DETAIL_EVERY_SECONDS) -> None:
        super().__init__()
        self._stream = stream
        self._every = every
        self._start = time.monotonic()
        self._said: dict[Step, float] = {}

    def _say(self, step: Step, text: str) -> None:
        now = time.monotonic()
        with self._lock:
            self._said[step] = now
            print(
                f"[{now - self._start:4.0f} s] {step.name}: {text}", file=self._stream, flush=True
            )

    def opened(self, step: Step) -> None:
        """Nothing yet: the first detail says more than the name alone."""

    def changed(self, step: Step) -> None:
        """Print the first detail at once, later ones when enough time has passed."""
        said = self._said.get(step)
        if said is None or time.monotonic() - said >= self._every:
            self._say(step, step.text)

    def closed(self, step: Step) -> None:
        """Print how it ended."""
        self._say(step, f"{'failed after' if step.failed else 'done in'} {step.elapsed:.1f} s")


class LiveProgress(Recorder):
    """A step list with running clocks on a terminal.

    The clock is a thread of this class rather than rich's own, because rich does not join its
    thread: the caller must be single-threaded again once the display has ended.
    """

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._spinner = Spinner("dots")
        self._live = Live(
            console=console, auto_refresh=False, get_renderable=self._table, redirect_stdout=False
        )
        self._end = threading.Event()
        self._clock: threading.Thread | None = None

    def _tick(self) -> None:
        while not self._end.wait(0.2):
            self._live.refresh()

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 1))
        table.add_column(width=1)
        table.add_column(no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
        table.add_column(no_wrap=True, overflow="ellipsis", style="dim")
        with self._lock:
            for step in self.steps:
                ended = "[red]✗[/]" if step.failed else "[green]✓[/]"
                sign = self._spinner if step.seconds is None else ended
                table.add_row(sign, step.name, f"{step.elapsed:.0f} s", Text(step.text))
        return table

    def opened(self, step: Step) -> None:  # noqa: ARG002
        """Show the list from the first step on: where all is cached nothing appears."""
        with self._lock:
            if not self._live.is_started:
                self._end.clear()
                self._clock = threading.Thread(target=self._tick, name="progress clock")
                self._live.start()
                self._clock.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._clock is not None:
            self._end.set()
            self._clock.join()
            self._live.stop()
            # What is on the screen stays there; a list opened later begins anew.
            self._clock = None
            self.steps.clear()


def choose_progress(stream: TextIO | None = None) -> Recorder:
    """Return the live list on a terminal, plain lines otherwise and wherever `CI` is set."""
    stream = stream or sys.stderr
    if stream.isatty() and not os.environ.get("CI") and os.environ.get("TERM") != "dumb":
        return LiveProgress(Console(file=stream))
    return PlainProgress(stream)
