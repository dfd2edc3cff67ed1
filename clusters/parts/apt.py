"""Single packages through an apt configuration of our own: the machine's is never changed."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from clusters.errors import TestbedError
from clusters.parts.commands import CommandError
from clusters.parts.sources import KEYRING, Source, os_release

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from clusters.parts.commands import Commands
    from clusters.parts.progress import Step


class PrivateApt:
    """apt with lists, cache, status and sources below `home`; works for any user.

    Packages are verified as apt always does: by the archive's signature over the indexes and the
    indexes' hash over the package. Raises TestbedError where there is no apt.
    """

    def __init__(self, home: Path, lines: Sequence[str], commands: Commands) -> None:
        if not shutil.which("apt-get"):
            raise TestbedError("this machine has no apt-get")
        self._home = home
        self._commands = commands
        for part in ("state/lists/partial", "cache/archives/partial"):
            (home / part).mkdir(parents=True, exist_ok=True)
        (home / "status").touch()
        (home / "sources.list").write_text("".join(f"{line}\n" for line in lines))
        self._options = [
            f"-oDir::State={home}/state",
            f"-oDir::State::status={home}/status",
            f"-oDir::Cache={home}/cache",
            f"-oDir::Etc::sourcelist={home}/sources.list",
            "-oDir::Etc::sourceparts=/dev/null",
            "-oAcquire::Languages=none",
            "-oAcquire::IndexTargets::deb::DEP-11::DefaultEnabled=false",
            "-oAcquire::Retries=2",
        ]
        if os.geteuid() == 0:
            # The unprivileged user apt downloads as cannot enter a cache below /root.
            self._options.append("-oAPT::Sandbox::User=root")

    def update(self, step: Step) -> None:
        """Fetch the indexes.

        One suite that has gone must not hide the packages of the others, so a failure is only
        remembered: what cannot be found later is reported then.
        """
        step.detail("fetching the package indexes")
        try:
            self._commands.run(["apt-get", *self._options, "update"])
        except CommandError as error:
            step.detail(str(error))

    def names(self, pattern: str) -> list[str]:
        """Return the package names that match a regular expression."""
        argv = ["apt-cache", *self._options, "search", "--names-only", pattern]
        return [line.split(" ", 1)[0] for line in self._commands.output(argv).splitlines()]

    def newest(self, package: str) -> str | None:
        """Return the highest version any source offers.

        apt's own choice would be another: it ranks backports below the release.
        """
        shown = self._commands.output(["apt-cache", *self._options, "madison", package])
        best: str | None = None
        for line in shown.splitlines():
            columns = [column.strip() for column in line.split("|")]
            if len(columns) == 3 and (best is None or self._is_newer(columns[1], best)):
                best = columns[1]
        return best

    def _is_newer(self, version: str, than: str) -> bool:
        try:
            self._commands.output(["dpkg", "--compare-versions", version, "gt", than])
        except CommandError:
            return False
        return True

    def download(self, package: str, into: Path, step: Step) -> Path:
        """Return the package file in `into`.

        Raises TestbedError when no source offers the package or it cannot be fetched.
        """
        version = self.newest(package)
        if version is None:
            raise TestbedError(f"no source of this machine offers the package {package}")
        step.detail(f"downloading {package} {version}")
        into.mkdir(parents=True, exist_ok=True)
        argv = ["apt-get", *self._options, "download", f"{package}={version}"]
        self._commands.run(argv, cwd=into)
        fetched = sorted(into.glob(f"{package}_*.deb"))
        if not fetched:
            raise TestbedError(f"apt-get download {package} left no file")
        return fetched[-1]

    def unpack_source(self, package: str, version: str, into: Path, step: Step) -> Path:
        """Return the patched source tree of a package, in `into`; takes dpkg-dev.

        Raises CommandError when no `deb-src` source offers this version.
        """
        step.detail(f"downloading the source of {package} {version}")
        place = into / package
        place.mkdir(parents=True, exist_ok=True)
        argv = ["apt-get", *self._options, "source", "--only-source", f"{package}={version}"]
        self._commands.run(argv, cwd=place)
        return next(path for path in place.iterdir() if path.is_dir())


def source_line(source: Source, suite: str, components: str = "main") -> str:
    """Return a sources.list line for another suite of the same mirror, under the same keys."""
    signed = f"[signed-by={source.signed_by}] " if source.signed_by.startswith("/") else ""
    return f"deb {signed}{source.uris[0]} {suite} {components}"


def newer_lines(stock: Source, suites: Sequence[str]) -> list[str]:
    """Return the lines of newer suites of a Debian machine's own mirror, under Debian's keys.

    None on another distribution, whose mirror has no such suites.
    """
    if os_release().get("ID") != "debian" or not KEYRING.exists():
        return []
    keyed = Source(stock.uris, stock.suites, stock.components, str(KEYRING))
    return [source_line(keyed, suite) for suite in suites]
