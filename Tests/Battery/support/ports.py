"""Ports of loopback for servers that stop and come back."""
import errno
import socket

from part import Failure

# Below those that the kernel gives to connections, and to who asks for any (man 7 ip, ip_local_port_range).
PORTS = range(20011, 31000)
# What this process and its children hold: names of the abstract kind (man 7 unix), which go with the last of them.
CLAIMS = []


def free_port():
    """A port that no other world takes while its server is stopped, for as long as this process lives."""
    for port in PORTS:
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0cordee-port-{port}")
            with socket.socket() as door:
                # As the server does: what is left of its connections keeps nobody away.
                door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                door.bind(("127.0.0.1", port))
        except OSError as taken:
            claim.close()
            if taken.errno != errno.EADDRINUSE:
                raise
            continue
        CLAIMS.append(claim)
        return port
    raise Failure("no port is free")
