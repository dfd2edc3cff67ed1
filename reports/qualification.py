"""The qualification report: what a vendor publishes about a build, in YAML.

Its shape follows the ConformanceReport of Gateway API (conformance/apis/v1 in
kubernetes-sigs/gateway-api), with `inconclusive` and `not offered` as outcomes of their own. The
fields of `implementation` that a run cannot know (organization, url, contact) are the vendor's to
add, and survive reading and writing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import yaml
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from reports.files import write_whole
from reports.model import Level, NodeInfo, Outcome
from reports.text import printable
from reports.verdicts import Section, judge, sections

if TYPE_CHECKING:
    from pathlib import Path

    from reports.model import CaseResult, Run

API_VERSION = "proxyproof/v1alpha1"

SUMMARIES = {
    "readiness": "the cluster has what the mode needs",
    "routing": "Services reach the right backends, and only those",
    "schedulers": "connections are spread as the scheduler promises",
    "chaos": "faults break no more than they must, and heal",
    "migration": "a switch of mode or build loses no more than it must",
    "load": "latency and errors stay within budget under load",
    "scale": "cost grows with the number of Services no faster than the mode promises",
}


class QualificationError(ValueError):
    """The file is no qualification report; the message says why."""


def _camel(name: str) -> str:
    return to_camel(name).replace("k8S", "k8s")


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=_camel, populate_by_name=True, extra="ignore")


class Implementation(_Model):
    """Who made the build; all but the version is for the vendor to fill in."""

    project: str = "kube-proxy"
    version: str
    organization: str | None = None
    url: str | None = None
    contact: list[str] | None = None


class Target(_Model):
    """What was judged."""

    source: str
    digest: str = ""
    arch: str = ""
    mode: str
    schedulers: list[str] = []
    k8s_version: str = ""
    kernels: list[str] = []
    ip_families: list[str] = []


class Environment(_Model):
    """Where and how it was judged, and how to do it again; times in seconds."""

    suite_version: str = ""
    python: str = ""
    provider: str = ""
    etcd_version: str = ""
    nodes: list[NodeInfo] = []
    baseline: str | None = None
    seed: int | None = None
    timeouts: dict[str, float] = {}
    command: str = ""
    replay: str = ""
    duration_seconds: float | None = None


class CaseLine(_Model):
    """A case that did not pass, with the reason."""

    case: str
    name: str
    sentence: str


class Statistics(_Model):
    """Number of results by outcome."""

    passed: int = 0
    failed: int = 0
    not_offered: int = 0
    skipped: int = 0
    inconclusive: int = 0


class LevelReport(_Model):
    """One level of a profile; any failed case makes it a failure, any undecided one partial."""

    result: Literal["success", "partial", "failure"]
    statistics: Statistics
    failed: list[CaseLine] = []
    inconclusive: list[CaseLine] = []
    skipped: list[CaseLine] = []
    not_offered: list[CaseLine] = []


class ProfileReport(_Model):
    """One area of behaviour; a level that had no case is left out."""

    name: str
    summary: str = ""
    core: LevelReport | None = None
    extended: LevelReport | None = None


class QualificationVerdict(_Model):
    """The headline; qualified means nothing wrong and every core level a whole success."""

    outcome: str
    qualified: bool
    exit_status: int
    sentence: str


class QualificationReport(_Model):
    """The whole document."""

    api_version: str = API_VERSION
    kind: Literal["QualificationReport"] = "QualificationReport"
    date: AwareDatetime
    run: str
    implementation: Implementation
    target: Target
    environment: Environment
    verdict: QualificationVerdict
    profiles: list[ProfileReport] = []
    harness_errors: list[str] | None = None


def qualification(run: Run) -> QualificationReport:
    """Build the report of a run."""
    found = sections(run)
    return QualificationReport(
        date=run.info.finished or run.info.started,
        run=run.info.id,
        implementation=Implementation(version=run.info.build.version or run.info.build.source),
        target=_target(run),
        environment=_environment(run),
        verdict=_verdict(run, found),
        profiles=_profiles(found),
        harness_errors=[f"{error.where}: {error.message}" for error in run.harness_errors] or None,
    )


def write_qualification(run: Run, path: Path) -> None:
    """Write the report of a run as YAML; raises OSError where the file cannot be written."""
    save_qualification(qualification(run), path)


def save_qualification(report: QualificationReport, path: Path) -> None:
    """Write a report as YAML, for instance after filling in the implementation."""
    document = report.model_dump(mode="json", by_alias=True, exclude_none=True)
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)
    write_whole(path, text.encode())


def read_qualification(path: Path) -> QualificationReport:
    """Read a report back, also one that a vendor completed by hand.

    Raises QualificationError where the file is no such report, OSError where it cannot be read.
    """
    try:
        return QualificationReport.model_validate(yaml.safe_load(path.read_bytes()))
    except (yaml.YAMLError, ValidationError) as error:
        raise QualificationError(f"{path} is no qualification report: {error}") from error


def _target(run: Run) -> Target:
    info = run.info
    return Target(
        source=info.build.source,
        digest=f"sha256:{info.build.sha256}" if info.build.sha256 else "",
        arch=info.build.arch,
        mode=info.mode,
        schedulers=list(dict.fromkeys(node.scheduler for node in info.nodes if node.scheduler)),
        k8s_version=info.control_plane,
        kernels=list(dict.fromkeys(node.kernel for node in info.nodes if node.kernel)),
        ip_families=["ipv4", "ipv6"] if info.family == "dual" else [info.family],
    )


def _environment(run: Run) -> Environment:
    info = run.info
    return Environment(
        suite_version=info.suite_version,
        python=info.python,
        provider=info.provider,
        etcd_version=info.etcd,
        nodes=info.nodes,
        baseline=(info.baseline.version or info.baseline.source) if info.baseline else None,
        seed=info.seed,
        timeouts=info.timeouts,
        command=info.command,
        replay=info.replay,
        duration_seconds=run.seconds,
    )


def _verdict(run: Run, found: list[Section]) -> QualificationVerdict:
    judgement = judge(run)
    core = [section for section in found if section.level is Level.CORE]
    whole = bool(core) and not run.info.narrowed
    complete = whole and all(section.result == "success" for section in core)
    return QualificationVerdict(
        outcome=judgement.word.lower().replace(" ", "-"),
        qualified=judgement.status == 0 and complete,
        exit_status=judgement.status,
        sentence=printable(judgement.sentence),
    )


def _profiles(found: list[Section]) -> list[ProfileReport]:
    profiles: dict[str, ProfileReport] = {}
    for section in found:
        name = section.profile
        profile = profiles.setdefault(
            name, ProfileReport(name=name, summary=SUMMARIES.get(name, ""))
        )
        if section.level is Level.CORE:
            profile.core = _level(section)
        else:
            profile.extended = _level(section)
    return list(profiles.values())


def _level(section: Section) -> LevelReport:
    counts = section.counts
    return LevelReport.model_validate(
        {
            "result": section.result,
            "statistics": {_field(outcome): counts[outcome] for outcome in Outcome},
            **{
                _field(outcome): [_line(one) for one in section.results if one.outcome is outcome]
                for outcome in Outcome
                if outcome is not Outcome.PASSED
            },
        }
    )


def _field(outcome: Outcome) -> str:
    return outcome.value.replace("-", "_")


def _line(result: CaseResult) -> CaseLine:
    return CaseLine(
        case=result.key, name=result.case.name, sentence=printable(result.sentence).strip()
    )
