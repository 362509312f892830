"""Why this process must not be forked, as one sentence for people; None when it may be.

Looks at what imports, conftests and collection left behind. Must not change anything.
"""

import inspect
import os
import threading


def reason_not_to_fork(config, sockets_before):
    return _threads() or _sockets(sockets_before) or _conftests(config)


def open_sockets():
    """The sockets and event queues that are open now: a forked copy would share them."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            continue
        if target.startswith(("socket:", "anon_inode:[eventpoll]")):
            found.add((name, target))
    return found


def _threads():
    others = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
    if others:
        return f"an import or conftest left {_count(len(others), 'thread')} running ({', '.join(others)})"
    native = len(os.listdir("/proc/self/task")) - 1
    if native and not _only_openblas():
        return f"an import or conftest left {_count(native, 'native thread')} running"
    return None


def _only_openblas():
    """OpenBLAS stops its threads around a fork (pthread_atfork), so they do no harm."""
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
        return "openblas" in maps.read()


def _sockets(before):
    left = len(open_sockets() - before)
    return f"an import or conftest left {_count(left, 'socket')} open" if left else None


def _conftests(config):
    """A conftest that asks at start-up whether it is in a worker must be started in one."""
    for plugin in config.pluginmanager.get_plugins():
        path = getattr(plugin, "__file__", None) or ""
        if os.path.basename(path) != "conftest.py":
            continue
        for name in ("pytest_configure", "pytest_sessionstart"):
            hook = getattr(plugin, name, None)
            if hook is not None and _asks_for_worker(hook):
                return f"{name} in {os.path.relpath(path)} asks which worker it is in"
    return None


def _asks_for_worker(hook):
    try:
        source = inspect.getsource(hook)
    except (OSError, TypeError):
        return False
    return "workerinput" in source or "PYTEST_XDIST_WORKER" in source


def _count(number, noun):
    return f"{number} {noun}" + ("" if number == 1 else "s")
