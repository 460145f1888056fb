/* table.c - the table of fixed capacity against a naive model. */
#include "unit.h"

#include "base/table.h"

static const struct hash_key key = {{1, 2}};

static uint32_t *get(struct table *t, uint32_t k, bool *fresh)
{
	return table_get(t, &k, fresh, NULL, NULL);
}

static uint32_t *lookup(struct table *t, uint32_t k)
{
	return table_find(t, &k);
}

static void test_get_and_find(void **state)
{
	struct table *t = table_new(4, sizeof(uint32_t), sizeof(uint32_t), key);
	uint32_t *v;
	bool fresh;

	(void)state;
	assert_non_null(t);
	assert_int_equal(table_cap(t), 4);
	assert_null(lookup(t, 1));
	assert_null(table_next(t, NULL));
	v = get(t, 1, &fresh);
	assert_true(fresh);
	assert_int_equal(*v, 0);
	*v = 11;
	assert_ptr_equal(get(t, 1, &fresh), v);
	assert_false(fresh);
	assert_ptr_equal(get(t, 1, NULL), v);
	assert_ptr_equal(lookup(t, 1), v);
	assert_int_equal(*(const uint32_t *)table_key(t, v), 1);
	assert_int_equal(table_used(t), 1);
	assert_ptr_equal(table_at(t, table_index(t, v)), v);
	assert_null(table_at(t, 4));
	assert_null(table_at(t, TABLE_NONE));
	table_remove(t, v);
	assert_null(lookup(t, 1));
	assert_int_equal(table_used(t), 0);
	for (uint32_t i = 0; i < 4; i++)
		assert_null(table_at(t, i));
	table_free(t);
	table_free(NULL);
}

struct evictions {
	struct table *t;
	uint32_t keys[16];
	int n;
	bool remove;
};

static void on_evict(void *ctx, void *value)
{
	struct evictions *e = ctx;

	e->keys[e->n++] = *(const uint32_t *)table_key(e->t, value);
	if (e->remove)
		table_remove(e->t, value);
}

static void test_lru(void **state)
{
	(void)state;
	for (int with_remove = 0; with_remove < 2; with_remove++) {
		struct table *t = table_new(3, sizeof(uint32_t), sizeof(uint32_t), key);
		struct evictions ev = {.t = t, .remove = with_remove};
		uint32_t four = 4, five = 5;
		uint32_t *v;
		bool fresh;

		for (uint32_t k = 1; k <= 3; k++)
			*get(t, k, NULL) = k * 10;
		table_touch(t, lookup(t, 1)); /* order is now 2 3 1 */
		table_touch(t, lookup(t, 1));
		v = table_get(t, &four, &fresh, on_evict, &ev);
		assert_true(fresh);
		assert_int_equal(*v, 0); /* reused, and zeroed */
		assert_int_equal(ev.n, 1);
		assert_int_equal(ev.keys[0], 2);
		assert_null(lookup(t, 2));
		assert_int_equal(*lookup(t, 1), 10);
		table_get(t, &five, NULL, on_evict, &ev);
		assert_int_equal(ev.keys[1], 3);
		assert_int_equal(table_evicted(t), 2);
		assert_int_equal(table_used(t), 3);
		table_get(t, &five, NULL, on_evict, &ev); /* there already: nobody has to go */
		assert_int_equal(ev.n, 2);
		table_free(t);
	}
}

static void test_order(void **state)
{
	struct table *t = table_new(8, sizeof(uint32_t), sizeof(uint32_t), key);
	static const uint32_t want[] = {2, 4, 1, 3};
	size_t i = 0;

	(void)state;
	for (uint32_t k = 1; k <= 4; k++)
		get(t, k, NULL);
	table_touch(t, lookup(t, 1));
	table_touch(t, lookup(t, 3));
	for (uint32_t *v = NULL; (v = table_next(t, v)); i++)
		assert_int_equal(*(const uint32_t *)table_key(t, v), want[i]);
	assert_int_equal(i, 4);
	table_free(t);
}

static void test_remove_in_loop(void **state)
{
	struct table *t = table_new(100, sizeof(uint32_t), sizeof(uint32_t), key);
	size_t seen = 0;

	(void)state;
	for (uint32_t k = 0; k < 100; k++)
		*get(t, k, NULL) = k;
	for (uint32_t *v = table_next(t, NULL), *next; v; v = next) {
		next = table_next(t, v);
		seen++;
		if (*v % 3 != 0)
			table_remove(t, v);
	}
	assert_int_equal(seen, 100);
	assert_int_equal(table_used(t), 34);
	for (uint32_t k = 0; k < 100; k++)
		assert_true((lookup(t, k) != NULL) == (k % 3 == 0));
	table_clear(t);
	assert_int_equal(table_used(t), 0);
	assert_null(table_next(t, NULL));
	for (uint32_t k = 0; k < 100; k++)
		assert_null(lookup(t, k));
	for (uint32_t k = 0; k < 100; k++)
		assert_int_equal(*get(t, k, NULL), 0);
	assert_int_equal(table_evicted(t), 0);
	table_free(t);
}

/* Keys and values of odd sizes: 8-byte members must be aligned, and neighbours untouched. */
static void test_sizes(void **state)
{
	(void)state;
	for (size_t key_size = 1; key_size <= 37; key_size += 3) {
		for (size_t value_size = 8; value_size <= 40; value_size += 7) {
			struct table *t = table_new(5, key_size, value_size, key);
			char k[64];

			memset(k, 0, sizeof(k));
			for (int i = 0; i < 20; i++) {
				char *v;

				k[0] = (char)i;
				k[key_size - 1] = (char)i;
				v = table_get(t, k, NULL, NULL, NULL);
				assert_int_equal((uintptr_t)v % 8, 0);
				memset(v, 0xa5, value_size);
				assert_memory_equal(table_key(t, v), k, key_size);
			}
			assert_int_equal(table_used(t), 5);
			table_free(t);
		}
	}
}

enum {
	MODEL_CAP = 37,
	MODEL_KEYS = 100,
};

/* The model: keys from the oldest to the newest. */
struct model {
	uint32_t keys[MODEL_CAP], values[MODEL_CAP];
	int n;
};

static int model_find(const struct model *m, uint32_t k)
{
	for (int i = 0; i < m->n; i++)
		if (m->keys[i] == k)
			return i;
	return -1;
}

static void model_remove(struct model *m, int at)
{
	m->n--;
	memmove(m->keys + at, m->keys + at + 1, (size_t)(m->n - at) * sizeof(m->keys[0]));
	memmove(m->values + at, m->values + at + 1, (size_t)(m->n - at) * sizeof(m->values[0]));
}

static void model_append(struct model *m, uint32_t k, uint32_t v)
{
	m->keys[m->n] = k;
	m->values[m->n++] = v;
}

static void test_model(void **state)
{
	struct table *t = table_new(MODEL_CAP, sizeof(uint32_t), sizeof(uint32_t), key);
	struct model m = {.n = 0};
	uint64_t seed = 3, evicted = 0;

	(void)state;
	for (int round = 0; round < 200000; round++) {
		uint32_t k = random_below(&seed, MODEL_KEYS), v;
		int at = model_find(&m, k), i = 0;
		uint32_t *found = lookup(t, k);
		bool fresh;

		assert_true((found != NULL) == (at >= 0));
		if (found)
			assert_int_equal(*found, m.values[at]);
		switch (random_below(&seed, 4)) {
		case 0:
		case 1:
			if (at < 0 && m.n == MODEL_CAP) {
				model_remove(&m, 0);
				evicted++;
			}
			found = get(t, k, &fresh);
			assert_true(fresh == (at < 0));
			if (at < 0) {
				assert_int_equal(*found, 0);
				*found = (uint32_t)round;
				model_append(&m, k, (uint32_t)round);
			}
			break;
		case 2:
			if (!found)
				break;
			table_touch(t, found);
			v = m.values[at];
			model_remove(&m, at);
			model_append(&m, k, v);
			break;
		case 3:
			if (!found || random_below(&seed, 2))
				break;
			table_remove(t, found);
			model_remove(&m, at);
			break;
		}
		assert_int_equal(table_used(t), m.n);
		assert_int_equal(table_evicted(t), evicted);
		if (round % 16)
			continue;
		for (uint32_t *one = NULL; (one = table_next(t, one)); i++)
			assert_int_equal(*(const uint32_t *)table_key(t, one), m.keys[i]);
		assert_int_equal(i, m.n);
	}
	table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_get_and_find),
		cmocka_unit_test(test_lru),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_remove_in_loop),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
