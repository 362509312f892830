"""Entry of every Python process that testfan starts afresh: `python __main__.py zygote|worker|resident`.

Takes the private channel off standard input, says hello, then runs pytest in the role asked for.
Must not know what the roles do.
"""

import os
import sys

# What follows sees the module path that the `pytest` command would give it.
HERE = sys.path.pop(0)
ENVIRONMENT = dict(os.environ)
OLDEST_PYTHON = (3, 9)
OLDEST_PYTEST = 7


def main(role):
    sys.path.insert(0, HERE)
    from testfan_worker.channel import PROTOCOL, Channel

    channel = Channel(os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    try:
        import pytest

        version = pytest.__version__
    except ImportError:
        version = None
    usable = version is not None and int(version.split(".")[0]) >= OLDEST_PYTEST
    usable = usable and sys.version_info >= OLDEST_PYTHON
    python = "%d.%d.%d" % sys.version_info[:3]
    hello = {"protocol": PROTOCOL, "python": python, "pytest": version, "usable": usable}
    if role != "resident":
        channel.send("hello", **hello)
        channel.flush()
    if not usable:
        return 0
    from testfan_worker import parked, resident, spawned, zygote

    sys.path.remove(HERE)
    sys.argv[:] = [os.path.join(os.path.dirname(sys.executable), "pytest")]
    if role == "worker":
        return spawned.main(channel)
    spawn = [sys.executable, os.path.join(HERE, "__main__.py"), "worker"]
    if role == "zygote":
        return zygote.main(channel, spawn, ENVIRONMENT)
    work = resident.Base(channel).work()
    if "begin" in work.message:
        resident.leave(zygote.park(parked.Parking(work), spawn, ENVIRONMENT, hello))
    channel = resident.begin_run(work)
    channel.send("hello", **hello)
    channel.flush()
    resident.leave(zygote.main(channel, spawn, dict(os.environ), work.parent))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
