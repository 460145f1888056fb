/* servers.c - what is known of well-known servers: their settings, limits and manners. */
#include "servers.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

/*
 * {conf} in a setting is the configuration file: what follows one of the flags on the command line, with behind added
 * (a directory), or the first word that ends like it where the flag is "", or else the usual place.
 */
struct server {
	const char *comm;    /* the command's name */
	const char *cmdline; /* and in its command line; NULL: anything */
	int manners;         /* enum server_manner */
	const char *flag, *behind, *conf;
	const char *setting[SETTING_COUNT];
};

#define GUNICORN \
	{ \
		[SETTING_BIND] = "--bind 0.0.0.0:PORT for gunicorn (or bind in gunicorn.conf.py)", \
		[SETTING_BACKLOG] = "--backlog and --workers for gunicorn", \
		[SETTING_WORKERS] = "--workers and --threads for gunicorn (one sync worker serves one client at a time)", \
	}
#define UVICORN \
	{ \
		[SETTING_BIND] = "--host 0.0.0.0 for uvicorn", [SETTING_BACKLOG] = "--backlog and --workers for uvicorn", \
		[SETTING_WORKERS] = "--workers and --limit-concurrency for uvicorn", \
	}
#define FLASK \
	{ \
		[SETTING_BIND] = "--host=0.0.0.0 for 'flask run' (or app.run(host=...))", \
		[SETTING_BACKLOG] = "a production server (gunicorn, uvicorn) in place of 'flask run'", \
		[SETTING_WORKERS] = "a production server (gunicorn, uvicorn) in place of 'flask run'", \
	}
#define REDIS(name) \
	{ \
		[SETTING_BIND] = "'bind * -::*' in {conf} (and keep protected-mode in mind)", \
		[SETTING_BACKLOG] = "'tcp-backlog' in {conf}", \
		[SETTING_LIMIT] = "a limit: maxclients in {conf} (it is told as 'max number of clients reached'; now: CONFIG SET " \
				  "maxclients), or protected-mode; see CLIENT LIST and INFO clients", \
	}
#define APACHE(where) \
	{ \
		[SETTING_BIND] = where, [SETTING_BACKLOG] = "ListenBacklog and MaxRequestWorkers in {conf}", \
		[SETTING_WORKERS] = "MaxRequestWorkers (with ServerLimit) in {conf}; idle keep-alive connections hold workers of " \
				    "mpm_prefork and mpm_worker: KeepAliveTimeout", \
		[SETTING_LIMIT] = "a limit or an access list: MaxRequestWorkers, mod_reqtimeout, mod_qos, mod_evasive", \
	}
#define MYSQL(limit) \
	{ \
		[SETTING_BIND] = "bind-address = 0.0.0.0 in {conf}", [SETTING_BACKLOG] = "back_log in {conf}", \
		[SETTING_WORKERS] = "max_connections and thread_pool_size in {conf}", [SETTING_LIMIT] = limit, \
		[SETTING_ABORT] = "wait_timeout (interactive_timeout for a terminal) in {conf}: MariaDB resets what has idled longer, so " \
				  "let pools close their idle connections sooner, or check them before use", \
	}

#define SSHD \
	{ \
		[SETTING_BIND] = "ListenAddress in {conf} (with ssh.socket: ListenStream=)", \
		[SETTING_BACKLOG] = "MaxStartups in {conf}", [SETTING_WORKERS] = "MaxStartups in {conf}", \
		[SETTING_LIMIT] = "a limit or an access list: MaxStartups and PerSourceMaxStartups in {conf}, hosts.deny, or a " \
		"child that could not be forked (TasksMax= of its unit, the pids limit of its control group, " \
		"ulimit -u) or ended at once (no host key)", \
	}

/* The first that fits counts: interpreters with a known script stand above the bare interpreter. */
static const struct server servers[] = {
	{"redis-server", NULL, MANNER_ANSWERS, "", ".conf", "/etc/redis/redis.conf", REDIS("redis")},
	{"valkey-server", NULL, MANNER_ANSWERS, "", ".conf", "/etc/valkey/valkey.conf", REDIS("valkey")},
	{"postgres", NULL, MANNER_ANSWERS, "-D", "/postgresql.conf", "postgresql.conf",
		{
			[SETTING_BIND] = "listen_addresses = '*' in {conf} (and a line for the peer in pg_hba.conf)",
			[SETTING_BACKLOG] = "max_connections in {conf}",
			[SETTING_WORKERS] = "max_connections in {conf}, or a pooler (pgbouncer) in front",
			[SETTING_LIMIT] = "a limit: max_connections and superuser_reserved_connections in {conf}, or a backend that "
					  "could not be forked (TasksMax, memory)",
		}},
	{"mysqld", NULL, MANNER_ANSWERS | MANNER_SPEAKS_FIRST, "--defaults-file=", "", "/etc/mysql/mysql.conf.d/mysqld.cnf",
		MYSQL("a limit: max_connections in {conf}, or a host that is blocked (max_connect_errors: mysqladmin flush-hosts) or "
		      "not allowed (the user's host, SHOW GRANTS)")},
	{"mariadbd", NULL, MANNER_ANSWERS | MANNER_SPEAKS_FIRST, "--defaults-file=", "",
		"/etc/mysql/mariadb.conf.d/50-server.cnf",
		MYSQL("a limit: max_connections in {conf}, or a host that is blocked (max_connect_errors: mariadb-admin flush-hosts) "
		      "or not allowed (the user's host, SHOW GRANTS)")},
	{"mongod", NULL, MANNER_ANSWERS, "--config", "", "/etc/mongod.conf",
		{
			[SETTING_BIND] = "net.bindIp: 0.0.0.0 in {conf}", [SETTING_BACKLOG] = "net.listenBacklog in {conf}",
			[SETTING_LIMIT] = "a limit: net.maxIncomingConnections in {conf}",
		}},
	{"nginx", NULL, MANNER_ANSWERS | MANNER_PROXY, "-c", "", "/etc/nginx/nginx.conf",
		{
			[SETTING_BIND] = "'listen 80;' (no address) in the server block of {conf}",
			[SETTING_BACKLOG] = "'backlog=' of the listen directive, and worker_connections, in {conf}",
			[SETTING_WORKERS] = "worker_connections and worker_processes in {conf}",
			[SETTING_LIMIT] = "a limit or an access list: worker_connections, worker_rlimit_nofile, limit_conn, allow and "
					  "deny of stream, 'return 444' in {conf}",
		}},
	{"apache2", NULL, MANNER_ANSWERS | MANNER_PROXY, "-f", "", "/etc/apache2/",
		APACHE("'Listen 80' (no address) in /etc/apache2/ports.conf")},
	{"httpd", NULL, MANNER_ANSWERS | MANNER_PROXY, "-f", "", "/etc/httpd/conf/httpd.conf",
		APACHE("'Listen 80' (no address) in {conf}")},
	{"sshd", "[listener]", MANNER_ANSWERS | MANNER_SPEAKS_FIRST, "-f", "", "/etc/ssh/sshd_config", SSHD},
	/* What serves a client, and listens for it (ssh -R). */
	{"sshd", "sshd: ", MANNER_PROXY, NULL, NULL, "/etc/ssh/sshd_config",
		{
			[SETTING_BIND] = "GatewayPorts in {conf}",
			[SETTING_LIMIT] = "the far end of the tunnel (ssh -R): the client there opens a connection for each one that comes here, and "
					  "it was refused or is not allowed (ssh -v there says 'connect_to: failed')",
		}},
	{"sshd", NULL, MANNER_ANSWERS | MANNER_SPEAKS_FIRST, "-f", "", "/etc/ssh/sshd_config", SSHD},
	{"git-daemon", NULL, MANNER_ANSWERS, NULL, NULL, NULL,
		{
			[SETTING_BIND] = "--listen for git daemon", [SETTING_BACKLOG] = "the load of git daemon",
			[SETTING_LIMIT] = "a limit: --max-connections of git daemon",
		}},
	{"lighttpd", NULL, MANNER_ANSWERS | MANNER_PROXY, "-f", "", "/etc/lighttpd/lighttpd.conf",
		{
			[SETTING_BIND] = "server.bind in {conf}", [SETTING_BACKLOG] = "server.listen-backlog in {conf}",
			[SETTING_WORKERS] = "server.max-connections and server.max-fds in {conf}",
			[SETTING_LIMIT] = "a limit or an access list: server.max-connections, evasive.max-conns-per-ip and url.access-deny in {conf}",
		}},
	{"pgbouncer", NULL, MANNER_ANSWERS | MANNER_PROXY, "", ".ini", "/etc/pgbouncer/pgbouncer.ini",
		{
			[SETTING_BIND] = "listen_addr = * in {conf}", [SETTING_BACKLOG] = "listen_backlog in {conf}",
			[SETTING_WORKERS] = "max_client_conn and default_pool_size in {conf}",
			[SETTING_LIMIT] = "a limit: max_client_conn in {conf}",
		}},
	{"gunicorn", NULL, MANNER_ANSWERS, NULL, NULL, NULL, GUNICORN},
	{"uvicorn", NULL, MANNER_ANSWERS, NULL, NULL, NULL, UVICORN},
	{"flask", NULL, MANNER_ANSWERS, NULL, NULL, NULL, FLASK},
	{"uwsgi", NULL, MANNER_ANSWERS, NULL, NULL, NULL,
		{
			[SETTING_BIND] = "--http-socket 0.0.0.0:PORT for uwsgi", [SETTING_BACKLOG] = "--listen for uwsgi",
			[SETTING_WORKERS] = "--processes and --threads for uwsgi",
		}},
	{"php-fpm", NULL, MANNER_ANSWERS, NULL, NULL, NULL,
		{
			[SETTING_BIND] = "listen = 0.0.0.0:PORT in the pool's file (and listen.allowed_clients)",
			[SETTING_BACKLOG] = "listen.backlog in the pool's file", [SETTING_WORKERS] = "pm.max_children in the pool's file",
			[SETTING_LIMIT] = "an access list: listen.allowed_clients in the pool's file",
		}},
	{"python", "http.server", MANNER_ANSWERS, NULL, NULL, NULL,
		{
			[SETTING_BIND] = "--bind 0.0.0.0 for python's http.server (or leave --bind out)",
			[SETTING_BACKLOG] = "a server with more than one thread in place of http.server",
		}},
	{"python", "gunicorn", MANNER_ANSWERS, NULL, NULL, NULL, GUNICORN},
	{"python", "uvicorn", MANNER_ANSWERS, NULL, NULL, NULL, UVICORN},
	{"python", "runserver", MANNER_ANSWERS, NULL, NULL, NULL,
		{
			[SETTING_BIND] = "0.0.0.0:PORT after django's 'manage.py runserver' (and ALLOWED_HOSTS)",
			[SETTING_BACKLOG] = "a production server (gunicorn, uvicorn) in place of runserver",
			[SETTING_WORKERS] = "a production server (gunicorn, uvicorn) in place of runserver",
		}},
	{"python", "flask", MANNER_ANSWERS, NULL, NULL, NULL, FLASK},
	{"python", NULL, 0, NULL, NULL, NULL,
		{
			[SETTING_BIND] = "the host argument where the script binds ('0.0.0.0' or '::', not 'localhost')",
			[SETTING_BACKLOG] = "the argument of listen() in the script, and accept in a thread of its own",
		}},
	{"node", NULL, 0, NULL, NULL, NULL,
		{
			[SETTING_BIND] = "the host argument of server.listen(port, '0.0.0.0') (or HOST=0.0.0.0 for dev servers)",
			[SETTING_BACKLOG] = "the backlog argument of server.listen()",
		}},
	{"java", "elasticsearch", MANNER_ANSWERS, NULL, NULL, NULL,
		{
			[SETTING_BIND] = "network.host in /etc/elasticsearch/elasticsearch.yml",
			[SETTING_BACKLOG] = "the node's load: elasticsearch accepts by itself",
		}},
	{"java", NULL, 0, NULL, NULL, NULL,
		{
			[SETTING_BIND] = "the bind address of the application (server.address for Spring Boot)",
			[SETTING_BACKLOG] = "the accept count (server.tomcat.accept-count for Spring Boot)",
			[SETTING_WORKERS] = "server.tomcat.max-connections and threads.max (Spring Boot)",
		}},
	{"beam.smp", NULL, MANNER_ANSWERS, NULL, NULL, NULL,
		{
			[SETTING_BIND] = "listeners.tcp.default in /etc/rabbitmq/rabbitmq.conf",
			[SETTING_BACKLOG] = "tcp_listen_options.backlog in /etc/rabbitmq/rabbitmq.conf",
			[SETTING_LIMIT] = "a limit: connection_max in /etc/rabbitmq/rabbitmq.conf, or a resource alarm (rabbitmqctl status)",
		}},
	{"rabbitmq", NULL, MANNER_ANSWERS, NULL, NULL, NULL,
		{
			[SETTING_BIND] = "listeners.tcp.default in /etc/rabbitmq/rabbitmq.conf",
			[SETTING_BACKLOG] = "tcp_listen_options.backlog in /etc/rabbitmq/rabbitmq.conf",
		}},
	{"mosquitto", NULL, MANNER_ANSWERS, "-c", "", "/etc/mosquitto/mosquitto.conf",
		{
			[SETTING_BIND] = "'listener 1883' (no address) in {conf}: without one it starts in local only mode (and allow_anonymous or "
					 "password_file)",
			[SETTING_BACKLOG] = "the load of mosquitto",
			[SETTING_LIMIT] = "a limit: max_connections of the listener in {conf}",
		}},
	{"memcached", NULL, MANNER_ANSWERS, NULL, NULL, "/etc/memcached.conf",
		{
			[SETTING_BIND] = "'-l 0.0.0.0' in {conf}", [SETTING_BACKLOG] = "'-b' (backlog) and '-c' in {conf}",
			[SETTING_WORKERS] = "'-c' (connections) in {conf}",
			[SETTING_LIMIT] = "a limit: '-c' (connections) in {conf}; see 'stats': curr_connections, listen_disabled_num",
		}},
	{"docker-proxy", NULL, MANNER_PROXY, NULL, NULL, NULL,
		{
			[SETTING_BIND] = "the published port without an address: 'docker run -p PORT:PORT', not '-p 127.0.0.1:PORT:PORT'",
			[SETTING_BACKLOG] = "the load of the container behind the published port",
		}},
	{"rootlesskit", NULL, MANNER_PROXY, NULL, NULL, NULL, {NULL}},
	{"dockerd", NULL, MANNER_ANSWERS, NULL, NULL, NULL,
		{
			[SETTING_BIND] = "'hosts' in /etc/docker/daemon.json (only with TLS)", [SETTING_BACKLOG] = "the load of dockerd",
		}},
	{"systemd", NULL, 0, NULL, NULL, NULL,
		{
			[SETTING_BIND] = "ListenStream= in the .socket unit ('systemctl edit --full NAME.socket')",
			[SETTING_BACKLOG] = "Backlog= in the .socket unit",
			[SETTING_LIMIT] = "a limit: MaxConnections=, MaxConnectionsPerSource= and TriggerLimitBurst= of the .socket unit; or "
					  "what it starts ended at once: its journal (systemctl status 'NAME@*')",
		}},
	{"systemd-socket-", NULL, 0, NULL, NULL, NULL,
		{
			[SETTING_LIMIT] = "a limit of its own, or what it starts has ended at once: see its log, and start that by hand",
		}},
	{"xinetd", NULL, 0, "-f", "", "/etc/xinetd.d/",
		{
			[SETTING_BIND] = "'bind' (or 'interface') of the service in {conf}",
			[SETTING_LIMIT] = "a limit or an access list: only_from, no_access, access_times, instances, per_source, cps and "
					  "max_load of the service in {conf}; hosts.deny; or its server ended at once",
		}},
	{"inetd", NULL, 0, NULL, NULL, "/etc/inetd.conf",
		{
			[SETTING_LIMIT] = "a limit or an access list: hosts.allow and hosts.deny (tcpd), the rate in {conf}; or its server "
					  "ended at once",
		}},
	{"vsftpd", NULL, MANNER_ANSWERS | MANNER_SPEAKS_FIRST, "", ".conf", "/etc/vsftpd.conf",
		{
			[SETTING_BIND] = "listen_address in {conf}",
			[SETTING_LIMIT] = "a limit or an access list: max_clients, max_per_ip and tcp_wrappers (hosts.deny) in {conf}",
		}},
	{"proftpd", NULL, MANNER_ANSWERS | MANNER_SPEAKS_FIRST, "-c", "", "/etc/proftpd/proftpd.conf",
		{
			[SETTING_BIND] = "DefaultAddress in {conf}",
			[SETTING_LIMIT] = "a limit or an access list: MaxInstances, MaxClients, MaxClientsPerHost, MaxConnectionRate, <Limit "
					  "LOGIN> and mod_wrap in {conf}",
		}},
	{"pure-ftpd", NULL, MANNER_ANSWERS | MANNER_SPEAKS_FIRST, NULL, NULL, "/etc/pure-ftpd/conf/",
		{
			[SETTING_LIMIT] = "a limit: MaxClientsNumber and MaxClientsPerIP in {conf}",
		}},
	{"exim4", NULL, MANNER_ANSWERS | MANNER_SPEAKS_FIRST, NULL, NULL, "/etc/exim4/update-exim4.conf.conf",
		{
			[SETTING_BIND] = "dc_local_interfaces in {conf}", [SETTING_BACKLOG] = "smtp_connect_backlog in exim4's configuration",
			[SETTING_WORKERS] = "smtp_accept_max in exim4's configuration",
			[SETTING_LIMIT] = "a limit or an access list: smtp_accept_max, smtp_accept_max_per_host, host_reject_connection and "
					  "acl_smtp_connect in exim4's configuration",
		}},
	{"master", NULL, MANNER_ANSWERS | MANNER_SPEAKS_FIRST, NULL, NULL, "/etc/postfix/main.cf",
		{
			[SETTING_BIND] = "inet_interfaces = all in {conf}", [SETTING_BACKLOG] = "default_process_limit in {conf}",
			[SETTING_WORKERS] = "default_process_limit in {conf}, or maxproc in master.cf",
			[SETTING_LIMIT] = "a limit or an access list: smtpd_client_connection_count_limit and _rate_limit, "
					  "smtpd_client_restrictions, postscreen in {conf}",
		}},
	{"dovecot", NULL, MANNER_ANSWERS | MANNER_SPEAKS_FIRST, "-c", "", "/etc/dovecot/conf.d/10-master.conf",
		{
			[SETTING_BIND] = "listen in dovecot.conf", [SETTING_WORKERS] = "process_limit and client_limit in {conf}",
			[SETTING_LIMIT] = "a limit: process_limit, client_limit and mail_max_userip_connections in {conf}",
		}},
	{"haproxy", NULL, MANNER_ANSWERS | MANNER_PROXY, "-f", "", "/etc/haproxy/haproxy.cfg",
		{
			[SETTING_BIND] = "the bind line of the frontend in {conf}", [SETTING_BACKLOG] = "'backlog' and 'maxconn' in {conf}",
			[SETTING_WORKERS] = "maxconn (of global, of the frontend and of its bind line) in {conf}: at the limit it stops to "
					    "accept; 'show info' and 'show stat' on its stats socket say which",
			[SETTING_LIMIT] = "a limit or an access list: 'tcp-request connection reject' rules, maxconn and rate limits in {conf}; "
					  "or a server (a proxy's backend) that cannot be reached: down, or no source port left (sysctl "
					  "net.ipv4.ip_local_port_range); its log has the termination state",
		}},
	{"stunnel", NULL, MANNER_PROXY, NULL, NULL, "/etc/stunnel/",
		{
			[SETTING_BIND] = "accept = PORT (no address) in {conf}",
			[SETTING_LIMIT] = "an access list or a limit: libwrap (hosts.deny), its descriptors; or the service behind 'connect' "
					  "in {conf} cannot be reached",
		}},
	{"envoy", NULL, MANNER_PROXY, "-c", "", "envoy.yaml",
		{
			[SETTING_BIND] = "socket_address of the listener in {conf}",
			[SETTING_LIMIT] = "a limit or an access list: connection_limit, rbac and overload_manager in {conf}; or no healthy "
					  "host in its cluster",
		}},
	{"traefik", NULL, MANNER_ANSWERS | MANNER_PROXY, NULL, NULL, NULL, {NULL}},
	{"socat", NULL, MANNER_PROXY, NULL, NULL, NULL,
		{
			[SETTING_BIND] = "TCP-LISTEN:PORT without bind= for socat",
			[SETTING_LIMIT] = "a limit or an access list: range=, tcpwrap= and max-children= of socat; or its second address cannot "
					  "be reached",
		}},
	{"ssh", NULL, MANNER_PROXY, NULL, NULL, NULL,
		{
			[SETTING_BIND] = "'-L 0.0.0.0:PORT:...' for ssh, or GatewayPorts yes in ssh_config",
			[SETTING_LIMIT] = "the far end of the tunnel: ssh -L opens a connection there for each client, and it was refused or may "
					  "not be opened (ssh -v says 'channel N: open failed'; AllowTcpForwarding and PermitOpen there)",
		}},
	{"varnishd", NULL, MANNER_ANSWERS | MANNER_PROXY, NULL, NULL, NULL, {NULL}},
	{"dnsmasq", NULL, MANNER_ANSWERS, NULL, NULL, "/etc/dnsmasq.conf",
		{
			[SETTING_BIND] = "listen-address or interface in {conf}", [SETTING_BACKLOG] = "the load of dnsmasq",
		}},
};

/* The name itself, with a version (python3.11, php-fpm8.2) or a title ("gunicorn: master") behind it. */
static bool is_named(const char *comm, const char *name)
{
	const char *rest = comm + strlen(name);

	if (strncmp(comm, name, strlen(name)) != 0)
		return false;
	return *rest == ':' || *rest == ' ' || rest[strspn(rest, "0123456789.")] == '\0';
}

static const struct server *find(const struct owner *o)
{
	for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++)
		if (is_named(o->comm, servers[i].comm) && (!servers[i].cmdline || strstr(o->cmdline, servers[i].cmdline)))
			return &servers[i];
	return NULL;
}

/* What stands behind the flag on the command line, up to the next blank; length 0: nothing. */
static const char *argument_of(const struct owner *o, const char *flag, size_t *ret_length)
{
	const char *at = o->cmdline;

	*ret_length = 0;
	while ((at = strstr(at, flag))) {
		const char *value = at + strlen(flag);

		if (at != o->cmdline && at[-1] != ' ') {
			at = value;
			continue;
		}
		value += strspn(value, " ");
		*ret_length = strcspn(value, " ");
		return value;
	}
	return NULL;
}

/* The configuration file of a running server. */
static void conf_of(const struct server *s, const struct owner *o, char *buf, size_t size)
{
	size_t n = 0;
	const char *value = NULL, *end;

	if (s->flag && s->flag[0]) {
		value = argument_of(o, s->flag, &n);
		/* It may be cut off where the command line is. */
		if (value && n > 0 && value[0] == '/' &&
			(value[n] != '\0' || strlen(o->cmdline) < sizeof(o->cmdline) - 1)) {
			snprintf(buf, size, "%.*s%s", (int)n, value, s->behind);
			return;
		}
	} else if (s->flag && (end = strstr(o->cmdline, s->behind))) {
		value = end;
		while (value > o->cmdline && value[-1] != ' ')
			value--;
		if (value[0] == '/') {
			snprintf(buf, size, "%.*s%s", (int)(end - value), value, s->behind);
			return;
		}
	}
	text_copy(buf, size, s->conf ? s->conf : "its configuration");
}

const char *server_setting(const struct owner *o, enum server_setting setting, char *buf, size_t size)
{
	const struct server *s = find(o);
	const char *text = s ? s->setting[setting] : NULL, *at;
	char conf[128];

	if (!text)
		return NULL;
	conf_of(s, o, conf, sizeof(conf));
	text_copy(buf, size, "");
	while ((at = strstr(text, "{conf}"))) {
		text_append(buf, size, "%.*s%s", (int)(at - text), text, conf);
		text = at + strlen("{conf}");
	}
	text_append(buf, size, "%s", text);
	return buf;
}

bool server_has_limit(const struct owner *o)
{
	const struct server *s = find(o);

	return s && s->setting[SETTING_LIMIT];
}

int server_manners(const struct owner *o)
{
	const struct server *s = find(o);

	return s ? s->manners : 0;
}
