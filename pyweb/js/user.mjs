// What a user does to an element, with the events and default actions it has in a browser.
// Must not know who asks for it: the command line's `--click` or the page's own `element.click()`.
import { turnTarget } from "pyweb://js/popover.mjs";

const PRESS = ["pointerdown", "mousedown", "pointerup", "mouseup"];

/** Dispatches a new event of a person's doing; false when its default action is cancelled. */
export const dispatch = (element, name, Kind, trusted, more = {}) => {
    const event = new Kind(name, { bubbles: true, cancelable: true, composed: true, view: globalThis, detail: 1, ...more });
    event._trusted = trusted;
    return element.dispatchEvent(event);
};

const change = (element, trusted) => {
    dispatch(element, "input", Event, trusted);
    dispatch(element, "change", Event, trusted);
};

/** What can have the focus. */
export const FOCUSABLE =
    'input:not([type="hidden"]), select, textarea, button, a[href], summary, [tabindex], [contenteditable]';

// A press moves the focus to the nearest thing that can have it, or takes it away.
const focusFrom = (element) => {
    const target = element.closest(FOCUSABLE);
    if (target && !target.disabled) target.focus();
    else document.activeElement?.blur?.();
};

/** Clicks `element`, with `keys` held: pointer and mouse events, the click, then what the browser does by default. */
export function userClick(element, { trusted = true, pointer = true, keys = {} } = {}) {
    if (element.disabled) return;
    if (pointer) {
        for (const name of PRESS) {
            const goesOn = dispatch(element, name, name.startsWith("pointer") ? PointerEvent : MouseEvent, trusted, keys);
            if (name === "mousedown" && goesOn) focusFrom(element);
        }
    }
    const control = element.closest("input, button, a, label, summary");
    // A check mark changes before the click's handlers run, and changes back when they cancel it.
    const undo = control?.localName === "input" && !control.disabled ? toggle(control) : null;
    const goesOn = dispatch(element, "click", PointerEvent, trusted, { ...keys, pointerType: pointer ? "mouse" : "" });
    if (!goesOn) return undo?.();
    if (undo) change(control, trusted);
    else if (control && !control.disabled) activate(control, element, trusted);
}

function toggle(input) {
    if (input.type === "checkbox") {
        const { checked, indeterminate } = input;
        Object.assign(input, { checked: !checked, indeterminate: false });
        return () => void Object.assign(input, { checked, indeterminate });
    }
    if (input.type !== "radio" || input.checked) return null;
    const group = [...(input.form ?? document).querySelectorAll("input")];
    const before = group.find((other) => other.type === "radio" && other.name === input.name && other.checked);
    input.checked = true;
    return () => {
        input.checked = false;
        if (before) before.checked = true;
    };
}

function activate(control, element, trusted) {
    const kind = control.localName;
    if (kind === "label") {
        const target = control.control;
        if (target && !target.contains(element)) userClick(target, { trusted, pointer: false });
    } else if (kind === "summary") {
        control.closest("details")?.toggleAttribute("open");
    } else if (kind === "a") {
        if (control.hasAttribute("href")) follow(control);
    } else if (control.hasAttribute("popovertarget") && !control.form) {
        turnTarget(control);
    } else if (control.type === "submit" || control.type === "image") {
        control.form?.requestSubmit(control);
    } else if (control.type === "reset") {
        control.form?.reset();
    }
}

function follow(link) {
    const target = link.getAttribute("target");
    if (link.hasAttribute("download")) return console.warn(`not followed: a download of ${link.href}`);
    if (target && !/^_(self|top|parent)$/i.test(target)) return globalThis.open(link.href, target);
    globalThis.location.assign(link.href);
}

/** Moves the pointer over `element`. */
export function userHover(element) {
    for (const name of ["pointerover", "pointerenter", "mouseover", "mouseenter", "pointermove", "mousemove"]) {
        const Kind = name.startsWith("pointer") ? PointerEvent : MouseEvent;
        dispatch(element, name, Kind, true, name.endsWith("enter") ? { bubbles: false, cancelable: false } : {});
    }
}

const point = (element, name) =>
    dispatch(element, name, name.startsWith("pointer") ? PointerEvent : MouseEvent, true, { buttons: name.endsWith("up") ? 0 : 1 });

/** Presses on `from`, moves to `to` and lets go there. */
export function userDrag(from, to) {
    userHover(from);
    for (const name of ["pointerdown", "mousedown"]) point(from, name);
    for (const name of ["pointermove", "mousemove"]) point(from, name);
    for (const name of ["pointermove", "mousemove", "pointerup", "mouseup"]) point(to, name);
}

/** Clicks twice. */
export function userDoubleClick(element, keys = {}) {
    userClick(element, { keys });
    userClick(element, { keys });
    dispatch(element, "dblclick", MouseEvent, true, { ...keys, detail: 2 });
}

/** Chooses exactly `options` in a `<select>`. */
export function userSelect(select, options) {
    if (select.multiple) for (const option of select.options) option.selected = options.includes(option);
    else if (options.length) options[0].selected = true;
    change(select, true);
}

/** Asks for the menu of `element` with the other button. */
export function userContextMenu(element, keys = {}) {
    const other = { ...keys, button: 2, buttons: 2 };
    for (const name of PRESS)
        dispatch(element, name, name.startsWith("pointer") ? PointerEvent : MouseEvent, true, other);
    dispatch(element, "contextmenu", PointerEvent, true, other);
}
