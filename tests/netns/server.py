#!/usr/bin/python3
"""One small server (or bound socket, or outgoing connection) whose behaviour the tests choose.

Takes its settings as a JSON object in the first argument.  Prints `ok` once it is in place.
Reads commands from standard input, one a line, and answers `ok` to each:
    listen   open the socket (when started with "standby", or after close)
    close    close the socket, the process stays
End of file on standard input ends it, so it never outlives the process that started it.
"""
import ctypes
import json
import os
import select
import socket
import struct
import sys
import threading
import time

PR_SET_NAME = 15


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


MODES = {
    "echo": echo,
    "answer-and-close": answer_and_close,
    "close-early": close_early,
    "abort-unread": abort_unread,
    "abort-linger": abort_linger,
    "wait-for-eof": wait_for_eof,
    "keep-unread": keep_unread,
}


def accept_loop(sock, cfg):
    serve = MODES[cfg["mode"]]
    while True:
        try:
            conn, _ = sock.accept()
        except OSError:
            return
        threading.Thread(target=guarded, args=(serve, conn, cfg), daemon=True).start()
        if cfg.get("accept_pause"):
            time.sleep(cfg["accept_pause"])


def guarded(serve, conn, cfg):
    try:
        serve(conn, cfg)
    except OSError:
        conn.close()


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
    sock = None if cfg.get("standby") else open_socket(cfg)
    os.write(1, b"ok\n")
    for line in sys.stdin.buffer:
        command = line.strip()
        if command == b"listen":
            sock = open_socket(cfg)
        elif command == b"close":
            close_socket(sock)
            sock = None
        os.write(1, b"ok\n")
    os._exit(0)


if __name__ == "__main__":
    main()
