/* libnet/exos/newlib.c - what newlib needs of an operating system: a console to write to,
 * memory that grows, an end. There are no files. SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include "exo/cap.h"
#include "exo/layout.h"
#include "exo/stub.h"
#include "libnet/exos/console.h"
#include "libnet/exos/memory.h"

/* The names newlib calls; its headers declare some of them with other types. */
int write(int file, const void *from, size_t n);
int read(int file, void *to, size_t n);
int close(int file);
int fstat(int file, struct stat *out);
int isatty(int file);
long lseek(int file, long offset, int whence);
int kill(int pid, int signal);
int getpid(void);
void *sbrk(long n);
_Noreturn void _exit(int status);

static uint32_t machine;

void console_use(uint32_t slot)
{
	machine = slot;
	setvbuf(stdout, NULL, _IOLBF, 256);
}

uint32_t console_slot(void) { return machine; }

int write(int file, const void *from, size_t n)
{
	if (file != 1 && file != 2) {
		errno = EBADF;
		return -1;
	}
	if (machine && sys_console_write(machine, (uint64_t)from, (uint32_t)n) < 0) {
		errno = EIO;
		return -1;
	}
	return (int)n;
}

static int no_such_file(void)
{
	errno = EBADF;
	return -1;
}

int read(int file, void *to, size_t n)
{
	(void)file;
	(void)to;
	(void)n;
	return no_such_file();
}

int close(int file)
{
	(void)file;
	return no_such_file();
}

long lseek(int file, long offset, int whence)
{
	(void)file;
	(void)offset;
	(void)whence;
	return no_such_file();
}

int fstat(int file, struct stat *out)
{
	(void)file;
	out->st_mode = S_IFCHR;
	return 0;
}

int isatty(int file)
{
	(void)file;
	return 1;
}

int kill(int pid, int signal)
{
	(void)pid;
	(void)signal;
	errno = ESRCH;
	return -1;
}

int getpid(void) { return 1; }

/* Memory grows by whole pages and never shrinks. */
void *sbrk(long n)
{
	static uint64_t used = EXOS_HEAP, end = EXOS_HEAP;
	uint64_t at = used;

	if (n < 0 || (uint64_t)n > EXOS_HEAP_END - used) {
		errno = ENOMEM;
		return (void *)-1;
	}
	while (end < used + (uint64_t)n) {
		uint64_t want = (used + (uint64_t)n - end + EXO_PAGE_SIZE - 1) >> EXO_PAGE_SHIFT;
		uint32_t pages = want > 4096 ? 4096 : (uint32_t)want;

		if (memory_new(end, pages) < 0) {
			errno = ENOMEM;
			return (void *)-1;
		}
		end += (uint64_t)pages << EXO_PAGE_SHIFT;
	}
	used += (uint64_t)n;
	return (void *)at;
}

_Noreturn void _exit(int status)
{
	for (;;)
		sys_env_destroy(SLOT_SELF, (uint32_t)status);
}
