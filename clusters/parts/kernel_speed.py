"""Changes that make the processes of a user-mode kernel cheaper; from Linux 7 on.

Such a kernel runs each process's memory in a process of the machine (a stub), and every page fault
and system call is two switches between them, 10 to 25 us where switching is dear. A tool that
starts makes over a hundred, kube-proxy starts a hundred tools in an IPVS sync, and most of that
time goes here. Measured side by side, all of this against the first alone as it was with 16 pages
ahead: iptables 4.6 and 3.6 ms, iptables-save 5.9 and 4.7, ipset 3.5 and 2.7, `nft --json list` 18.3
and 12.4, `kube-proxy --version` 104 and 83.

- A write to a process's own memory brings in the 128 KiB around it (arch/um/kernel/trap.c,
  handle_page_fault): a process that starts writes to pages in their order, on its stack backwards,
  and to most of those that it shares with a file. iptables 5.0 and 4.2 ms with 16 pages ahead.
- A fault on a file maps what is in memory of 256 KiB around it, not 64 (mm/memory.c,
  fault_around_pages).
- The stub keeps the file that is the kernel's memory open, instead of being sent it with each
  request to map some of it (arch/um/os-Linux/skas, arch/um/kernel/skas/stub.c); a kernel has no
  other. It maps with MAP_POPULATE, so that the first touch is no fault on the machine.
- Who waits for the stub looks whether it is done already before asking the machine.
- A stub whose process is gone serves the next (arch/um/kernel/skas/mmu.c); what it has mapped goes
  first of all, as in a new one.

Up to 6.x faults map one page only and stubs are traced, so nothing of this would help there.
"""

from __future__ import annotations

from clusters.parts.kernel_edit import Edit

_TRAP_C = "arch/um/kernel/trap.c"
_MEMORY_C = "mm/memory.c"
_PROCESS_C = "arch/um/os-Linux/skas/process.c"
_MEM_C = "arch/um/os-Linux/skas/mem.c"
_STUB_C = "arch/um/kernel/skas/stub.c"
_STUB_EXE_C = "arch/um/kernel/skas/stub_exe.c"
_STUB_DATA_H = "arch/um/include/shared/skas/stub-data.h"
_MMU_C = "arch/um/kernel/skas/mmu.c"

_FAULT_AHEAD = (
    Edit(
        _TRAP_C,
        "/*\n * Note this is constrained to return 0, -EFAULT, -EACCES, -ENOMEM by\n",
        "#define UM_FAULT_AHEAD 32\n\n"
        "static void um_fault_ahead(struct vm_area_struct *vma, unsigned long address)\n{\n"
        "\tunsigned long next = ALIGN_DOWN(address, UM_FAULT_AHEAD * PAGE_SIZE);\n"
        "\tunsigned long end = next + UM_FAULT_AHEAD * PAGE_SIZE;\n"
        "\tpte_t *pte;\n\n"
        "\tnext = max(next, vma->vm_start);\n"
        "\tend = min(end, vma->vm_end);\n"
        "\tfor (; next < end; next += PAGE_SIZE) {\n"
        "\t\tpte = virt_to_pte(vma->vm_mm, next);\n"
        "\t\tif (pte && !pte_none(*pte) && (!pte_present(*pte) || pte_write(*pte)))\n"
        "\t\t\tcontinue;\n"
        "\t\tif (handle_mm_fault(vma, next, FAULT_FLAG_WRITE | FAULT_FLAG_USER,\n"
        "\t\t\t\t    NULL) & VM_FAULT_ERROR)\n\t\t\tbreak;\n"
        "\t}\n}\n\n"
        "/*\n * Note this is constrained to return 0, -EFAULT, -EACCES, -ENOMEM by\n",
    ),
    Edit(
        _TRAP_C,
        "#endif\n\nout:\n",
        "#endif\n\n\tif (is_user && is_write && !(vma->vm_flags & VM_SHARED))\n"
        "\t\tum_fault_ahead(vma, address);\n"
        "out:\n",
    ),
)

_FAULT_AROUND = (
    Edit(
        _MEMORY_C,
        "fault_around_pages __read_mostly =\n\t65536 >> PAGE_SHIFT;",
        "fault_around_pages __read_mostly =\n\t262144 >> PAGE_SHIFT;",
    ),
)

_MEMORY_KEPT = (
    Edit(
        _STUB_DATA_H,
        "#define FUTEX_IN_CHILD 0\n",
        "#define STUB_MEMORY_FD 1\n\n#define FUTEX_IN_CHILD 0\n",
    ),
    Edit(
        _PROCESS_C,
        "\tfcntl(init_data.stub_data_fd, F_SETFD, 0);\n",
        "\tfcntl(init_data.stub_data_fd, F_SETFD, 0);\n"
        "\tif (dup2(init_data.stub_data_fd, STUB_MEMORY_FD) < 0)\n"
        "\t\texit(2);\n",
    ),
    Edit(
        _STUB_EXE_C,
        "__NR_close_range, 1, ~0U",
        "__NR_close_range, STUB_MEMORY_FD + 1, ~0U",
    ),
    Edit(
        _MEM_C,
        "\tif (!using_seccomp)\n\t\treturn fd;\n",
        "\tif (!using_seccomp)\n\t\treturn fd;\n\treturn STUB_MEMORY_FD;\n",
    ),
    Edit(
        _MEM_C,
        "\t\t\tprev_fd = mm_idp->syscall_fd_map[sc->mem.fd];\n",
        "\t\t\tprev_fd = phys_fd;\n",
    ),
    Edit(
        _STUB_C,
        "\tchar rcv_data;\n"
        "\tunion {\n"
        "\t\tchar data[CMSG_SPACE(sizeof(int) * STUB_MAX_FDS)];\n"
        "\t\tstruct cmsghdr align;\n"
        "\t} ctrl = {};\n"
        "\tstruct iovec iov = {\n"
        "\t\t.iov_base = &rcv_data,\n"
        "\t\t.iov_len = 1,\n"
        "\t};\n"
        "\tstruct msghdr msghdr = {\n"
        "\t\t.msg_iov = &iov,\n"
        "\t\t.msg_iovlen = 1,\n"
        "\t\t.msg_control = &ctrl,\n"
        "\t\t.msg_controllen = sizeof(ctrl),\n"
        "\t};\n",
        "",
    ),
    Edit(
        _STUB_C,
        "\tstruct cmsghdr *fd_msg;\n\tint *fd_map;\n\tint num_fds;\n",
        "",
    ),
    Edit(
        _STUB_C,
        "\t\t/* Read passed FDs (if any) */\n"
        "\t\tdo {\n"
        "\t\t\tres = stub_syscall3(__NR_recvmsg, 0, (unsigned long)&msghdr, 0);\n"
        "\t\t} while (res == -EINTR);\n"
        "\n"
        "\t\t/* We should never have a receive error (other than -EAGAIN) */\n"
        "\t\tif (res < 0 && res != -EAGAIN)\n"
        "\t\t\tstub_syscall1(__NR_exit_group, 1);\n"
        "\n"
        "\t\t/* Receive the FDs */\n"
        "\t\tnum_fds = 0;\n"
        "\t\tfd_msg = msghdr.msg_control;\n"
        "\t\tfd_map = (void *)CMSG_DATA(fd_msg);\n"
        "\t\tif (res == iov.iov_len && msghdr.msg_controllen > sizeof(struct cmsghdr))\n"
        "\t\t\tnum_fds = (fd_msg->cmsg_len - CMSG_LEN(0)) / sizeof(int);\n"
        "\n"
        "\t\t/* Try running queued syscalls. */\n"
        "\t\tres = syscall_handler(fd_map);\n"
        "\n"
        "\t\twhile (num_fds)\n"
        "\t\t\tstub_syscall2(__NR_close, fd_map[--num_fds], 0);\n",
        "\t\tres = syscall_handler(NULL);\n",
    ),
    Edit(
        _STUB_C,
        "MAP_SHARED | MAP_FIXED,\n",
        "MAP_SHARED | MAP_FIXED | MAP_POPULATE,\n",
    ),
)

_LOOK_FIRST = (
    Edit(
        _PROCESS_C,
        "\t\t\tret = syscall(__NR_futex, &data->futex,\n"
        "\t\t\t\t      FUTEX_WAIT, FUTEX_IN_CHILD,\n",
        "\t\t\tif (__READ_ONCE(data->futex) != FUTEX_IN_CHILD)\n"
        "\t\t\t\tbreak;\n"
        "\n"
        "\t\t\tret = syscall(__NR_futex, &data->futex,\n"
        "\t\t\t\t      FUTEX_WAIT, FUTEX_IN_CHILD,\n",
    ),
)

_STUBS_KEPT = (
    Edit(
        _MMU_C,
        "static struct list_head mm_list;\n",
        "static struct list_head mm_list;\n"
        "\n"
        "#define UM_IDLE_STUBS 16\n"
        "\n"
        "static struct mm_id um_idle_stubs[UM_IDLE_STUBS];\n"
        "static int um_idle_stub_count;\n"
        "\n"
        "static bool um_keep_stub(struct mm_id *id)\n"
        "{\n"
        "\tif (!using_seccomp || id->pid < 2 || id->syscall_data_len < 0 ||\n"
        "\t    um_idle_stub_count == UM_IDLE_STUBS)\n"
        "\t\treturn false;\n"
        "\tid->syscall_data_len = 0;\n"
        "\tid->syscall_fd_num = 0;\n"
        "\tum_idle_stubs[um_idle_stub_count++] = *id;\n"
        "\treturn true;\n"
        "}\n"
        "\n"
        "static void um_forget_stub(int pid)\n"
        "{\n"
        "\tint i;\n"
        "\n"
        "\tfor (i = 0; i < um_idle_stub_count; i++)\n"
        "\t\tif (um_idle_stubs[i].pid == pid)\n"
        "\t\t\tum_idle_stubs[i--] = um_idle_stubs[--um_idle_stub_count];\n"
        "}\n",
    ),
    Edit(
        _MMU_C,
        "\tunsigned long stack = 0;\n\tint ret = -ENOMEM;\n",
        "\tunsigned long stack = 0;\n\tbool kept = false;\n\tint ret = -ENOMEM;\n",
    ),
    Edit(
        _MMU_C,
        "\tstack = __get_free_pages(",
        "\tscoped_guard(spinlock_irqsave, &mm_list_lock) {\n"
        "\t\tif (um_idle_stub_count) {\n"
        "\t\t\t*new_id = um_idle_stubs[--um_idle_stub_count];\n"
        "\t\t\tlist_add(&mm->context.list, &mm_list);\n"
        "\t\t\tkept = true;\n"
        "\t\t}\n"
        "\t}\n"
        "\tif (kept) {\n"
        "\t\tunmap(new_id, 0, STUB_START);\n"
        "\t\treturn 0;\n"
        "\t}\n"
        "\n"
        "\tstack = __get_free_pages(",
    ),
    Edit(
        _MMU_C,
        "\tstruct mm_context *mmu = &mm->context;\n",
        "\tstruct mm_context *mmu = &mm->context;\n\tbool kept = false;\n",
    ),
    Edit(
        _MMU_C,
        "\tscoped_guard(spinlock_irqsave, &mm_list_lock)\n\t\tlist_del(&mm->context.list);\n",
        "\tscoped_guard(spinlock_irqsave, &mm_list_lock) {\n"
        "\t\tlist_del(&mm->context.list);\n"
        "\t\tkept = um_keep_stub(&mmu->id);\n"
        "\t}\n"
        "\tif (kept)\n"
        "\t\treturn;\n",
    ),
    Edit(
        _MMU_C,
        "\twhile ((pid = os_reap_child()) > 0) {\n",
        "\twhile ((pid = os_reap_child()) > 0) {\n\t\tum_forget_stub(pid);\n",
    ),
)

FASTER: tuple[Edit, ...] = (
    *_FAULT_AHEAD,
    *_FAULT_AROUND,
    *_MEMORY_KEPT,
    *_LOOK_FIRST,
    *_STUBS_KEPT,
)
"""All of them, in the order in which they are made."""
