#!/usr/bin/env python3
"""apps/uart/uart_test.py KERNEL INIT UART - the second serial line, driven in ring 3.

Boots a machine whose second line is a socket, sends bytes in, and wants them back, in bursts
larger than any queue on the way. Prints TAP. SPDX-License-Identifier: ISC"""
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time

LIMIT = 120  # seconds that only a hang takes
SIZES = (1, 15, 16, 17, 4096, 40000)


def connect(path):
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        line = socket.socket(socket.AF_UNIX)
        try:
            line.connect(path)
            line.settimeout(LIMIT)
            return line
        except OSError:
            line.close()
            time.sleep(0.05)
    sys.exit("not ok the_line_is_there")


def wait_for(path, text):
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        with open(path, "rb") as console:
            if text in console.read():
                return True
        time.sleep(0.05)
    return False


def echoes(line, data):
    """Does the line give back what is sent, all of it and in order?"""
    sender = threading.Thread(target=line.sendall, args=(data,))
    sender.start()
    back = bytearray()
    while len(back) < len(data):
        part = line.recv(65536)
        if not part:
            break
        back += part
    sender.join()
    return bytes(back) == data


def check(name, good):
    print(("ok " if good else "not ok ") + name, flush=True)


def main():
    kernel, init, uart = sys.argv[1:]
    with tempfile.TemporaryDirectory() as work:
        path, log = os.path.join(work, "line"), os.path.join(work, "console")
        open(log, "w", encoding="ascii").close()
        words = ["-chardev", f"socket,id=line,path={path},server=on,wait=off",
                 "-serial", "chardev:line"]
        run = ["boot/run.sh", "-1", "-n", "none", "-l", log]
        for word in words:
            run += ["-q", word]
        machine = subprocess.Popen(run + [kernel, init, uart])
        try:
            line = connect(path)
            check("the_driver_starts", wait_for(log, b"uart: echo"))
            chance = random.Random(16550)
            for size in SIZES:
                try:
                    check(f"{size}_bytes_come_back", echoes(line, chance.randbytes(size)))
                except TimeoutError:
                    check(f"{size}_bytes_come_back", False)
                    break
        finally:
            machine.terminate()
            machine.wait()
        check("the_machine_ended_in_order", machine.returncode == 0)


main()
