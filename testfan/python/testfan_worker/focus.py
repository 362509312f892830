"""Runs a part of what was collected, the most wanted first. Must not know who wants it.

A focus names test files, `None` for all, and tests that are to run whether their file is named or not.
"""


def narrow(config, items, focus):
    """Deselects what is not in focus, as `-k` would, and puts the tests that are named first."""
    if not focus:
        return
    first = {nodeid: place for place, nodeid in enumerate(focus["first"])}
    files = focus["files"]
    wanted, others, named = [], [], []
    for item in items:
        if item.nodeid in first:
            named.append(item)
        elif files is None or item.nodeid.split("::")[0] in files:
            wanted.append(item)
        else:
            others.append(item)
    if others:
        config.hook.pytest_deselected(items=others)
    named.sort(key=lambda item: first[item.nodeid])
    items[:] = named + wanted
