// What a person types into the focused element, with the events and default actions it has in a browser.
// The caret is always at the end, or everything is selected. Must not know who types.
import { dispatch, FOCUSABLE, userClick } from "pyweb://js/user.mjs";

// Fields that a browser fills from a picker, which tells of it at once.
export const PICKED = /^(date|month|week|time|datetime-local|color|range)$/;
const TEXTUAL = /^(text|search|tel|url|email|password|number|date|month|week|time|datetime-local|color|range)$/;
const MODIFIERS = { Control: "ctrlKey", Shift: "shiftKey", Alt: "altKey", Meta: "metaKey", ControlOrMeta: "ctrlKey" };
// `KeyboardEvent.code` and `keyCode` of what is no letter or digit.
const KEYS = {
    " ": ["Space", 32],
    Alt: ["AltLeft", 18],
    Control: ["ControlLeft", 17],
    Meta: ["MetaLeft", 91],
    Shift: ["ShiftLeft", 16],
    ArrowDown: ["ArrowDown", 40],
    ArrowLeft: ["ArrowLeft", 37],
    ArrowRight: ["ArrowRight", 39],
    ArrowUp: ["ArrowUp", 38],
    Backspace: ["Backspace", 8],
    Delete: ["Delete", 46],
    End: ["End", 35],
    Enter: ["Enter", 13],
    Escape: ["Escape", 27],
    Home: ["Home", 36],
    PageDown: ["PageDown", 34],
    PageUp: ["PageUp", 33],
    Tab: ["Tab", 9],
};
const selected = new WeakSet();
// The value before somebody typed, of which `change` tells once they are done.
const untold = new WeakMap();

export const isTextual = (element) =>
    element.localName === "textarea" || (element.localName === "input" && TEXTUAL.test(element.type));
export const isEditable = (element) => isTextual(element) || element.isContentEditable === true;

const textOf = (element) => (isTextual(element) ? element.value : element.textContent);

const setText = (element, text, inputType, data) => {
    const init = { inputType, data };
    if (!dispatch(element, "beforeinput", InputEvent, true, init)) return;
    if (isTextual(element)) {
        if (!untold.has(element)) untold.set(element, element.value);
        element.value = text;
    } else element.textContent = text;
    dispatch(element, "input", InputEvent, true, { ...init, cancelable: false });
};

/** Tells of what was typed into `element`, as browsers do when it loses the focus. */
export function commit(element) {
    if (!untold.has(element)) return;
    const before = untold.get(element);
    untold.delete(element);
    if (before !== element.value) dispatch(element, "change", Event, true, { cancelable: false });
}

/** Has the next text replace what `element` holds. */
export const selectAll = (element) => selected.add(element);

/** Puts `text` where the caret is, in one go, as pasting does. */
export function insertText(element, text, inputType = "insertText") {
    if (!isEditable(element) || element.disabled || element.readOnly) return;
    const before = selected.delete(element) ? "" : textOf(element);
    setText(element, before + text, inputType, text);
}

const erase = (element) => {
    const before = textOf(element);
    const after = selected.delete(element) ? "" : [...before].slice(0, -1).join("");
    if (after !== before) setText(element, after, "deleteContentBackward", null);
};

// The other keys of an American keyboard: `code`, `keyCode`, and what they type without Shift and with it.
const SIGNS = [
    ["Backquote", 192, "`~"],
    ["Backslash", 220, "\\|"],
    ["BracketLeft", 219, "[{"],
    ["BracketRight", 221, "]}"],
    ["Comma", 188, ",<"],
    ["Equal", 187, "=+"],
    ["Minus", 189, "-_"],
    ["Period", 190, ".>"],
    ["Quote", 222, "'\""],
    ["Semicolon", 186, ";:"],
    ["Slash", 191, "/?"],
    ...[...")!@#$%^&*("].map((sign, digit) => [`Digit${digit}`, 48 + digit, sign]),
];

const codeOf = (key) => {
    if (/^[a-z]$/i.test(key)) return [`Key${key.toUpperCase()}`, key.toUpperCase().charCodeAt(0)];
    if (/^\d$/.test(key)) return [`Digit${key}`, key.charCodeAt(0)];
    const sign = [...key].length === 1 ? SIGNS.find(([, , typed]) => typed.includes(key)) : undefined;
    return sign ?? KEYS[key] ?? ["", 0];
};

const submitFrom = (input) => {
    const { form } = input;
    if (!form) return;
    const button = form.querySelector('button:not([type]), button[type="submit"], input[type="submit"]');
    if (button) userClick(button, { pointer: false });
    else form.requestSubmit();
};

const moveFocus = (from, backwards) => {
    const stops = [...document.querySelectorAll(FOCUSABLE)].filter(
        (element) => !element.hasAttribute("disabled") && element.getAttribute("tabindex") !== "-1",
    );
    const at = stops.indexOf(from) + (backwards ? -1 : 1);
    const next = stops.at(at % Math.max(stops.length, 1));
    if (next) next.focus();
};

const act = (element, key, modifiers) => {
    const control = modifiers.ctrlKey || modifiers.metaKey;
    if (control) return key.toLowerCase() === "a" ? selectAll(element) : undefined;
    if (key === "Tab") return moveFocus(element, modifiers.shiftKey);
    if (key === "Backspace" || key === "Delete") return isEditable(element) && erase(element);
    if (key === "Enter") {
        if (element.localName === "textarea") return insertText(element, "\n", "insertLineBreak");
        if (element.localName === "input") {
            commit(element);
            return submitFrom(element);
        }
        if (element.matches("button, a[href], summary")) return userClick(element, { pointer: false });
    }
    if (key === " " && element.matches('button, summary, input[type="checkbox"], input[type="radio"]'))
        return userClick(element, { pointer: false });
    if ([...key].length === 1) insertText(element, key);
};

// The modifiers that are held down.
const held = {};
/** What an event says of these modifiers and of those that are held down. */
export function keysOf(names = []) {
    const keys = { ...held };
    for (const name of names) {
        if (!(name in MODIFIERS)) throw new TypeError(`unknown modifier ${JSON.stringify(name)}`);
        keys[MODIFIERS[name]] = true;
    }
    return keys;
}

/** Notes that a modifier is held down from now on, or no longer. */
export function hold(key, down) {
    if (key in MODIFIERS) held[MODIFIERS[key]] = down;
}

/** What a `KeyboardEvent` says of a key such as `a`, `Enter` or `Control+A`. */
export function chord(combination) {
    const parts = combination === "+" ? ["+"] : combination.split(/\+(?=.)/);
    const key = parts.pop();
    const [code, keyCode] = codeOf(key);
    return { ...keysOf(parts), key, code, keyCode };
}

const focused = () => document.activeElement ?? document.body;

/** Presses a key, on the focused element, and keeps it down. */
export function keyDown(combination) {
    const { key } = chord(combination);
    hold(key, true);
    const init = chord(combination);
    const element = focused();
    if (!dispatch(element, "keydown", KeyboardEvent, true, init)) return;
    const typed = [...key].length === 1 || key === "Enter";
    if (!typed || dispatch(element, "keypress", KeyboardEvent, true, init)) act(element, key, init);
}

/** Releases it. */
export function keyUp(combination) {
    hold(chord(combination).key, false);
    dispatch(focused(), "keyup", KeyboardEvent, true, chord(combination));
}

/** Presses and releases a key such as `a`, `Enter` or `Control+A`, on the focused element. */
export function pressKey(combination) {
    keyDown(combination);
    keyUp(combination);
}
