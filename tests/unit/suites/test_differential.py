"""Scenes and documented differences of a run of all modes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from clusters.protocol import MODES
from suites.differential import scenes
from suites.differential.documented import DOCUMENTED, page
from suites.differential.judgement import told
from suites.differential.scenes import Scene, become
from suites.oracles.differences import REFUSED, SILENT, Documented, Question, compare

if TYPE_CHECKING:
    from suites.oracles.world import Service

PAGE = Path(__file__).parents[3] / "docs" / "mode-differences.md"
ALL = [
    scene
    for value in vars(scenes).values()
    if isinstance(value, tuple) and value and all(isinstance(one, Scene) for one in value)
    for scene in value
]
ASKED = Question("a scene", "at first", "cluster-ip", "tcp 80", "a pod", "everywhere")


@pytest.mark.parametrize("scene", ALL, ids=[scene.name for scene in ALL])
@pytest.mark.parametrize("count", [3, 4, 6])
def test_scenes_are_sound(scene: Scene, count: int) -> None:
    """Every state names pods that there are, each once, and differs from the one before."""
    for node in range(count):
        service: Service | None = scene.make(node, count)
        for _name, change in scene.then:
            assert service is not None
            pods = [endpoint.pod for endpoint in service.endpoints]
            assert sorted(pods) == sorted(set(pods))
            assert all(0 <= pod < 2 * count for pod in pods)
            before, service = service, change(service)
            assert service != before


def test_scenes_have_names_of_their_own() -> None:
    """A difference is told by the scene's and the state's name."""
    assert len({scene.name for scene in ALL}) == len(ALL) >= 12


def test_become_changes_all() -> None:
    """Every endpoint takes the new state."""
    drained = become("draining")(scenes.everywhere()(0, 3))
    assert drained is not None
    assert {endpoint.state for endpoint in drained.endpoints} == {"draining"}


def test_documented_differences_have_sources() -> None:
    """Each names its mode, what it does, and where that is written; none excuses everything."""
    for entry in DOCUMENTED:
        assert entry.mode in MODES
        assert "k/k" in entry.source or "KEP" in entry.source
        assert entry.answers
        assert entry.others, entry.what
        assert entry.paths or entry.situations
    assert len({entry.what for entry in DOCUMENTED}) == len(DOCUMENTED)


def test_the_page_is_up_to_date() -> None:
    """docs/mode-differences.md is what the table says."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_documented_differences_are_shown_and_pass() -> None:
    """The report has mode, source and count; nothing fails."""
    seen: dict[str, Any] = {}
    known = Documented(
        "IPVS refuses", "k/k #1", "ipvs", frozenset({REFUSED}), paths=frozenset({"cluster-ip"})
    )
    refused, silent = frozenset({REFUSED}), frozenset({SILENT})
    one = compare(ASKED, {"ipvs": refused, "nftables": silent, "iptables": silent}, [known])
    assert one is not None
    told([one, one], seen.__setitem__)
    (row,) = seen["documented differences"]
    assert (row["mode"], row["source"], row["questions"]) == ("ipvs", "k/k #1", 2)
    assert seen["differences"] == []


def test_other_differences_fail() -> None:
    """The sentence has the first in full and counts the rest."""
    seen: dict[str, Any] = {}
    refused, silent = frozenset({REFUSED}), frozenset({SILENT})
    one = compare(ASKED, {"ipvs": refused, "nftables": silent, "iptables": silent}, [])
    assert one is not None
    with pytest.raises(AssertionError, match=r"in ipvs it was refused.*\(and 1 more like it\)"):
        told([one, one], seen.__setitem__)
    assert len(seen["differences"]) == 2
