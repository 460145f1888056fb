#!/usr/bin/python3
"""One small server (or bound socket, or outgoing connection) whose behaviour the tests choose.

Takes its settings as a JSON object in the first argument.  Prints `ok` once it is in place.
Reads commands from standard input, one a line, and answers `ok` to each:
    listen   open the socket (when started with "standby", or after close)
    close    close the socket, the process stays
    send     write to every connection of mode "talk", unasked
End of file on standard input ends it, so it never outlives the process that started it.
"""
import ctypes
import errno
import json
import os
import resource
import select
import signal
import socket
import struct
import sys
import threading
import time

PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15
TCP_USER_TIMEOUT = 18
TCP_REPAIR = 19


def set_comm(name):
    ctypes.CDLL(None).prctl(PR_SET_NAME, name.encode("latin-1")[:15], 0, 0, 0)


def echo(conn, _cfg):
    with conn:
        while data := conn.recv(4096):
            conn.sendall(data)


def answer_and_close(conn, _cfg):
    """HTTP/1.0 manners: read a request, answer, close first."""
    with conn:
        conn.recv(4096)
        conn.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nok\n")
        conn.shutdown(socket.SHUT_WR)
        while conn.recv(4096):
            pass


def close_early(conn, _cfg):
    conn.recv(4096)
    conn.close()


def abort_unread(conn, _cfg):
    select.select([conn], [], [])   # the request is here, and nobody reads it
    conn.close()


def abort_linger(conn, _cfg):
    conn.recv(4096)
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    conn.close()


def wait_for_eof(conn, _cfg):
    with conn:
        while conn.recv(4096):
            pass


def keep_unread(conn, cfg):
    """Accept, never read and never close."""
    cfg.setdefault("kept", []).append(conn)


def keep_unread_and_exit(conn, cfg):
    """Wait until a request is here, and leave without reading it."""
    select.select([conn], [], [])
    time.sleep(cfg.get("pause", 0))


def talk(conn, cfg):
    """Echo, and be told to `send` as well."""
    cfg.setdefault("talking", []).append(conn)
    echo(conn, cfg)


def greet(conn, cfg):
    """SMTP manners: the server speaks first."""
    conn.sendall(b"220 ready\r\n")
    echo(conn, cfg)


def answer_and_leave(conn, _cfg):
    """Answer, and close both directions at once."""
    with conn:
        conn.sendall(conn.recv(4096))


def answer_late(conn, cfg):
    """Two answers, the first after a pause: whoever has left by then resets the second."""
    with conn:
        conn.recv(4096)
        for _ in range(2):
            time.sleep(cfg["pause"])
            conn.sendall(b"late\n")


def read_late(conn, cfg):
    """Let the window fill up, then read it all and say so."""
    with conn:
        time.sleep(cfg["pause"])
        while conn.recv(65536):
            pass
        conn.sendall(b"ok\n")


def answer_and_forget(conn, _cfg):
    """As after a power cut: the peer has a connection, this kernel has none, and no segment said so."""
    conn.sendall(conn.recv(4096))
    time.sleep(0.2)     # for the acknowledgement
    conn.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    conn.close()


def proxy(conn, cfg):
    """One request and one answer by way of cfg["to"]; nothing at all when that cannot be reached."""
    with conn:
        request = conn.recv(4096) if cfg.get("read_first") else b""
        with socket.create_connection(tuple(cfg["to"]), 2) as backend:
            backend.sendall(request or conn.recv(4096))
            conn.sendall(backend.recv(4096))


MODES = {
    "echo": echo,
    "answer-and-close": answer_and_close,
    "close-early": close_early,
    "abort-unread": abort_unread,
    "abort-linger": abort_linger,
    "wait-for-eof": wait_for_eof,
    "keep-unread": keep_unread,
    "keep-unread-and-exit": keep_unread_and_exit,
    "talk": talk,
    "greet": greet,
    "answer-and-leave": answer_and_leave,
    "answer-late": answer_late,
    "read-late": read_late,
    "answer-and-forget": answer_and_forget,
    "proxy": proxy,
}


def accept_loop(sock, cfg):
    work = WORKERS[cfg.get("worker", "thread")]
    while True:
        try:
            conn, _ = sock.accept()
        except OSError as err:
            if err.errno != errno.EMFILE:
                return
            time.sleep(0.1)     # accept() fails at once, even with nobody waiting
            continue
        work(sock, conn, cfg)
        if cfg.get("accept_pause"):
            time.sleep(cfg["accept_pause"])


def in_thread(_sock, conn, cfg):
    threading.Thread(target=guarded, args=(conn, cfg), daemon=True).start()


def single_threaded(_sock, conn, cfg):
    guarded(conn, cfg)


def in_child(sock, conn, cfg):
    """A forking server: the child has the connection, the parent keeps the listener."""
    if os.fork() == 0:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        sock.close()
        guarded(conn, cfg)
        os._exit(0)
    conn.close()


WORKERS = {
    "thread": in_thread,
    "self": single_threaded,
    "child": in_child,
}


def guarded(conn, cfg):
    try:
        MODES[cfg["mode"]](conn, cfg)
    except OSError:
        conn.close()


def set_options(sock, cfg):
    """What the connections inherit from their listener."""
    if cfg.get("keepalive"):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in zip((socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT), cfg["keepalive"]):
            sock.setsockopt(socket.IPPROTO_TCP, name, value)
    if cfg.get("user_timeout"):
        sock.setsockopt(socket.IPPROTO_TCP, TCP_USER_TIMEOUT, cfg["user_timeout"])
    if cfg.get("rcvbuf"):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, cfg["rcvbuf"])


def open_socket(cfg):
    family = socket.AF_INET6 if cfg["family"] == 6 else socket.AF_INET
    udp = cfg["mode"] == "udp"
    sock = socket.socket(family, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM)
    if not udp:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if cfg.get("v6only") is not None:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(cfg["v6only"]))
    if cfg.get("device"):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, cfg["device"].encode())
    if cfg.get("syn_retries"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_SYNCNT, cfg["syn_retries"])
    if cfg.get("defer_accept"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, cfg["defer_accept"])
    if cfg.get("reuseport"):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    set_options(sock, cfg)
    sock.bind((cfg["addr"], cfg["port"]))
    if cfg["mode"] in ("udp", "bound"):
        return sock
    if cfg["mode"] == "connect":
        sock.connect(tuple(cfg["to"]))
        return sock
    sock.listen(cfg["backlog"])
    if cfg["mode"] != "hold":
        threading.Thread(target=accept_loop, args=(sock, cfg), daemon=True).start()
    return sock


def close_socket(sock):
    """Close for real: a thread blocked in accept() holds the socket until it is shut down."""
    if sock.type == socket.SOCK_STREAM:
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
    sock.close()


def main():
    cfg = json.loads(sys.argv[1])
    set_comm(cfg["comm"])
    if cfg.get("nofile"):
        resource.setrlimit(resource.RLIMIT_NOFILE, (cfg["nofile"], cfg["nofile"]))
    if cfg.get("worker") == "child":
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    sock = None if cfg.get("standby") else open_socket(cfg)
    os.write(1, b"ok\n")
    for line in sys.stdin.buffer:
        command = line.strip()
        if command == b"listen":
            sock = open_socket(cfg)
        elif command == b"close":
            close_socket(sock)
            sock = None
        elif command == b"send":
            for conn in cfg.get("talking", ()):
                conn.sendall(b"news\n")
        os.write(1, b"ok\n")
    os._exit(0)


if __name__ == "__main__":
    main()
