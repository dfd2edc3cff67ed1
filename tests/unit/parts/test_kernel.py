"""The user-mode kernel: which source, and whether its configuration is what was asked for."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from clusters.errors import ConfigError
from clusters.parts.commands import Commands
from clusters.parts.kernel import FRAGMENT, lost_options
from clusters.parts.kernel_source import choose, newest, series_of, unpack
from clusters.parts.progress import Recorder

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ["linux-source", "linux-source-6.1", "linux-source-7.2", "linux-source-7.10"]


def test_the_first_choice_is_taken_when_it_is_there() -> None:
    """7.2 is the series the suite was tried with."""
    assert choose(NAMES) == "linux-source-7.2"


def test_else_the_newest_above_it_by_number() -> None:
    """7.10 is newer than 7.9; an older series is not taken silently."""
    names = ["linux-source-6.1", "linux-source-7.9", "linux-source-7.10"]
    assert choose(names) == "linux-source-7.10"
    assert choose(["linux-source-6.1"]) is None
    assert newest(["linux-source", "linux-source-6.1", "linux-source-6.12"]) == "linux-source-6.12"
    assert newest(["linux-source", "linux-source-6.8.0"]) is None


def test_a_series_asked_for_is_taken_exactly() -> None:
    """No other series stands in for it."""
    assert choose(NAMES, "6.1") == "linux-source-6.1"
    assert choose(NAMES, "6.12") is None
    with pytest.raises(ConfigError, match=r"looks like 7\.2"):
        choose(NAMES, "newest")


@pytest.mark.parametrize(
    ("name", "series"),
    [
        ("linux-source-7.2_7.2.13-1_all.deb", "7.2"),
        ("linux-source-6.1.tar.xz", "6.1"),
        ("linux-6.12.3.tar.xz", "6.12"),
    ],
)
def test_the_series_is_read_from_the_file_name(name: str, series: str) -> None:
    """Debian's and kernel.org's names both tell it."""
    assert series_of(name) == series


def test_lost_options_are_named() -> None:
    """What Kconfig dropped, and what it turned on against our will."""
    fragment = "# why\nCONFIG_A=y\nCONFIG_B=y\n# CONFIG_MODULES is not set\n# CONFIG_C is not set\n"
    config = "CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_MODULES=y\n"
    assert lost_options(fragment, config, "7.2") == [
        "CONFIG_B=y",
        "# CONFIG_MODULES is not set",
    ]


def test_options_of_later_kernels_may_be_absent_before_7() -> None:
    """The *_LEGACY switches do not exist in 6.1, where the tables are offered without."""
    fragment = "CONFIG_IP_NF_IPTABLES_LEGACY=y\nCONFIG_VETH=y\n"
    assert lost_options(fragment, "", "6.1") == ["CONFIG_VETH=y"]
    assert lost_options(fragment, "", "7.2") == ["CONFIG_IP_NF_IPTABLES_LEGACY=y", "CONFIG_VETH=y"]


def test_the_fragment_asks_for_each_option_once() -> None:
    """A second line for an option would silently override the first."""
    options = [line for line in FRAGMENT.read_text().splitlines() if "CONFIG_" in line]
    names = [line.removeprefix("# ").partition("=")[0].split()[0] for line in options]
    assert len(names) == len(set(names))


@pytest.mark.skipif(not shutil.which("xz"), reason="xz is not installed")
def test_a_slim_tree_keeps_every_kconfig_file(tmp_path: Path) -> None:
    """Code that is never compiled stays packed; what Kconfig and make read does not."""
    source = tmp_path / "linux-source-7.2"
    kept = ["arch/arm/crypto/Kconfig", "drivers/gpu/drm/Kconfig", "sound/Makefile", "net/a.c"]
    left = ["arch/arm/kernel/a.c", "drivers/gpu/drm/x/a.h", "sound/core/a.c", "arch/arm/boot/a.dts"]
    for name in kept + left:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("x")
    archive = tmp_path / "linux-source-7.2.tar.xz"
    commands = Commands()
    commands.run(["tar", "-cJf", str(archive), "-C", str(tmp_path), source.name])
    with Recorder().step("unpack") as step:
        unpack(archive, tmp_path / "slim", commands, step, slim=True)
        unpack(archive, tmp_path / "full", commands, step, slim=False)

    def files(tree: Path) -> set[str]:
        return {str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file()}

    assert files(tmp_path / "slim") == set(kept)
    assert files(tmp_path / "full") == {*kept, *left}
