from pyscript import sync


def begin():
    # Each call stands still until the main thread has answered.
    said = sync.say("one")
    sync.say("then " + said)
    sync.say("x" * 100_000)


sync.begin = begin
