"""The changes to the kernel's idle loop, processes and network card."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clusters.errors import TestbedError
from clusters.parts.kernel_edit import Edit, apply_edits
from clusters.parts.kernel_edits import EDITS, edit_tree, edits_for

if TYPE_CHECKING:
    from pathlib import Path

SIGNAL_7 = """int timer_alarm_pending(void)
{
	return !!(signals_pending & SIGALRM_MASK);
}
"""
TIME_7 = """void os_idle_prepare(void)
{
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	sigaddset(&set, IPI_SIGNAL);
}
void os_idle_sleep(void)
{
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	sigprocmask(SIG_BLOCK, &set, NULL);
}
"""
SIGNAL_6 = """static unsigned int signals_pending;
static unsigned int signals_active = 0;
"""
TIME_6 = """/**
 * os_idle_sleep() - sleep until interrupted
 */
void os_idle_sleep(void)
{
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	sigprocmask(SIG_BLOCK, &set, &old);
	if (its.it_value.tv_sec || its.it_value.tv_nsec)
		sigsuspend(&old);
}
"""


VECTOR = """static int create_raw_fd(char *iface, int flags, int proto)
{
	return fd;
raw_fd_cleanup:
	return err;
}
	rxfd = create_raw_fd(iface, ETH_P_ALL, ETH_P_ALL);
	txfd = create_raw_fd(iface, 0, ETH_P_IP); /* Turn off RX on this fd */
"""


DRIVER = "dev->features = dev->hw_features = (NETIF_F_SG | NETIF_F_FRAGLIST);"


TRAP = """/*
 * Note this is constrained to return 0, -EFAULT, -EACCES, -ENOMEM by
 * segv().
 */
int handle_page_fault(unsigned long address)
{
	err = 0;
#if 0
	WARN_ON(!pte_young(*pte));
#endif

out:
	mmap_read_unlock(mm);
}
"""


def tree(root: Path, signal_c: str, time_c: str) -> Path:
    """Write the files that the edits touch; of those not given here, what the edits look for."""
    texts: dict[str, str] = {}
    for edit in EDITS[7]:
        texts[edit.file] = texts.get(edit.file, "") + (edit.old + "\n") * edit.times
    folder = "arch/um/os-Linux"
    texts |= {
        "arch/um/drivers/vector_user.c": VECTOR,
        "arch/um/drivers/vector_kern.c": DRIVER,
        "arch/um/kernel/trap.c": TRAP,
        f"{folder}/signal.c": signal_c,
        f"{folder}/time.c": time_c,
    }
    for name, text in texts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root / folder


def test_series_7_looks_at_and_wakes_on_sigio(tmp_path: Path) -> None:
    """The check, the descriptor set and the blocked set all include SIGIO."""
    folder = tree(tmp_path, SIGNAL_7, TIME_7)
    edit_tree(tmp_path, "7.2")
    assert "signals_pending & (SIGALRM_MASK | SIGIO_MASK)" in (folder / "signal.c").read_text()
    prepare, sleep = (folder / "time.c").read_text().split("void os_idle_sleep")
    assert "sigaddset(&set, SIGIO)" in prepare
    assert sleep.index("SIGIO") < sleep.index("sigprocmask")


def test_series_6_asks_before_it_suspends(tmp_path: Path) -> None:
    """The pending check exists, is declared, and guards sigsuspend."""
    folder = tree(tmp_path, SIGNAL_6, TIME_6)
    edit_tree(tmp_path, "6.1")
    assert "int os_interrupts_pending(void)\n{" in (folder / "signal.c").read_text()
    time_c = (folder / "time.c").read_text()
    assert time_c.index("int os_interrupts_pending(void);") < time_c.index("void os_idle_sleep")
    assert "if (!os_interrupts_pending() &&" in time_c
    assert "sigaddset(&set, SIGIO)" in time_c


@pytest.mark.parametrize("series", ["6.1", "7.2"])
def test_processor_time_is_counted_in_ns(tmp_path: Path, series: str) -> None:
    """The scheduler's clock is the one that programs ask, from 0."""
    tree(tmp_path, *{"6.1": (SIGNAL_6, TIME_6), "7.2": (SIGNAL_7, TIME_7)}[series])
    edit_tree(tmp_path, series)
    time_c = (tmp_path / "arch/um/kernel/time.c").read_text()
    assert "sched_clock(void)\n{\n\tstatic long long first;" in time_c
    assert time_c.index("return os_nsecs() - first;") < time_c.index("static u64 timer_read(")


def test_a_fault_brings_in_what_follows(tmp_path: Path) -> None:
    """Only a write to a process's own memory does, with its address space still locked."""
    tree(tmp_path, SIGNAL_7, TIME_7)
    edit_tree(tmp_path, "7.2")
    trap_c = (tmp_path / "arch/um/kernel/trap.c").read_text()
    assert trap_c.index("static void um_fault_ahead(") < trap_c.index("int handle_page_fault(")
    call = trap_c.index("um_fault_ahead(vma, address);")
    assert trap_c.index("err = 0;") < call < trap_c.index("mmap_read_unlock(mm);")
    assert "is_user && is_write && !(vma->vm_flags & VM_SHARED)" in trap_c[:call]


def test_the_stub_keeps_the_memory_open(tmp_path: Path) -> None:
    """It is sent no descriptor any more, and closes all but that one."""
    tree(tmp_path, SIGNAL_7, TIME_7)
    edit_tree(tmp_path, "7.2")
    skas = tmp_path / "arch/um/kernel/skas"
    assert "recvmsg" not in (skas / "stub.c").read_text()
    assert "STUB_MEMORY_FD + 1, ~0U" in (skas / "stub_exe.c").read_text()
    assert "return STUB_MEMORY_FD;" in (tmp_path / "arch/um/os-Linux/skas/mem.c").read_text()


def test_a_stub_that_serves_again_has_nothing_mapped(tmp_path: Path) -> None:
    """Whoever takes a kept one has everything unmapped before anything else."""
    tree(tmp_path, SIGNAL_7, TIME_7)
    edit_tree(tmp_path, "7.2")
    mmu_c = (tmp_path / "arch/um/kernel/skas/mmu.c").read_text()
    taken = mmu_c.index("*new_id = um_idle_stubs[--um_idle_stub_count];")
    assert taken < mmu_c.index("unmap(new_id, 0, STUB_START);", taken)


@pytest.mark.parametrize("series", ["6.1", "7.2"])
def test_the_card_has_room_for_a_burst(tmp_path: Path, series: str) -> None:
    """The socket that receives gets a large buffer before it is used; the other gets no packet."""
    tree(tmp_path, *{"6.1": (SIGNAL_6, TIME_6), "7.2": (SIGNAL_7, TIME_7)}[series])
    edit_tree(tmp_path, series)
    vector_c = (tmp_path / "arch/um/drivers/vector_user.c").read_text()
    assert vector_c.index("SO_RCVBUFFORCE") < vector_c.index("return fd;")
    assert "create_raw_fd(iface, 0, 0)" in vector_c


def test_the_card_sends_no_lists_of_packets(tmp_path: Path) -> None:
    """What GRO made a list of is made one piece before it is sent."""
    tree(tmp_path, SIGNAL_7, TIME_7)
    edit_tree(tmp_path, "7.2")
    driver_c = (tmp_path / "arch/um/drivers/vector_kern.c").read_text()
    assert driver_c == "dev->features = dev->hw_features = NETIF_F_SG;"


@pytest.mark.parametrize("count", [0, 1, 3])
def test_an_anchor_must_occur_exactly_as_often_as_known(count: int) -> None:
    """Too few or too many matches fail, and the message says what was looked for."""
    with pytest.raises(TestbedError, match=f"`here` 2 times, found it {count} times"):
        apply_edits("here " * count, [Edit("a.c", "here", "there", times=2)], "a.c")


def test_nothing_is_written_when_one_file_does_not_fit(tmp_path: Path) -> None:
    """A tree is changed as a whole or not at all."""
    folder = tree(tmp_path, SIGNAL_7, TIME_6)
    with pytest.raises(TestbedError):
        edit_tree(tmp_path, "7.2")
    assert (folder / "signal.c").read_text() == SIGNAL_7


def test_a_tree_is_not_edited_twice(tmp_path: Path) -> None:
    """A second application is noticed instead of doubling the change."""
    tree(tmp_path, SIGNAL_7, TIME_7)
    edit_tree(tmp_path, "7.2")
    with pytest.raises(TestbedError, match=r"signal\.c"):
        edit_tree(tmp_path, "7.2")


def test_an_unknown_series_is_refused() -> None:
    """No edit is guessed for a kernel nobody looked at."""
    with pytest.raises(TestbedError, match=r"series 8\.0"):
        edits_for("8.0")
