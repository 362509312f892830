// A person's hands in the headless browser, for `steps.mjs`: events as pointer and keyboard make them.
import { commit, insertText, isTextual, pressKey, selectAll } from "pyweb://js/keyboard.mjs";
import { userClick, userContextMenu, userDoubleClick, userHover, userSelect } from "pyweb://js/user.mjs";

const native = globalThis.__native;
const { realPause, dueWithin } = native.clock;
// The most turns that what a step set going is given before the next step.
const TURNS = 50;

// Fields that a browser fills from a picker tell of it at once.
const PICKED = /^(date|month|week|time|datetime-local|color|range)$/;

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
    pause: realPause,
    press: pressKey,
    select: userSelect,
    /** Lets what is due at once happen, so that the next step finds it done. */
    rest: async () => {
        for (let turn = 0; turn < TURNS && (turn === 0 || dueWithin(0)); turn++) await realPause(0);
    },
};
