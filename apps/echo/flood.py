"""apps/echo/flood.py INTERFACE MAC ADDRESS PORT - SYNs from sources that are nobody, a thousand a
second, until it is ended. SPDX-License-Identifier: ISC"""
import os
import random
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../ash/test"))
from frames import tcp  # noqa: E402

interface, mac, to, port = sys.argv[1:]
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind((interface, 0))
while True:
    for _ in range(20):
        frame = tcp(2, port=int(port), source=random.randrange(1024, 65536), to=to,
                    sequence=random.getrandbits(32), sender=f"10.0.9.{random.randrange(100, 250)}",
                    options=b"\2\4\5\xb4")
        wire.send(bytes.fromhex(mac.replace(":", "")) + frame[6:])
    time.sleep(0.02)
