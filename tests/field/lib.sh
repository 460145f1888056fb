# lib.sh - sourced by a case: two hosts s and c in namespaces, a container k where a case makes one; tcpwhy watches s.
#
#   s COMMAND, c COMMAND, k COMMAND   run there           bg COMMAND      the same beside (bg s nginx ...)
#   up PORT [HOST]                    wait for a listener watch [OPTION]  start tcpwhy on s
#   works COMMAND, fails COMMAND      what the client is to feel, else the case is void
#   told PORT WANT [NEVER]            the last words on each connection of PORT, one a line: one matches WANT, none NEVER;
#                                     WANT "NONE": nothing is claimed. PORT 0 is any.
#   missing "why"                     the case cannot be made here
#
# A case runs in mount, process, host name and network namespaces of its own, so any number of them run side by side, and
# what is left over ends with them. Exit: 0 told as it should be, 1 not, 7 cannot be made here, 8 not set up.
# shellcheck shell=bash disable=SC2317,SC2034
case_file=$(readlink -f "$0")
if [ -z "${FIELD_FOLDER:-}" ]; then
	[ "$(id -u)" = 0 ] || { echo "needs root"; exit 8; }
	TCPWHY=$(readlink -f "${TCPWHY:-$(dirname "$case_file")/../../build/tcpwhy}") || exit 8
	FIELD_FOLDER=$(mktemp -d /tmp/tcpwhy-field.XXXXXX)
	chmod 755 "$FIELD_FOLDER"
	export TCPWHY FIELD_FOLDER LC_ALL=C.UTF-8 PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
	cleanup() {
		local group
		for group in /sys/fs/cgroup/"${FIELD_FOLDER##*/}"* /sys/fs/cgroup/*/"${FIELD_FOLDER##*/}"*; do
			[ -d "$group" ] || continue
			for _ in 1 2 3 4 5 6 7 8 9 10; do rmdir "$group" 2>/dev/null && break; sleep .1; done
		done
		if [ -n "${KEEP:-}" ]; then
			mkdir -p "$KEEP/${case_file##*/}" && cp "$FIELD_FOLDER"/{ev,batch,err,bg.log} "$KEEP/${case_file##*/}/" 2>/dev/null
		fi
		rm -rf "$FIELD_FOLDER"
	}
	trap cleanup EXIT
	trap 'exit 9' INT TERM
	"$(dirname "$case_file")/apart" bash "$case_file" "$@" </dev/null &
	child=$!
	trap 'kill -9 $child; wait $child; exit 9' INT TERM
	wait $child
	exit $?
fi

set -u
D=$FIELD_FOLDER W='' bad=0
cd "$D" || exit 8
mount -t tmpfs tmpfs /run && mkdir -p /run/netns /run/sshd /run/lock /run/mysqld || exit 8

# What tests/field/NAME needs, small enough to be written anew each time.
certificate() { # k.pem c.pem kc.pem
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k.pem -out c.pem -days 2 -subj /CN=x 2>/dev/null
	cat k.pem c.pem >kc.pem
	chmod 644 k.pem
}
as_nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
nginx_paths() { # for the http block
	echo "access_log off; client_body_temp_path $D/n1; proxy_temp_path $D/n2; fastcgi_temp_path $D/n3; uwsgi_temp_path $D/n4; scgi_temp_path $D/n5;"
}
group() { # NAME CONTROLLER [FILE VALUE]...: a control group of that controller, of either hierarchy; its folder is in $made
	local controller=$2
	if [ -d "/sys/fs/cgroup/$controller" ] && [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then
		made=/sys/fs/cgroup/$controller/${D##*/}-$1
	elif [ -d /sys/fs/cgroup/unified ] && [ "$controller" = core ]; then
		made=/sys/fs/cgroup/unified/${D##*/}-$1
	else
		[ -e /sys/fs/cgroup/cgroup.controllers ] || missing "no control group v2"
		[ "$controller" = core ] || echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control 2>/dev/null
		made=/sys/fs/cgroup/${D##*/}-$1
	fi
	mkdir -p "$made" || missing "no control group for $controller"
}
etc() { # FILE: this case's own /etc/FILE is $D/FILE
	[ -e "/etc/$1" ] || missing "no /etc/$1"
	mount --bind "$D/$1" "/etc/$1"
}

[ ! -e /etc/resolv.conf ] || { : >resolv.conf; etc resolv.conf; } # no name server: look-ups fail at once

ip() { # ip -n remounts /, which fails in a chroot
	if [ "$1" = -n ]; then nsenter --net=/run/netns/"$2" ip "${@:3}"; else command ip "$@"; fi
}
missing() { echo "cannot be made here: $*"; exit 7; }
void() { echo "not set up: $*"; tail -20 bg.log 2>/dev/null; exit 8; }
for n in s c; do ip netns add $n || void "ip netns add"; done
s() { nsenter --net=/run/netns/s "$@"; }
c() { nsenter --net=/run/netns/c "$@"; }
k() { nsenter --net=/run/netns/k "$@"; }
ip link add e0 netns s address 02:00:00:00:00:01 type veth peer name e0 address 02:00:00:00:00:02 netns c || void "no veth"
for n in s c; do
	ip -n $n link set lo up
	nsenter --net=/run/netns/$n sysctl -qw net.ipv6.conf.e0.accept_dad=0 net.ipv6.conf.all.disable_ipv6=0
	ip -n $n link set e0 up
done
ip -n s addr add 10.66.0.1/24 dev e0; ip -n s addr add fd66::1/64 dev e0 nodad
ip -n c addr add 10.66.0.2/24 dev e0; ip -n c addr add fd66::2/64 dev e0 nodad

container() { # [NAME]: k, 172.30.0.2 behind d0 of s
	ip netns add k; ip -n k link set lo up
	ip link add d0 netns s type veth peer name e0 netns k
	ip -n s addr add 172.30.0.1/24 dev d0; ip -n s link set d0 up
	ip -n k addr add 172.30.0.2/24 dev e0; ip -n k link set e0 up
	ip -n k route add default via 172.30.0.1
	s sysctl -qw net.ipv4.ip_forward=1
}
publish() { # PORT TARGET: DNAT of s into k
	s iptables -t nat -A PREROUTING -d 10.66.0.1 -p tcp --dport "$1" -j DNAT --to "172.30.0.2:$2" || void iptables
}
switch() { # s and c are no longer joined by a cable but by the bridge br0 of k, ports ps and pc
	ip netns add k; ip -n k link set lo up; ip -n k link add br0 type bridge; ip -n k link set br0 up address 02:00:00:00:00:99
	local n m=1
	ip -n s link del e0
	for n in s c; do
		ip link add e0 netns $n address 02:00:00:00:00:0$m type veth peer name p$n netns k
		ip -n k link set p$n master br0 up
		nsenter --net=/run/netns/$n sysctl -qw net.ipv6.conf.e0.accept_dad=0
		ip -n $n link set e0 up
		ip -n $n addr add 10.66.0.$m/24 dev e0; ip -n $n addr add fd66::$m/64 dev e0 nodad
		m=$((m + 1))
	done
}

bg() { "$@" >>"$D/bg.log" 2>&1 & }
up() {
	for _ in $(seq 150); do
		nsenter --net=/run/netns/"${2:-s}" ss -Hltn "sport = :$1" | grep -q . && { sleep .2; return; }
		sleep .1
	done
	void "no listener on $1"
}
works() { "$@" || void "this should have worked: $*"; }
fails() { if "$@"; then void "this should have failed: $*"; fi; }
dial() { # PORT [TEXT [SECONDS]]: connect, say TEXT, print what comes until the end or so many seconds; fails where nothing came
	c /usr/bin/python3 - "$@" <<'P'
import socket, sys
port, text, seconds = int(sys.argv[1]), sys.argv[2:3] or [""], float((sys.argv + ["5"] * 3)[3])
got = b""
try:
    sock = socket.create_connection(("10.66.0.1", port), seconds)
    sock.sendall(text[0].encode().decode("unicode_escape").encode("latin-1"))
    while True:
        more = sock.recv(65536)
        if not more:
            print("client: end of file")
            break
        got += more
except OSError as error:
    print("client:", error)
print("client got", got[:200])
sys.exit(not got)
P
}

watch() {
	nsenter --net=/run/netns/s "$TCPWHY" -b -w "$D/ev" "$@" >"$D/batch" 2>"$D/err" &
	W=$!
	for _ in $(seq 150); do
		grep -q '"type":"tick"' ev 2>/dev/null && { case " $* " in *" --netns "*) sleep 1 ;; esac; return; }
		[ -e /proc/$W ] || void "tcpwhy ended: $(cat err)"
		sleep .1
	done
	void "tcpwhy does not start: $(cat err)"
}

told() {
	if [ -n "$W" ]; then
		sleep 2 # the last verdicts
		kill "$W" 2>/dev/null; wait "$W"
		local status=$?
		[ $status = 0 ] || [ $status = 143 ] || { echo "tcpwhy ended with $status: $(tail -5 err)"; bad=1; }
		W=''
	fi
	/usr/bin/python3 - "$@" <<'P' || bad=1
import json, re, sys
port, want, never = int(sys.argv[1]), sys.argv[2], (sys.argv + ["", ""])[3]
last = {}
for line in open("ev"):
    event = json.loads(line)
    if event["type"] in ("attempt", "reset") and (port == 0 or event.get("port") == port):
        last[event.get("netns"), event["id"]] = event
lines = []
for e in last.values():
    lines.append("%s %s %s/%s%s n=%s dir=%s%s | %s | %s" % (e["type"], e.get("outcome"), e["cause"], e["confidence"],
        "".join(" or " + a for a in e.get("alternatives") or []), e.get("count", 1), e.get("dir"), " [%s]" % e["netns"] if e.get("netns") else "",
        e.get("summary"), e.get("advice")))
hit = [line for line in lines if re.search(want, line)] if want != "NONE" else [0] * all(" none/" in line for line in lines)
wrong = [line for line in lines if never and re.search(never, line)]
for line in sorted(set(lines)):
    print("  " + line)
print("  port %d: %s" % (port, "WRONG: " + never if wrong else "ok" if hit else "not told, wanted " + want))
sys.exit(bool(wrong) or not hit)
P
}
