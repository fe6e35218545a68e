/* boot/count.c - a plugin for QEMU's TCG that counts the guest's instructions.
 *
 * -plugin build/count.so,to=PATH   PATH: 8 bytes, the number so far, in host order; whoever
 * maps or reads the file sees it grow. A processor that waits for an interrupt executes nothing, so that
 * idle time does not count. Debian ships no header for plugins: what is declared here is
 * all that is used of version 1 of QEMU's interface (docs/devel/tcg-plugins).
 * SPDX-License-Identifier: ISC */
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef void translated(uint64_t plugin, struct qemu_plugin_tb *block);

enum { VERSION = 1, INLINE_ADD_U64 = 0 };

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t plugin, translated *f);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *block, size_t k);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn, int operation,
                                                void *word, uint64_t value);
int qemu_plugin_install(uint64_t plugin, const void *info, int argc, char **argv);

extern int qemu_plugin_version;
int qemu_plugin_version = VERSION;

static uint64_t *counter;

static void count_each(uint64_t plugin, struct qemu_plugin_tb *block)
{
	(void)plugin;
	for (size_t k = 0, n = qemu_plugin_tb_n_insns(block); k < n; k++)
		qemu_plugin_register_vcpu_insn_exec_inline(qemu_plugin_tb_get_insn(block, k),
		                                           INLINE_ADD_U64, counter, 1);
}

/* A word of the file, shared with who reads it. */
static uint64_t *map_word(const char *path)
{
	int file = open(path, O_RDWR | O_CREAT, 0600);
	void *word = MAP_FAILED;

	if (file >= 0 && ftruncate(file, sizeof *counter) == 0)
		word = mmap(NULL, sizeof *counter, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	if (file >= 0)
		close(file);
	return word == MAP_FAILED ? NULL : word;
}

int qemu_plugin_install(uint64_t plugin, const void *info, int argc, char **argv)
{
	static const char option[] = "to=";

	(void)info;
	if (argc != 1 || strncmp(argv[0], option, sizeof option - 1) != 0 ||
	    !(counter = map_word(argv[0] + sizeof option - 1))) {
		fputs("count: to=PATH\n", stderr);
		return 1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(plugin, count_each);
	return 0;
}
