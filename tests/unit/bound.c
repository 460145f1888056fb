/* bound.c - bound sockets that do not listen, found by their descriptors, and which ports sockets of a kind have. */
#include "unit.h"

#include "collect/bound.h"
#include "collect/sockdiag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

/* A socket of ours on a free port. */
static int bind_one(int family, int type, uint16_t *ret_port)
{
	struct sockaddr_storage sa = {.ss_family = (sa_family_t)family};
	socklen_t n = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	int fd = socket(family, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)(void *)&sa, n), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)(void *)&sa, &n), 0);
	*ret_port = ntohs(((struct sockaddr_in *)(void *)&sa)->sin_port); /* where sockaddr_in6 has it too */
	return fd;
}

static const struct bound_record *of_port(const struct bound_list *list, uint16_t port)
{
	for (uint32_t i = 0; i < list->n; i++)
		if (list->records[i].port == port)
			return &list->records[i];
	return NULL;
}

/* Bound ones are found, with their address; not one that listens, a UDP socket, or one that is closed. */
static void test_descriptors(void **state)
{
	static struct bound_list list;
	uint16_t port, port6, listening, udp;
	int fds[] = {bind_one(AF_INET, SOCK_STREAM, &port), bind_one(AF_INET6, SOCK_STREAM, &port6),
		bind_one(AF_INET, SOCK_STREAM, &listening), bind_one(AF_INET, SOCK_DGRAM, &udp)};

	(void)state;
	if (geteuid() != 0)
		skip(); /* SIOCGSKNS is for who may administer the namespace */
	assert_int_equal(listen(fds[2], 1), 0);
	bound_read(&list, 60000);
	assert_non_null(of_port(&list, port));
	assert_true(ip_is_any(&of_port(&list, port)->addr) && ip_is_v4(&of_port(&list, port)->addr));
	assert_non_null(of_port(&list, port6));
	assert_true(of_port(&list, port6)->v6 && !of_port(&list, port6)->v6only);
	assert_null(of_port(&list, listening));
	assert_null(of_port(&list, udp));
	for (size_t i = 0; i < COUNT(fds); i++)
		close(fds[i]);
	bound_read(&list, 60000);
	assert_null(of_port(&list, port));
}

/* What the kernel dumps of itself, where it does, agrees. */
static void test_dumps(void **state)
{
	static struct port_map map;
	struct sockdiag *sd = sockdiag_new();
	struct socket_row row;
	uint16_t port, udp;
	int fd = bind_one(AF_INET, SOCK_STREAM, &port), dgram = bind_one(AF_INET6, SOCK_DGRAM, &udp), r;

	(void)state;
	assert_non_null(sd);
	r = sockdiag_bound_ports(sd, &map);
	assert_true(r == 0 || r == -EOPNOTSUPP); /* before v6.8 */
	assert_int_equal(sockdiag_bound(sd, port, &row), r);
	assert_true(r < 0 || port_map_has(&map, port));
	assert_int_equal(sockdiag_udp_ports(sd, &map), 0);
	assert_true(port_map_has(&map, udp));
	close(fd);
	close(dgram);
	assert_int_equal(sockdiag_udp_ports(sd, &map), 0);
	assert_false(port_map_has(&map, udp));
	assert_true(sockdiag_bound(sd, port, &row) < 0);
	sockdiag_free(sd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_dumps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
