/* servers.c - which setting of a well-known server says where it listens. */
#include "servers.h"

#include <string.h>

struct server {
	const char *comm;    /* the command's name */
	const char *cmdline; /* and in its command line; NULL: anything */
	const char *setting[2];
};

/* The first that fits counts: interpreters with a known script stand above the bare interpreter. */
static const struct server servers[] = {
	{"redis-server", NULL,
		{"'bind * -::*' in /etc/redis/redis.conf (and keep protected-mode in mind)",
			"'tcp-backlog' in /etc/redis/redis.conf"}},
	{"valkey-server", NULL,
		{"'bind * -::*' in /etc/valkey/valkey.conf (and keep protected-mode in mind)",
			"'tcp-backlog' in /etc/valkey/valkey.conf"}},
	{"postgres", NULL,
		{"listen_addresses = '*' in postgresql.conf (and a line for the peer in pg_hba.conf)",
			"max_connections in postgresql.conf"}},
	{"mysqld", NULL,
		{"bind-address = 0.0.0.0 in /etc/mysql/mysql.conf.d/mysqld.cnf",
			"back_log in /etc/mysql/mysql.conf.d/mysqld.cnf"}},
	{"mariadbd", NULL,
		{"bind-address = 0.0.0.0 in /etc/mysql/mariadb.conf.d/50-server.cnf",
			"back_log in /etc/mysql/mariadb.conf.d/50-server.cnf"}},
	{"mongod", NULL,
		{"net.bindIp: 0.0.0.0 in /etc/mongod.conf", "net.listenBacklog in /etc/mongod.conf"}},
	{"nginx", NULL,
		{"'listen 80;' (no address) in the server block below /etc/nginx/",
			"'backlog=' of the listen directive, and worker_connections, below /etc/nginx/"}},
	{"apache2", NULL,
		{"'Listen 80' (no address) in /etc/apache2/ports.conf",
			"ListenBacklog and MaxRequestWorkers below /etc/apache2/"}},
	{"httpd", NULL,
		{"'Listen 80' (no address) in /etc/httpd/conf/httpd.conf",
			"ListenBacklog and MaxRequestWorkers below /etc/httpd/conf/"}},
	{"sshd", NULL,
		{"ListenAddress in /etc/ssh/sshd_config (with ssh.socket: ListenStream=)",
			"MaxStartups in /etc/ssh/sshd_config"}},
	{"gunicorn", NULL,
		{"--bind 0.0.0.0:PORT for gunicorn (or bind in gunicorn.conf.py)",
			"--backlog and --workers for gunicorn"}},
	{"uvicorn", NULL,
		{"--host 0.0.0.0 for uvicorn", "--backlog and --workers for uvicorn"}},
	{"flask", NULL,
		{"--host=0.0.0.0 for 'flask run' (or app.run(host=...))",
			"a production server (gunicorn, uvicorn) in place of 'flask run'"}},
	{"python", "http.server",
		{"--bind 0.0.0.0 for python's http.server (or leave --bind out)",
			"a server with more than one thread in place of http.server"}},
	{"python", "gunicorn",
		{"--bind 0.0.0.0:PORT for gunicorn (or bind in gunicorn.conf.py)",
			"--backlog and --workers for gunicorn"}},
	{"python", "uvicorn",
		{"--host 0.0.0.0 for uvicorn", "--backlog and --workers for uvicorn"}},
	{"python", "runserver",
		{"0.0.0.0:PORT after django's 'manage.py runserver' (and ALLOWED_HOSTS)",
			"a production server (gunicorn, uvicorn) in place of runserver"}},
	{"python", "flask",
		{"--host=0.0.0.0 for 'flask run' (or app.run(host=...))",
			"a production server (gunicorn, uvicorn) in place of 'flask run'"}},
	{"python", NULL,
		{"the host argument where the script binds ('0.0.0.0' or '::', not 'localhost')",
			"the argument of listen() in the script, and accept in a thread of its own"}},
	{"node", NULL,
		{"the host argument of server.listen(port, '0.0.0.0') (or HOST=0.0.0.0 for dev servers)",
			"the backlog argument of server.listen()"}},
	{"java", "elasticsearch",
		{"network.host in /etc/elasticsearch/elasticsearch.yml",
			"the node's load: elasticsearch accepts by itself"}},
	{"java", NULL,
		{"the bind address of the application (server.address for Spring Boot)",
			"the accept count (server.tomcat.accept-count for Spring Boot)"}},
	{"beam.smp", NULL,
		{"listeners.tcp.default in /etc/rabbitmq/rabbitmq.conf",
			"tcp_listen_options.backlog in /etc/rabbitmq/rabbitmq.conf"}},
	{"rabbitmq", NULL,
		{"listeners.tcp.default in /etc/rabbitmq/rabbitmq.conf",
			"tcp_listen_options.backlog in /etc/rabbitmq/rabbitmq.conf"}},
	{"memcached", NULL,
		{"'-l 0.0.0.0' in /etc/memcached.conf", "'-b' (backlog) and '-c' in /etc/memcached.conf"}},
	{"docker-proxy", NULL,
		{"the published port without an address: 'docker run -p PORT:PORT', not "
			"'-p 127.0.0.1:PORT:PORT'",
			"the load of the container behind the published port"}},
	{"dockerd", NULL,
		{"'hosts' in /etc/docker/daemon.json (only with TLS)", "the load of dockerd"}},
	{"systemd", NULL,
		{"ListenStream= in the .socket unit ('systemctl edit --full NAME.socket')",
			"Backlog= in the .socket unit"}},
	{"exim4", NULL,
		{"dc_local_interfaces in /etc/exim4/update-exim4.conf.conf",
			"smtp_connect_backlog in exim4's configuration"}},
	{"master", NULL,
		{"inet_interfaces = all in /etc/postfix/main.cf",
			"default_process_limit in /etc/postfix/main.cf"}},
	{"haproxy", NULL,
		{"the bind line of the frontend in /etc/haproxy/haproxy.cfg",
			"'backlog' and 'maxconn' in /etc/haproxy/haproxy.cfg"}},
	{"dnsmasq", NULL,
		{"listen-address or interface in /etc/dnsmasq.conf", "the load of dnsmasq"}},
};

/* The name itself, with a version (python3.11) or a title ("gunicorn: master") behind it. */
static bool is_named(const char *comm, const char *name)
{
	const char *rest = comm + strlen(name);

	if (strncmp(comm, name, strlen(name)) != 0)
		return false;
	return *rest == ':' || *rest == ' ' || rest[strspn(rest, "0123456789.")] == '\0';
}

const char *server_advice(const struct owner *o, enum server_setting setting)
{
	for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++) {
		const struct server *s = &servers[i];

		if (is_named(o->comm, s->comm) &&
			(!s->cmdline || strstr(o->cmdline, s->cmdline)))
			return s->setting[setting];
	}
	return NULL;
}
