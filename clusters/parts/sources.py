"""The machine's apt sources, read as sources.list(5) describes them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from clusters.errors import TestbedError

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
"""The keys of all Debian releases, sid and backports included (package debian-archive-keyring)."""

_OPTION = re.compile(r"\[([^\]]*)\]")


@dataclass(frozen=True)
class Source:
    """One `deb` entry."""

    uris: tuple[str, ...]
    suites: tuple[str, ...]
    components: tuple[str, ...]
    signed_by: str = ""


def parse_list(text: str) -> list[Source]:
    """Return the `deb` lines of a one-line-style file, without those of flat archives."""
    found = []
    for line in text.splitlines():
        bare = line.split("#", 1)[0].strip()
        option = _OPTION.search(bare)
        words = _OPTION.sub(" ", bare).split()
        if len(words) < 4 or words[0] != "deb":
            continue
        given = option.group(1).split() if option else []
        signed = [word.partition("=")[2] for word in given if word.startswith("signed-by=")]
        found.append(Source((words[1],), (words[2],), tuple(words[3:]), "".join(signed)))
    return found


def parse_deb822(text: str) -> list[Source]:
    """Return the stanzas of a `.sources` file that offer `deb` and are not disabled."""
    uncommented = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    found = []
    for stanza in re.split(r"\n\s*\n", uncommented):
        fields: dict[str, str] = {}
        last = ""
        for line in stanza.splitlines():
            if line[:1].isspace():
                fields[last] = fields.get(last, "") + " " + line.strip()
            elif ":" in line:
                last, _, value = line.partition(":")
                last = last.strip().lower()
                fields[last] = value.strip()
        if "deb" in fields.get("types", "").split() and fields.get("enabled", "yes") != "no":
            found.append(
                Source(
                    tuple(fields.get("uris", "").split()),
                    tuple(fields.get("suites", "").split()),
                    tuple(fields.get("components", "").split()),
                    fields.get("signed-by", ""),
                )
            )
    return found


def read_sources(etc: Path = Path("/etc/apt")) -> list[Source]:
    """All sources of the machine, in the order apt reads them."""
    found: list[Source] = []
    for path in [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*"))]:
        if path.suffix in {".list", ".sources"} and path.is_file():
            parse = parse_deb822 if path.suffix == ".sources" else parse_list
            found += parse(path.read_text(errors="replace"))
    return found


def os_release(path: Path = Path("/etc/os-release")) -> dict[str, str]:
    """Return the fields of os-release(5); empty when there is no such file."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.partition("=") for line in lines if "=" in line)
    return {name: value.strip("\"'") for name, _, value in pairs}


def stock_source(sources: list[Source], codename: str) -> Source:
    """Return the distribution's own entry: of the release's codename, with `main`.

    Raises TestbedError when the machine has none, so that no mirror must be guessed.
    """
    for source in sources:
        if codename in source.suites and "main" in source.components and source.uris:
            vendor = "/" not in source.signed_by or "archive-keyring" in source.signed_by
            if vendor and not source.uris[0].startswith("cdrom:"):
                return source
    raise TestbedError(
        f"no entry for the suite {codename} and the component main in /etc/apt/sources.list(.d)"
    )
