/* ash/tool/object.c - from a path to a handler that can run, or one line that says why not.
 * SPDX-License-Identifier: ISC
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "ash/tool/tool.h"

enum { FILE_MAX = 64 << 20, NAMES_MAX = 64 };

/* A name out of an untrusted file, for a terminal. */
static const char *safe(const char *s)
{
	static char text[4][160];
	static unsigned turn;
	char *out = text[turn++ % 4];
	size_t n = 0;

	for (; *s && n + 1 < sizeof text[0]; s++)
		out[n++] = *s >= ' ' && *s <= '~' ? *s : '?';
	out[n] = 0;
	return out;
}

static bool read_file(struct object *o)
{
	FILE *f = fopen(o->path, "rb");
	size_t size = 0, room = 1 << 16, n;

	if (!f) {
		fprintf(stderr, "ash: %s: %s\n", o->path, strerror(errno));
		return false;
	}
	do {
		o->file = realloc(o->file, room *= 2);
		n = o->file ? fread(o->file + size, 1, room - size, f) : 0;
		size += n;
	} while (n > 0 && size == room && room < FILE_MAX);
	bool good = o->file && !ferror(f) && feof(f);
	fclose(f);
	if (!good)
		fprintf(stderr, "ash: %s: cannot be read, or is larger than 64 MiB\n", o->path);
	o->linked.file = o->file;
	o->linked.size = size;
	return good;
}

static bool line_of(const struct object *o, uint32_t at, struct source_line *line)
{
	uint32_t section;
	uint64_t offset;

	return ash_object_place(&o->linked, at, &section, &offset) &&
	       source_line(&o->linked.elf, section, offset, line);
}

const char *object_where(const struct object *o, uint32_t at)
{
	static char text[400];
	struct source_line line;

	if (line_of(o, at, &line)) {
		const char *base = strrchr(line.file, '/');
		snprintf(text, sizeof text, "%s:%" PRIu32, safe(base ? base + 1 : line.file),
		         line.line);
	} else {
		snprintf(text, sizeof text, "instruction %" PRIu32 ", in %s", at,
		         safe(ash_object_function(&o->linked, at)));
	}
	return text;
}

/* Where in the C source, or in the object, a refusal of the linker lies. */
static void print_refusal(struct object *o)
{
	struct ash_object *l = &o->linked;
	uint32_t section = l->section[0] ? elf_find(&l->elf, l->section) : 0;
	struct source_line line;

	fprintf(stderr, "ash: %s: ", o->path);
	if (section && source_line(&l->elf, section, l->offset, &line))
		fprintf(stderr, "%s:%" PRIu32 ": ", safe(line.file), line.line);
	fputs(ash_object_bad_text(l->bad), stderr);
	if (l->symbol[0])
		fprintf(stderr, ": %s", safe(l->symbol));
	if (l->section[0])
		fprintf(stderr, " (section %s, byte %" PRIu64 ")", safe(l->section), l->offset);
	fputs("\n", stderr);
	uint32_t k = 0;
	for (int n = 0; l->bad == ASH_OBJECT_PROGRAMS && n < NAMES_MAX; n++) {
		const char *name = ash_object_next(l, &k);
		if (!name)
			break;
		fprintf(stderr, "  -p %s\n", safe(name));
	}
}

static void print_bad(struct object *o)
{
	const struct ash_program *p = &o->host.program;
	struct source_line line;

	fprintf(stderr, "ash: %s: %s: %s\n", o->path, object_where(o, p->at),
	        ash_bad_text(p->bad));
	if (line_of(o, p->at, &line) && line.text[0])
		fprintf(stderr, "  %s\n", safe(line.text));
}

static int load(struct object *o, int (*open)(struct host *))
{
	struct ash_object *l = &o->linked;
	uint32_t pages = (l->data_length + 4095) & ~4095u;

	if (open(&o->host) || (pages && host_map(&o->host, ASH_DATA, pages))) {
		fputs("ash: cannot reserve a window: raise the limit on address space\n", stderr);
		return STATUS_REFUSED;
	}
	o->host.start = l->start;
	int err = host_pipes(&o->host, l->pipe, l->npipe);
	if (err == -E_INVAL || err == -E_LIMIT) {
		fprintf(stderr, "ash: %s: section ash.pipes is no list of pipelines\n", o->path);
		return STATUS_REFUSED;
	}
	if (!err)
		err = host_load(&o->host, l->insn, l->ninsn, l->entry, l->nentry);
	if (!err)
		return 0;
	if (o->host.program.bad)
		print_bad(o);
	else
		fputs("ash: out of memory\n", stderr);
	return STATUS_REFUSED;
}

static int open_object(struct object **out, const char *path, const char *program,
                       int (*open)(struct host *))
{
	struct object *o = *out = calloc(1, sizeof *o);

	if (!o)
		abort();
	o->path = path;
	o->linked.program = program;
	o->linked.insn = calloc(ASH_INSN_MAX, sizeof *o->linked.insn);
	o->linked.data = calloc(1, ASH_DATA_MAX);
	o->linked.entry = calloc(ASH_FUNCTION_MAX, sizeof *o->linked.entry);
	if (!o->linked.insn || !o->linked.data || !o->linked.entry)
		abort();
	if (!read_file(o))
		return STATUS_REFUSED;
	double begin = now_ns();
	if (ash_object_link(&o->linked)) {
		print_refusal(o);
		return STATUS_REFUSED;
	}
	int status = load(o, open);
	o->load_ns = now_ns() - begin;
	if (!status)
		object_reset(o);
	return status;
}

int object_open(struct object **out, const char *path, const char *program)
{
	return open_object(out, path, program, host_open);
}

int object_open_low(struct object **out, const char *path, const char *program)
{
	return open_object(out, path, program, host_open_low);
}

void object_reset(struct object *o)
{
	if (o->linked.data_length)
		memcpy(o->host.run.window + ASH_DATA, o->linked.data, o->linked.data_length);
}

void object_close(struct object *o)
{
	host_close(&o->host);
	free(o->linked.insn);
	free(o->linked.data);
	free(o->linked.entry);
	free(o->file);
	free(o);
}

void json_string(FILE *to, const char *s)
{
	fputc('"', to);
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if (c == '"' || c == '\\')
			fprintf(to, "\\%c", c);
		else if (c < ' ' || c > '~')
			fprintf(to, "\\u%04x", c);
		else
			fputc(c, to);
	}
	fputc('"', to);
}
