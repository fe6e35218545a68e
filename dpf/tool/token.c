/* dpf/tool/token.c - see token.h. SPDX-License-Identifier: ISC */
#include "dpf/tool/token.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char *const protocols[] = {
	"ether", "link", "ppp", "slip", "fddi", "tr", "wlan", "arp", "rarp", "ip", "ip6", "ipv6",
	"tcp", "udp", "sctp", "icmp", "icmp6", "icmpv6", "igmp", "igrp", "pim", "vrrp", "carp",
	"ah", "esp", "atalk", "aarp", "decnet", "lat", "sca", "moprc", "mopdl", "iso", "esis",
	"es-is", "isis", "is-is", "clnp", "stp", "ipx", "netbeui", "radio", NULL
};

static const char *const alone[] = {
	"inbound", "outbound", "l1", "l2", "iih", "lsp", "snp", "csnp", "psnp", "lane", "metac",
	"bcc", "oam", "oamf4", "oamf4ec", "oamf4sc", "sc", "ilmic", "connectmsg", "metaconnect",
	"pppoed", NULL
};

static const char *const words[] = {
	"and", "or", "not", "src", "dst", "host", "net", "mask", "port", "portrange", "proto",
	"protochain", "gateway", "broadcast", "multicast", "less", "greater", "byte", "len",
	"length", "ifindex", "vlan", "mpls", "pppoes", "geneve", "llc", "type", "subtype", "dir",
	"direction", "vpi", "vci", "addr1", "addr2", "addr3", "addr4", "address1", "address2",
	"address3", "address4", "ra", "ta", "ifname", "on", "rset", "ruleset", "rnr", "rulenum",
	"srnr", "subrulenum", "reason", "action", "fisu", "lssu", "msu", "sio", "opc", "dpc",
	"sls", NULL
};

static const struct { const char *name; uint32_t value; } constants[] = {
	{ "icmptype", 0 }, { "icmpcode", 1 }, { "icmp-echoreply", 0 }, { "icmp-unreach", 3 },
	{ "icmp-sourcequench", 4 }, { "icmp-redirect", 5 }, { "icmp-echo", 8 },
	{ "icmp-routeradvert", 9 }, { "icmp-routersolicit", 10 }, { "icmp-timxceed", 11 },
	{ "icmp-paramprob", 12 }, { "icmp-tstamp", 13 }, { "icmp-tstampreply", 14 },
	{ "icmp-ireq", 15 }, { "icmp-ireqreply", 16 }, { "icmp-maskreq", 17 },
	{ "icmp-maskreply", 18 }, { "icmp6type", 0 }, { "icmp6code", 1 },
	{ "icmp6-destinationunreach", 1 }, { "icmp6-packettoobig", 2 },
	{ "icmp6-timeexceeded", 3 }, { "icmp6-parameterproblem", 4 }, { "icmp6-echo", 128 },
	{ "icmp6-echoreply", 129 }, { "icmp6-multicastlistenerquery", 130 },
	{ "icmp6-multicastlistenerreportv1", 131 }, { "icmp6-multicastlistenerdone", 132 },
	{ "icmp6-routersolicit", 133 }, { "icmp6-routeradvert", 134 },
	{ "icmp6-neighborsolicit", 135 }, { "icmp6-neighboradvert", 136 },
	{ "icmp6-redirect", 137 }, { "icmp6-routerrenum", 138 },
	{ "icmp6-nodeinformationquery", 139 }, { "icmp6-nodeinformationresponse", 140 },
	{ "icmp6-ineighbordiscoverysolicit", 141 }, { "icmp6-ineighbordiscoveryadvert", 142 },
	{ "icmp6-multicastlistenerreportv2", 143 },
	{ "icmp6-homeagentdiscoveryrequest", 144 }, { "icmp6-homeagentdiscoveryreply", 145 },
	{ "icmp6-mobileprefixsolicit", 146 }, { "icmp6-mobileprefixadvert", 147 },
	{ "icmp6-certpathsolicit", 148 }, { "icmp6-certpathadvert", 149 },
	{ "icmp6-multicastrouteradvert", 151 }, { "icmp6-multicastroutersolicit", 152 },
	{ "icmp6-multicastrouterterm", 153 }, { "tcpflags", 13 }, { "tcp-fin", 0x01 },
	{ "tcp-syn", 0x02 }, { "tcp-rst", 0x04 }, { "tcp-push", 0x08 }, { "tcp-ack", 0x10 },
	{ "tcp-urg", 0x20 }, { "tcp-ece", 0x40 }, { "tcp-cwr", 0x80 },
};

bool token_is(const struct token *t, const char *word)
{
	return t->kind != TOKEN_NAME && t->length == strlen(word) &&
	       memcmp(t->at, word, t->length) == 0;
}

static bool is_one_of(const struct token *t, const char *const list[])
{
	for (int i = 0; list[i]; i++)
		if (token_is(t, list[i]))
			return true;
	return false;
}

/* Six bytes in hexadecimal, with colons. */
static bool is_mac(const char *s, unsigned n)
{
	unsigned colons = 0, run = 0;

	for (unsigned i = 0; i < n; i++) {
		if (s[i] == '.' || (s[i] == ':' && run == 0) || run > 2)
			return false;
		colons += s[i] == ':';
		run = s[i] == ':' ? 0 : run + 1;
	}
	return colons == 5 && (run == 1 || run == 2);
}

/* The longest address with colons that begins here, if there is one. */
static bool read_colons(struct token *t)
{
	enum { LONGEST = 45 };
	unsigned n = (unsigned)strspn(t->at, "0123456789abcdefABCDEF:.");
	struct in6_addr address;
	char text[LONGEST + 1];

	for (n = n < LONGEST ? n : LONGEST; n > 1; n--) {
		memcpy(text, t->at, n);
		text[n] = 0;
		bool ip6 = inet_pton(AF_INET6, text, &address) == 1;

		if (!ip6 && !is_mac(text, n))
			continue;
		t->kind = ip6 ? TOKEN_IP6 : TOKEN_MAC;
		t->length = n;
		return true;
	}
	return false;
}

static unsigned word_length(const char *s)
{
	unsigned n = 0;

	while (isalnum((unsigned char)s[n]) || (s[n] && n > 0 && strchr("-_.", s[n])))
		n++;
	while (n > 1 && strchr("-_", s[n - 1]))
		n--;
	return n;
}

/* Digits in groups: `groups` of them with the separator between. */
static bool is_grouped(const struct token *t, const char *digits, char separator,
                       unsigned group_max, unsigned *groups)
{
	unsigned run = 0;

	*groups = 1;
	for (unsigned i = 0; i < t->length; i++) {
		if (t->at[i] == separator && run > 0) {
			++*groups;
			run = 0;
		} else if (!strchr(digits, t->at[i]) || ++run > group_max) {
			return false;
		}
	}
	return run > 0;
}

/* A word that begins with a digit. */
static void classify_digits(struct token *t)
{
	static const char hex[] = "0123456789abcdefABCDEF";
	unsigned groups;
	char *end;
	unsigned long long v = strtoull(t->at, &end, 0);

	if (end == t->at + t->length) {
		t->kind = v <= UINT32_MAX ? TOKEN_NUMBER : TOKEN_WRONG;
		t->value = (uint32_t)v;
	} else if (is_grouped(t, "0123456789", '.', 3, &groups) && groups <= 4) {
		t->kind = TOKEN_IP4;
	}
	if ((is_grouped(t, hex, '-', 2, &groups) && groups == 6) ||
	    (is_grouped(t, hex, '.', 2, &groups) && groups == 6) ||
	    (is_grouped(t, hex, '.', 4, &groups) && groups == 3 && t->length == 14))
		t->kind = TOKEN_MAC;
}

static void classify_word(struct token *t)
{
	t->kind = TOKEN_WORD; /* so that token_is compares */
	for (unsigned i = 0; i < sizeof constants / sizeof *constants; i++)
		if (token_is(t, constants[i].name)) {
			t->kind = TOKEN_NUMBER;
			t->value = constants[i].value;
			return;
		}
	if (is_one_of(t, protocols))
		t->kind = TOKEN_PROTO;
	else if (is_one_of(t, alone))
		t->kind = TOKEN_ALONE;
	else if (!is_one_of(t, words))
		t->kind = TOKEN_NAME;
	if (t->kind == TOKEN_NAME)
		classify_digits(t);
}

static void classify_sign(struct token *t)
{
	static const char *const two[] = { "&&", "||", "<=", ">=", "!=", "==", "<<", ">>" };

	t->length = 1;
	t->kind = strchr("()[]:+-*/%&|^<>=!", *t->at) ? TOKEN_SIGN : TOKEN_WRONG;
	for (unsigned i = 0; i < sizeof two / sizeof *two; i++)
		if (strncmp(t->at, two[i], 2) == 0)
			t->length = 2;
}

struct token token_read(const char *at)
{
	struct token t = { .at = at + strspn(at, " \t\r\n") };

	if (*t.at == 0)
		return t;
	if ((isxdigit((unsigned char)*t.at) || *t.at == ':') && read_colons(&t))
		return t;
	if (*t.at == '\\' && (t.length = (unsigned)strcspn(t.at + 1, " !()\n\t")) > 0) {
		t.length++;
		t.kind = TOKEN_NAME;
	} else if (*t.at == '$' && isxdigit((unsigned char)t.at[1])) {
		t.length = 1 + word_length(t.at + 1);
		t.kind = TOKEN_NAME;
	} else if ((t.length = word_length(t.at)) > 0) {
		classify_word(&t);
	} else {
		classify_sign(&t);
	}
	return t;
}
