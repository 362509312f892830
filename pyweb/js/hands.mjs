// A person's hands in the headless browser, for `steps.mjs`: events as pointer and keyboard make them.
import { commit, insertText, isTextual, PICKED, pressKey, selectAll } from "pyweb://js/keyboard.mjs";
import { rest } from "pyweb://js/rest.mjs";
import { userClick, userContextMenu, userDoubleClick, userHover, userSelect } from "pyweb://js/user.mjs";

const native = globalThis.__native;
function fill(element, value) {
    element.focus();
    if (!isTextual(element) && !element.isContentEditable) throw new TypeError("only a text can be filled in");
    selectAll(element);
    insertText(element, value);
    if (PICKED.test(element.type)) commit(element);
}

export const hands = {
    click: (element, { button, click_count: count = 1 }) => {
        if (button === "right") return userContextMenu(element);
        for (let i = 0; i < count; i++) userClick(element);
    },
    doubleClick: userDoubleClick,
    evaluate: (expression) => (0, eval)(`(${expression}\n)`),
    fill,
    hover: userHover,
    now: native.now,
    pause: native.clock.realPause,
    press: pressKey,
    select: userSelect,
    rest,
};
