// Popovers and dialogs (https://html.spec.whatwg.org/multipage/popover.html): which are open. There is no layer they lie
// in, for nothing lies on top of anything here.

const open = new WeakSet();
const modal = new WeakSet();

export const isPopoverOpen = (element) => open.has(element);
export const isModal = (dialog) => modal.has(dialog) && dialog.hasAttribute("open");
/** Notes how a dialog was opened. */
export const noteModal = (dialog, is) => (is ? modal.add(dialog) : modal.delete(dialog));

const turn = (element, opens) => {
    if (!element.hasAttribute("popover")) throw new DOMException("The element is not a popover.", "NotSupportedError");
    if (open.has(element) === opens) return;
    const states = opens ? { oldState: "closed", newState: "open" } : { oldState: "open", newState: "closed" };
    if (!element.dispatchEvent(new ToggleEvent("beforetoggle", { ...states, cancelable: opens })) && opens) return;
    if (opens) open.add(element);
    else open.delete(element);
    setTimeout(() => element.dispatchEvent(new ToggleEvent("toggle", states)), 0);
};

/** What every HTML element can do about being a popover. */
export const popoverMethods = {
    hidePopover() {
        turn(this, false);
    },
    showPopover() {
        turn(this, true);
    },
    togglePopover(force) {
        const opens = typeof force === "boolean" ? force : (force?.force ?? !open.has(this));
        turn(this, opens);
        return open.has(this);
    },
};

/** Does what a button with `popovertarget` is for. */
export function turnTarget(button) {
    const target = button.ownerDocument.getElementById(button.getAttribute("popovertarget"));
    if (!target?.hasAttribute("popover")) return;
    const action = button.getAttribute("popovertargetaction")?.toLowerCase();
    turn(target, action === "show" || (action !== "hide" && !open.has(target)));
}
