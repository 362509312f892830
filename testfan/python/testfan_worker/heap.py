"""Python's garbage collector while a process imports and collects, and after.

What it makes then nearly all stays: looking through it again and again finds nothing, and is a good part of the time.
Afterwards it is set aside, so that no worker's collector looks at it nor copies its pages.
Must not know what is collected.
"""

import gc
import os

# So much is made before the collector looks at it; after that it goes on as ever.
_MUCH = 1 << 20
# For those who want to know what this is worth, or suspect it: the collector stays as Python has it.
_LEAVE = os.environ.get("TESTFAN_GC") == "python"
_thresholds = gc.get_threshold()


def grow():
    """To be called first of all."""
    if not _LEAVE:
        gc.set_threshold(_MUCH, *_thresholds[1:])


def settle():
    """To be called once everything is collected. What a conftest made of the thresholds stays."""
    if _LEAVE:
        return
    if gc.get_threshold()[0] == _MUCH:
        gc.set_threshold(*_thresholds)
    gc.freeze()


def thaw():
    """To be called before plugins sum up: some count what lives."""
    if not _LEAVE:
        gc.unfreeze()


def refreeze():
    """To be called once they have: pytest's last act is to look for garbage, five times over."""
    if not _LEAVE:
        gc.freeze()
