"""Everything a run needs, from the cache or made side by side."""

from __future__ import annotations

from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from clusters.parts import packages, versions
from clusters.parts.build_info import PROGRAM, Build, get_build
from clusters.parts.etcd import get_etcd
from clusters.parts.kernel import Kernel, get_kernel
from clusters.parts.kubernetes import CONTROL_PLANE, get_binaries
from clusters.parts.static_tools import get_static_tools
from clusters.parts.stop import StoppedError
from clusters.parts.workshop import Workshop, open_workshop

if TYPE_CHECKING:
    from collections.abc import Callable

    from clusters.parts.progress import Recorder

_First = TypeVar("_First")
_Second = TypeVar("_Second")


@dataclass(frozen=True)
class Want:
    """What a run asks for.

    `build` and `control_plane` are versions or (the build) a path; `kernel_source` is a Debian
    kernel source package of the user's, `kernel_series` such as "6.1" (empty: the best there is).
    """

    build: str
    control_plane: str = versions.DEFAULT_CONTROL_PLANE
    kernel: Literal["uml", "host"] = "uml"
    kernel_source: Path | None = None
    kernel_series: str = ""
    etcd: Path | None = None
    baseline: str = ""
    """A second build to compare with, as `build`; none by default."""


@dataclass(frozen=True)
class Parts:
    """What a run was given; `kernel` is None when nodes share the machine's own.

    `tools_path` holds the directories to put on PATH so that ip, ipset, iptables ... are found.
    """

    build: Build
    kube_apiserver: Path
    kube_controller_manager: Path
    etcd: Path
    kernel: Kernel | None
    tools_path: tuple[Path, ...]
    baseline: Build | None = None


def prepare(want: Want, progress: Recorder, workshop: Workshop | None = None) -> Parts:
    """All parts; the kernel and the Kubernetes binaries are made at the same time.

    No thread and no child process is left when this returns or raises. Raises ConfigError or
    TestbedError (the first branch's that failed; the other is stopped), and KeyboardInterrupt with
    every child ended; the next call goes on from there.
    """
    shop = workshop or open_workshop(progress)
    shop.progress = progress
    control = versions.resolve(shop, want.control_plane)
    for given in filter(None, (want.build, want.baseline)):
        if not versions.is_version(given) or Path(given).exists():
            # A wrong path is told before anything is installed or built.
            get_build(shop, given)
    with progress:
        (build, baseline, binaries, etcd), (kernel, tools) = _side_by_side(
            shop, lambda: _kubernetes(shop, want, control), lambda: _kernel(shop, want)
        )
    shop.cache.sweep()
    return Parts(
        build=build,
        kube_apiserver=binaries["kube-apiserver"],
        kube_controller_manager=binaries["kube-controller-manager"],
        etcd=etcd,
        kernel=kernel,
        tools_path=(*tools, *packages.SYSTEM_DIRS),
        baseline=baseline,
    )


def _kubernetes(
    shop: Workshop, want: Want, control: str
) -> tuple[Build, Build | None, dict[str, Path], Path]:
    etcd = get_etcd(shop, want.etcd)
    names = list(CONTROL_PLANE)
    if versions.is_version(want.build) and versions.resolve(shop, want.build) == control:
        names.append(PROGRAM)
    binaries = get_binaries(shop, control, names)
    baseline = get_build(shop, want.baseline) if want.baseline else None
    return get_build(shop, want.build), baseline, binaries, etcd


def _kernel(shop: Workshop, want: Want) -> tuple[Kernel | None, tuple[Path, ...]]:
    """Return the nodes' kernel and the directories of tools made for it."""
    uml = want.kernel == "uml"
    needs = packages.RUN_NEEDS + (packages.KERNEL_NEEDS if uml else ())
    packages.ensure(needs, shop.commands, shop.progress)
    if not uml:
        return None, ()
    kernel = get_kernel(shop, want.kernel_source, want.kernel_series)
    tools = get_static_tools(shop)
    return kernel, (tools,) if tools else ()


def _side_by_side(
    shop: Workshop, first: Callable[[], _First], second: Callable[[], _Second]
) -> tuple[_First, _Second]:
    """Both results; the first failure stops the other branch and is raised."""
    pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="parts")
    try:
        one, two = pool.submit(first), pool.submit(second)
        both: list[Future[Any]] = [one, two]
        done, _ = wait(both, return_when=FIRST_EXCEPTION)
        if any(future.exception() for future in done):
            shop.commands.stop()
    except BaseException:
        shop.commands.stop()
        raise
    finally:
        pool.shutdown(wait=True)
    errors = [error for future in both if (error := future.exception())]
    # The branch that was stopped has nothing to say about why.
    for error in sorted(errors, key=lambda error: isinstance(error, StoppedError)):
        raise error
    return one.result(), two.result()
