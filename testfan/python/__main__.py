"""Entry of every Python process that testfan starts afresh: `python __main__.py zygote|worker|resident|foreground ARGS`.

Takes the private channel off standard input, says hello, then runs pytest in the role asked for; in the
foreground there is no channel, and standard input is the user's.
Must not know what the roles do.
"""

import atexit
import os
import sys
import threading

# What follows sees the module path that the `pytest` command would give it.
HERE = sys.path.pop(0)
ENVIRONMENT = dict(os.environ)
PYTEST = os.path.join(os.path.dirname(sys.executable), "pytest")
OLDEST_PYTHON = (3, 9)
OLDEST_PYTEST = 7


def main(role, args):
    sys.path.insert(0, HERE)
    if role == "foreground":
        return foreground(args)
    from testfan_worker import heap
    from testfan_worker.channel import PROTOCOL, Channel

    heap.grow()

    channel = Channel(os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    python, version, usable = versions()
    hello = {"protocol": PROTOCOL, "python": python, "pytest": version, "usable": usable}
    if role != "resident":
        channel.send("hello", **hello)
        channel.flush()
    if not usable:
        return 0
    from testfan_worker import parked, resident, spawned, zygote

    sys.path.remove(HERE)
    sys.argv[:] = [PYTEST]
    if role == "worker":
        leave(spawned.main(channel))
    spawn = [sys.executable, os.path.join(HERE, "__main__.py"), "worker"]
    if role == "zygote":
        leave(zygote.main(channel, spawn, ENVIRONMENT))
    work = resident.Base(channel).work()
    if "begin" in work.message:
        leave(zygote.park(parked.Parking(work), spawn, ENVIRONMENT, hello))
    channel = resident.begin_run(work)
    channel.send("hello", **hello)
    channel.flush()
    leave(zygote.main(channel, spawn, dict(os.environ), work.parent))


def leave(code):
    """Ends this process as Python would, but for taking apart every object, which takes longer than many a suite."""
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            pass  # a test may have closed or replaced it
    os._exit(code)


def versions():
    """Python's, pytest's if it is there, and whether both are new enough."""
    try:
        import pytest

        version = pytest.__version__
    except ImportError:
        version = None
    usable = version is not None and int(version.split(".")[0]) >= OLDEST_PYTEST
    usable = usable and sys.version_info >= OLDEST_PYTHON
    return "%d.%d.%d" % sys.version_info[:3], version, usable


def foreground(args):
    python, version, usable = versions()
    if not usable:
        found = "no pytest" if version is None else f"pytest {version}"
        sys.exit(f"error: {sys.executable} is Python {python} with {found}: testfan needs Python 3.9 and pytest 7")
    from testfan_worker import foreground

    sys.path.remove(HERE)
    sys.argv[:] = [PYTEST]
    return foreground.main(args)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
