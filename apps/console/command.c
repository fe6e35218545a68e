/* apps/console/command.c - see command.h. SPDX-License-Identifier: ISC */
#include "apps/console/command.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "exo/err.h"
#include "exo/syscall.h"
#include "libnet/exos/exposed.h"
#include "libnet/share.h"

static void help(char *argument, const struct command_powers *powers)
{
	(void)argument;
	(void)powers;
	printf("help       this list\n"
	       "ps         environments\n"
	       "ip         addresses and neighbours\n"
	       "dpf        installed filters\n"
	       "stat       frames, drops, memory\n"
	       "pairs      queue pairs of further interfaces\n"
	       "log        the kernel's log\n"
	       "kill WHO   end an environment, by id or name\n"
	       "reboot     start the machine again\n"
	       "off        end it\n");
}

static const char *state_name(uint8_t state)
{
	static const char *const names[] = { "free", "new", "ready", "waiting", "ended" };

	return state < sizeof names / sizeof *names ? names[state] : "?";
}

static const char *end_name(uint8_t ended)
{
	static const char *const names[] = { "", "exit", "destroyed", "exception", "excess time",
		                             "bad entry" };

	return ended < sizeof names / sizeof *names ? names[ended] : "?";
}

static void ps(char *argument, const struct command_powers *powers)
{
	const volatile struct exo_info *info = exo_info();

	(void)argument;
	(void)powers;
	printf("%8s %8s %-15s %-8s %6s %6s %6s %10s %12s\n", "id", "parent", "name", "state",
	       "pages", "tables", "slots", "slices", "us");
	for (int i = 0; i < EXO_ENV_MAX; i++) {
		struct exo_env e = exo_envs()[i];

		if (!e.id)
			continue;
		printf("%8lx %8lx %-15s %-8s %6lu %6lu %6lu %10lu %12lu", (unsigned long)e.id,
		       (unsigned long)e.parent, e.name, state_name(e.state),
		       (unsigned long)e.pages, (unsigned long)e.tables, (unsigned long)e.slots,
		       (unsigned long)e.slices, (unsigned long)(e.cycles / (info->tsc_hz / 1000000)));
		if (e.state == ENV_ENDED)
			printf(" %s %lu", end_name(e.ended), (unsigned long)e.code);
		printf("\n");
	}
	printf("%8d %8d %-15s %-8s %6d %6d %6d %10d %12lu\n", 0, 0, "kernel", "-", 0, 0, 0, 0,
	       (unsigned long)(info->kernel_cycles / (info->tsc_hz / 1000000)));
}

static void print_mac(const volatile uint8_t *mac)
{
	for (int i = 0; i < 6; i++)
		printf("%s%02x", i ? ":" : "", mac[i]);
}

static void print_ip4(const uint8_t *a) { printf("%u.%u.%u.%u", a[0], a[1], a[2], a[3]); }

/* Without the shortening of zeros: what is printed can be compared as text. */
static void print_ip(const struct share_ip *ip)
{
	if (share_is_ip4(ip)) {
		print_ip4(ip->byte + 12);
		return;
	}
	for (int i = 0; i < 16; i += 2)
		printf("%s%x", i ? ":" : "", (unsigned)(ip->byte[i] << 8 | ip->byte[i + 1]));
}

static void print_lease(const struct share_lease *l)
{
	static const struct share_ip none;

	printf("ipv4  ");
	print_ip4(l->address4);
	printf(" mask ");
	print_ip4(l->mask4);
	printf(" gateway ");
	print_ip4(l->gateway4);
	printf(" dns ");
	print_ip4(l->dns4);
	printf("\n");
	for (int i = 0; i < SHARE_ADDRESSES6; i++) {
		if (share_ip_equal(&l->address6[i], &none))
			continue;
		printf("ipv6  ");
		print_ip(&l->address6[i]);
		printf("\n");
	}
}

static void ip(char *argument, const struct command_powers *powers)
{
	const struct share *share = powers->share;
	struct share_lease lease;
	uint32_t version;

	(void)argument;
	printf("mac   ");
	print_mac(exo_info()->nic.mac);
	printf("\n");
	if (!share || !share_read_lease(share, &lease, &version)) {
		printf("no addresses yet\n");
		return;
	}
	print_lease(&lease);
	for (int i = 0; i < SHARE_NEIGHBOURS; i++) {
		const struct share_neighbour *n = &share->neighbour[i];

		if (!n->known)
			continue;
		printf("near  ");
		print_ip(&n->ip);
		printf(" at ");
		print_mac(n->mac);
		printf("\n");
	}
}

static const char *owner_name(uint32_t id)
{
	static char name[sizeof ((struct exo_env *)NULL)->name];
	const volatile struct exo_env *e = exo_env(id);

	for (size_t i = 0; i < sizeof name; i++)
		name[i] = e->name[i];
	return name;
}

static void dpf(char *argument, const struct command_powers *powers)
{
	const volatile struct exo_filter_info *filters = exo_filters();

	(void)argument;
	(void)powers;
	printf("%6s %-15s %4s %12s %14s %10s %12s %10s\n", "filter", "owner", "ring", "frames",
	       "bytes", "dropped", "handled", "aborted");
	for (int i = 0; i < EXO_FILTER_MAX; i++) {
		const struct exo_filter_info f = filters[i];

		if (f.owner)
			printf("%6d %-15s %4lu %12lu %14lu %10lu %12lu %10lu\n", i, owner_name(f.owner),
			       (unsigned long)f.ring, (unsigned long)f.frames,
			       (unsigned long)f.bytes, (unsigned long)f.dropped,
			       (unsigned long)f.handled, (unsigned long)f.aborted);
	}
	printf("%lu installed\n", (unsigned long)exo_info()->filters);
}

/* The equation that always holds. */
static void print_received(const struct exo_nic *n)
{
	static const char *const drop_name[DROP_COUNT] = {
#define X(name, text) [DROP_##name] = #name,
		EXO_DROPS(X)
#undef X
	};
	uint64_t sum = n->delivered + n->held;

	printf("received %lu = delivered %lu", (unsigned long)n->received,
	       (unsigned long)n->delivered);
	for (int i = 0; i < DROP_COUNT; i++) {
		printf(" + %s %lu", drop_name[i], (unsigned long)n->drop[i]);
		sum += n->drop[i];
	}
	printf(" + held %lu%s\n", (unsigned long)n->held, sum == n->received ? "" : " MISMATCH");
}

/* The queue pairs that programs can own. */
static void pairs(char *argument, const struct command_powers *powers)
{
	const struct exo_info info = *(const struct exo_info *)EXO_INFO;

	(void)argument;
	(void)powers;
	for (int i = 1; i < EXO_PAIR_MAX && info.pair[i].present; i++) {
		const struct exo_nic *n = &info.pair[i];

		printf("pair %d, ", i);
		print_mac(n->mac);
		printf(", link %s, owner %lx %s\n", n->link ? "up" : "down",
		       (unsigned long)n->owner, n->owner ? owner_name(n->owner) : "none");
		print_received(n);
		printf("sent %lu\n", (unsigned long)n->sent);
	}
	printf("no more pairs\n");
}

static void stat(char *argument, const struct command_powers *powers)
{
	const struct exo_info info = *(const struct exo_info *)EXO_INFO;
	const struct exo_nic *n = &info.nic;

	(void)argument;
	(void)powers;
	print_received(n);
	printf("copies %lu, bytes in %lu\n", (unsigned long)n->copies,
	       (unsigned long)n->received_bytes);
	printf("sent %lu, refused %lu, bytes out %lu\n", (unsigned long)n->sent,
	       (unsigned long)n->refused, (unsigned long)n->sent_bytes);
	printf("polls %lu, interrupts %lu\n", (unsigned long)n->polls,
	       (unsigned long)n->interrupts);
	printf("pages %lu free of %lu; capabilities refused %lu; idle %lu ms\n",
	       (unsigned long)info.free_pages, (unsigned long)info.npages,
	       (unsigned long)info.cap_refused,
	       (unsigned long)(info.idle_cycles / (info.tsc_hz / 1000)));
}

static void show_log(char *argument, const struct command_powers *powers)
{
	const struct exo_log *log = (const struct exo_log *)EXO_LOG;
	uint64_t head = log->head;

	(void)argument;
	(void)powers;
	for (uint64_t at = head > EXO_LOG_SIZE ? head - EXO_LOG_SIZE : 0; at < head; at++)
		putchar(log->text[at % EXO_LOG_SIZE]);
}

/* The id of a living environment, by hexadecimal id or by name; 0: none, or not one. */
static uint32_t find_env(const char *who)
{
	char *end;
	unsigned long id = strtoul(who, &end, 16);
	uint32_t found = 0;

	for (int i = 0; i < EXO_ENV_MAX; i++) {
		const struct exo_env e = exo_envs()[i];

		if (!e.id || e.state == ENV_ENDED)
			continue;
		if (*end == '\0' && e.id == id)
			return e.id;
		if (strcmp(e.name, who) == 0) {
			if (found)
				return 0;
			found = e.id;
		}
	}
	return found;
}

static void kill(char *argument, const struct command_powers *powers)
{
	uint32_t id = argument ? find_env(argument) : 0;

	if (!id)
		printf("kill: say which one, by its id or its name; see ps\n");
	else if (powers->kill(id) < 0)
		printf("kill: no capability for %s\n", argument);
	else
		printf("ended %s\n", argument);
}

static void reboot(char *argument, const struct command_powers *powers)
{
	(void)argument;
	powers->power(POWER_RESET);
	printf("reboot: no capability\n");
}

static void off(char *argument, const struct command_powers *powers)
{
	(void)argument;
	powers->power(POWER_OFF);
	printf("off: no capability\n");
}

void command_run(char *line, const struct command_powers *powers)
{
	static const struct {
		const char *name;
		void (*run)(char *argument, const struct command_powers *powers);
	} commands[] = { { "help", help }, { "ps", ps },         { "ip", ip },
		         { "dpf", dpf },   { "stat", stat },     { "log", show_log },
		         { "pairs", pairs }, { "kill", kill },   { "reboot", reboot },
		         { "off", off } };
	char *name = strtok(line, " "), *argument = strtok(NULL, " ");

	if (!name)
		return;
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
		if (strcmp(name, commands[i].name) == 0) {
			commands[i].run(argument, powers);
			return;
		}
	}
	printf("%s: no such command; try help\n", name);
}
