"""boot/appliance.py - for benches to import: QEMU started by boot/run.sh, its console on pipes.
SPDX-License-Identifier: ISC"""
import os
import re
import select
import signal
import struct
import subprocess
import sys
import time

BOUND = 120  # seconds for any wait: only a hang reaches it


class Counter:
    """Counts a guest's instructions, those of its idle loop's waiting excluded, by boot/count.c in
    QEMU's TCG; a path for it, and options for boot/run.sh."""

    def __init__(self, path):
        self.path = path
        self.options = ("-q", f"-plugin build/count.so,to={path}")
        with open(path, "wb") as file:
            file.write(bytes(8))

    def now(self):
        with open(self.path, "rb") as file:
            return struct.unpack("=Q", file.read(8))[0]


class Appliance:
    """The appliance in QEMU, started by boot/run.sh, its console on pipes."""

    def __init__(self, files, *options):
        self.began = time.monotonic()
        self.said = b""
        self.process = subprocess.Popen(["boot/run.sh", "-1", *options, *files],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=BOUND)

    def forwarded(self):
        """The ports of the web server and of echo that run.sh chose."""
        text = b""
        while b"echo at" not in text:
            line = self.process.stderr.readline()
            if not line:
                sys.exit("bench: boot/run.sh failed: " + text.decode())
            text += line
        return (int(re.search(rb"http://127.0.0.1:(\d+)/", text)[1]),
                int(re.search(rb"echo at 127.0.0.1 port (\d+)", text)[1]))

    def ask(self, command, pattern):
        """Type a command; what the console says up to the pattern (its match)."""
        self.process.stdin.write(command.encode() + b"\n")
        self.process.stdin.flush()
        text, end = b"", time.monotonic() + BOUND
        while time.monotonic() < end:
            if select.select([self.process.stdout], [], [], 1)[0]:
                text += os.read(self.process.stdout.fileno(), 65536)
            found = re.search(pattern, text.replace(b"\r", b""))
            if found:
                return found
        sys.exit(f"bench: no answer to {command}: {text.decode()}")
