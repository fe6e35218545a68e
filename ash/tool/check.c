/* ash/tool/check.c - `ash check`: does an object load, and what is in it.
 * SPDX-License-Identifier: ISC
 */
#include <inttypes.h>
#include "ash/tool/tool.h"

static void print_text(const struct object *o)
{
	const struct host *h = &o->host;

	printf("%s: program %s: %" PRIu32 " instructions, %" PRIu32 " functions, %" PRIu32
	       " bytes of data, %" PRIu32 " bytes of machine code\n",
	       o->path, o->linked.name, h->program.ninsn, h->program.nfunction,
	       o->linked.data_length, h->code.length);
}

static void print_json(const struct object *o)
{
	const struct host *h = &o->host;

	printf("{\"object\":");
	json_string(stdout, o->path);
	printf(",\"program\":");
	json_string(stdout, o->linked.name);
	printf(",\"instructions\":%" PRIu32 ",\"functions\":%" PRIu32 ",\"data\":%" PRIu32
	       ",\"code\":%" PRIu32 ",\"load_ns\":%.0f}\n",
	       h->program.ninsn, h->program.nfunction, o->linked.data_length, h->code.length,
	       o->load_ns);
}

int command_check(const struct options *options)
{
	struct object *o;
	int status = object_open(&o, options->object, options->program);

	if (!status && options->json)
		print_json(o);
	else if (!status)
		print_text(o);
	object_close(o);
	return status;
}
