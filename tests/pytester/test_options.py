"""Every wrong option ends the run at once: status 4, one line, nothing made."""

from __future__ import annotations

import os
import stat
import struct
from typing import TYPE_CHECKING

import pytest

from reports.journal import load_run

if TYPE_CHECKING:
    from pathlib import Path

    from reports.model import RunInfo
    from tests.pytester.conftest import Judge

pytest_plugins = ["pytester"]

CASE = '''
@case("X-1", feature="x")
def test_one(probe):
    """Attempts are answered."""
    assert probe().ok
'''


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--kp-mode", "ebpf"], "--kp-mode ebpf: unknown; choose one of iptables, ipvs, nftables"),
        (["--kp-nodes", "0"], "--kp-nodes 0: give a number from 1 to 20"),
        (["--kp-nodes", "abc"], "--kp-nodes abc: give a number from 1 to 20"),
        (["--kp-family", "x"], "--kp-family x: unknown; choose one of ipv4, ipv6"),
        (["--kp-cluster", "swarm"], "--kp-cluster swarm: "),
        (["--kp-reuse"], "--kp-reuse: no cluster is up; make one with --kp-keep"),
        (["--kp-reuse", "1200-ab"], "--kp-reuse 1200-ab: no such cluster is up"),
        (["--kp-load-from", "pods"], "--kp-load-from pods: unknown; choose one of outside"),
        (["--kp-slow", "0.1"], "--kp-slow 0.1: give a factor from 0.2 to 20"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_option(
    project: pytest.Pytester, arguments: list[str], line: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """An option that cannot be is told in one line before anything is collected."""
    project.makepyfile(test_cases="raise SystemExit('the cases were collected')")
    done = project.runpytest_inprocess("-p", "fixtures.plugin", *arguments)
    capfd.readouterr()
    assert int(done.ret) == 4
    told = [text for text in done.stderr.lines if text.strip()]
    assert len(told) == 1
    assert told[0].startswith(f"ERROR: {line}")
    assert not (project.path / "_artifacts").exists()


def elf(machine: int) -> bytes:
    """Return an ELF header (elf(5)) of a 64-bit little-endian program for a machine."""
    return struct.pack("<4sBBBB8xHHI", b"\x7fELF", 2, 1, 1, 0, 2, machine, 1) + bytes(40)


def make_build(folder: Path, kind: str) -> str:
    """Make something that is no build and return how a user would name it."""
    path = folder / kind
    match kind:
        case "directory":
            path.mkdir()
        case "text":
            path.write_text("hello, this is no program\n")
        case "foreign":
            path.write_bytes(elf(22))
        case "locked":
            path.write_bytes(elf({"x86_64": 62, "aarch64": 183}.get(os.uname().machine, 62)))
            return str(path)
        case "stranger":
            return os.path.realpath("/bin/true")
    if path.is_file():
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("missing", "no such file"),
        ("directory", "is a directory"),
        ("text", "is a text file"),
        ("foreign", "is for s390x, this machine is"),
        ("locked", "is not executable"),
        ("stranger", "is not kube-proxy"),
    ],
)
def test_wrong_build(
    project: pytest.Pytester, kind: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is no kube-proxy of this machine is told in one line before a part is made."""
    # Without tools on PATH an attempt to install or build anything would fail in another way.
    monkeypatch.setenv("PATH", "/no-tools")
    project.makepyfile(test_cases=f"from fixtures.case import case\n{CASE}")
    build = make_build(project.path, kind)
    done = project.runpytest_inprocess("-p", "fixtures.plugin", "--kp-build", build)
    assert int(done.ret) == 4
    told = [text for text in done.stderr.lines if text.startswith("ERROR")]
    assert len(told) == 1
    assert told[0].startswith(f"ERROR: build {build}: {why}")
    assert "Traceback" not in done.stdout.str() + done.stderr.str()
    assert not list((project.path / "cache").rglob("runs/*"))


def test_wrong_build_in_a_process(project: pytest.Pytester) -> None:
    """The exit status that the shell sees is 4, and standard error has one line."""
    project.makepyfile(test_cases=f"from fixtures.case import case\n{CASE}")
    done = project.runpytest_subprocess("-p", "fixtures.plugin", "--kp-build", "./gone")
    assert int(done.ret) == 4
    assert [line for line in done.errlines if line.strip()] == ["ERROR: build ./gone: no such file"]


@pytest.mark.parametrize(
    ("arguments", "environment", "said", "artifacts"),
    [
        ([], {}, "iptables mode of kube-proxy v", "_artifacts"),
        ([], {"KUBE_PROXY_MODE": "ipvs", "IP_FAMILY": "ipv6"}, "ipvs mode", "_artifacts"),
        (["--kp-mode", "nftables"], {"KUBE_PROXY_MODE": "ipvs"}, "nftables mode", "_artifacts"),
        ([], {"ARTIFACTS": "theirs"}, "iptables mode", "theirs"),
        (["--kp-artifacts", "mine"], {"ARTIFACTS": "theirs"}, "iptables mode", "mine"),
    ],
    ids=["defaults", "environment", "mode over environment", "ARTIFACTS", "artifacts over it"],
)
def test_precedence(
    judge: Judge,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    environment: dict[str, str],
    said: str,
    artifacts: str,
) -> None:
    """An option beats the environment, which beats the default; the report says what held."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    judged = judge(CASE, *arguments, artifacts="")
    assert judged.status == 0, judged.out + judged.err
    assert said in judged.out
    info = load(judged.artifacts.parent / artifacts)
    assert info.mode == said.partition(" ")[0]
    assert info.family == environment.get("IP_FAMILY", "ipv4")


def load(artifacts: Path) -> RunInfo:
    """Return what a journal says of its run."""
    return load_run(artifacts / "run.jsonl").info
