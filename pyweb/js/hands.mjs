// A person's hands in the headless browser, for `steps.mjs`: events as pointer and keyboard make them.
import { hasBox, hasTextBox } from "pyweb://js/boxes.mjs";
import { commit, insertText, isTextual, keyDown, keysOf, keyUp, PICKED, pressKey, selectAll } from "pyweb://js/keyboard.mjs";
import { sight } from "pyweb://js/locate.mjs";
import { rest } from "pyweb://js/rest.mjs";
import { atOnce } from "pyweb://js/styles.mjs";
import { userClick, userContextMenu, userDoubleClick, userDrag, userHover, userSelect } from "pyweb://js/user.mjs";

const native = globalThis.__native;
Object.assign(sight, { hasBox, hasTextBox, look: atOnce });

function fill(element, value) {
    element.focus();
    if (!isTextual(element) && !element.isContentEditable) throw new TypeError("only a text can be filled in");
    selectAll(element);
    insertText(element, value);
    if (PICKED.test(element.type)) commit(element);
}

export const hands = {
    click: (element, { button, click_count: count = 1, modifiers }) => {
        const keys = keysOf(modifiers);
        if (button === "right") return userContextMenu(element, keys);
        for (let i = 0; i < count; i++) userClick(element, { keys });
    },
    doubleClick: (element, { modifiers } = {}) => userDoubleClick(element, keysOf(modifiers)),
    drag: userDrag,
    evaluate: (expression) => (0, eval)(`(${expression}\n)`),
    fill,
    hover: userHover,
    insertText: (text) => insertText(document.activeElement, text),
    keyDown,
    keyUp,
    now: native.now,
    pause: native.clock.realPause,
    press: pressKey,
    select: userSelect,
    selectText: (element) => {
        element.focus();
        selectAll(element);
    },
    rest,
};
