# docs/: the reference of system calls is generated. SPDX-License-Identifier: ISC
SYSCALLS := docs/syscalls.awk kernel/include/exo/syscalls.def $(wildcard kernel/sys*.c) kernel/transfer.S
$(B)/syscalls.md: $(SYSCALLS) ; @mkdir -p $(@D); awk -f $^ > $@
# The errors they name, for apps/ktest/errors_test.c.
$(B)/syscall_errors.def: $(SYSCALLS) ; @mkdir -p $(@D); awk -v errors=1 -f $^ > $@
ALL += $(B)/syscalls.md
