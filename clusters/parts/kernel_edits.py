"""The changes to the user-mode kernel without which a node answers late, and loses packets.

The idle loop (arch/um/os-Linux/time.c, os_idle_sleep): a device's interrupt that arrives while
the kernel has its interrupts softly disabled is only noted in `signals_pending`. The loop looks
at the timer alone, so it goes to sleep on a packet that is already there and wakes at the next
timer, 10 ms to 1 s later. Measured, the 99th percentile of a connection through a node falls from
5-9 ms to about 1 ms with the change.

The network card (arch/um/drivers/vector_user.c, create_raw_fd): its packet socket has the default
receive buffer of 208 KiB, which one connection with a large payload fills while the node is at
something else. What comes then is lost: measured, 2 of 54 datagrams of 4,000 bytes. The socket that
only sends is bound to ETH_P_IP and queues a copy of all that comes as well. And the driver
(arch/um/drivers/vector_kern.c, prep_msg) says that it can send packets whose data are in a list of
others, as GRO leaves what a node forwards, but sends what happens to follow the first.

The scheduler's clock (kernel/sched/clock.c, sched_clock): where an architecture has none of its own
it counts ticks of 10 ms, so a process that runs for less is charged with nothing, or with all of
one. The processor time of kube-proxy and its tools, whose syncs take 25 ms, was a matter of luck.

What only makes processes cheaper is in `kernel_speed`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.errors import TestbedError
from clusters.parts.kernel_edit import Edit, apply_edits
from clusters.parts.kernel_speed import FASTER

if TYPE_CHECKING:
    from pathlib import Path

_SIGNAL_C = "arch/um/os-Linux/signal.c"
_TIME_C = "arch/um/os-Linux/time.c"
_VECTOR_C = "arch/um/drivers/vector_user.c"
_DRIVER_C = "arch/um/drivers/vector_kern.c"
_CLOCK_C = "arch/um/kernel/time.c"


_EDITS_7 = (
    # The last look before sleeping asks for every interrupt, not for the alarm alone.
    Edit(
        _SIGNAL_C,
        "return !!(signals_pending & SIGALRM_MASK);",
        "return !!(signals_pending & (SIGALRM_MASK | SIGIO_MASK));",
    ),
    # Both signal sets name the alarm: the descriptor that ends the sleep (os_idle_prepare) and the
    # signals held back while looking (os_idle_sleep). A SIGIO between look and sleep is then
    # neither handled too early nor unable to end the sleep.
    Edit(
        _TIME_C,
        "\tsigaddset(&set, SIGALRM);\n",
        "\tsigaddset(&set, SIGALRM);\n\tsigaddset(&set, SIGIO);\n",
        times=2,
    ),
)

_EDITS_6 = (
    # Up to 6.x the flags are private to signal.c: give the idle loop a way to look at them.
    Edit(
        _SIGNAL_C,
        "static unsigned int signals_active = 0;\n",
        "static unsigned int signals_active = 0;\n\n"
        "int os_interrupts_pending(void)\n{\n\treturn signals_pending != 0;\n}\n",
    ),
    Edit(
        _TIME_C,
        "/**\n * os_idle_sleep() - sleep until interrupted\n */\n",
        "int os_interrupts_pending(void);\n\n"
        "/**\n * os_idle_sleep() - sleep until interrupted\n */\n",
    ),
    # SIGIO too is held back from the look until sigsuspend lets it in and wakes.
    Edit(
        _TIME_C,
        "\tsigaddset(&set, SIGALRM);\n",
        "\tsigaddset(&set, SIGALRM);\n\tsigaddset(&set, SIGIO);\n",
    ),
    Edit(
        _TIME_C,
        "\tif (its.it_value.tv_sec || its.it_value.tv_nsec)\n\t\tsigsuspend",
        "\tif (!os_interrupts_pending() &&\n"
        "\t    (its.it_value.tv_sec || its.it_value.tv_nsec))\n\t\tsigsuspend",
    ),
)

_EDITS_CARD = (
    # More than net.core.rmem_max allows; in a user namespace that may be all there is to have.
    Edit(
        _VECTOR_C,
        "\treturn fd;\nraw_fd_cleanup:\n",
        "\tif (proto == ETH_P_ALL) {\n"
        "\t\tint size = 32 << 20;\n\n"
        "\t\tif (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))\n"
        "\t\t\tsetsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));\n"
        "\t}\n\treturn fd;\nraw_fd_cleanup:\n",
    ),
    Edit(
        _VECTOR_C,
        "create_raw_fd(iface, 0, ETH_P_IP); /* Turn off RX on this fd */",
        "create_raw_fd(iface, 0, 0); /* Turn off RX on this fd */",
    ),
    Edit(_DRIVER_C, "(NETIF_F_SG | NETIF_F_FRAGLIST);", "NETIF_F_SG;"),
)

_EDITS_CLOCK = (
    # From the first look on, as the messages' times should not be those of the machine.
    Edit(
        _CLOCK_C,
        "static u64 timer_read(struct clocksource *cs)\n",
        "#ifndef CONFIG_UML_TIME_TRAVEL_SUPPORT\n"
        "notrace unsigned long long sched_clock(void)\n{\n"
        "\tstatic long long first;\n\n"
        "\tif (!first)\n\t\tfirst = os_nsecs();\n"
        "\treturn os_nsecs() - first;\n}\n"
        "#endif\n\n"
        "static u64 timer_read(struct clocksource *cs)\n",
    ),
)

EDITS: dict[int, tuple[Edit, ...]] = {
    6: _EDITS_6 + _EDITS_CARD + _EDITS_CLOCK,
    7: _EDITS_7 + _EDITS_CARD + _EDITS_CLOCK + FASTER,
}
"""The edits by major version of the kernel series."""


def edits_for(series: str) -> tuple[Edit, ...]:
    """Return the edits of a series such as "7.2"; raises TestbedError when none are known."""
    major = int(series.partition(".")[0])
    if major not in EDITS:
        raise TestbedError(f"no change is known for the kernel series {series}")
    return EDITS[major]


def edit_tree(tree: Path, series: str) -> None:
    """Make the edits of the series in a kernel source tree; nothing is written unless all fit."""
    by_file: dict[str, list[Edit]] = {}
    for edit in edits_for(series):
        by_file.setdefault(edit.file, []).append(edit)
    changed = {
        tree / name: apply_edits((tree / name).read_text(), edits, name)
        for name, edits in by_file.items()
    }
    for path, text in changed.items():
        path.write_text(text)
