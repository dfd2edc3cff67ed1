"""Defects are taken together only where each is made as it stands in the catalogue."""

from __future__ import annotations

import pytest

from clusters.errors import ConfigError
from tests.mutation.defect import Defect
from tests.upstream.defects import edits_of

DEFECTS = (
    Defect("one", ("iptables", "nftables"), {"a.go": ("x", "y")}, ("A-1",)),
    Defect("two", ("nftables",), {"b.go": ("x", "z")}, ("A-2",)),
    Defect("three", ("nftables",), {"a.go": ("v", "w")}, ("A-3",)),
)


def test_together() -> None:
    """The edits of all of them."""
    edits = edits_of(["one", "two"], "nftables", DEFECTS)
    assert edits == {"a.go": ("x", "y"), "b.go": ("x", "z")}
    assert edits_of([], "nftables", DEFECTS) == {}


@pytest.mark.parametrize(
    ("names", "mode", "said"),
    [
        (["four"], "nftables", "no defect of nftables mode"),
        (["two"], "iptables", "no defect of iptables mode"),
        (["one", "three"], "nftables", "another one changes a.go"),
    ],
)
def test_refused(names: list[str], mode: str, said: str) -> None:
    """Nothing is left out in silence."""
    with pytest.raises(ConfigError, match=said):
        edits_of(names, mode, DEFECTS)
