"""JSON lines on a private socket, in both directions; file descriptors may travel with them.

Must not know what the messages mean. Everything it needs is bound here at import, because tests
replace modules, functions and clocks.
"""

import ctypes
from _thread import allocate_lock
from array import array
from codecs import register_error
from collections import deque
from json import dumps, loads
from os import _exit, getpid, getppid
from signal import SIG_BLOCK, SIG_SETMASK, SIGINT, SIGKILL, pthread_sigmask
from socket import CMSG_LEN, MSG_CMSG_CLOEXEC, MSG_DONTWAIT, SCM_RIGHTS, SOL_SOCKET, socket

PROTOCOL = 1
_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_CHUNK = 1 << 16
_MOST_FILES = 3


def _spell_out(error):
    """Half a surrogate pair is no character: JSON that is read elsewhere gets it as a terminal shows it."""
    spelled = "".join(f"\\\\u{ord(half):04x}" for half in error.object[error.start:error.end])
    return spelled, error.end


register_error("testfan-spell-out", _spell_out)


class Channel:
    def __init__(self, fd):
        self._socket = socket(fileno=fd)
        self._socket.setblocking(True)
        self._owner = getpid()
        self._received = b""
        self._lines = deque()
        self._outgoing = []
        self._sending = allocate_lock()
        self._closed = False
        self.descriptors = deque()

    def send(self, tag, /, **fields):
        """Queues one message; it leaves with the next flush."""
        fields["t"] = tag
        self._outgoing.append(dumps(fields, default=repr, ensure_ascii=False))

    def say(self, tag, /, **fields):
        """Sends one message at once."""
        self.send(tag, **fields)
        self.flush()

    def flush(self):
        """Sends what is queued. Ctrl-C waits, so that no line is ever cut in half."""
        if not self._outgoing:
            return
        self._only_for_owner()
        before = pthread_sigmask(SIG_BLOCK, {SIGINT})
        try:
            with self._sending:
                # Another thread may be adding, or have sent it all.
                count = len(self._outgoing)
                lines = "".join(f"{line}\n" for line in self._outgoing[:count])
                del self._outgoing[:count]
                self._socket.sendall(lines.encode("utf-8", "testfan-spell-out"))
        except OSError:
            self._closed = True
        finally:
            pthread_sigmask(SIG_SETMASK, before)

    def receive(self, wait=True):
        """The next message; None when there is none (yet), see `closed`."""
        self._only_for_owner()
        if wait:
            self.flush()
        while not self._lines and not self._closed:
            try:
                data, ancillary, _, _ = self._socket.recvmsg(
                    _CHUNK, CMSG_LEN(_MOST_FILES * 4), MSG_CMSG_CLOEXEC | (0 if wait else MSG_DONTWAIT)
                )
            except BlockingIOError:
                return None
            except OSError:
                data, ancillary = b"", ()
            for level, kind, payload in ancillary:
                if level == SOL_SOCKET and kind == SCM_RIGHTS:
                    self.descriptors.extend(array("i", payload))
            if not data:
                self._closed = True
            *lines, self._received = (self._received + data).split(b"\n")
            self._lines.extend(lines)
        return loads(self._lines.popleft()) if self._lines else None

    def _only_for_owner(self):
        """A copy that a test forked and let run on into pytest ends here: it would take the worker's orders."""
        if getpid() != self._owner:
            _exit(1)

    @property
    def closed(self):
        """True once testfan is gone."""
        return self._closed and not self._lines

    def close(self):
        self._socket.close()


def die_with_parent(parent):
    """Asks the kernel to kill this process when `parent` ends, however it ends."""
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(SIGKILL), 0, 0, 0)
    except (OSError, AttributeError):
        return  # then the end of the channel is what ends this process
    if getppid() != parent:
        raise SystemExit(3)


def live_on():
    """Takes `die_with_parent` back."""
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, 0, 0, 0, 0)
    except (OSError, AttributeError):
        pass
