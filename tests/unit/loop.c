/* loop.c - who is called, when, and that a removed handler is not. */
#include "unit.h"

#include "base/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

struct watcher {
	struct loop *l;
	int fds[2]; /* a pipe */
	int calls, status;
	uint32_t events;
	struct watcher *removes, *adds;
};

static int on_readable(void *ctx, uint32_t events)
{
	struct watcher *w = ctx;
	char c;

	w->calls++;
	w->events = events;
	if (w->removes)
		loop_remove(w->l, w->removes->fds[0]);
	if (w->adds)
		loop_add(w->l, w->adds->fds[0], on_readable, w->adds);
	if (read(w->fds[0], &c, 1) != 1)
		loop_remove(w->l, w->fds[0]);
	return w->status;
}

static struct watcher watcher(struct loop *l)
{
	struct watcher w = {.l = l, .status = LOOP_GO_ON};

	assert_int_equal(pipe2(w.fds, O_NONBLOCK | O_CLOEXEC), 0);
	return w;
}

static void finish(struct watcher *w)
{
	close(w->fds[0]);
	if (w->fds[1] >= 0)
		close(w->fds[1]);
}

static void poke(struct watcher *w)
{
	assert_int_equal(write(w->fds[1], "x", 1), 1);
}

static void test_status(void **state)
{
	struct loop *l = loop_new();
	struct watcher w = watcher(l);

	(void)state;
	assert_int_equal(loop_add(l, w.fds[0], on_readable, &w), 0);
	w.status = 7;
	poke(&w);
	assert_int_equal(loop_run(l), 7);
	assert_int_equal(w.calls, 1);
	assert_true(w.events & EPOLLIN);
	w.status = 0;
	poke(&w);
	assert_int_equal(loop_run(l), 0);
	finish(&w);
	loop_free(l);
	loop_free(NULL);
}

static void test_go_on_and_hang_up(void **state)
{
	struct loop *l = loop_new();
	struct watcher a = watcher(l), b = watcher(l);

	(void)state;
	loop_add(l, a.fds[0], on_readable, &a);
	poke(&a);
	poke(&a);
	close(a.fds[1]); /* two bytes, then a hang-up; its handler removes it */
	a.fds[1] = -1;
	b.status = 3;
	loop_add(l, b.fds[0], on_readable, &b);
	close(b.fds[1]);
	b.fds[1] = -1;
	assert_int_equal(loop_run(l), 3);
	assert_true(a.calls >= 1);
	finish(&a);
	finish(&b);
	loop_free(l);
}

static void test_errors(void **state)
{
	struct loop *l = loop_new();
	struct watcher w[17];

	(void)state;
	assert_int_equal(loop_add(l, 9999, on_readable, NULL), -EBADF);
	for (int i = 0; i < 17; i++)
		w[i] = watcher(l);
	for (int i = 0; i < 16; i++)
		assert_int_equal(loop_add(l, w[i].fds[0], on_readable, &w[i]), 0);
	assert_int_equal(loop_add(l, w[16].fds[0], on_readable, &w[16]), -ENOSPC);
	loop_remove(l, 9999);
	loop_remove(l, w[3].fds[0]);
	assert_int_equal(loop_add(l, w[2].fds[0], on_readable, &w[2]), -EEXIST);
	assert_int_equal(loop_add(l, w[16].fds[0], on_readable, &w[16]), 0);
	for (int i = 0; i < 17; i++)
		finish(&w[i]);
	loop_free(l);
}

/* Two are ready in one round; the first removes the second, which must not be called any more. */
static void test_removed_in_round(void **state)
{
	struct loop *l = loop_new();
	struct watcher a = watcher(l), b = watcher(l);

	(void)state;
	loop_add(l, a.fds[0], on_readable, &a);
	loop_add(l, b.fds[0], on_readable, &b);
	poke(&a);
	poke(&b);
	a.removes = &b;
	b.removes = &a;
	a.status = b.status = LOOP_GO_ON;
	{
		struct watcher end = watcher(l);

		end.status = 1;
		close(end.fds[1]);
		end.fds[1] = -1;
		loop_add(l, end.fds[0], on_readable, &end);
		assert_int_equal(loop_run(l), 1);
		assert_int_equal(a.calls + b.calls, 1);
		finish(&end);
	}
	finish(&a);
	finish(&b);
	loop_free(l);
}

/* As above, and the freed place is taken by a descriptor that is not readable. */
static void test_replaced_in_round(void **state)
{
	struct loop *l = loop_new();
	struct watcher a = watcher(l), b = watcher(l), quiet = watcher(l), end = watcher(l);

	(void)state;
	loop_add(l, a.fds[0], on_readable, &a);
	loop_add(l, b.fds[0], on_readable, &b);
	poke(&a);
	poke(&b);
	a.removes = &b;
	b.removes = &a;
	a.adds = b.adds = &quiet;
	end.status = 1;
	close(end.fds[1]);
	end.fds[1] = -1;
	loop_add(l, end.fds[0], on_readable, &end);
	assert_int_equal(loop_run(l), 1);
	assert_int_equal(quiet.calls, 0);
	finish(&a);
	finish(&b);
	finish(&quiet);
	finish(&end);
	loop_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_go_on_and_hang_up),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_removed_in_round),
		cmocka_unit_test(test_replaced_in_round),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
