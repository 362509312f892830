"""Prints what a program can see of how it was started, and ends with 5."""

import os
import sys

print(sys.argv, sys.path[0], __name__, sys.executable, sys.flags)
print(list(os.environ.items()))
print(sorted(os.listdir("/proc/self/fd"))[:4], file=sys.stderr)
print(globals().get("__file__"), __spec__ and __spec__.name, sys.modules["__main__"].__dict__ is globals())
os.system("echo child $LD_PRELOAD $MEMTRACE_CAPTURE")
sys.exit(5)
