/* dpf/tool/strict_link.c - what stands below the network layer: 802.2 LLC headers and the protocols
 * that have no EtherType, and which way a frame went. IEEE 802.2; RFC 1042; the LINUX_SLL and
 * LINUX_SLL2 link types. SPDX-License-Identifier: ISC */
#include "dpf/tool/strict_parts.h"

enum { DSAP = 0, SSAP = 1, CONTROL = 2, PAYLOAD = 3, IPX_TYPE = 0x8137, OUTGOING = 4 };

/* A = the load of this width in the LLC header; goes to no where there is none. */
static void load(struct strict *x, unsigned size, uint32_t offset, uint16_t no)
{
	strict_load_slot(x, STRICT_SESSION);
	code_if(x->c, BPF_JSET, STRICT_LLC, FALL, no);
	code_put(x->c, BPF_ALU | BPF_AND, STRICT_LLC - 1);
	code_put(x->c, BPF_MISC | BPF_TAX, 0);
	code_put(x->c, (uint16_t)(BPF_LD | size | BPF_IND), offset);
}

void strict_sap(struct strict *x, uint32_t sap, uint16_t yes, uint16_t no)
{
	load(x, BPF_B, DSAP, no);
	code_if(x->c, BPF_JEQ, sap, yes, no);
}

static void both_saps(struct strict *x, uint32_t saps, uint16_t yes, uint16_t no)
{
	load(x, BPF_H, DSAP, no);
	code_if(x->c, BPF_JEQ, saps, yes, no);
}

/* `ipx`: by EtherType (SNAP's, too), by SAP, or right behind the length. */
static void ipx(struct strict *x, uint16_t yes, uint16_t no)
{
	uint16_t sap = code_label(x->c), raw = code_label(x->c);

	strict_if_type(x, IPX_TYPE, yes, sap);
	code_place(x->c, sap);
	strict_sap(x, 0xe0, yes, raw);
	code_place(x->c, raw);
	both_saps(x, 0xffff, yes, no);
}

bool strict_without_type(struct strict *x, const struct token *t, uint16_t yes, uint16_t no)
{
	static const struct { const char *name; uint32_t id; } osi[] = {
		{ "clnp", 0x81 }, { "esis", 0x82 }, { "es-is", 0x82 }, { "isis", 0x83 }, { "is-is", 0x83 },
	};

	if (token_is(t, "stp"))
		strict_sap(x, 0x42, yes, no);
	else if (token_is(t, "netbeui"))
		both_saps(x, 0xf0f0, yes, no);
	else if (token_is(t, "iso"))
		both_saps(x, 0xfefe, yes, no);
	else if (token_is(t, "ipx"))
		ipx(x, yes, no);
	else
		for (unsigned i = 0;; i++) {
			if (i == sizeof osi / sizeof *osi)
				return false;
			if (!token_is(t, osi[i].name))
				continue;
			both_saps(x, 0xfefe, FALL, no);
			load(x, BPF_B, PAYLOAD, no);
			code_if(x->c, BPF_JEQ, osi[i].id, yes, no);
			break;
		}
	return true;
}

void strict_llc(struct strict *x, const struct node *n, uint16_t yes, uint16_t no)
{
	static const struct { const char *name; uint32_t mask, value; } types[] = {
		{ "i", 0x01, 0x00 }, { "s", 0x03, 0x01 }, { "u", 0x03, 0x03 }, { "rr", 0x0f, 0x01 },
		{ "rnr", 0x0f, 0x05 }, { "rej", 0x0f, 0x09 }, { "ui", 0xef, 0x03 }, { "ua", 0xef, 0x63 },
		{ "disc", 0xef, 0x43 }, { "dm", 0xef, 0x0f }, { "sabme", 0xef, 0x6f },
		{ "test", 0xef, 0xe3 }, { "xid", 0xef, 0xaf }, { "frmr", 0xef, 0x87 },
	};
	enum { TYPES = sizeof types / sizeof *types };
	struct token t = n->extra;
	unsigned i = 0;

	load(x, BPF_H, DSAP, no);
	code_if(x->c, BPF_JEQ, 0xffff, no, FALL); /* IPX, without LLC */
	if (t.kind == TOKEN_END) {
		code_goto(x->c, yes);
		return;
	}
	t.kind = TOKEN_WORD; /* so that token_is compares */
	while (i < TYPES && !token_is(&t, types[i].name))
		i++;
	if (i == TYPES) {
		strict_refuse(x, &n->extra, "strict meaning: no such type of LLC frame");
		return;
	}
	load(x, BPF_B, CONTROL, no);
	code_put(x->c, BPF_ALU | BPF_AND, types[i].mask);
	code_if(x->c, BPF_JEQ, types[i].value, yes, no);
}

void strict_way(struct strict *x, const struct node *n, uint16_t yes, uint16_t no)
{
	bool out = token_is(&n->token, "outbound");

	if (x->link == DLT_LINUX_SLL) {
		code_put(x->c, BPF_LD | BPF_H | BPF_ABS, 0);
	} else if (x->link == DLT_LINUX_SLL2) {
		code_put(x->c, BPF_LD | BPF_B | BPF_ABS, 10);
	} else {
		strict_refuse(x, &n->token, "strict meaning: only Linux cooked captures say which way a frame went");
		return;
	}
	code_if(x->c, BPF_JEQ, OUTGOING, out ? yes : no, out ? no : yes);
}
