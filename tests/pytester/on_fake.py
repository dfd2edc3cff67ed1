"""A pytest plugin: what the run's cluster is made from is the fake, all else stays as it is.

A build named "bad-KIND" plays a kube-proxy that does not come up, with the `BuildError` kind KIND;
other names raise what they say.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from clusters.errors import BuildError, ConfigError, TestbedError
from clusters.fake import FakeCluster
from clusters.parts.build_info import Build
from clusters.protocol import ProxySpec, modes_of
from fixtures import testbed

if TYPE_CHECKING:
    from collections.abc import Callable

    from fixtures.options import Options

LOG = "I0101 starting\nE0101 cannot go on: the rules were refused"
SET_UP_ERRORS: dict[str, Exception] = {
    "config": ConfigError("the user asked for something that cannot be"),
    "testbed": TestbedError("the machine has no room"),
    "surprise": RuntimeError("nobody thought of this"),
}


class KeptFake(FakeCluster):
    """A fake cluster that could be kept, as the session asks of the embedded one."""

    def close(self) -> None:
        """Leave a mark that it was taken down."""
        Path("closed").touch()
        super().close()


def get_parts(options: Options, _progress: object) -> Any:
    """Name the build without looking at it."""
    build = Build(options.build, Path("/no") / options.build, "v1.99.0", "0" * 64, "amd64")
    baseline = options.baseline and replace(build, source=options.baseline)
    return SimpleNamespace(build=build, baseline=baseline or None)


def bring_up(options: Options, parts: Any, _logs: object, _note: object) -> Any:
    """Make a fake cluster, or fail as the build's name says."""
    kind = options.build.removeprefix("bad-")
    if error := SET_UP_ERRORS.get(kind):
        raise error

    def objection(node: str, _spec: ProxySpec) -> BuildError | None:
        if kind == options.build:
            return None
        return BuildError(f"kube-proxy on {node} is {kind}", kind=kind, node=node, log=LOG)

    Path("made").touch()
    modes = modes_of(options.mode, options.nodes)
    specs = [ProxySpec(parts.build.path, mode) for mode in modes]
    return testbed.Testbed(KeptFake(specs, objection), parts, [("nodes", 0.1)])


def install(replace: Callable[[object, str, object], None] = setattr) -> None:
    """Put the fake in the place of what is real."""
    replace(testbed, "get_parts", get_parts)
    replace(testbed, "bring_up", bring_up)


def pytest_configure() -> None:
    """Install for good, where this is a plugin of a process of its own."""
    install()
