/* firewall_action.c - what a rule does, in nft's language. */
#include "firewall_text.h"
#include "base/text.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

void fw_load_constant(struct fw_writer *w, const struct fw_expr *e)
{
	if (e->dreg >= FW_WORDS)
		return;
	fw_set_sym(w, e->dreg, "", FW_TYPE_NONE, e->len);
	w->syms[e->dreg].constant = true;
	memcpy(w->syms[e->dreg].value, e->data, e->len < 16 ? e->len : 16);
}

/* What is in a register, as a value of the type that its user wants. */
static void append_sym(const struct fw_writer *w, uint8_t reg, enum fw_type type, size_t len, char *buf, size_t size)
{
	if (reg >= FW_WORDS || w->syms[reg].len == 0)
		text_append(buf, size, "...");
	else if (w->syms[reg].constant)
		fw_append_value(buf, size, type, w->syms[reg].value, len, -1);
	else if (w->syms[reg].masked && w->syms[reg].len == len) {
		text_append(buf, size, "%s & ", w->syms[reg].text);
		fw_append_value(buf, size, type, w->syms[reg].mask, len, -1);
	} else {
		text_append(buf, size, "%s", w->syms[reg].text);
	}
}

void fw_write_set(struct fw_writer *w, const char *name, enum fw_type type, size_t len, uint8_t sreg)
{
	char *piece = fw_add(w);

	text_append(piece, FW_PIECE, "%s set ", name);
	append_sym(w, sreg, type, len, piece, FW_PIECE);
}

static void append_unit(char *buf, size_t size, uint32_t seconds)
{
	text_append(buf, size, "/%s", seconds == 1 ? "second" : seconds == 60 ? "minute" : seconds == 3600 ? "hour"
				    : seconds == 86400 ? "day" : "week");
}

static void append_bytes(char *buf, size_t size, uint64_t n)
{
	static const char *const units[] = {"bytes", "kbytes", "mbytes"};
	int unit = 0;

	while (unit < 2 && n > 0 && n % 1024 == 0) {
		n /= 1024;
		unit++;
	}
	text_append(buf, size, "%llu %s", (unsigned long long)n, units[unit]);
}

static void append_limit(char *buf, size_t size, const struct fw_expr *e)
{
	text_append(buf, size, "limit rate %s", e->invert ? "over " : "");
	if (e->sub == NFT_LIMIT_PKT_BYTES) {
		append_bytes(buf, size, e->number);
		append_unit(buf, size, e->key);
		if (e->offset) {
			text_append(buf, size, " burst ");
			append_bytes(buf, size, e->offset);
		}
		return;
	}
	text_append(buf, size, "%llu", (unsigned long long)e->number);
	append_unit(buf, size, e->key);
	if (e->offset && e->offset != 5)
		text_append(buf, size, " burst %u packets", e->offset);
}

static void write_log(struct fw_writer *w, const struct fw_expr *e)
{
	static const char *const levels[] = {"emerg", "alert", "crit", "err", "warn", "notice", "info", "debug", "audit"};
	char *piece = fw_add(w), clean[140];

	text_append(piece, FW_PIECE, "log");
	if (e->name) {
		text_clean(clean, sizeof(clean), e->name, strlen(e->name));
		text_append(piece, FW_PIECE, " prefix \"%s\"", clean);
	}
	if (e->invert)
		text_append(piece, FW_PIECE, " group %u", e->offset);
	else if (e->has_level && e->key != 4 && e->key < 9)
		text_append(piece, FW_PIECE, " level %s", levels[e->key]);
	if (e->flags)
		text_append(piece, FW_PIECE, " flags ...");
}

static void write_reject(struct fw_writer *w, const struct fw_expr *e)
{
	static const char *const icmp[] = {"net-unreachable", "host-unreachable", "prot-unreachable", "port-unreachable",
		NULL, NULL, NULL, NULL, NULL, "net-prohibited", "host-prohibited", NULL, NULL, "admin-prohibited"};
	static const char *const icmp6[] = {"no-route", "admin-prohibited", NULL, "addr-unreachable", "port-unreachable",
		"policy-fail", "reject-route"};
	static const char *const icmpx[] = {"no-route", "port-unreachable", "host-unreachable", "admin-prohibited"};
	bool v6 = fw_l3_of(w) == NFPROTO_IPV6, x = e->sub == NFT_REJECT_ICMPX_UNREACH;
	const char *const *codes = x ? icmpx : v6 ? icmp6 : icmp;
	size_t n = x ? 4 : v6 ? 7 : 14;
	char *piece = fw_add(w);

	if (e->sub == NFT_REJECT_TCP_RST)
		text_append(piece, FW_PIECE, "reject with tcp reset");
	else if (e->key == (x ? 1 : v6 ? 4 : 3))
		text_append(piece, FW_PIECE, "reject");
	else
		text_append(piece, FW_PIECE, "reject with %s %s", x ? "icmpx" : v6 ? "icmpv6" : "icmp",
			e->key < n && codes[e->key] ? codes[e->key] : "...");
	/* what the rejecting needs is not said twice */
	if (!x && e->sub != NFT_REJECT_TCP_RST)
		fw_take_back(w, &w->l3_piece);
}

static void append_port_range(const struct fw_writer *w, const struct fw_expr *e, char *piece)
{
	text_append(piece, FW_PIECE, ":");
	append_sym(w, e->sreg3, FW_TYPE_PORT, 2, piece, FW_PIECE);
	if (e->sreg4 != e->sreg3) {
		text_append(piece, FW_PIECE, "-");
		append_sym(w, e->sreg4, FW_TYPE_PORT, 2, piece, FW_PIECE);
	}
}

static void append_nat_flags(const struct fw_expr *e, char *piece)
{
	static const struct {
		uint32_t flag;
		const char *word;
	} words[] = {{NF_NAT_RANGE_PROTO_RANDOM, "random"}, {NF_NAT_RANGE_PROTO_RANDOM_FULLY, "fully-random"},
		{NF_NAT_RANGE_PERSISTENT, "persistent"}};
	bool first = true;

	for (size_t i = 0; i < 3; i++)
		if (e->flags & words[i].flag) {
			text_append(piece, FW_PIECE, "%s%s", first ? " " : ",", words[i].word);
			first = false;
		}
}

static void write_nat(struct fw_writer *w, const struct fw_expr *e)
{
	bool v6 = e->key == NFPROTO_IPV6, addr = e->sreg < FW_WORDS, port = e->sreg3 < FW_WORDS;
	uint8_t family = w->rule->chain->table->family;
	char *piece = fw_add(w);

	text_append(piece, FW_PIECE, "%s %sto ", e->sub == NFT_NAT_DNAT ? "dnat" : "snat",
		family == NFPROTO_INET && addr ? (v6 ? "ip6 " : "ip ") : "");
	if (addr) {
		bool brackets = v6 && port && w->syms[e->sreg].constant;

		text_append(piece, FW_PIECE, "%s", brackets ? "[" : "");
		append_sym(w, e->sreg, v6 ? FW_TYPE_IP6 : FW_TYPE_IP4, v6 ? 16 : 4, piece, FW_PIECE);
		if (e->sreg2 != e->sreg) {
			text_append(piece, FW_PIECE, "-");
			append_sym(w, e->sreg2, v6 ? FW_TYPE_IP6 : FW_TYPE_IP4, v6 ? 16 : 4, piece, FW_PIECE);
		}
		text_append(piece, FW_PIECE, "%s", brackets ? "]" : "");
	}
	/* a map gives address and port in one */
	if (port && !(addr && !w->syms[e->sreg].constant && w->syms[e->sreg].len > (v6 ? 16 : 4)))
		append_port_range(w, e, piece);
	append_nat_flags(e, piece);
	fw_take_back(w, &w->l3_piece);
}

static void write_masq(struct fw_writer *w, const struct fw_expr *e)
{
	char *piece = fw_add(w);

	text_append(piece, FW_PIECE, "%s", e->op == FW_OP_MASQ ? "masquerade" : "redirect");
	if (e->sreg3 < FW_WORDS) {
		text_append(piece, FW_PIECE, " to ");
		append_port_range(w, e, piece);
	}
	append_nat_flags(e, piece);
}

static void write_tproxy(struct fw_writer *w, const struct fw_expr *e)
{
	char *piece = fw_add(w);
	bool v6 = e->key == NFPROTO_IPV6;

	text_append(piece, FW_PIECE, "tproxy %sto ", e->key && w->rule->chain->table->family == NFPROTO_INET
							   ? (v6 ? "ip6 " : "ip ") : "");
	if (e->sreg < FW_WORDS)
		append_sym(w, e->sreg, v6 ? FW_TYPE_IP6 : FW_TYPE_IP4, v6 ? 16 : 4, piece, FW_PIECE);
	if (e->sreg3 < FW_WORDS)
		append_port_range(w, &(struct fw_expr){.sreg3 = e->sreg3, .sreg4 = e->sreg3}, piece);
}

static void write_queue(struct fw_writer *w, const struct fw_expr *e)
{
	char *piece = fw_add(w);

	text_append(piece, FW_PIECE, "queue %s%s%sto %u", e->flags ? "flags " : "",
		e->flags & NFT_QUEUE_FLAG_BYPASS ? "bypass" : "",
		e->flags ? (e->flags & NFT_QUEUE_FLAG_CPU_FANOUT ? ",fanout " : " ") : "", e->key);
	if (e->len > 1)
		text_append(piece, FW_PIECE, "-%u", e->key + e->len - 1);
}

/* Milliseconds as nft writes a time: "1d2h3m4s500ms". */
static void append_time(char *buf, size_t size, uint64_t ms)
{
	static const struct {
		uint64_t ms;
		const char *unit;
	} units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (ms >= units[i].ms)
			text_append(buf, size, "%llu%s", (unsigned long long)(ms / units[i].ms), units[i].unit);
		ms %= units[i].ms;
	}
}

static void write_dynset(struct fw_writer *w, const struct fw_expr *e)
{
	static const char *const ops[] = {"add", "update", "delete"};
	const struct fw_sym *parts[FW_WORDS];
	char key[FW_SYM_TEXT], clean[FIREWALL_NAME], *piece = fw_add(w);

	fw_gather(w, e->sreg, e->set ? e->set->key_len : 1, parts, key, sizeof(key));
	text_clean(clean, sizeof(clean), e->name, strlen(e->name));
	text_append(piece, FW_PIECE, "%s @%s { %s", e->sub < 3 ? ops[e->sub] : "...", clean, key);
	if (e->number) {
		text_append(piece, FW_PIECE, " timeout ");
		append_time(piece, FW_PIECE, e->number);
	}
	for (uint32_t i = 0; i < e->n_inner; i++) {
		text_append(piece, FW_PIECE, " ");
		if (e->inner[i].op == FW_OP_LIMIT)
			append_limit(piece, FW_PIECE, &e->inner[i]);
		else if (e->inner[i].op == FW_OP_COUNTER)
			text_append(piece, FW_PIECE, "counter");
		else if (e->inner[i].op == FW_OP_CONNLIMIT)
			text_append(piece, FW_PIECE, "ct count %s%llu", e->inner[i].invert ? "over " : "",
				(unsigned long long)e->inner[i].number);
		else
			text_append(piece, FW_PIECE, "...");
	}
	text_append(piece, FW_PIECE, " }");
}

static void write_objref(struct fw_writer *w, const struct fw_expr *e)
{
	static const char *const kinds[] = {"...", "counter name", "quota name", "ct helper set", "limit name", "ct count",
		"tunnel name", "ct timeout set", "secmark name", "ct expectation set", "synproxy name"};
	char clean[FIREWALL_NAME];

	text_clean(clean, sizeof(clean), e->name, strlen(e->name));
	if (e->sreg < FW_WORDS)
		text_append(fw_add(w), FW_PIECE, "... map @%s", clean);
	else
		text_append(fw_add(w), FW_PIECE, "%s \"%s\"", e->key < 11 ? kinds[e->key] : "...", clean);
}

void fw_write_action(struct fw_writer *w, const struct fw_expr *e)
{
	char *piece;

	switch (e->op) {
	case FW_OP_VERDICT:
		fw_append_verdict(fw_add(w), FW_PIECE, (int32_t)e->key, e->name);
		break;
	case FW_OP_COUNTER:
		text_append(fw_add(w), FW_PIECE, "counter");
		break;
	case FW_OP_LIMIT:
		append_limit(fw_add(w), FW_PIECE, e);
		break;
	case FW_OP_QUOTA:
		piece = fw_add(w);
		text_append(piece, FW_PIECE, "quota %s", e->invert ? "over " : "");
		append_bytes(piece, FW_PIECE, e->number);
		break;
	case FW_OP_CONNLIMIT:
		text_append(fw_add(w), FW_PIECE, "ct count %s%llu", e->invert ? "over " : "", (unsigned long long)e->number);
		break;
	case FW_OP_LOG:
		write_log(w, e);
		break;
	case FW_OP_REJECT:
		write_reject(w, e);
		break;
	case FW_OP_NAT:
		write_nat(w, e);
		break;
	case FW_OP_MASQ:
	case FW_OP_REDIR:
		write_masq(w, e);
		break;
	case FW_OP_QUEUE:
		write_queue(w, e);
		break;
	case FW_OP_TPROXY:
		write_tproxy(w, e);
		break;
	case FW_OP_NOTRACK:
		text_append(fw_add(w), FW_PIECE, "notrack");
		break;
	case FW_OP_OBJREF:
		write_objref(w, e);
		break;
	case FW_OP_DYNSET:
		write_dynset(w, e);
		break;
	case FW_OP_MATCH:
	case FW_OP_TARGET:
		fw_xt_text(e, fw_l3_of(w), fw_add(w), FW_PIECE);
		break;
	default:
		text_append(fw_add(w), FW_PIECE, e->op == FW_OP_SYNPROXY ? "synproxy" : e->op == FW_OP_FLOW ? "flow fw_add ..."
											      : "...");
	}
}
