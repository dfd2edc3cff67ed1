"""What the user sees while parts are made."""

from __future__ import annotations

import io
import re
import threading

import pytest
from rich.console import Console

from clusters.parts.progress import LiveProgress, PlainProgress, Recorder, choose_progress


def test_plain_lines_carry_seconds_and_name() -> None:
    """One line for the first detail and one for the end, each with the time of the run."""
    stream = io.StringIO()
    with PlainProgress(stream) as progress, progress.step("kernel") as step:
        step.detail("compiling 1200 files")
        step.detail("compiling 1199 files")
    first, last = stream.getvalue().splitlines()
    assert first == "[   0 s] kernel: compiling 1200 files"
    assert re.fullmatch(r"\[   0 s\] kernel: done in 0\.\d s", last)


def test_a_failed_step_is_said_and_not_recorded() -> None:
    """The end line says failed and the report gets no time for it."""
    stream = io.StringIO()
    progress = PlainProgress(stream)
    with pytest.raises(ValueError, match="x"), progress.step("kernel"):
        raise ValueError("x")
    assert "kernel: failed after" in stream.getvalue()
    assert progress.records == []


def test_two_threads_keep_their_steps_apart() -> None:
    """Details of steps that overlap name their own step and both are recorded."""
    stream = io.StringIO()
    progress = PlainProgress(stream, every=0)
    both = threading.Barrier(2)

    def work(name: str) -> None:
        with progress.step(name) as step:
            both.wait(5)
            for number in range(20):
                step.detail(f"{name} {number}")

    threads = [threading.Thread(target=work, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = [line.split("] ", 1)[1] for line in stream.getvalue().splitlines()]
    said = [line for line in lines if "done" not in line]
    assert len(said) == 40
    assert all(line.split(": ")[0] == line.split(": ")[1].split()[0] for line in said)
    assert {name for name, _ in progress.records} == {"one", "two"}


def test_the_live_list_shows_steps_and_leaves_no_thread() -> None:
    """On a terminal the ended step is ticked, and its clock thread is joined."""
    stream = io.StringIO()
    before = threading.active_count()
    console = Console(file=stream, force_terminal=True, width=60)
    with LiveProgress(console) as progress, progress.step("kernel") as step:
        step.detail("linking")
        assert threading.active_count() == before + 1
    assert threading.active_count() == before
    assert "✓" in stream.getvalue()
    assert "kernel" in stream.getvalue()
    assert "linking" in stream.getvalue()


def test_the_live_list_is_silent_without_steps() -> None:
    """When everything is cached the terminal stays as it was."""
    stream = io.StringIO()
    with LiveProgress(Console(file=stream, force_terminal=True)):
        pass
    assert stream.getvalue() == ""


def test_the_live_list_can_be_opened_again() -> None:
    """A second list shows its own steps only, and its clock ends as well."""
    stream = io.StringIO()
    before = threading.active_count()
    progress = LiveProgress(Console(file=stream, force_terminal=True, width=60))
    for name in ("first", "second"):
        stream.truncate(0)
        with progress, progress.step(name):
            pass
    assert "second" in stream.getvalue()
    assert "first" not in stream.getvalue()
    assert threading.active_count() == before
    assert [name for name, _ in progress.records] == ["first", "second"]


def test_brackets_in_a_detail_are_text() -> None:
    """A compiler's [-Wfoo] is shown, not taken for markup."""
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=60)
    with LiveProgress(console) as progress, progress.step("kernel") as step:
        step.detail("warning [/-Wall]")
    assert "[/-Wall]" in stream.getvalue()


def test_not_a_terminal_gets_plain_lines() -> None:
    """A pipe or file never gets cursor movements."""
    assert isinstance(choose_progress(io.StringIO()), PlainProgress)


def test_the_silent_variant_keeps_times() -> None:
    """Records hold a name and seconds."""
    progress = Recorder()
    with progress.step("etcd"):
        pass
    [(name, seconds)] = progress.records
    assert name == "etcd"
    assert 0 <= seconds < 1
