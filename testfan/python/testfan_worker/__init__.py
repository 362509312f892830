"""The Python side of testfan, needing nothing but the user's pytest (7 or later).

zygote    collects once, makes workers, replays their reports to pytest's own plugins
spawned   a worker that is a fresh process and collects for itself
foreground one ordinary pytest process with the terminal, for its debugger
worker    runs the items it is told to; both kinds of worker are this
lanes     a worker that runs several at a time, each thread a worker to pytest
bythread  what such a thread needs of pytest for itself
apart     which tests must not run beside others in one process, and why
ports     fixed ports, which workers have in turn
afterfork makes a forked copy of the zygote fit to run tests
hazards   why a zygote must not be forked
memory    records what each test allocates
heap      the garbage collector while a process collects, and after
session   what testfan adds to or takes from a pytest session
serialise reports and warnings as JSON and back
channel   JSON lines on a private socket
focus     a part of what was collected, the most wanted first
imports   which files each test file depends on
resident  a process that outlives runs, of which each run gets a copy
parked    one that has collected before there is a run
recording what a collection depends on
compat    what a suite written for pytest-xdist expects: options, fixtures, marker, hooks
"""
