"""`python -m clusters`: what outlives a run, and what can be made ready before one."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import select
import signal
import socket
import sys
import termios
import tty
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from clusters.embedded import labclient, namespaces, rundir
from clusters.embedded.addresses import NODE_CONTROL_PORT, NodeAddresses
from clusters.embedded.enter import how_to_enter
from clusters.embedded.nodecontrol import NodeControl
from clusters.errors import ConfigError, ProxyproofError, TestbedError
from clusters.hints import clusters_command
from clusters.parts import versions
from clusters.parts.prepare import Want, prepare
from clusters.parts.progress import choose_progress
from clusters.parts.workshop import open_workshop

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

NOT_STARTED = 127
"""What a shell says of a program that is not there."""

END_OF_FILE = b"\x04"
"""What one types at a terminal that has no other way to tell the end of its input."""


def list_runs(_options: argparse.Namespace) -> None:
    """Say which clusters are up."""
    running = rundir.running()
    for directory in running:
        state = directory / "state.json"
        nodes = json.loads(state.read_text())["nodes"] if state.exists() else []
        modes = ", ".join(sorted({node["mode"] for node in nodes})) or "starting"
        print(f"{directory.name}  {len(nodes)} nodes  {modes}")
    if not running:
        print("no cluster is up")


def down(options: argparse.Namespace) -> None:
    """Remove clusters that were kept, and what killed runs left behind.

    One that a run uses is removed by its name only.
    """
    from clusters.kind import cgroups  # noqa: PLC0415 - few users have kind clusters

    for directory in rundir.clean():
        print(f"removed what {directory.name} left behind")
    chosen = [_find(options.run)] if options.run else labclient.unused()
    for directory in chosen:
        client = labclient.LabClient(directory)
        client.ask("down")
        client.close()
        rundir.wait_gone(directory)
        cgroups.remove(directory.name)
        print(f"removed {directory.name}")
    in_use = [directory for directory in rundir.running() if not options.run]
    for directory in in_use:
        print(f"{directory.name} is in use; remove it by its name if you must")
    if not chosen and not in_use:
        print("no cluster is up")


def show(options: argparse.Namespace) -> None:
    """Say how to enter a cluster that is up."""
    print(how_to_enter(_find(options.run)))


def shell(options: argparse.Namespace) -> None:
    """Open a shell on a node of an embedded cluster, or run a command there."""
    if options.command and options.command[0].startswith("-"):
        # argparse takes all that follows the node for the command.
        raise ConfigError(f"{options.command[0]} belongs before {options.node}")
    directory = _find(options.run)
    pid = rundir.read_pid(directory)
    if os.geteuid() != 0:
        namespaces.enter(f"/proc/{pid}/ns/user", namespaces.NEWUSER)
    labclient.join_network(pid)
    if not options.node.startswith("node-") or not options.node[5:].isdigit():
        raise ConfigError(f"{options.node}: nodes are called node-1, node-2 ...")
    address = NodeAddresses(int(options.node[5:])).management
    try:
        connection = socket.create_connection((address, NODE_CONTROL_PORT), timeout=3)
    except OSError as error:
        raise ConfigError(f"{options.node} of {directory.name} does not answer: {error}") from error
    with connection:
        connection.settimeout(None)
        name = f"shell {secrets.token_hex(4)}"
        request = {"op": "shell", "name": name, "argv": options.command}
        connection.sendall(json.dumps(request).encode() + b"\n")
        # What follows the line is the terminal's already.
        answer = b"".join(iter(lambda: connection.recv(1).strip(b"\n"), b""))
        if refused := json.loads(answer or b"{}").get("error"):
            print(refused, file=sys.stderr)
            sys.exit(NOT_STARTED)
        _join(connection)
    ended = NodeControl(options.node, address, NODE_CONTROL_PORT).ask("status", name=name)
    sys.exit(shell_status(ended["status"]))


def shell_status(status: int) -> int:
    """Return what a shell makes of how a process ended: -15 is the signal SIGTERM."""
    return 128 - status if status < 0 else status


def _join(connection: socket.socket) -> None:
    """Copy between this terminal and the node's until either ends."""
    inputs = [connection, sys.stdin.fileno()]
    old = termios.tcgetattr(sys.stdin) if sys.stdin.isatty() else None
    if old is not None:
        tty.setraw(sys.stdin)
    try:
        while True:
            ready, _, _ = select.select(inputs, [], [])
            if connection in ready:
                data = connection.recv(65536)
                if not data:
                    return
                sys.stdout.buffer.write(data)
                sys.stdout.flush()
            if sys.stdin.fileno() in ready:
                typed = os.read(sys.stdin.fileno(), 65536)
                if typed:
                    connection.sendall(typed)
                else:
                    inputs.remove(sys.stdin.fileno())
                    connection.sendall(END_OF_FILE)
    finally:
        if old is not None:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, old)


def make_ready(options: argparse.Namespace) -> None:
    """Fetch and build everything that runs need, so that the next run starts at once."""
    want = Want(
        build=options.build,
        control_plane=options.control_plane,
        kernel=options.kernel,
        kernel_series=options.kernel_series,
    )
    progress = choose_progress()
    parts = prepare(want, progress)
    print(f"kube-proxy {parts.build.version}: {parts.build.path}")
    if parts.kernel is not None:
        print(f"kernel {parts.kernel.version}: {parts.kernel.path}")


def kind_image(options: argparse.Namespace) -> None:
    """Build the node image of kind clusters, or say where it is."""
    from clusters.kind.image import get_node_image  # noqa: PLC0415 - few users have kind clusters
    from clusters.kind.tools import get_kind  # noqa: PLC0415

    progress = choose_progress()
    workshop = open_workshop(progress)
    with progress:
        kind = get_kind(workshop)
        image = get_node_image(workshop, versions.resolve(workshop, options.version))
    print(f"kind: {kind}")
    print(f"node image {image.name}: {image.docker.parent}")


def examine(options: argparse.Namespace) -> None:
    """Say what may run on an existing cluster; nothing is changed there."""
    from clusters.existing import doctor  # noqa: PLC0415 - the client is a second of imports

    found = doctor.examine(options.kubeconfig)
    print(doctor.say(found, options.kubeconfig))
    print(f"looked for {found.seconds:.1f} s")
    if not found.usable:
        raise TestbedError("no case can run there")


def clean_up(options: argparse.Namespace) -> None:
    """Remove what killed runs left: on this machine, or in an existing cluster."""
    from clusters.kind import cgroups  # noqa: PLC0415 - few users have kind clusters

    if options.kubeconfig is None:
        removed = [directory.name for directory in rundir.clean()]
        for run in cgroups.left_behind({directory.name for directory in rundir.running()}):
            cgroups.remove(run)
            removed.append(f"cgroups of {run}")
    else:
        from clusters.existing.clean import clean  # noqa: PLC0415 - see examine

        removed = clean(options.kubeconfig)
    for what in removed:
        print(f"removed {what}")
    if not removed:
        print("nothing is left behind")


def _find(name: str) -> Path:
    running = rundir.running()
    if name:
        found = [directory for directory in running if directory.name == name]
        if not found:
            raise ConfigError(f"no cluster {name} is up; see: {clusters_command('list')}")
        return found[0]
    if not running:
        raise ConfigError("no cluster is up; a run with --kp-keep leaves one")
    return running[-1]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # argparse ends with 2, which is an interruption here; usage is 4.
        self.print_usage(sys.stderr)
        self.exit(4, f"{self.prog}: error: {message}\n")


def _add(
    commands: argparse._SubParsersAction[_Parser],
    name: str,
    run: Callable[[argparse.Namespace], None],
) -> argparse.ArgumentParser:
    """Add a command that says of itself what its function does."""
    text = run.__doc__ or ""
    command = commands.add_parser(name, help=text.splitlines()[0].rstrip("."), description=text)
    command.set_defaults(run_command=run)
    return command


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    top = _Parser(prog="python -m clusters", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    _add(commands, "list", list_runs)
    command = _add(commands, "show", show)
    command.add_argument("run", nargs="?", default="", help="default: the last that came up")
    command = _add(commands, "down", down)
    command.add_argument("run", nargs="?", default="", help="default: all that no run uses")
    command = _add(commands, "shell", shell)
    command.add_argument("--run", default="", help="before NODE; default: the last that came up")
    command.add_argument("node", help="node-1, node-2 ...")
    command.add_argument("command", nargs=argparse.REMAINDER, help="default: a shell")
    command = _add(commands, "prepare", make_ready)
    default = versions.DEFAULT_CONTROL_PLANE
    command.add_argument("--build", default=default, help=f"as --kp-build; default {default}")
    command.add_argument(
        "--control-plane", default=default, metavar="VERSION", help=f"default {default}"
    )
    command.add_argument(
        "--kernel", choices=("uml", "host"), default="uml", help="of the nodes; default uml"
    )
    command.add_argument(
        "--kernel-series", default="", metavar="SERIES", help="such as 6.1; default: what there is"
    )
    command = _add(commands, "kind-image", kind_image)
    default = versions.DEFAULT_KIND
    command.add_argument(
        "version", nargs="?", default=default, help=f"of Kubernetes; default {default}"
    )
    command = _add(commands, "doctor", examine)
    command.add_argument("kubeconfig", type=Path, help="of the cluster; none is looked for")
    command = _add(commands, "clean", clean_up)
    command.add_argument(
        "kubeconfig", type=Path, nargs="?", help="of a cluster; default: what is on this machine"
    )
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is 4 for what the user got wrong, 3 for the rest."""
    options = parser().parse_args(arguments)
    try:
        with contextlib.suppress(BrokenPipeError):
            options.run_command(options)
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)
        return 4
    except ProxyproofError as error:
        print(f"error: {error}", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        return 2
    return 0


if __name__ == "__main__":
    # What was started has to be ended, as Ctrl-C does it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
