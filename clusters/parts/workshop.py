"""What every maker of a part holds in its hands."""

from __future__ import annotations

from dataclasses import dataclass, field

from clusters.parts.cache import Cache
from clusters.parts.commands import Commands
from clusters.parts.progress import Recorder
from clusters.parts.releases import Releases


@dataclass
class Workshop:
    """The cache, the running commands and the display of one run; shared by its threads."""

    cache: Cache
    commands: Commands
    progress: Recorder = field(default_factory=Recorder)
    releases: Releases = field(default_factory=Releases)


def open_workshop(progress: Recorder | None = None) -> Workshop:
    """Return a workshop on the user's own cache; raises TestbedError when that cannot be used."""
    commands = Commands()
    return Workshop(Cache(stop=commands.stopping), commands, progress or Recorder())
