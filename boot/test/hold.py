#!/usr/bin/env python3
"""boot/test/hold.py PORT N - hold N connections to a web server of 127.0.0.1: each asks for a page with a
body, which it sends a byte a second. Prints "held" for each that is answered, and "again" for each that
the server ends, which is then opened again. Ends when it is ended. SPDX-License-Identifier: ISC"""
import socket
import sys
import threading
import time

ASK = b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n"


def hold(port):
    """Until the server ends it."""
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.settimeout(1)
        s.sendall(ASK)
        if not s.recv(65536):
            return
        print("held", flush=True)
        while True:
            try:
                if not s.recv(65536):
                    return
            except TimeoutError:
                s.sendall(b"x")


def keep(port):
    while True:
        try:
            hold(port)
        except OSError:
            time.sleep(0.1)
        print("again", flush=True)


for _ in range(int(sys.argv[2])):
    threading.Thread(target=keep, args=(int(sys.argv[1]),)).start()
