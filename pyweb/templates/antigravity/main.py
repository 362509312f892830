"""I'm flying! How? Python!"""

from pyscript import document, when

said = document.querySelector("#said")
take_off = document.querySelector("#import")
down = document.querySelector("#land")


@when("click", "#import")
def lift(event):
    # The first import lifts by itself, as all imports run their module once.
    import antigravity

    antigravity.fly()
    said.textContent = "… and now I am flying!"
    take_off.hidden = True
    down.hidden = False


@when("click", "#land")
def land(event):
    import antigravity

    antigravity.land()
    said.textContent = "Once more?"
    take_off.hidden = False
    down.hidden = True


take_off.disabled = False
document.querySelector("#starting").remove()
