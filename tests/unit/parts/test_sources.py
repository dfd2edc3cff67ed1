"""The machine's apt sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clusters.errors import TestbedError
from clusters.parts.apt import source_line
from clusters.parts.sources import (
    Source,
    os_release,
    parse_deb822,
    parse_list,
    read_sources,
    stock_source,
)

if TYPE_CHECKING:
    from pathlib import Path

LIST = """# deb http://old.example/debian stable main
deb http://one.example/debian bookworm main contrib # the mirror
deb-src http://one.example/debian bookworm main
deb [arch=amd64 signed-by=/etc/keys/x.gpg] https://two.example/apt x main
deb http://flat.example/repo ./
"""
DEB822 = """Types: deb
# a comment within
URIs: http://one.example/debian
 http://other.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb-src
URIs: http://one.example/debian
Suites: bookworm
Components: main

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main
"""


def test_one_line_entries() -> None:
    """Comments, deb-src and flat repositories are left out, options are understood."""
    assert parse_list(LIST) == [
        Source(("http://one.example/debian",), ("bookworm",), ("main", "contrib")),
        Source(("https://two.example/apt",), ("x",), ("main",), "/etc/keys/x.gpg"),
    ]


def test_deb822_stanzas() -> None:
    """Folded fields and comments are read, deb-src and disabled stanzas are not."""
    [entry] = parse_deb822(DEB822)
    assert entry.uris == ("http://one.example/debian", "http://other.example/debian")
    assert entry.suites == ("bookworm", "bookworm-updates")
    assert entry.components == ("main",)
    assert entry.signed_by.endswith("debian-archive-keyring.gpg")


def test_the_stock_entry_is_the_release_with_main() -> None:
    """Third-party entries, even of the same suite name, and CD-ROMs are not the distribution."""
    third = Source(("https://third.example",), ("bookworm",), ("main",), "/etc/keys/third.gpg")
    cdrom = Source(("cdrom:[Debian]",), ("bookworm",), ("main",))
    updates = Source(("http://one.example",), ("bookworm-updates",), ("main",))
    stock = Source(("http://one.example/debian",), ("bookworm",), ("main",))
    assert stock_source([third, cdrom, updates, stock], "bookworm") == stock
    with pytest.raises(TestbedError, match="no entry for the suite bookworm"):
        stock_source([third, cdrom, updates], "bookworm")


def test_files_are_read_in_order_of_apt(tmp_path: Path) -> None:
    """sources.list first, then the directory by name; other suffixes are ignored."""
    folder = tmp_path / "sources.list.d"
    folder.mkdir()
    (tmp_path / "sources.list").write_text("deb http://a.example d main\n")
    (folder / "b.list").write_text("deb http://b.example d main\n")
    (folder / "c.sources").write_text(DEB822)
    (folder / "d.list.bak").write_text("deb http://d.example d main\n")
    uris = [source.uris[0] for source in read_sources(tmp_path)]
    assert uris == ["http://a.example", "http://b.example", "http://one.example/debian"]


def test_another_suite_of_the_same_mirror_keeps_the_keys() -> None:
    """The rendered line is one that parses back."""
    stock = Source(("http://one.example/debian",), ("bookworm",), ("main",), "/k.gpg")
    [back] = parse_list(source_line(stock, "sid"))
    assert back == Source(("http://one.example/debian",), ("sid",), ("main",), "/k.gpg")


def test_os_release_is_read_without_quotes(tmp_path: Path) -> None:
    """Values may be quoted; a missing file is an empty answer."""
    (tmp_path / "os").write_text('ID=debian\nVERSION="12 (bookworm)"\n')
    assert os_release(tmp_path / "os") == {"ID": "debian", "VERSION": "12 (bookworm)"}
    assert os_release(tmp_path / "none") == {}
