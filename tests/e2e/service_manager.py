"""Print the messages of programs to the service manager, one line per datagram: service_manager.py SOCKET, a path or @NAME."""
import socket
import sys

address = sys.argv[1]
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
    heard.bind("\0" + address[1:] if address.startswith("@") else address)
    print("listening", flush=True)
    while True:
        print(heard.recv(65536).decode().replace("\n", " "), flush=True)
