/* firewall_text.c - a rule's expressions back to nft's language, as far as it is common. */
#include "firewall_text.h"
#include "base/text.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

char *fw_add(struct fw_writer *w)
{
	if (w->n == FW_PIECES) {
		text_copy(w->pieces[FW_PIECES - 1], FW_PIECE, "...");
		return w->pieces[FW_PIECES - 1];
	}
	w->pieces[w->n][0] = '\0';
	return w->pieces[w->n++];
}

void fw_set_sym(struct fw_writer *w, uint8_t reg, const char *text, enum fw_type type, size_t len)
{
	struct fw_sym *s;

	if (reg >= FW_WORDS)
		return;
	s = &w->syms[reg];
	memset(s, 0, sizeof(*s));
	text_copy(s->text, sizeof(s->text), text);
	s->type = (uint8_t)type;
	s->len = (uint8_t)len;
	s->prefix = -1;
}

/* --- what is loaded --- */

struct field {
	uint8_t offset, len;
	const char *name;
	enum fw_type type;
};

static const struct field ip4_fields[] = {
	{12, 4, "ip saddr", FW_TYPE_IP4}, {16, 4, "ip daddr", FW_TYPE_IP4}, {9, 1, "ip protocol", FW_TYPE_PROTOCOL},
	{8, 1, "ip ttl", FW_TYPE_NUMBER}, {2, 2, "ip length", FW_TYPE_NUMBER}, {4, 2, "ip id", FW_TYPE_NUMBER},
	{6, 2, "ip frag-off", FW_TYPE_HEX}, {10, 2, "ip checksum", FW_TYPE_NUMBER}, {0, 0, NULL, FW_TYPE_NONE},
};
static const struct field ip6_fields[] = {
	{8, 16, "ip6 saddr", FW_TYPE_IP6}, {24, 16, "ip6 daddr", FW_TYPE_IP6},
	{6, 1, "ip6 nexthdr", FW_TYPE_PROTOCOL}, {7, 1, "ip6 hoplimit", FW_TYPE_NUMBER},
	{4, 2, "ip6 length", FW_TYPE_NUMBER}, {0, 0, NULL, FW_TYPE_NONE},
};
static const struct field tcp_fields[] = {
	{0, 2, "sport", FW_TYPE_PORT}, {2, 2, "dport", FW_TYPE_PORT}, {13, 1, "flags", FW_TYPE_TCP_FLAGS},
	{4, 4, "sequence", FW_TYPE_NUMBER}, {8, 4, "ackseq", FW_TYPE_NUMBER}, {14, 2, "window", FW_TYPE_NUMBER},
	{16, 2, "checksum", FW_TYPE_NUMBER}, {18, 2, "urgptr", FW_TYPE_NUMBER}, {0, 0, NULL, FW_TYPE_NONE},
};

static const struct field *find_field(const struct field *fields, const struct fw_expr *e)
{
	for (const struct field *f = fields; f->name; f++)
		if (f->offset == e->offset && (f->len == e->len || ((f->type == FW_TYPE_IP4 || f->type == FW_TYPE_IP6) &&
										   e->len < f->len)))
			return f;
	return NULL;
}

void fw_take_back(struct fw_writer *w, int *piece)
{
	if (*piece != FW_NO_PIECE)
		w->pieces[*piece][0] = '\0';
	*piece = FW_NO_PIECE;
}

static const char *l4_name(uint8_t protocol)
{
	switch (protocol) {
	case 6:
		return "tcp";
	case 17:
		return "udp";
	case 132:
		return "sctp";
	case 33:
		return "dccp";
	default:
		return "th";
	}
}

uint8_t fw_l3_of(const struct fw_writer *w)
{
	uint8_t family = w->rule->chain->table->family;

	return family == NFPROTO_IPV4 || family == NFPROTO_IPV6 ? family : w->l3;
}

/* A field's name; "@nh,96,32" where it has none. deps: conditions that it implies go. */
void fw_name_payload(struct fw_writer *w, const struct fw_expr *e, char *buf, size_t size, enum fw_type *ret_type)
{
	static const char *const bases[] = {"ll", "nh", "th", "ih"};
	const struct field *f = NULL;

	*ret_type = FW_TYPE_HEX;
	buf[0] = '\0';
	if (e->base == NFT_PAYLOAD_NETWORK_HEADER && fw_l3_of(w)) {
		f = find_field(fw_l3_of(w) == NFPROTO_IPV6 ? ip6_fields : ip4_fields, e);
		if (f)
			text_append(buf, size, "%s", f->name);
		fw_take_back(w, &w->l3_piece);
	} else if (e->base == NFT_PAYLOAD_TRANSPORT_HEADER) {
		f = find_field(tcp_fields, e);
		if (f && f->offset > 2 && w->l4 != 6)
			f = NULL;
		if (f)
			text_append(buf, size, "%s %s", l4_name(w->l4), f->name);
		if (f && strcmp(l4_name(w->l4), "th") != 0)
			fw_take_back(w, &w->l4_piece);
	}
	if (f)
		*ret_type = f->type;
	else
		text_append(buf, size, "@%s,%u,%u", e->base < 4 ? bases[e->base] : "?", e->offset * 8, e->len * 8);
}

static const struct {
	const char *name;
	enum fw_type type;
	uint8_t len;
} metas[] = {
	[NFT_META_LEN] = {"meta length", FW_TYPE_HOST_NUMBER, 4},
	[NFT_META_PROTOCOL] = {"meta protocol", FW_TYPE_ETHERTYPE, 2},
	[NFT_META_PRIORITY] = {"meta priority", FW_TYPE_HOST_NUMBER, 4},
	[NFT_META_MARK] = {"meta mark", FW_TYPE_MARK, 4},
	[NFT_META_IIF] = {"iif", FW_TYPE_INDEX, 4},
	[NFT_META_OIF] = {"oif", FW_TYPE_INDEX, 4},
	[NFT_META_IIFNAME] = {"iifname", FW_TYPE_NAME, 16},
	[NFT_META_OIFNAME] = {"oifname", FW_TYPE_NAME, 16},
	[NFT_META_IIFTYPE] = {"meta iiftype", FW_TYPE_HOST_NUMBER, 2},
	[NFT_META_OIFTYPE] = {"meta oiftype", FW_TYPE_HOST_NUMBER, 2},
	[NFT_META_SKUID] = {"meta skuid", FW_TYPE_HOST_NUMBER, 4},
	[NFT_META_SKGID] = {"meta skgid", FW_TYPE_HOST_NUMBER, 4},
	[NFT_META_NFTRACE] = {"meta nftrace", FW_TYPE_HOST_NUMBER, 1},
	[NFT_META_RTCLASSID] = {"meta rtclassid", FW_TYPE_HOST_NUMBER, 4},
	[NFT_META_NFPROTO] = {"meta nfproto", FW_TYPE_NFPROTO, 1},
	[NFT_META_L4PROTO] = {"meta l4proto", FW_TYPE_PROTOCOL, 1},
	[NFT_META_PKTTYPE] = {"meta pkttype", FW_TYPE_PKT_TYPE, 1},
	[NFT_META_CPU] = {"meta cpu", FW_TYPE_HOST_NUMBER, 4},
	[NFT_META_IIFGROUP] = {"iifgroup", FW_TYPE_HOST_NUMBER, 4},
	[NFT_META_OIFGROUP] = {"oifgroup", FW_TYPE_HOST_NUMBER, 4},
	[NFT_META_CGROUP] = {"meta cgroup", FW_TYPE_HOST_NUMBER, 4},
};

static const struct {
	const char *name;
	enum fw_type type;
	uint8_t len;
} cts[] = {
	[NFT_CT_STATE] = {"ct state", FW_TYPE_CT_STATE, 4},
	[NFT_CT_DIRECTION] = {"ct direction", FW_TYPE_CT_DIRECTION, 1},
	[NFT_CT_STATUS] = {"ct status", FW_TYPE_CT_STATUS, 4},
	[NFT_CT_MARK] = {"ct mark", FW_TYPE_MARK, 4},
	[NFT_CT_PROTO_SRC] = {"proto-src", FW_TYPE_PORT, 2},
	[NFT_CT_PROTO_DST] = {"proto-dst", FW_TYPE_PORT, 2},
	[NFT_CT_SRC_IP] = {"ip saddr", FW_TYPE_IP4, 4},
	[NFT_CT_DST_IP] = {"ip daddr", FW_TYPE_IP4, 4},
	[NFT_CT_SRC_IP6] = {"ip6 saddr", FW_TYPE_IP6, 16},
	[NFT_CT_DST_IP6] = {"ip6 daddr", FW_TYPE_IP6, 16},
	[NFT_CT_ZONE] = {"ct zone", FW_TYPE_HOST_NUMBER, 2},
};

static void load_meta(struct fw_writer *w, const struct fw_expr *e)
{
	if (e->key < sizeof(metas) / sizeof(metas[0]) && metas[e->key].name)
		fw_set_sym(w, e->dreg, metas[e->key].name, metas[e->key].type, metas[e->key].len);
	else
		fw_set_sym(w, e->dreg, "meta ...", FW_TYPE_NONE, 4);
}

static void load_ct(struct fw_writer *w, const struct fw_expr *e)
{
	char text[64] = "";

	if (e->key >= sizeof(cts) / sizeof(cts[0]) || !cts[e->key].name) {
		fw_set_sym(w, e->dreg, "ct ...", FW_TYPE_NONE, 4);
		return;
	}
	if (strncmp(cts[e->key].name, "ct ", 3) != 0)
		text_append(text, sizeof(text), "ct %s", e->sub == 0 ? "original " : e->sub == 1 ? "reply " : "");
	text_append(text, sizeof(text), "%s", cts[e->key].name);
	fw_set_sym(w, e->dreg, text, cts[e->key].type, cts[e->key].len);
}

static void load_fib(struct fw_writer *w, const struct fw_expr *e)
{
	static const char *const words[] = {"saddr", "daddr", "mark", "iif", "oif"}; /* by bit of NFTA_FIB_F_ */
	static const char *const results[] = {"", "oif", "oifname", "type"};
	char text[64] = "fib ";
	bool first = true;
	enum fw_type type = e->key == NFT_FIB_RESULT_ADDRTYPE ? FW_TYPE_FIB_TYPE
			    : e->key == NFT_FIB_RESULT_OIFNAME ? FW_TYPE_NAME : FW_TYPE_INDEX;

	for (unsigned int i = 0; i < 5; i++)
		if (e->flags & 1u << i) {
			text_append(text, sizeof(text), "%s%s", first ? "" : " . ", words[i]);
			first = false;
		}
	text_append(text, sizeof(text), " %s", e->key < 4 ? results[e->key] : "...");
	if (e->flags & NFTA_FIB_F_PRESENT)
		type = FW_TYPE_EXISTS;
	fw_set_sym(w, e->dreg, text, type, type == FW_TYPE_NAME ? 16 : type == FW_TYPE_EXISTS ? 1 : 4);
}

/* --- what is compared --- */

static void mask_sym(struct fw_writer *w, const struct fw_expr *e)
{
	const struct fw_sym *from = e->sreg < FW_WORDS ? &w->syms[e->sreg] : NULL;
	static const uint8_t none[FW_REG_BYTES];
	struct fw_sym *s;

	if (!from || e->sub != NFT_BITWISE_BOOL || e->len > sizeof(s->mask)) {
		fw_set_sym(w, e->dreg, "...", FW_TYPE_NONE, 4);
		return;
	}
	s = &w->syms[e->dreg];
	*s = *from;
	s->masked = true;
	memcpy(s->mask, e->data, e->len);
	if (memcmp(e->data2, none, e->len) != 0) {
		char value[64] = "", mask[64] = "";

		fw_append_value(mask, sizeof(mask), s->type, e->data, e->len, -1);
		fw_append_value(value, sizeof(value), s->type, e->data2, e->len, -1);
		if (fw_number(s->type, e->data, e->len) == 0 || !strcmp(s->text, "...")) {
			text_append(s->text, sizeof(s->text), " & %s | %s", mask, value);
		} else {
			uint8_t both[16];
			bool disjoint = true;

			for (size_t i = 0; i < e->len; i++) {
				both[i] = e->data[i] & e->data2[i];
				disjoint = disjoint && !both[i];
			}
			text_append(s->text, sizeof(s->text), disjoint ? " & %s | %s" : " & %s ^ %s", mask, value);
		}
		s->masked = false;
	} else if (s->type == FW_TYPE_IP4 || s->type == FW_TYPE_IP6) {
		s->prefix = fw_prefix_of(e->data, e->len);
	}
}

static const char *operator(uint8_t op)
{
	static const char *const words[] = {"", "!= ", "< ", "<= ", "> ", ">= "};

	return op <= NFT_CMP_GTE ? words[op] : "";
}

/* Conditions of a protocol are remembered: what follows may say the same. */
static void note_protocol(struct fw_writer *w, const struct fw_sym *s, const struct fw_expr *e)
{
	uint64_t v = fw_number(s->type, e->data, e->len);

	if (e->sub != NFT_CMP_EQ || e->len == 0)
		return;
	if (strcmp(s->text, "meta l4proto") == 0 || strcmp(s->text, "ip protocol") == 0 ||
		strcmp(s->text, "ip6 nexthdr") == 0) {
		w->l4 = (uint8_t)v;
		w->l4_piece = w->n - 1;
	} else if (strcmp(s->text, "meta nfproto") == 0) {
		w->l3 = (uint8_t)v;
		w->l3_piece = w->n - 1;
	} else if (strcmp(s->text, "meta protocol") == 0) {
		w->l3 = v == 0x0800 ? NFPROTO_IPV4 : v == 0x86dd ? NFPROTO_IPV6 : 0;
		w->l3_piece = w->n - 1;
	}
}

/* "tcp flags syn / syn,ack", "ct state new", "meta mark & 0xff == 0x12". */
static void write_masked(struct fw_writer *w, const struct fw_sym *s, const struct fw_expr *e)
{
	char *piece = fw_add(w);
	uint64_t v = fw_number(s->type, e->data, e->len);

	text_append(piece, FW_PIECE, "%s ", s->text);
	if (fw_type_is_flags(s->type) && v == 0 && (e->sub == NFT_CMP_NEQ || e->sub == NFT_CMP_EQ)) {
		text_append(piece, FW_PIECE, "%s", e->sub == NFT_CMP_EQ ? "! " : "");
		fw_append_value(piece, FW_PIECE, s->type, s->mask, e->len, -1);
	} else if (fw_type_is_flags(s->type)) {
		text_append(piece, FW_PIECE, "%s", operator(e->sub));
		fw_append_value(piece, FW_PIECE, s->type, e->data, e->len, -1);
		text_append(piece, FW_PIECE, " / ");
		fw_append_value(piece, FW_PIECE, s->type, s->mask, e->len, -1);
	} else {
		text_append(piece, FW_PIECE, "& ");
		fw_append_value(piece, FW_PIECE, s->type, s->mask, e->len, -1);
		text_append(piece, FW_PIECE, " %s", e->sub == NFT_CMP_EQ ? "== " : operator(e->sub));
		fw_append_value(piece, FW_PIECE, s->type, e->data, e->len, -1);
	}
}

static bool ends_range(struct fw_writer *w, const struct fw_expr *e)
{
	if (e->sub != NFT_CMP_LTE || w->lower_piece != w->n - 1 || w->lower_piece == FW_NO_PIECE ||
		w->lower_sreg != e->sreg)
		return false;
	w->pieces[w->lower_piece][0] = '\0';
	text_append(w->pieces[w->lower_piece], FW_PIECE, "%s %s-", w->syms[e->sreg].text, w->lower_value);
	fw_append_value(w->pieces[w->lower_piece], FW_PIECE, w->syms[e->sreg].type, e->data, e->len, -1);
	w->lower_piece = FW_NO_PIECE;
	return true;
}

/* A value that has no name here is not worth a comparison. */
static bool is_unnamed(const struct fw_sym *s)
{
	return s->len == 0 || strcmp(s->text, "...") == 0;
}

static void write_cmp(struct fw_writer *w, const struct fw_expr *e)
{
	const struct fw_sym *s = &w->syms[e->sreg];
	char *piece;

	if (is_unnamed(s)) {
		text_append(fw_add(w), FW_PIECE, "...");
		return;
	}
	if (s->masked && s->prefix < 0) {
		write_masked(w, s, e);
		return;
	}
	if (s->type == FW_TYPE_EXISTS || (strncmp(s->text, "fib ", 4) == 0 && s->type == FW_TYPE_INDEX &&
							 fw_number(s->type, e->data, e->len) == 0)) {
		bool missing = (fw_number(FW_TYPE_NONE, e->data, e->len) == 0) == (e->sub == NFT_CMP_EQ);

		text_append(fw_add(w), FW_PIECE, "%s %s", s->text, missing ? "missing" : "exists");
		return;
	}
	if (ends_range(w, e))
		return;
	piece = fw_add(w);
	text_append(piece, FW_PIECE, "%s %s", s->text,
		fw_type_is_flags(s->type) && e->sub == NFT_CMP_EQ ? "== " : operator(e->sub));
	fw_append_value(piece, FW_PIECE, s->type, e->data, e->len, s->prefix);
	if (e->sub == NFT_CMP_GTE) {
		w->lower_piece = w->n - 1;
		w->lower_sreg = e->sreg;
		w->lower_value[0] = '\0';
		fw_append_value(w->lower_value, sizeof(w->lower_value), s->type, e->data, e->len, -1);
	}
	note_protocol(w, s, e);
}

static void write_range(struct fw_writer *w, const struct fw_expr *e)
{
	const struct fw_sym *s = &w->syms[e->sreg];
	char *piece = fw_add(w);

	if (is_unnamed(s)) {
		text_append(piece, FW_PIECE, "...");
		return;
	}
	text_append(piece, FW_PIECE, "%s %s", s->text, e->sub == NFT_RANGE_NEQ ? "!= " : "");
	fw_append_value(piece, FW_PIECE, s->type, e->data, e->len, -1);
	text_append(piece, FW_PIECE, "-");
	fw_append_value(piece, FW_PIECE, s->type, e->data2, e->len, -1);
}

/* The registers that make up a key of key_len bytes; their texts joined in buf. */
size_t fw_gather(struct fw_writer *w, uint8_t reg, uint32_t key_len, const struct fw_sym **ret, char *buf, size_t size)
{
	uint32_t at = 0;
	size_t n = 0;

	buf[0] = '\0';
	while (at < key_len && reg < FW_WORDS && n < FW_WORDS && w->syms[reg].len > 0) {
		ret[n] = &w->syms[reg];
		text_append(buf, size, "%s%s", n ? " . " : "", ret[n]->text);
		at += (ret[n]->len + 3u) & ~3u;
		reg = (uint8_t)(reg + (ret[n++]->len + 3) / 4);
	}
	if (n == 0)
		text_copy(buf, size, "...");
	return n;
}

static enum fw_type type_of_data(const struct fw_set *s)
{
	/* nftables' own numbers of its types (include/datatype.h) */
	switch (s->data_type) {
	case 7:
		return FW_TYPE_IP4;
	case 8:
		return FW_TYPE_IP6;
	case 13:
		return FW_TYPE_PORT;
	case 19:
		return FW_TYPE_MARK;
	default:
		return FW_TYPE_NONE;
	}
}

static void write_lookup(struct fw_writer *w, const struct fw_expr *e)
{
	const struct fw_sym *parts[FW_WORDS];
	char key[FW_SYM_TEXT], text[FW_PIECE] = "";
	size_t n;

	if (!e->set) {
		text_append(fw_add(w), FW_PIECE, "...");
		return;
	}
	n = fw_gather(w, e->sreg, e->set->key_len, parts, key, sizeof(key));
	text_append(text, sizeof(text), "%s %s", key,
		e->invert ? "!= " : e->dreg == FW_VERDICT ? "vmap " : e->dreg == FW_NONE ? "" : "map ");
	fw_append_set(text, sizeof(text), e->set, parts, n, type_of_data(e->set));
	if (e->dreg < FW_WORDS)
		fw_set_sym(w, e->dreg, text, type_of_data(e->set), e->set->data_len);
	else
		text_append(fw_add(w), FW_PIECE, "%s", text);
}

/* --- all of it --- */

static void write_payload_set(struct fw_writer *w, const struct fw_expr *e)
{
	enum fw_type type;
	char name[64];

	fw_name_payload(w, e, name, sizeof(name), &type);
	fw_write_set(w, name, type, e->len, e->sreg);
}

static void load_payload(struct fw_writer *w, const struct fw_expr *e)
{
	enum fw_type type;
	char name[64];

	fw_name_payload(w, e, name, sizeof(name), &type);
	fw_set_sym(w, e->dreg, name, type, e->len);
}

static void write_expr(struct fw_writer *w, const struct fw_expr *e)
{
	switch (e->op) {
	case FW_OP_IMMEDIATE:
		fw_load_constant(w, e);
		break;
	case FW_OP_PAYLOAD:
		load_payload(w, e);
		break;
	case FW_OP_META:
		load_meta(w, e);
		break;
	case FW_OP_CT:
		load_ct(w, e);
		break;
	case FW_OP_FIB:
		load_fib(w, e);
		break;
	case FW_OP_BITWISE:
		mask_sym(w, e);
		break;
	case FW_OP_BYTEORDER: /* of a number on its way into a comparison: nft writes nothing of it */
		if (e->sreg != e->dreg)
			w->syms[e->dreg] = w->syms[e->sreg];
		if (w->syms[e->dreg].type == FW_TYPE_MARK || w->syms[e->dreg].type == FW_TYPE_HOST_NUMBER)
			w->syms[e->dreg].type = w->syms[e->dreg].type == FW_TYPE_MARK ? FW_TYPE_HEX : FW_TYPE_NUMBER;
		break;
	case FW_OP_CMP:
		write_cmp(w, e);
		break;
	case FW_OP_RANGE:
		write_range(w, e);
		break;
	case FW_OP_LOOKUP:
		write_lookup(w, e);
		break;
	case FW_OP_LOAD:
		if (e->dreg < FW_WORDS)
			fw_set_sym(w, e->dreg, "...", FW_TYPE_NONE, 4);
		else
			text_append(fw_add(w), FW_PIECE, "...");
		break;
	case FW_OP_META_SET:
		if (e->key < sizeof(metas) / sizeof(metas[0]) && metas[e->key].name)
			fw_write_set(w, metas[e->key].name, metas[e->key].type, metas[e->key].len, e->sreg);
		else
			text_append(fw_add(w), FW_PIECE, "meta ... set ...");
		break;
	case FW_OP_CT_SET:
		if (e->key < sizeof(cts) / sizeof(cts[0]) && cts[e->key].name)
			fw_write_set(w, cts[e->key].name, cts[e->key].type, cts[e->key].len, e->sreg);
		else
			text_append(fw_add(w), FW_PIECE, "ct ... set ...");
		break;
	case FW_OP_PAYLOAD_SET:
		write_payload_set(w, e);
		break;
	default:
		fw_write_action(w, e);
	}
}

void fw_rule_text(const struct fw_rule *rule, char *buf, size_t size)
{
	struct fw_writer w;
	bool cut = false;

	memset(&w, 0, sizeof(w));
	w.rule = rule;
	w.l3_piece = w.l4_piece = w.lower_piece = FW_NO_PIECE;
	for (uint32_t i = 0; i < rule->n; i++)
		write_expr(&w, &rule->exprs[i]);
	buf[0] = '\0';
	for (int i = 0; i < w.n && !cut; i++) {
		size_t have = strlen(buf), more = strlen(w.pieces[i]);

		if (more == 0 || (i > 0 && strcmp(w.pieces[i], "...") == 0 && strcmp(w.pieces[i - 1], "...") == 0))
			continue;
		if (have + more + 6 > size || more == FW_PIECE - 1) { /* it says less, and says so */
			text_append(buf, size - 4, "%s%s", have ? " " : "", w.pieces[i]);
			text_append(buf, size, "...");
			cut = true;
		} else {
			text_append(buf, size, "%s%s", have ? " " : "", w.pieces[i]);
		}
	}
}
