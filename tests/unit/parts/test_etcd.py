"""Which etcd on PATH is taken."""

from __future__ import annotations

import pytest

from clusters.parts.etcd import tells_progress


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("3.4.23", False),
        ("3.4.31", True),
        ("3.5.12", False),
        ("3.5.13", True),
        ("3.6.5", True),
        ("4.0.0", True),
    ],
)
def test_servers_that_tell_progress_are_taken(version: str, *, expected: bool) -> None:
    """The limits are those of the API server's feature checker."""
    said = f"etcd Version: {version}\nGit SHA: Not provided\nGo Version: go1.26.1\n"
    assert tells_progress(said) is expected


def test_what_says_no_version_is_not_taken() -> None:
    """Such as a wrapper that complains."""
    assert not tells_progress("etcd: no such container")
