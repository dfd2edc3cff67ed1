"""The node image: a Debian tree with systemd, containerd and a kubelet, no registry involved.

Cached as what a cluster starts from: a docker data root that holds the image, and containerd's
state with the images of kubeadm's control plane. A new cluster gets both as hard links.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clusters.kind import archives
from clusters.kind.archives import File, Image
from clusters.kind.tools import get_tools, need_root
from clusters.kind.trees import get_node_tree, get_shared_tree
from clusters.parts.etcd import get_built_etcd
from clusters.parts.golang import go_env, go_tool, machine_arch
from clusters.parts.kubernetes import get_binaries
from clusters.parts.sources import os_release

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clusters.parts.progress import Step
    from clusters.parts.workshop import Workshop

PROGRAMS = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "kubelet",
    "kubeadm",
    "kubectl",
)
STATIC_PODS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")

AGENT_IMAGE = "localhost/proxyproof/agent:1"
"""A Python and the tools that show the kernel's state; the agent itself comes in a ConfigMap."""

ROUTES_IMAGE = "localhost/proxyproof/podroutes:1"

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
NEED_BYTES = 5_000_000_000

MASKED = (
    "apt-daily-upgrade.timer",
    "apt-daily.timer",
    "console-getty.service",
    "dev-hugepages.mount",
    "dev-mqueue.mount",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "getty.target",
    "ipvsadm.service",
    "modprobe@.service",
    "nftables.service",
    "proc-sys-fs-binfmt_misc.automount",
    "sys-fs-fuse-connections.mount",
    "sys-kernel-config.mount",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "systemd-ask-password-console.path",
    "systemd-ask-password-wall.path",
    "systemd-binfmt.service",
    "systemd-firstboot.service",
    "systemd-initctl.socket",
    "systemd-logind.service",
    "systemd-modules-load.service",
    "systemd-networkd.service",
    "systemd-remount-fs.service",
    "systemd-sysctl.service",
    "systemd-sysusers.service",
    "systemd-timesyncd.service",
    "systemd-tmpfiles-clean.timer",
    "systemd-udev-trigger.service",
    "systemd-udevd-control.socket",
    "systemd-udevd-kernel.socket",
    "systemd-udevd.service",
    "systemd-update-utmp-runlevel.service",
    "systemd-update-utmp.service",
)
"""Units that would touch what belongs to the machine, wait for hardware, or serve nobody here."""


@dataclass(frozen=True, slots=True)
class NodeImage:
    """What kind clusters of a Kubernetes version start from."""

    version: str
    name: str
    docker: Path
    containerd: Path
    shared_tree: Path


def get_node_image(workshop: Workshop, version: str) -> NodeImage:
    """Return the node image of a full version, built where it is not cached.

    Raises TestbedError where this machine cannot build one.
    """
    need_root()
    tools = get_tools(workshop)
    binaries = get_binaries(workshop, version, PROGRAMS)
    etcd = get_built_etcd(workshop)
    shared, node = get_shared_tree(workshop), get_node_tree(workshop)
    name = f"proxyproof/node:{version}"
    recipe = Recipe(workshop, version, name, tools, binaries, etcd, shared, node)
    inputs = {
        "version": version,
        "release": os_release().get("VERSION_CODENAME", ""),
        "arch": machine_arch(),
        "trees": f"{shared.parent.name} {node.parent.name}",
        "files": _digest_of_files(),
        "recipe": "1",
    }
    entry = workshop.cache.get_or_make(
        f"kind-node-{version}", inputs, recipe.make, workshop.progress, need_bytes=NEED_BYTES
    )
    return NodeImage(version, name, entry / "docker", entry / "containerd", shared)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one node image is made."""

    workshop: Workshop
    version: str
    name: str
    tools: Path
    binaries: Mapping[str, Path]
    etcd: Path
    shared: Path
    node: Path

    def make(self, work: Path, step: Step) -> None:
        """Fill `work / "out"`; what an earlier attempt left is thrown away."""
        for left in ("out", "tree", "images"):
            shutil.rmtree(work / left, ignore_errors=True)
        out, tree, images = work / "out", work / "tree", work / "images"
        for folder in (out, tree, images):
            folder.mkdir()
        step.detail("writing the images of the control plane")
        names = self._names()
        self._write_images(work, images, names)
        step.detail("unpacking the tree")
        self._run("tar", "--numeric-owner", "-xf", str(self.node), "-C", str(tree))
        self._furnish(tree, names["pause"])
        self._preload(tree, images, step)
        (tree / "var/lib/containerd").rename(out / "containerd")
        (tree / "var/lib/containerd").mkdir()
        step.detail("packing the image")
        layer, archive = work / "layer.tar", work / "node.tar"
        self._run("tar", "--numeric-owner", "--xattrs", "-cf", str(layer), "-C", str(tree), ".")
        init = ("/usr/local/bin/entrypoint", "/sbin/init")
        image = Image(
            self.name, [layer], command=init, env={"container": "docker"}, stop_signal="SIGRTMIN+3"
        )
        archives.write(archive, image)
        step.detail("loading it into docker's data root")
        unshare = ("unshare", "-nmpf", "--kill-child", "--mount-proc", "--propagation=private")
        self._python(
            *unshare,
            module="clusters.kind.load",
            arguments=(self.tools, archive, out / "docker"),
            log=work / "dockerd.log",
        )
        for file in (layer, archive):
            file.unlink()
        for folder in (tree, images):
            shutil.rmtree(folder)

    def _names(self) -> dict[str, str]:
        """Return the images that kubeadm expects, by the last word of their names."""
        kubeadm = str(self.binaries["kubeadm"])
        listed = self.workshop.commands.output(
            [kubeadm, "config", "images", "list", f"--kubernetes-version={self.version}"]
        )
        return {line.rpartition("/")[2].partition(":")[0]: line for line in listed.split()}

    def _write_images(self, work: Path, images: Path, names: Mapping[str, str]) -> None:
        pause = work / "pause"
        argv = [go_tool(), "build", "-trimpath", "-ldflags=-s -w", "-o", str(pause), "main.go"]
        self.workshop.commands.run(argv, cwd=HERE / "pause", env=go_env("-buildvcs=false"))
        bare = {name: self.binaries[name] for name in STATIC_PODS} | {"etcd": self.etcd}
        made = [
            Image(names[name], files=[File(path, f"/usr/local/bin/{name}")])
            for name, path in bare.items()
        ]
        made.append(Image(names["pause"], files=[File(pause, "/pause")], command=["/pause"]))
        made.append(proxy_image(names["kube-proxy"], self.shared, self.binaries["kube-proxy"]))
        routes = File(HERE / "podroutes.py", "/podroutes.py", 0o644)
        start = ["python3", "-u", "/podroutes.py"]
        made.append(Image(ROUTES_IMAGE, [self.shared], [routes], start))
        made.append(Image(AGENT_IMAGE, [self.shared]))
        for number, image in enumerate(made):
            archives.write(images / f"{number}.tar", image)

    def _furnish(self, tree: Path, pause: str) -> None:
        """Put in binaries and our own files, and take out what a container cannot have."""
        for name in ("kubeadm", "kubelet", "kubectl"):
            shutil.copy2(self.binaries[name], tree / "usr/bin" / name)
            (tree / "usr/bin" / name).chmod(0o755)
        shutil.copytree(HERE / "node", tree, dirs_exist_ok=True)
        config = tree / "etc/containerd/config.toml"
        config.write_text(config.read_text().replace("PAUSE_IMAGE", pause))
        (tree / "kind/version").write_text(self.version)
        for folder in ("opt/cni", "etc/cni/net.d", "etc/kubernetes/manifests", "kind/images"):
            (tree / folder).mkdir(parents=True, exist_ok=True)
        (tree / "opt/cni/bin").symlink_to("/usr/lib/cni")
        units = tree / "etc/systemd/system"
        wants, early = units / "multi-user.target.wants", units / "sysinit.target.wants"
        for wanted in (wants, early):
            wanted.mkdir(exist_ok=True)
        links = {units / unit: "/dev/null" for unit in MASKED} | {
            units / "default.target": "/lib/systemd/system/multi-user.target",
            early / "cgroups-taken.service": "/etc/systemd/system/cgroups-taken.service",
            wants / "containerd.service": "/lib/systemd/system/containerd.service",
            wants / "kubelet.service": "/etc/systemd/system/kubelet.service",
        }
        for path, target in links.items():
            path.unlink(missing_ok=True)
            path.symlink_to(target)
        for unwanted in ("etc/resolv.conf", "etc/hostname"):
            (tree / unwanted).unlink(missing_ok=True)
        for empty in ("etc/machine-id", "etc/fstab"):
            (tree / empty).write_text("")
        self._run("chown", "-R", "root:root", *(str(tree / p) for p in ("kind", "etc/systemd")))

    def _preload(self, tree: Path, images: Path, step: Step) -> None:
        step.detail("importing the images of the control plane")
        unshare = ("unshare", "-nmpf", "--kill-child", "--propagation=private")
        self._python(
            *unshare,
            module="clusters.kind.preload",
            arguments=(tree, images),
            log=images.parent / "preload.log",
        )

    def _run(self, *argv: str) -> None:
        self.workshop.commands.run(["nice", *argv])

    def _python(self, *prefix: str, module: str, arguments: tuple[Path, ...], log: Path) -> None:
        argv = [*prefix, "nice", sys.executable, "-m", module, *map(str, arguments)]
        self.workshop.commands.run(argv, env={"PYTHONPATH": str(ROOT)}, log=log)


def proxy_image(name: str, shared: Path, binary: Path) -> Image:
    """Return an image of a kube-proxy binary, with the tools that it executes."""
    return Image(name, [shared], [File(binary, "/usr/local/bin/kube-proxy")])


def _digest_of_files() -> str:
    """Return what changes when a file that goes into images does."""
    digest = hashlib.sha256()
    files = [path for path in (HERE / "node").rglob("*") if path.is_file()]
    for path in sorted([*files, HERE / "podroutes.py", HERE / "pause/main.go"]):
        runs = bool(path.stat().st_mode & 0o100)
        digest.update(f"{path.relative_to(HERE)} {runs}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
