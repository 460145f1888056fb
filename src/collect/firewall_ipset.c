/* firewall_ipset.c - what a set of ipset(8) is called, of which a rule has the number. */
#include "firewall_ipset.h"
#include "base/text.h"

#include <linux/netfilter/ipset/ip_set.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	VERSION = 6, /* IPSET_PROTOCOL_MIN, which all kernels take (ip_set_sockfn_get(), v6.18) */
};

bool ipset_name(uint16_t index, char *ret, size_t size)
{
	struct ip_set_req_get_set req = {.op = IP_SET_OP_GET_BYINDEX, .version = VERSION, .set.index = index};
	socklen_t n = sizeof(req);
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	bool known = fd >= 0 && getsockopt(fd, SOL_IP, SO_IP_SET, &req, &n) == 0;

	if (fd >= 0)
		close(fd);
	req.set.name[sizeof(req.set.name) - 1] = '\0';
	if (!known || req.set.name[0] == '\0')
		return false;
	text_copy(ret, size, req.set.name);
	return true;
}
