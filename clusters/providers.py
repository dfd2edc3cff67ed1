"""Where a run may take place: the providers by name, and what a run asks of one."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from clusters.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from clusters.parts.build_info import Build
    from clusters.parts.progress import Recorder as Progress
    from clusters.protocol import Cluster, Family, RunMode

NAMES = ("embedded", "kind")
"""The providers that make a cluster; anything else is the path of an existing one's kubeconfig."""

EXISTING = "existing"


@dataclass(frozen=True, slots=True)
class Request:
    """What a run asks for; each provider reads what concerns it.

    `build`, `baseline` and `control_plane` are as the user wrote them, "" for the provider's own
    or none; `mode` and `kernel` are "" where the user named none. `slow_factor` multiplies the
    provider's own bounds and `first_sync` is in seconds. `mend` is called with a cluster that is
    used again, before anything else.
    """

    build: str = ""
    mode: RunMode | Literal[""] = ""
    family: Family = "ipv4"
    nodes: int = 2
    kernel: Literal["uml", "host", ""] = ""
    kernel_series: str = ""
    control_plane: str = ""
    iptables_backend: str = "nft"
    config: Mapping[str, Any] = field(default_factory=dict)
    reuse: str = ""
    first_sync: float = 20.0
    slow_factor: float = 1.0
    kubeconfig: Path | None = None
    agent_image: str = ""
    allow_disruption: bool = False
    baseline: str = ""
    load_pods: bool = False
    """Whether loads are to come from pods."""

    mend: Callable[[Cluster], None] | None = None


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a cluster will be, known before it is up; skips are computed from it.

    `reasons` says why a capability is not there, where that helps.
    """

    capabilities: frozenset[str]
    nodes: int
    mode: RunMode
    reasons: Mapping[str, str] = field(default_factory=dict)


class Prepared(Protocol):
    """What `prepare` got ready; a provider adds what it needs itself."""

    @property
    def build(self) -> Build:
        """The build under judgement."""

    @property
    def baseline(self) -> Build | None:
        """The build to compare with, where the user named one."""


@dataclass(frozen=True, slots=True)
class Up:
    """A cluster that is up, and how many seconds each step to it took.

    `etcd` is the version of what keeps the API's objects, where that can be known.
    """

    cluster: Cluster
    steps: list[tuple[str, float]]
    etcd: str = ""


class Provider(Protocol):
    """One way to come by a cluster."""

    name: str
    default_build: str
    """What is judged where the user names no build; "" for that of the control plane's version."""
    default_control_plane: str
    """The version of the control plane where the user names none; "" for what runs there."""

    def check(self, request: Request) -> None:
        """Raise `ConfigError` for what cannot be, before anything is fetched or made."""

    def outlook(self, request: Request) -> Outlook:
        """Return what the cluster will be; raises as `check` does, and `TestbedError`."""

    def describe(self, request: Request) -> str:
        """Return the words that reports have for where a run took place."""

    def prepare(self, request: Request, progress: Progress) -> Prepared:
        """Get ready what the cluster is made of; for most the only part that uses the network."""

    def bring_up(
        self, request: Request, prepared: Any, logs: Path, note: Callable[[str], None]
    ) -> Up:
        """Create or take over the cluster; `prepared` is what `prepare` returned.

        Raises `BuildError` for what the build did, `TestbedError` and `ConfigError` for the rest.
        """


def name_of(given: str) -> str:
    """Return the provider's name for `--kp-cluster`; raises `ConfigError` for what is neither."""
    if given in NAMES:
        return given
    if not Path(given).expanduser().is_file():
        raise ConfigError(
            f"{given}: neither {' nor '.join(NAMES)}, and there is no such kubeconfig file"
        )
    return EXISTING


def find(name: str) -> Provider:
    """Return a provider by its name; each is loaded when it is asked for."""
    if name == "embedded":
        from clusters.embedded.bring_up import EmbeddedProvider  # noqa: PLC0415 - see above

        return EmbeddedProvider()
    if name == "kind":
        from clusters.kind.bring_up import KindProvider  # noqa: PLC0415 - the same

        return KindProvider()
    if name == EXISTING:
        from clusters.existing.bring_up import ExistingProvider  # noqa: PLC0415 - the same

        return ExistingProvider()
    raise ConfigError(f"there is no provider {name}")
