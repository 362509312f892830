"""A module that a page imports."""


def go():
    raise RuntimeError("from a module")
