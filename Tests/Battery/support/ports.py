"""Ports of loopback for servers that stop and come back."""
import errno
import socket

from part import Failure

# Below those that the kernel gives to connections, and to who asks for any (man 7 ip, ip_local_port_range).
NUMBERS = range(20011, 31000)


class Port:
    """A port that no other world takes while its server is stopped, as long as this stands in some process.

    What claims it is a name of the abstract kind (man 7 unix), which goes with the last who holds it.
    """

    def __init__(self):
        for number in NUMBERS:
            claim = socket.socket(socket.AF_UNIX)
            try:
                claim.bind(f"\0cordee-port-{number}")
                with socket.socket() as door:
                    # As the server does: what is left of its connections keeps nobody away.
                    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    door.bind(("127.0.0.1", number))
            except OSError as taken:
                claim.close()
                if taken.errno != errno.EADDRINUSE:
                    raise
                continue
            self.number, self.claim = number, claim
            return
        raise Failure("no port is free")
