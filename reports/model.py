"""What a run found, as data: cases, results, the build, the nodes, the harness's own trouble.

Every model survives JSON (the journal) unchanged. Unknown fields are ignored when read, so an older
checkout still renders a newer journal.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import to_jsonable_python

from reports.text import decodable


class Outcome(StrEnum):
    """What became of a case; `inconclusive`: the evidence does not decide, never a pass."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_OFFERED = "not-offered"
    SKIPPED = "skipped"
    INCONCLUSIVE = "inconclusive"


class Level(StrEnum):
    """Core is what every kube-proxy must do, extended what it may leave out."""

    CORE = "core"
    EXTENDED = "extended"


class BuildKind(StrEnum):
    """Whether a build could be judged at all; as `clusters.errors.BuildError` has it."""

    JUDGED = "judged"
    DOES_NOT_START = "does-not-start"
    CRASHES = "crashes"
    NEVER_SYNCS = "never-syncs"
    MODE_NOT_OFFERED = "mode-not-offered"


def plain(value: object) -> Any:
    """Return `value` as JSON can hold it: models, dataclasses, numpy numbers, sets become plain.

    NaN and infinity become null, bytes base64, and what nothing knows its representation.
    """
    match value:
        case str():
            return decodable(str(value))
        case None | bool() | int():
            return value
        case float():
            return float(value) if math.isfinite(value) else None
        case Mapping():
            return {str(decodable(str(key))): plain(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(item) for item in value]
        case _:
            return plain(to_jsonable_python(value, fallback=_fallback, bytes_mode="base64"))


def _fallback(value: object) -> object:
    # numpy scalars and arrays, which scipy's statistics return, know how to become Python's own.
    as_python = getattr(value, "tolist", None)
    return as_python() if callable(as_python) else repr(value)


Text = Annotated[str, BeforeValidator(decodable)]
Observations = Annotated[dict[str, Any], BeforeValidator(plain)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="ignore", ser_json_inf_nan="null")


class CaseInfo(_Model):
    """A case as its author declared it; `summary` is one sentence of what right is."""

    id: str
    name: str
    summary: str
    profile: str
    level: Level = Level.CORE
    features: list[str] = []
    modes: list[str] = []
    reference: str = ""
    nodeid: str = ""
    file: str = ""
    line: int = 0


class Wait(_Model):
    """A named wait: how long it took, whether it ended by success, after how many tries."""

    name: str
    seconds: float
    ok: bool
    attempts: int


class Figure(_Model):
    """A measured figure that is followed from run to run; less is better.

    `low` and `high` are the ends of its interval, where it has one. Its unit is "times" for a ratio
    to something in the same run and "count" for what is exact: those compare between machines.
    """

    value: float
    low: float | None = None
    high: float | None = None
    unit: str = ""


class CaseResult(_Model):
    """What one case with one set of parameters found.

    `sentence` says what was seen against what is right; for a case that did not run, why not.
    `attempts` counts the packets judged, `evidence` is a path in the artifacts.
    """

    case: CaseInfo
    outcome: Outcome
    params: dict[str, str] = {}
    sentence: Text = ""
    detail: Text = ""
    duration_s: float = 0.0
    waits: list[Wait] = []
    observations: Observations = {}
    figures: dict[str, Figure] = {}
    attempts: int = 0
    evidence: str = ""
    log_tail: Text = ""

    @property
    def key(self) -> str:
        """The name that finds this result everywhere: `SVC-001[ipvs-ipv4]`."""
        return case_key(self.case.id, self.params)


def case_key(case_id: str, params: dict[str, str]) -> str:
    """Name a case with its parameters, as the journal and all reports do: `SVC-001[ipvs-ipv4]`."""
    return f"{case_id}[{'-'.join(params.values())}]" if params else case_id


class BuildInfo(_Model):
    """A kube-proxy: as the user typed it, where it is, what `--version` says, its checksum."""

    source: str
    path: str = ""
    version: str = ""
    sha256: str = ""
    arch: str = ""


class NodeInfo(_Model):
    """A node of the cluster and what ran on it; nodes of one run may differ."""

    name: str
    kernel: str = ""
    mode: str = ""
    build: str = ""
    scheduler: str | None = None


class Machine(_Model):
    """What a run ran on: `memory` in bytes, `load` as the average of the minute before it."""

    processors: int = 0
    model: str = ""
    memory: int = 0
    kernel: str = ""
    load: float | None = None


class RunInfo(_Model):
    """Everything needed to know, and to repeat, what was run; `timeouts` are in seconds.

    `seed` is what random cases draw from unless they are given one of their own. `narrowed` is
    how the user chose among the cases, empty for all that the mode has or its core.
    """

    id: str
    started: AwareDatetime
    finished: AwareDatetime | None = None
    command: str = ""
    build: BuildInfo = BuildInfo(source="unknown")
    baseline: BuildInfo | None = None
    mode: str = ""
    family: str = ""
    config: dict[str, Any] = {}
    provider: str = ""
    nodes: list[NodeInfo] = []
    control_plane: str = ""
    etcd: str = ""
    seed: int | None = None
    timeouts: dict[str, float] = {}
    suite_version: str = ""
    python: str = ""
    machine: Machine = Machine()
    replay: str = ""
    narrowed: str = ""


class BuildVerdict(_Model):
    """Whether the build came up far enough to be judged; `log_tail` is what it wrote last."""

    kind: BuildKind
    sentence: Text = ""
    node: str = ""
    log_tail: Text = ""


class HarnessProblem(_Model):
    """A failure of this project or of its testbed, which says nothing about the build."""

    where: str
    message: Text
    traceback: Text = ""


class Step(_Model):
    """A part of setting up, and its wall time; steps may overlap."""

    name: str
    seconds: float


class Trend(_Model):
    """A figure over several runs, the oldest first; `steps` are the places where it changed.

    `labels` tell for each value which run it is of and of which build.
    """

    name: str
    unit: str = ""
    values: list[float] = []
    labels: list[str] = []
    steps: list[int] = []
    sentence: str = ""


class Run(_Model):
    """One run and all it found; `interrupted` also when it was killed before it could say so."""

    info: RunInfo
    build_verdict: BuildVerdict | None = None
    results: list[CaseResult] = []
    harness_errors: list[HarnessProblem] = []
    interrupted: bool = False
    setup_steps: list[Step] = Field(default_factory=list)
    trends: list[Trend] = Field(default_factory=list)

    @property
    def seconds(self) -> float | None:
        """Wall time of the run in seconds, unknown while it has no end."""
        if self.info.finished is None:
            return None
        return (self.info.finished - self.info.started).total_seconds()
