#!/usr/bin/env python3
"""boot/test/tty_test.py COMMAND... - on a terminal, Ctrl-C ends the runner and leaves the
terminal as it was. COMMAND boots something that prints a line "exonet: ". Prints TAP.
SPDX-License-Identifier: ISC"""
import os
import pty
import select
import signal
import sys
import termios

BOUND = 300  # seconds: only a hang reaches it


def read_until(fd, word):
    seen = b""
    while word not in seen:
        if not select.select([fd], [], [], BOUND)[0]:
            return False
        try:
            data = os.read(fd, 4096)
        except OSError:
            return False
        if not data:
            return False
        seen += data
    return True


def check(name, good):
    print(("ok " if good else "not ok ") + name)


def main():
    # A terminal of our own, kept open here, so that its settings can be read at the end.
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    pid = os.fork()
    if pid == 0:
        os.setsid()
        os.close(master)
        os.dup2(slave, 0)
        os.dup2(slave, 1)
        os.dup2(slave, 2)
        os.close(os.open(os.ttyname(0), os.O_RDWR))  # makes it our controlling terminal
        os.execvp(sys.argv[1], sys.argv[1:])
    signal.signal(signal.SIGALRM, lambda *_: os.killpg(pid, signal.SIGKILL))
    signal.alarm(2 * BOUND)
    check("the_console_reaches_the_terminal", read_until(master, b"exonet: "))
    check("the_terminal_is_raw_while_it_runs",
          not termios.tcgetattr(slave)[3] & termios.ECHO)
    os.write(master, b"\x03")
    status = os.waitpid(pid, 0)[1]
    check("ctrl_c_ends_with_success", status == 0)
    check("the_terminal_is_as_before", termios.tcgetattr(slave) == before)


main()
