/* apps/init/main.c - the first program: starts the others from the boot modules.
 *
 * A module NAME.elf becomes environment NAME, in the order of the modules; a module with
 * another name is a file for the program before it. What a program may do is decided
 * here: the table `roles` names those that may do more than use the interface. The console may end
 * what was started before it.
 * SPDX-License-Identifier: ISC */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "exo/err.h"
#include "exo/page.h"
#include "exo/stub.h"
#include "libnet/exos/console.h"
#include "libnet/exos/context.h"
#include "libnet/exos/exposed.h"
#include "libnet/exos/spawn.h"

int first_main(uint32_t data_slot);

enum { TABLE_LIMIT = 128, PROGRAM_MAX = EXO_WAIT_TERMS };

/* The rights of a program, by its name. */
struct role {
	const char *name;
	uint8_t nic, machine; /* enum exo_right; 0: no capability */
	uint8_t share, door;  /* enum exo_prot, of the pages of libnet/share.h */
	bool kills, carves; /* may end the others; may take their frames */
	uint32_t tables; /* its table_limit, 0: TABLE_LIMIT */
};
static const struct role roles[] = {
	{ .name = "ipd", .nic = RIGHT_RECV, .machine = RIGHT_WRITE, .share = PROT_R | PROT_W,
	  .door = PROT_R },
	{ .name = "console", .machine = RIGHT_READ | RIGHT_WRITE | RIGHT_RUN, .share = PROT_R,
	  .door = PROT_R, .kills = true },
	{ .name = "uart", .machine = RIGHT_WRITE | RIGHT_MAP, .share = PROT_R, .door = PROT_R },
	{ .name = "bridge", .nic = RIGHT_MAP, .machine = RIGHT_WRITE, .share = PROT_R, .door = PROT_R },
	{ .name = "probe", .nic = RIGHT_RECV | RIGHT_READ, .machine = RIGHT_WRITE | RIGHT_RUN,
	  .share = PROT_R, .door = PROT_R | PROT_W },
	/* Handlers' code counts as tables. Who has the key may put one before any program. */
	{ .name = "ashd", .carves = true, .nic = RIGHT_RECV, .machine = RIGHT_WRITE, .share = PROT_R,
	  .door = PROT_R | PROT_W, .tables = 2048 },
	{ .name = NULL, .nic = RIGHT_RECV, .machine = RIGHT_WRITE, .share = PROT_R,
	  .door = PROT_R | PROT_W },
};

struct program {
	uint32_t env;  /* slot */
	uint32_t id;
	uint32_t word; /* its state, as last seen */
	char name[16];
};

static struct {
	uint32_t share, door; /* page slots */
	struct program program[PROGRAM_MAX];
	uint32_t programs;
} init;

static const struct role *role_of(const char *name)
{
	const struct role *r = roles;

	while (r->name && strcmp(r->name, name) != 0)
		r++;
	return r;
}

static uint32_t pages_of(const struct exo_module *m)
{
	return (uint32_t)((m->size + EXO_PAGE_SIZE - 1) >> EXO_PAGE_SHIFT);
}

/* Is this module a program? Then its name, without the ending. */
static bool program_name(const struct exo_module *m, char name[16])
{
	const char *end = strrchr(m->name, '.');
	size_t n = end ? (size_t)(end - m->name) : 0;

	if (n == 0 || strcmp(end, ".elf") != 0)
		return false;
	n = n < 15 ? n : 15;
	memcpy(name, m->name, n);
	name[n] = '\0';
	return true;
}

static void mint(struct exo_cap *out, uint32_t slot, uint32_t rights)
{
	if (rights)
		sys_cap_mint(slot, rights, (uint64_t)out);
}

/* A page to write requests to, which stays ours. */
static long request_page(struct spawn *s)
{
	long slot = sys_page_alloc(PAGE_ANY, 1);

	if (slot < 0)
		return slot;
	mint(&s->args.request, (uint32_t)slot, RIGHT_READ);
	s->shared[2] = (uint32_t)slot;
	s->shared_prot[2] = PROT_R | PROT_W;
	return 0;
}

static long empower(struct spawn *s, const struct role *r)
{
	s->shared[0] = init.share;
	s->shared_prot[0] = r->share;
	s->shared[1] = init.door;
	s->shared_prot[1] = r->door;
	mint(&s->args.nic, SLOT_NIC, r->nic);
	mint(&s->args.carve, SLOT_NIC, r->carves ? RIGHT_RECV | RIGHT_CARVE : 0);
	mint(&s->args.machine, SLOT_MACHINE, r->machine);
	for (uint32_t i = 0; r->kills && i < init.programs && i < ARGS_ENVS; i++)
		mint(&s->args.env[s->args.envs++], init.program[i].env, RIGHT_RUN | RIGHT_OWN);
	return r->nic ? request_page(s) : 0;
}

static uint32_t state_word(uint32_t id)
{
	return *(const volatile uint32_t *)&exo_env(id)->state;
}

static void note(const struct spawn *s, uint32_t env)
{
	struct exo_cap cap;
	struct program *p = &init.program[init.programs++];

	sys_cap_mint(env, RIGHT_RUN, (uint64_t)&cap);
	p->env = env;
	p->id = exo_env(cap.name)->id;
	p->word = state_word(p->id);
	strcpy(p->name, s->name);
}

static long start(struct spawn *s)
{
	uint64_t entry;
	const struct role *role = role_of(s->name);
	s->table_limit = role->tables ? role->tables : TABLE_LIMIT;
	long error = empower(s, role), env = error < 0 ? error : spawn(s, &entry);

	if (env < 0) {
		if (s->shared[2])
			sys_page_free(s->shared[2], 1);
		return env;
	}
	note(s, (uint32_t)env);
	return sys_env_start((uint32_t)env, entry, 0);
}

/* Start the program in a module; `file` is the one after it, if that is a file. */
static void start_module(const struct exo_module *m, const struct exo_module *file)
{
	char name[16];
	struct spawn s = { .name = name, .image = (const void *)EXOS_IMAGE, .size = m->size };

	if (!program_name(m, name))
		return;
	if (file && !program_name(file, (char[16]){ 0 })) {
		s.file_slot = file->slot;
		s.file_pages = pages_of(file);
		s.args.file_size = file->size;
	}
	uint32_t n = pages_of(m);
	long error = sys_page_map(SLOT_SELF, EXOS_IMAGE, m->slot, n, PROT_R);
	if (error >= 0)
		error = start(&s);
	if (error == -E_INVAL)
		printf("init: %s is no program\n", m->name);
	else if (error < 0)
		printf("init: %s could not be started: error %ld\n", m->name, -error);
	sys_page_free(m->slot, n);
}

static void start_all(void)
{
	static struct exo_module module[EXO_MODULE_MAX];
	uint32_t n = exo_info()->modules;

	for (uint32_t i = 0; i < n; i++)
		module[i] = exo_info()->module[i];
	for (uint32_t i = 1; i < n; i++)
		start_module(&module[i], i + 1 < n ? &module[i + 1] : NULL);
}

/* Say once that it is over, and how. */
static void look(struct program *p)
{
	static const char *const how[] = { "", "it returned", "it was ended", "an exception",
		                           "it held the processor too long", "a bad entry" };
	struct exo_env e = *exo_env(p->id);

	p->word = state_word(p->id);
	if (!p->id || e.state != ENV_ENDED)
		return;
	printf("init: %s is over: %s, code %lu\n", p->name,
	       how[e.ended < sizeof how / sizeof *how ? e.ended : 0], (unsigned long)e.code);
	p->id = 0;
}

static void watch(void)
{
	struct exo_wait_term term[PROGRAM_MAX];
	uint32_t n = 0;

	for (uint32_t i = 0; i < init.programs; i++) {
		struct program *p = &init.program[i];

		if (p->id && state_word(p->id) != p->word)
			look(p);
		if (p->id)
			term[n++] = (struct exo_wait_term){
				.address = (uint64_t)&exo_env(p->id)->state,
				.value = p->word, .op = WAIT_NE, .or_ = 1 };
	}
	context_wait(term, n, n ? WAIT_FOREVER : UINT64_MAX - 1);
}

int first_main(uint32_t data_slot)
{
	(void)data_slot;
	context_init();
	console_use(SLOT_MACHINE);
	long pages = sys_page_alloc(PAGE_ANY, 2);
	if (pages < 0) {
		printf("init: no memory\n");
		return 1;
	}
	init.share = (uint32_t)pages;
	init.door = (uint32_t)pages + 1;
	start_all();
	if (init.programs == 0)
		printf("init: nothing to do: give the loader programs as modules\n");
	for (;;)
		watch();
}
