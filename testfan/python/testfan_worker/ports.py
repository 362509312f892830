"""Fixed ports: one worker at a time has each, as tests that run one after the other never meet on one.

Before it binds a port that is named, a worker locks the byte that stands for it in a file that all workers share, and
keeps the lock until no socket has the port; others wait for it. These are POSIX locks: the kernel takes them from a
process that ends, and refuses to wait in a circle.
Must not know what is run, nor who decides what.
"""

import os
import stat
from errno import EADDRINUSE
from fcntl import LOCK_EX, LOCK_NB, LOCK_UN, lockf
from functools import wraps
from socket import AF_INET, AF_INET6, SOCK_DGRAM, SOCK_STREAM, socket
from time import sleep

# The lock of a process that ends may go just before its sockets do.
_PAUSES = (0.01, 0.05, 0.2, 0.5)
# Of one number, the port of UDP lies behind that of TCP.
_OFFSETS = {SOCK_STREAM: 0, SOCK_DGRAM: 1 << 16}
_shared = None


def share(channel, path):
    """From here on this process takes turns with the others that have this file; none: it need not."""
    global _shared
    if path:
        try:
            file = os.open(path, os.O_RDWR)
        except OSError:
            return  # where one process does not see another's files, ports are as they are without testfan
        _shared = Ports(channel, file)
        _shared.watch()


def let_go():
    """To be called between tests: what they closed is free for others."""
    if _shared is not None:
        _shared.let_go()


class Ports:
    def __init__(self, channel, file):
        self._channel = channel
        self._file = file
        self._owner = os.getpid()
        self._sockets = {}

    def watch(self):
        bind = socket.bind

        @wraps(bind)
        def bind_in_turn(sock, address, /):
            __tracebackhide__ = True
            place = self._place(sock, address)
            if place is None:
                return bind(sock, address)
            self._in_turn(place, lambda: bind(sock, address))
            self._sockets.setdefault(place, []).append(_identity(sock))

        socket.bind = bind_in_turn

    def let_go(self):
        for place, sockets in list(self._sockets.items()):
            if not any(_is_open(*identity) for identity in sockets):
                del self._sockets[place]
                self._unlock(place)

    def _place(self, sock, address):
        """The byte that stands for a port; none where there is nothing to take turns for."""
        if sock.family not in (AF_INET, AF_INET6) or sock.type not in _OFFSETS or os.getpid() != self._owner:
            return None
        if not isinstance(address, tuple) or len(address) < 2 or not isinstance(address[1], int):
            return None
        port = address[1]
        return port + _OFFSETS[sock.type] if 0 < port < 1 << 16 else None

    def _in_turn(self, place, call):
        __tracebackhide__ = True
        waited = not self._lock(place, LOCK_EX | LOCK_NB) and self._wait(place)
        try:
            for pause in _PAUSES if waited else ():
                try:
                    return call()
                except OSError as error:
                    if error.errno != EADDRINUSE:
                        raise
                sleep(pause)
            return call()
        except BaseException:
            if place not in self._sockets:
                self._unlock(place)
            raise

    def _wait(self, place):
        self._channel.say("waits", port=place % (1 << 16))
        try:
            return self._lock(place, LOCK_EX)
        finally:
            self._channel.say("goes_on")

    def _lock(self, place, how):
        try:
            lockf(self._file, how, 1, place)
        except OSError:
            return False
        return True

    def _unlock(self, place):
        try:
            lockf(self._file, LOCK_UN, 1, place)
        except OSError:
            pass  # a test closed every file there was


def _identity(sock):
    try:
        return sock.fileno(), os.fstat(sock.fileno()).st_ino
    except OSError:
        return sock.fileno(), None  # a test has put something in place of the file system


def _is_open(fd, inode):
    if inode is None:
        return True
    try:
        status = os.fstat(fd)
        if status.st_ino == inode and stat.S_ISSOCK(status.st_mode):
            return True
    except OSError:
        pass
    # Under another number, where it was detached or duplicated.
    for name in os.listdir("/proc/self/fd"):
        try:
            if os.readlink(f"/proc/self/fd/{name}") == f"socket:[{inode}]":
                return True
        except OSError:
            continue
    return False
