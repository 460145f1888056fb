/* firewall_value.c - the constants of rules as nft writes them: addresses, ports, flags, names. */
#include "firewall_text.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <endian.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

struct word {
	uint32_t value;
	const char *word;
};

static const struct word protocols[] = {{1, "icmp"}, {2, "igmp"}, {6, "tcp"}, {17, "udp"}, {33, "dccp"}, {47, "gre"},
	{50, "esp"}, {51, "ah"}, {58, "ipv6-icmp"}, {132, "sctp"}, {136, "udplite"}, {0, NULL}};
static const struct word nfprotos[] = {{NFPROTO_IPV4, "ipv4"}, {NFPROTO_IPV6, "ipv6"}, {0, NULL}};
static const struct word ethertypes[] = {{0x0800, "ip"}, {0x86dd, "ip6"}, {0x0806, "arp"}, {0x8100, "vlan"}, {0, NULL}};
static const struct word ct_states[] = {{1, "invalid"}, {2, "established"}, {4, "related"}, {8, "new"},
	{64, "untracked"}, {0, NULL}};
static const struct word ct_statuses[] = {{1, "expected"}, {2, "seen-reply"}, {4, "assured"}, {8, "confirmed"},
	{16, "snat"}, {32, "dnat"}, {512, "dying"}, {0, NULL}};
static const struct word ct_directions[] = {{0, "original"}, {1, "reply"}, {0, NULL}};
static const struct word tcp_flags[] = {{1, "fin"}, {2, "syn"}, {4, "rst"}, {8, "psh"}, {16, "ack"}, {32, "urg"},
	{64, "ecn"}, {128, "cwr"}, {0, NULL}};
static const struct word fib_types[] = {{0, "unspec"}, {1, "unicast"}, {2, "local"}, {3, "broadcast"}, {4, "anycast"},
	{5, "multicast"}, {6, "blackhole"}, {7, "unreachable"}, {8, "prohibit"}, {0, NULL}};
static const struct word pkt_types[] = {{0, "host"}, {1, "broadcast"}, {2, "multicast"}, {3, "other"}, {0, NULL}};

static const struct word *const words_of[FW_TYPE_COUNT] = {
	[FW_TYPE_PROTOCOL] = protocols,
	[FW_TYPE_NFPROTO] = nfprotos,
	[FW_TYPE_ETHERTYPE] = ethertypes,
	[FW_TYPE_CT_STATE] = ct_states,
	[FW_TYPE_CT_STATUS] = ct_statuses,
	[FW_TYPE_CT_DIRECTION] = ct_directions,
	[FW_TYPE_TCP_FLAGS] = tcp_flags,
	[FW_TYPE_FIB_TYPE] = fib_types,
	[FW_TYPE_PKT_TYPE] = pkt_types,
};

bool fw_type_is_flags(enum fw_type type)
{
	return type == FW_TYPE_CT_STATE || type == FW_TYPE_CT_STATUS || type == FW_TYPE_TCP_FLAGS;
}

static bool is_network_order(enum fw_type type)
{
	return type == FW_TYPE_PORT || type == FW_TYPE_NUMBER || type == FW_TYPE_HEX || type == FW_TYPE_ETHERTYPE;
}

/* At most eight bytes as a number. */
uint64_t fw_number(enum fw_type type, const uint8_t *data, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n && i < 8; i++)
		v = v << 8 | data[is_network_order(type) || __BYTE_ORDER == __BIG_ENDIAN ? i : n - 1 - i];
	return v;
}

static void append_flags(char *buf, size_t size, const struct word *words, uint64_t v)
{
	bool first = true;

	for (const struct word *w = words; w->word; w++)
		if (v & w->value) {
			text_append(buf, size, "%s%s", first ? "" : ",", w->word);
			v &= ~(uint64_t)w->value;
			first = false;
		}
	if (v || first)
		text_append(buf, size, "%s0x%llx", first ? "" : ",", (unsigned long long)v);
}

static void append_word(char *buf, size_t size, const struct word *words, uint64_t v)
{
	for (const struct word *w = words; w->word; w++)
		if (w->value == v) {
			text_append(buf, size, "%s", w->word);
			return;
		}
	text_append(buf, size, "%llu", (unsigned long long)v);
}

/* An address, of which n bytes are there; the rest is a network's. */
static void append_address(char *buf, size_t size, bool v6, const uint8_t *data, size_t n, int prefix)
{
	uint8_t bytes[16] = {0};
	size_t whole = v6 ? 16 : 4;
	char text[INET6_ADDRSTRLEN];

	memcpy(bytes, data, n < whole ? n : whole);
	inet_ntop(v6 ? AF_INET6 : AF_INET, bytes, text, sizeof(text));
	text_append(buf, size, "%s", text);
	if (prefix < 0 && n < whole)
		prefix = (int)n * 8;
	if (prefix >= 0 && prefix < (int)whole * 8)
		text_append(buf, size, "/%d", prefix);
}

/* A name may be the beginning of one: then it has no end. */
static void append_name(char *buf, size_t size, const uint8_t *data, size_t n)
{
	char clean[64];
	size_t len = strnlen((const char *)data, n);

	text_clean(clean, sizeof(clean), data, len);
	text_append(buf, size, "\"%s%s\"", clean, len == n && n < IF_NAMESIZE ? "*" : "");
}

static void append_index(char *buf, size_t size, const uint8_t *data, size_t n)
{
	uint32_t index = (uint32_t)fw_number(FW_TYPE_INDEX, data, n);
	char name[IF_NAMESIZE], clean[64];

	if (index && if_indextoname(index, name)) {
		text_clean(clean, sizeof(clean), name, strlen(name));
		text_append(buf, size, "\"%s\"", clean);
	} else {
		text_append(buf, size, "%u", index);
	}
}

void fw_append_value(char *buf, size_t size, enum fw_type type, const uint8_t *data, size_t n, int prefix)
{
	uint64_t v = fw_number(type, data, n);

	switch (type) {
	case FW_TYPE_IP4:
	case FW_TYPE_IP6:
		append_address(buf, size, type == FW_TYPE_IP6, data, n, prefix);
		break;
	case FW_TYPE_NAME:
		append_name(buf, size, data, n);
		break;
	case FW_TYPE_INDEX:
		append_index(buf, size, data, n);
		break;
	case FW_TYPE_CT_STATE:
	case FW_TYPE_CT_STATUS:
	case FW_TYPE_TCP_FLAGS:
		append_flags(buf, size, words_of[type], v);
		break;
	case FW_TYPE_MARK:
		text_append(buf, size, "0x%08llx", (unsigned long long)v);
		break;
	case FW_TYPE_HEX:
	case FW_TYPE_NONE:
		text_append(buf, size, "0x%llx", (unsigned long long)v);
		break;
	default:
		if (type < FW_TYPE_COUNT && words_of[type])
			append_word(buf, size, words_of[type], v);
		else
			text_append(buf, size, "%llu", (unsigned long long)v);
	}
}

/* The length of a mask that is a prefix; -1: it is none. */
int fw_prefix_of(const uint8_t *mask, size_t n)
{
	int bits = 0;
	size_t i = 0;

	while (i < n && mask[i] == 0xff)
		i++;
	bits = (int)i * 8;
	if (i < n) {
		uint8_t rest = (uint8_t)~mask[i];

		if (rest & (rest + 1))
			return -1;
		for (uint8_t m = mask[i++]; m & 0x80; m = (uint8_t)(m << 1))
			bits++;
	}
	for (; i < n; i++)
		if (mask[i])
			return -1;
	return bits;
}

/* --- sets --- */

/* [from, to) of an interval, with to NULL for the greatest value: as a network, or as a range. */
static void append_interval(char *buf, size_t size, enum fw_type type, const uint8_t *from, const uint8_t *to, size_t n)
{
	uint8_t last[16], mask[16];
	bool all = true;

	if (n > sizeof(last))
		n = sizeof(last);
	memset(last, 0xff, sizeof(last));
	if (to) {
		memcpy(last, to, n);
		for (size_t i = n; i > 0 && last[i - 1]-- == 0; i--)
			;
	}
	if (memcmp(from, last, n) == 0) {
		fw_append_value(buf, size, type, from, n, -1);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		mask[i] = (uint8_t)~(from[i] ^ last[i]);
		all = all && !(from[i] & ~mask[i]);
	}
	if ((type == FW_TYPE_IP4 || type == FW_TYPE_IP6) && all && fw_prefix_of(mask, n) >= 0) {
		fw_append_value(buf, size, type, from, n, fw_prefix_of(mask, n));
		return;
	}
	fw_append_value(buf, size, type, from, n, -1);
	text_append(buf, size, "-");
	fw_append_value(buf, size, type, last, n, -1);
}

static void append_verdict_of(char *buf, size_t size, const struct fw_element *e)
{
	text_append(buf, size, " : ");
	fw_append_verdict(buf, size, e->verdict, e->name);
}

/* One part of a concatenated key, which may be a range of its own. */
static void append_part(char *buf, size_t size, enum fw_type type, const uint8_t *from, const uint8_t *end, size_t n)
{
	uint8_t after[16];
	bool over = true;

	if (!end || memcmp(from, end, n) == 0 || n > sizeof(after)) {
		fw_append_value(buf, size, type, from, n, -1);
		return;
	}
	memcpy(after, end, n);
	for (size_t i = n; i > 0 && over; i--)
		over = ++after[i - 1] == 0;
	append_interval(buf, size, type, from, over ? NULL : after, n);
}

static void append_key(char *buf, size_t size, const struct fw_set *s, uint32_t index, const struct fw_sym *const *parts,
	size_t n_parts)
{
	const struct fw_element *e = &s->elements[index];
	size_t at = 0;

	if (!e->key) {
		text_append(buf, size, "*");
		return;
	}
	if (n_parts == 1 && s->flags & NFT_SET_INTERVAL) {
		const uint8_t *next = index + 1 < s->n ? s->elements[index + 1].key : NULL;
		size_t n = parts[0]->len < s->key_len ? parts[0]->len : s->key_len;

		if (parts[0]->type == FW_TYPE_NAME)
			append_name(buf, size, e->key, strnlen((const char *)e->key, n));
		else
			append_interval(buf, size, parts[0]->type, e->key, next, n);
		return;
	}
	for (size_t i = 0; i < n_parts; i++) {
		size_t n = parts[i]->len;

		if (at + n > s->key_len)
			break;
		text_append(buf, size, "%s", i ? " . " : "");
		append_part(buf, size, parts[i]->type, e->key + at, e->end ? e->end + at : NULL, n);
		at += (n + 3) & ~(size_t)3;
	}
}

void fw_append_set(char *buf, size_t size, const struct fw_set *s, const struct fw_sym *const *parts, size_t n_parts,
	enum fw_type data_type)
{
	bool first = true;

	if (strncmp(s->name, "__set", 5) != 0 && strncmp(s->name, "__map", 5) != 0) {
		char clean[FIREWALL_NAME];

		text_clean(clean, sizeof(clean), s->name, strlen(s->name));
		text_append(buf, size, "@%s", clean);
		return;
	}
	text_append(buf, size, "{ ");
	for (uint32_t i = 0; i < s->n && strlen(buf) + 1 < size; i++) {
		const struct fw_element *e = &s->elements[i];

		if (e->flags & NFT_SET_ELEM_INTERVAL_END)
			continue;
		text_append(buf, size, "%s", first ? "" : ", ");
		append_key(buf, size, s, i, parts, n_parts);
		if (s->verdicts)
			append_verdict_of(buf, size, e);
		else if (e->data) {
			text_append(buf, size, " : ");
			fw_append_value(buf, size, data_type, e->data, s->data_len, -1);
		}
		first = false;
	}
	text_append(buf, size, " }");
}

void fw_append_verdict(char *buf, size_t size, int32_t verdict, const char *chain)
{
	char clean[FIREWALL_NAME] = "";

	if (chain)
		text_clean(clean, sizeof(clean), chain, strlen(chain));
	switch (verdict) {
	case NFT_CONTINUE:
		text_append(buf, size, "continue");
		break;
	case NFT_JUMP:
		text_append(buf, size, "jump %s", clean);
		break;
	case NFT_GOTO:
		text_append(buf, size, "goto %s", clean);
		break;
	case NFT_RETURN:
		text_append(buf, size, "return");
		break;
	case NF_ACCEPT:
		text_append(buf, size, "accept");
		break;
	case NF_DROP:
		text_append(buf, size, "drop");
		break;
	default:
		text_append(buf, size, "...");
	}
}
