/* firewall_set.c - whether a key, known or not, is in a set of a ruleset. */
#include "firewall_rules.h"

#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

enum {
	CATCHALL = 2,           /* NFT_SET_ELEM_CATCHALL */
	EXPIRED_LONG_AGO = 5000, /* ms: a packet that is judged is not older */
};

/*
 * Elements are sorted by key. An interval set without end keys (nft_set_rbtree.c) has an element where an
 * interval starts and one, flagged, where it ends; at the same key the end comes first, since what starts there
 * is what counts from there on. Catch-all elements come last.
 */
static int compare_elements(const void *a, const void *b, void *ctx)
{
	const struct fw_element *x = a, *y = b;
	const struct fw_set *s = ctx;
	int order;

	if (!x->key || !y->key)
		return !x->key - !y->key;
	order = memcmp(x->key, y->key, s->key_len);
	if (order != 0)
		return order;
	return (int)!(x->flags & NFT_SET_ELEM_INTERVAL_END) - (int)!(y->flags & NFT_SET_ELEM_INTERVAL_END);
}

void fw_set_sort(struct fw_set *set)
{
	if (set->n > 1)
		qsort_r(set->elements, set->n, sizeof(*set->elements), compare_elements, set);
}

/* A concatenation of ranges (nft_set_pipapo.c): every element has both ends, compared field by field. */
static bool has_fields(const struct fw_set *s)
{
	return s->flags & NFT_SET_CONCAT && s->n_fields > 0;
}

static bool is_interval(const struct fw_set *s)
{
	return s->flags & NFT_SET_INTERVAL && !has_fields(s);
}

/* The last element at or before the key; UINT32_MAX: none. */
static uint32_t find_last(const struct fw_set *s, const uint8_t *key)
{
	uint32_t low = 0, high = s->n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct fw_element *e = &s->elements[middle];

		if (e->key && memcmp(e->key, key, s->key_len) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 ? low - 1 : UINT32_MAX;
}

/* The least and the greatest value that n bytes may have. */
static void bounds(const uint8_t *v, const uint8_t *k, size_t n, uint8_t *ret_low, uint8_t *ret_high)
{
	for (size_t i = 0; i < n; i++) {
		ret_low[i] = v[i] & k[i];
		ret_high[i] = (uint8_t)(v[i] | ~k[i]);
	}
}

static bool overlaps(const uint8_t *low, const uint8_t *high, const uint8_t *from, const uint8_t *to, size_t n)
{
	return (!to || memcmp(low, to, n) <= 0) && memcmp(high, from, n) >= 0;
}

static bool fields_overlap(const struct fw_set *s, const struct fw_element *e, const uint8_t *low,
	const uint8_t *high)
{
	const uint8_t *end = e->end ? e->end : e->key;
	uint32_t at = 0;

	for (uint32_t i = 0; i < s->n_fields; i++) {
		if (!overlaps(low + at, high + at, e->key + at, end + at, s->fields[i]))
			return false;
		at += (s->fields[i] + 3u) & ~3u;
	}
	return true;
}

/* An interval [key of the element, key of the next): the end is not a part of it. */
static bool interval_overlaps(const struct fw_set *s, uint32_t index, const uint8_t *low, const uint8_t *high)
{
	const struct fw_element *e = &s->elements[index];
	const uint8_t *next = index + 1 < s->n ? s->elements[index + 1].key : NULL;

	if (e->flags & NFT_SET_ELEM_INTERVAL_END)
		return false;
	if (next && memcmp(next, e->key, s->key_len) == 0)
		return false; /* the other of two at one key counts */
	return memcmp(high, e->key, s->key_len) >= 0 && (!next || memcmp(low, next, s->key_len) < 0);
}

static bool is_excepted(const struct fw_set *s, const struct fw_element *e, const struct fw_bits *regs, uint32_t word)
{
	for (uint32_t i = 0; i * 4 + 4 <= s->key_len; i++) {
		uint32_t v;

		memcpy(&v, e->key + (size_t)i * 4, sizeof(v));
		if (regs->except[word + i] >= 0 && (uint32_t)regs->except[word + i] == v)
			return true;
	}
	return false;
}

bool fw_may_be_in(const struct fw_walk *w, const struct fw_set *s, uint32_t index, const struct fw_bits *regs,
	uint32_t word)
{
	const struct fw_element *e = &s->elements[index];
	const uint8_t *v = regs->v + (size_t)word * 4, *k = regs->k + (size_t)word * 4;
	uint8_t low[FW_REG_BYTES], high[FW_REG_BYTES];

	if (e->expires_ms && e->expires_ms + EXPIRED_LONG_AGO < w->now_ms)
		return false;
	if (!e->key)
		return true;
	if (!is_interval(s) && !has_fields(s))
		return fw_compare_eq(v, k, e->key, s->key_len) != FW_NO && !is_excepted(s, e, regs, word);
	bounds(v, k, s->key_len, low, high);
	return is_interval(s) ? interval_overlaps(s, index, low, high) : fields_overlap(s, e, low, high);
}

/* The element of a key all of which is known; NULL: none. */
static const struct fw_element *find_known(struct fw_walk *w, const struct fw_set *s, const uint8_t *key)
{
	const struct fw_element *catchall = NULL, *e;
	uint32_t i;

	if (s->n > 0 && !s->elements[s->n - 1].key)
		catchall = &s->elements[s->n - 1];
	if (has_fields(s)) {
		for (i = 0; i < s->n && s->elements[i].key; i++) {
			w->budget -= w->budget > 0;
			if (fields_overlap(s, &s->elements[i], key, key))
				return &s->elements[i];
		}
		return catchall;
	}
	i = find_last(s, key);
	e = i != UINT32_MAX ? &s->elements[i] : NULL;
	if (!e || e->flags & NFT_SET_ELEM_INTERVAL_END ||
		(!is_interval(s) && memcmp(e->key, key, s->key_len) != 0))
		return catchall;
	return e;
}

static bool is_known(const uint8_t *k, size_t n)
{
	while (n > 0)
		if (k[--n] != 0xff)
			return false;
	return true;
}

void fw_lookup(struct fw_walk *w, struct fw_set *s, const struct fw_bits *regs, uint32_t word,
	struct fw_match *ret)
{
	ret->is = FW_MAYBE;
	ret->element = NULL;
	if (s && !s->loaded && !s->unknown && w->load)
		w->load(w, s);
	if (!s || !s->loaded || s->unknown || word * 4 + s->key_len > FW_REG_BYTES)
		return;
	if (is_known(regs->k + (size_t)word * 4, s->key_len)) {
		const struct fw_element *e = find_known(w, s, regs->v + (size_t)word * 4);

		if (!e || (e->expires_ms && e->expires_ms + EXPIRED_LONG_AGO < w->now_ms)) {
			ret->is = FW_NO;
		} else {
			ret->is = e->expires_ms && e->expires_ms < w->now_ms ? FW_MAYBE : FW_YES;
			ret->element = e;
		}
		return;
	}
	for (uint32_t i = 0; i < s->n; i++) {
		w->budget -= w->budget > 0;
		if (fw_may_be_in(w, s, i, regs, word))
			return;
	}
	ret->is = FW_NO;
}
