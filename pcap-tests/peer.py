#!/usr/bin/env python3
"""pcap-tests/peer.py DIRECTORY - a stand-in for the appliance: echo on port 7 and a web server
on port 80, over IPv4 and IPv6. Says "ready" once all of them listen.
SPDX-License-Identifier: ISC"""
import functools
import http.server
import socket
import socketserver
import sys
import threading


class EchoStream(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(65536):
            self.request.sendall(data)


class EchoDatagram(socketserver.BaseRequestHandler):
    def handle(self):
        data, sock = self.request
        sock.sendto(data, self.client_address)


class Pages(http.server.SimpleHTTPRequestHandler):
    protocol_version = default_request_version = "HTTP/1.1"

    def send_error(self, code, message=None, explain=None):
        if code != 404:
            return super().send_error(code, message, explain)
        self.send_response(code, message)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def main():
    kinds = [(socketserver.ThreadingTCPServer, EchoStream, 7),
             (socketserver.ThreadingUDPServer, EchoDatagram, 7),
             (socketserver.ThreadingTCPServer,
              functools.partial(Pages, directory=sys.argv[1]), 80)]
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        for base, handler, port in kinds:
            server = type("Server", (base,), {"address_family": family, "daemon_threads": True,
                                              "allow_reuse_address": True,
                                              "request_queue_size": 128})
            server = server((address, port), handler, bind_and_activate=False)
            if family == socket.AF_INET6:
                server.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            server.server_bind()
            server.server_activate()
            threading.Thread(target=server.serve_forever, daemon=True).start()
    print("ready", flush=True)
    threading.Event().wait()


main()
