/* ash/tool/tool.h - what the commands of the host tool share. Layer: hosted tool.
 * SPDX-License-Identifier: ISC
 */
#pragma once
#include <stdio.h>
#include "ash/object.h"
#include "ash/tool/host.h"
#include "ash/tool/lines.h"
#include "ash/tool/peer.h"
#include "dpf/tool/times.h"

enum { STATUS_REFUSED = 1, STATUS_USAGE = 2, STATUS_STOPPED = 3 };

/* An object file, linked, and loaded into a host. */
struct object {
	const char *path;
	struct ash_object linked;
	uint8_t *file;
	struct host host;
	double load_ns; /* link, decode and compile */
};

/* Read, link, decode, compile; program may be null. Returns 0, or a STATUS_ after a message
 * on standard error that names the line of C if it is known. The object is malloced and goes
 * with object_close in every case. */
int object_open(struct object **out, const char *path, const char *program);
/* The same, in a window at address 0, for the bench. */
int object_open_low(struct object **out, const char *path, const char *program);
void object_close(struct object *o);
/* "file.c:12", or "function+3"; in a buffer that the next call overwrites. */
const char *object_where(const struct object *o, uint32_t at);
/* Data as the object brings it, into the window. */
void object_reset(struct object *o);

/* A capture of Ethernet frames, in memory. */
struct capture {
	struct capture_frame {
		uint8_t *bytes;
		uint32_t length;
		uint64_t time; /* nanoseconds */
	} *frame;
	uint32_t n;
};

/* False after a message. At most 65536 bytes each and CAPTURE_MAX frames. */
bool capture_read(struct capture *c, const char *path);
void capture_free(struct capture *c);

/* The window's ring of a host is one slot: map it, and put a frame there. */
enum { SLOT_ROOM = 2048, SLOT_MAX = 65536 };
int slot_map(struct host *h);
struct ash_frame slot_fill(struct host *h, const struct capture_frame *f);

/* s as a JSON string, quotes included. */
void json_string(FILE *to, const char *s);

/* Options of the commands that take an object. */
struct options {
	const char *object, *program, *capture, *replies, *native, *peer;
	const char *address, *key, *filter, *name; /* of a running appliance, remote.c */
	uint32_t shared; /* pages, at most ASH_SHARED_PAGES */
	const char *hex, *mem; /* of exec */
	bool json, interp, quiet, over;
	uint64_t budget;
};
int command_exec(const struct options *o);
int command_check(const struct options *o);
int command_run(const struct options *o);
int command_asm(const struct options *o);
int command_bench(const struct options *o);
int command_load(const struct options *o);
int command_list(const struct options *o);
int command_unload(const struct options *o);

/* Instruction `at` as text; the second half of a wide one is empty. */
void insn_text(char *out, size_t n, const struct ash_program *p, uint32_t at);

/* ash_compile with no sandbox (bare.c). */
ash_compiler bare_compile;

/* The object's function as gcc compiled it, from a shared library, after a message if that
 * cannot be; it works on the low window's addresses, with h's helpers. */
typedef uint32_t native_handler(struct ash_ctx *c);
native_handler *native_open(const char *path, const char *name, struct host *h);

/* The program in the engine of a shared library (peer.h). NULL with *why set. */
peer_program *peer_open(const char *path, const struct object *o, const char **why);

/* The program in Linux's own engine, as an XDP program. -1 with *why set if Linux does not
 * take it. */
int linux_load(const struct object *o, const char **why);
int linux_load_nothing(void); /* a program that passes every frame */
/* The machine code that Linux made of it, in this process, and a run of that on the low window's context.
 * NULL: it calls something, or is not shown to us. */
typedef uint32_t linux_code(const void *buffer);
linux_code *linux_open(const struct object *o, int program);
uint32_t linux_call(linux_code *code, const struct ash_ctx *c);
/* Run it `repeat` times on a frame; out has SLOT_ROOM + SLOT_MAX bytes. Returns nanoseconds
 * for each run as Linux measures them, or -1. */
double linux_run(int program, const struct capture_frame *f, uint32_t repeat,
                 uint32_t *verdict, uint8_t *out, uint32_t *length);
