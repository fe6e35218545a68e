/* dpf/tool/ir.c - show expressions as classic BPF, as `tcpdump -d`, -dd and -ddd do.
 * SPDX-License-Identifier: ISC */
#include "dpf/tool/job.h"
#include "dpf/tool/json.h"
#include "dpf/tool/tool.h"
#include <stdio.h>

static void show_json(const struct expression *e, const char *lead)
{
	printf("%s{\"expression\":", lead);
	json_string(stdout, e->text);
	printf(",\"instructions\":[");
	for (u_int i = 0; i < e->program.bf_len; i++) {
		const struct bpf_insn *in = &e->program.bf_insns[i];

		printf("%s\n  {\"code\":%u,\"jt\":%u,\"jf\":%u,\"k\":%u,\"text\":", i ? "," : "",
		       in->code, in->jt, in->jf, in->k);
		json_string(stdout, bpf_image(in, (int)i));
		putchar('}');
	}
	printf("]}");
}

int command_ir(int argc, char **argv)
{
	struct job j;

	if (!job_open(&j, argc, argv, "scf:r:y:dj", 0))
		return TOOL_ERROR;
	for (int i = 0; i < j.f.n; i++) {
		struct expression *e = &j.f.e[i];

		if (j.o.json) {
			show_json(e, i ? ",\n " : "[");
			continue;
		}
		if (j.f.n > 1 && j.o.dump < 2) /* the other forms have no comments */
			printf("%s; %s\n", i ? "\n" : "", e->text);
		bpf_dump(&e->program, j.o.dump ? j.o.dump : 1);
	}
	if (j.o.json)
		puts("]");
	job_close(&j);
	return finish(0);
}
