"""Ports of loopback for servers that stop and come back."""
import itertools
import os
import socket

from part import Failure

# Below those that the kernel gives to connections, and to who asks for any (man 7 ip, ip_local_port_range).
FIRST, LAST = 20011, 31000
# Processes that run beside each other begin at different tens; one that keeps several worlds takes the next of each ten.
LANES = itertools.count()


def free_port():
    """A port that nobody else is given by chance while its server is stopped."""
    for port in range(FIRST + os.getpid() % 900 * 10 + next(LANES) % 10, LAST, 10):
        with socket.socket() as door:
            try:
                door.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise Failure("no port is free")
