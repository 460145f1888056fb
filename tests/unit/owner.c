/* owner.c - unit and container out of a cgroup path, and hostile names made safe. */
#include "unit.h"

#include "collect/owner.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct owner owner_of(const char *cgroup)
{
	struct owner_record r;
	struct owner o;

	memset(&r, 0, sizeof(r));
	r.inode = 4711;
	r.pid = 123;
	strcpy(r.comm, "nginx");
	strcpy(r.cmdline, "nginx: master process");
	strcpy(r.user, "www-data");
	snprintf(r.cgroup, sizeof(r.cgroup), "%s", cgroup);
	owner_from_record(&r, &o);
	assert_int_equal(o.pid, 123);
	assert_string_equal(o.comm, "nginx");
	assert_string_equal(o.cmdline, "nginx: master process");
	assert_string_equal(o.user, "www-data");
	return o;
}

static void test_cgroups(void **state)
{
	static const struct {
		const char *path, *unit, *container;
	} cases[] = {
		{"", "", ""},
		{"/", "", ""},
		/* plain services, templates, sockets, pid 1 */
		{"/system.slice/nginx.service", "nginx.service", ""},
		{"/system.slice/system-postgresql.slice/postgresql@15-main.service",
			"postgresql@15-main.service", ""},
		{"/system.slice/ssh.socket", "ssh.socket", ""},
		{"/init.scope", "init.scope", ""},
		{"/system.slice/nginx.service/sub/deeper", "nginx.service", ""},
		/* users */
		{"/user.slice/user-1000.slice/session-3.scope", "session-3.scope", ""},
		{"/user.slice/user-1000.slice/user@1000.service/app.slice/app-web.service",
			"app-web.service", ""},
		{"/user.slice/user-1000.slice/user@1000.service/app.slice/vte-spawn-1-2.scope",
			"vte-spawn-1-2.scope", ""},
		/* docker: systemd and cgroupfs driver; podman; containerd; cri-o */
		{"/system.slice/docker-" ID ".scope", "", "0123456789ab"},
		{"/docker/" ID, "", "0123456789ab"},
		{"/machine.slice/libpod-" ID ".scope", "", "0123456789ab"},
		{"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID
		 ".scope/container",
			"user@1000.service", "0123456789ab"},
		{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1234.slice/"
		 "cri-containerd-" ID ".scope",
			"", "0123456789ab"},
		{"/kubepods/besteffort/pod12345678-1234-1234-1234-123456789abc/" ID, "",
			"0123456789ab"},
		{"/kubepods.slice/crio-" ID ".scope", "", "0123456789ab"},
		/* a service within a container */
		{"/system.slice/docker-" ID ".scope/system.slice/nginx.service", "nginx.service",
			"0123456789ab"},
		/* machinectl, lxc */
		{"/machine.slice/machine-web.scope", "", "web"},
		{"/machine.slice/machine-qemu\\x2d1\\x2dvm.scope", "", "qemu\\x2d1\\x2dvm"},
		{"/machine.slice/systemd-nspawn@web.service", "systemd-nspawn@web.service", ""},
		{"/lxc.payload.web", "", "web"},
		{"/lxc.payload.web/system.slice/nginx.service", "nginx.service", "web"},
		/* near misses */
		{"/system.slice/docker-0123456789abcdef.scope", "docker-0123456789abcdef.scope",
			""},
		{"/.service", "", ""},
		{"nginx.service", "nginx.service", ""},
	};
	int failures = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct owner o = owner_of(cases[i].path);

		note(failures, strcmp(o.unit, cases[i].unit) == 0, "%s: unit \"%s\"", cases[i].path,
			o.unit);
		note(failures, strcmp(o.container, cases[i].container) == 0, "%s: container \"%s\"",
			cases[i].path, o.container);
	}
	expect(failures == 0, "%d wrong", failures);
}

/* Only scopes and slices of machined are machines. */
static void test_machine_near_miss(void **state)
{
	struct owner o = owner_of("/system.slice/machine-learning.service");

	(void)state;
	assert_string_equal(o.unit, "machine-learning.service");
	assert_string_equal(o.container, "");
}

static void test_hostile(void **state)
{
	struct owner_record r;
	struct owner o;

	(void)state;
	memset(&r, 0, sizeof(r));
	strcpy(r.comm, "\x1b]0;x\a\n");
	strcpy(r.cmdline, "a\xff\xe2\x80\xae b");
	strcpy(r.user, "\xc3\xa9ve");
	strcpy(r.cgroup, "/system.slice/\x1b[2Jx.service");
	owner_from_record(&r, &o);
	assert_string_equal(o.comm, "\\x1b]0;x\\x07\\x0a");
	assert_string_equal(o.cmdline, "a\\xff\\xe2\\x80\\xae b");
	assert_string_equal(o.user, "\xc3\xa9ve");
	assert_string_equal(o.unit, "\\x1b[2Jx.service");
}

/* A record from the other process may hold anything, also no NUL at all. */
static void test_random_records(void **state)
{
	uint64_t seed = 5;

	(void)state;
	for (int round = 0; round < 5000; round++) {
		struct owner_record *r = malloc(sizeof(*r));
		struct owner o;
		char *bytes = (char *)r;
		static const char *const pieces[] = {"/", ".service", ".scope", "machine-",
			"lxc.payload.", ID, "\x1b", "\xe2\x80\xae"};

		assert_non_null(r);
		for (size_t i = 0; i < sizeof(*r); i++)
			bytes[i] = (char)(round % 2 ? random_next(&seed) | 1 : random_next(&seed));
		for (size_t used = 0; round % 3 == 0;) {
			const char *piece = pieces[random_below(&seed, COUNT(pieces))];

			if (used + strlen(piece) > sizeof(r->cgroup))
				break;
			memcpy(r->cgroup + used, piece, strlen(piece));
			used += strlen(piece);
			if (used < sizeof(r->cgroup))
				r->cgroup[used] = '\0';
		}
		owner_from_record(r, &o);
		for (const char *p = o.unit; *p; p++)
			assert_true((unsigned char)*p >= 0x20 && *p != 0x7f);
		for (const char *p = o.container; *p; p++)
			assert_true((unsigned char)*p >= 0x20 && *p != 0x7f);
		assert_non_null(memchr(o.comm, '\0', sizeof(o.comm)));
		assert_non_null(memchr(o.cmdline, '\0', sizeof(o.cmdline)));
		free(r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cgroups),
		cmocka_unit_test(test_machine_near_miss),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_random_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
