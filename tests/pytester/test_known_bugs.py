"""Cases that a build's version excuses from running; the fake's build is v1.99.0."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.pytester.conftest import Judge

pytest_plugins = ["pytester"]

CASES = '''
from fixtures.known_bugs import KnownBug

BUG = KnownBug("flows stay", issue="k/k #1", fixed="1.100")
OLD_BUG = KnownBug("flows stayed", issue="k/k #2", fixed="1.99")


@case("BUG-1", feature="x", known_bug=BUG)
def test_has_a_bug(probe):
    """Flows do not stay."""
    raise AssertionError("they stay")


@case("BUG-2", feature="x", known_bug=OLD_BUG)
def test_had_a_bug(probe):
    """Flows do not stay."""
    assert probe().ok


@case("NEW-1", feature="x", since="1.100")
def test_too_new(probe):
    """Something new works."""
    assert probe().ok
'''


def test_known_bug_and_missing_feature_are_skipped(judge: Judge) -> None:
    """What upstream knows to be wrong fails no build; the reason names the bug and its fix."""
    judged = judge(CASES)
    assert judged.outcomes == {"BUG-1": "skipped", "BUG-2": "passed", "NEW-1": "skipped"}
    assert judged.status == 0, judged.out + judged.err
    reasons = {result.case.id: result.sentence for result in judged.run.results}
    assert "before 1.100: flows stay (k/k #1)" in reasons["BUG-1"]
    assert "needs kube-proxy 1.100, this is v1.99.0" in reasons["NEW-1"]


def test_asked_for_by_its_id(judge: Judge) -> None:
    """A case that is named runs in spite of the bug, and its failure counts."""
    judged = judge(CASES, "--kp-cases", "BUG-1,NEW-*")
    assert judged.outcomes == {"BUG-1": "failed", "NEW-1": "skipped"}
    assert judged.status == 1


STRUCK = '''
from datetime import UTC, datetime, timedelta
import fixtures.session
from clusters.fake import FakeCluster
from fixtures.known_bugs import KnownBug

BUG = KnownBug("ports vanish", issue="k/k #3", fixed="", sign="cannot list")
fixtures.session.AT_ANY_TIME = (BUG,)
LINES = []
FakeCluster.proxy_log = lambda self, node: "".join(LINES)


def log(ago, times=1):
    at = datetime.now(UTC) - timedelta(seconds=ago)
    LINES[:] = [f"E{at:%m%d %H:%M:%S.%f}       1 proxier.go:736] cannot list\\n"] * times


@case("HIT-1", feature="x", disruptive=True)
def test_hit(probe):
    """It struck while this ran."""
    log(ago=0)
    assert False, "refused"


@case("HIT-2", feature="x", disruptive=True)
def test_hit_before(probe):
    """It struck before this ran."""
    log(ago=60)
    assert False, "refused"


@case("HIT-3", feature="x", disruptive=True)
def test_hit_all_the_time(probe):
    """It strikes so often that it is no chance."""
    log(ago=0, times=20)
    assert False, "refused"


@case("HIT-4", feature="x", disruptive=True)
def test_hit_and_right(probe):
    """It struck, and nothing came of it."""
    log(ago=0)
    assert probe().ok
'''


def test_struck_by_chance(judge: Judge) -> None:
    """A failure while a known bug struck is not the case's finding; otherwise it is."""
    judged = judge(STRUCK)
    assert judged.outcomes == {
        "HIT-1": "skipped",
        "HIT-2": "failed",
        "HIT-3": "failed",
        "HIT-4": "passed",
    }
    reason = next(r.sentence for r in judged.run.results if r.case.id == "HIT-1")
    assert "ports vanish (k/k #3); node-1 logged cannot list; the case saw: refused" in reason
    judged = judge(STRUCK, "--kp-cases", "HIT-1")
    assert judged.outcomes == {"HIT-1": "failed"}
