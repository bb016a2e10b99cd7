"""HTTP/1.1 servers on a free port of the loopback interface, with a thread for each connection. They can present certificates, reset
connections as a broken network does, and go silent for some time. Clients that disappear are no error.
"""
import http.server
import json
import pathlib
import socket
import socketserver
import ssl
import struct
import sys
import threading
import time

NO_NETWORK = ("reset", "closed", "silent")


def tls_context(certificate, key, client_authority=None):
    """Returns the context of a server. If there is a client_authority, clients need a certificate that it has signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if client_authority:
        context.load_verify_locations(client_authority)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


class LoopbackServer(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, handler, tls=None, port=0):
        self.tls = tls
        self.lock = threading.Lock()
        self.connections = set()
        self.accepted = 0
        self.to_reset = set()
        self.down_until = 0.0
        self.down_mode = None
        super().__init__(("127.0.0.1", port), handler)

    def server_bind(self):
        # The base class would look the name of the host up.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

    @property
    def host(self):
        return f"127.0.0.1:{self.server_port}"

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://{self.host}"

    def start(self):
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def get_request(self):
        connection, address = super().get_request()
        self.accepted += 1
        if self.tls:
            # The thread of the connection shakes hands, so that a slow client stops nobody else.
            connection = self.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        with self.lock:
            self.connections.add(connection)
        return connection, address

    def is_down(self):
        return time.monotonic() < self.down_until

    def verify_request(self, request, client_address):
        if self.is_down() and self.down_mode == "reset":
            self.mark_for_reset(request)
            return False
        return True

    def mark_for_reset(self, connection):
        """If the connection is closed, the client gets a reset instead of an end."""
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with self.lock:
            self.to_reset.add(connection)

    def shutdown_request(self, request):
        with self.lock:
            self.connections.discard(request)
            is_reset = request in self.to_reset
            self.to_reset.discard(request)
        if is_reset:
            request.close()
        else:
            super().shutdown_request(request)

    def take_down(self, seconds, mode):
        """Takes the network down for some seconds. "reset" resets all connections, open and new ones. "closed" resets open ones and refuses
        new ones. "silent" sends nothing meanwhile."""
        if mode not in NO_NETWORK:
            raise ValueError(f"unknown mode {mode!r}; use one of {', '.join(NO_NETWORK)}")
        self.down_mode = mode
        self.down_until = time.monotonic() + seconds
        if mode == "closed":
            threading.Thread(target=self.listen_again, args=(seconds,), daemon=True).start()
        with self.lock:
            broken = list(self.connections)
        if mode == "silent":
            return
        for connection in broken:
            try:
                self.mark_for_reset(connection)
                # Not the method of SSLSocket, as another thread reads there. The reader sees an end and closes.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
            except OSError:
                pass

    def listen_again(self, seconds):
        self.shutdown()
        self.socket.close()
        time.sleep(seconds)
        self.socket = socket.socket(self.address_family, self.socket_type)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.bind_again()
        self.server_activate()
        self.start()

    def bind_again(self):
        # A client's connection may have this port for a short time.
        for _ in range(200):
            try:
                return self.socket.bind(self.server_address)
            except OSError:
                time.sleep(0.05)
        sys.exit(f"port {self.server_port} is taken")

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (OSError, ValueError)):
            super().handle_error(request, client_address)


class LoopbackHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # The kernel would delay a body after its header.
    disable_nagle_algorithm = True
    timeout = 120

    def log_message(self, *_):
        pass

    def wait_while_silent(self):
        if self.server.down_mode == "silent":
            time.sleep(max(0.0, self.server.down_until - time.monotonic()))

    def break_off(self):
        """Resets the connection, after the client had time to read everything before."""
        time.sleep(0.01)
        self.server.mark_for_reset(self.connection)
        self.close_connection = True

    def answer(self, status, body=b"", headers=(), kind="application/json"):
        """Sends a complete answer. A body that is no bytes is sent as JSON."""
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if body and not any(name == "Content-Type" for name, _ in headers):
            self.send_header("Content-Type", kind)
        if status >= 200 and status != 204:
            self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.write(body)

    def write(self, content):
        self.wfile.write(content)

    def parse_request(self):
        self.body_is_read = False
        return super().parse_request()

    def body_pieces(self):
        """Yields the body of the request, at most 64 KiB at a time, or nothing for a second caller. ConnectionError if it is
        truncated."""
        if self.body_is_read:
            return
        self.body_is_read = True
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            while size := int(self.rfile.readline().split(b";")[0], 16):
                yield from self.exactly(size)
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
        else:
            yield from self.exactly(int(self.headers.get("Content-Length", 0)))

    def exactly(self, size):
        while size > 0:
            piece = self.rfile.read(min(size, 65536))
            if not piece:
                raise ConnectionError("the client ended its request early")
            size -= len(piece)
            yield piece

    def read_body(self):
        return b"".join(self.body_pieces())


def write_ports(path, addresses):
    """Writes lines NAME=HOST:PORT or NAME=URL. The file appears complete, when all servers listen."""
    partial = pathlib.Path(f"{path}.partial")
    partial.write_text("".join(f"{name}={address}\n" for name, address in addresses.items()))
    partial.rename(path)


def wait_for_end():
    """Serves until a signal ends the process."""
    while True:
        time.sleep(3600)
