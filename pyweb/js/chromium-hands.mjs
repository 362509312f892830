// A person's hands in Chromium, for `steps.mjs`: pointer and keyboard are the browser's own, through its debugger's
// wire, so that events are trusted and go to what lies on top. Must not know who asks.
import { native } from "pyweb://js/chromium-native.mjs";
import { clock } from "pyweb://js/chromium-clock.mjs";
import { chord, hold, isTextual, keysOf, PICKED } from "pyweb://js/keyboard.mjs";
import { rest } from "pyweb://js/rest.mjs";

const waiting = new Map();
let last = 0;

/** Has the browser carry out these calls of its `Input` domain, one after another. */
const act = (...calls) =>
    new Promise((resolve) => {
        waiting.set(++last, resolve);
        native.emit({ kind: "input", act: last, calls });
    });

/** The browser has done so. */
export const acted = ({ act: number }) => {
    waiting.get(number)?.();
    waiting.delete(number);
};

const middleOf = (element) => {
    element.scrollIntoViewIfNeeded();
    const boxes = [...element.getClientRects()];
    const { x, y, width, height } = boxes.find((box) => box.width > 0 && box.height > 0) ?? element.getBoundingClientRect();
    return { x: x + width / 2, y: y + height / 2 };
};

const mouse = (type, point, more = {}) => ["Input.dispatchMouseEvent", { type, ...point, ...more }];

const MODIFIERS = { altKey: 1, ctrlKey: 2, metaKey: 4, shiftKey: 8 };
const bitsOf = (keys) => Object.entries(MODIFIERS).reduce((sum, [name, bit]) => sum + (keys[name] ? bit : 0), 0);

async function click(element, { button = "left", click_count: count = 1, modifiers: names }) {
    const point = { ...middleOf(element), modifiers: bitsOf(keysOf(names)) };
    const calls = [mouse("mouseMoved", point)];
    for (let clickCount = 1; clickCount <= count; clickCount++) {
        calls.push(mouse("mousePressed", point, { button, clickCount }), mouse("mouseReleased", point, { button, clickCount }));
    }
    await act(...calls);
}

const keyCall = (combination, down) => {
    const init = chord(combination);
    const { key, code, keyCode: windowsVirtualKeyCode } = init;
    const modifiers = bitsOf(init);
    const text = key === "Enter" ? "\r" : [...key].length === 1 && !(modifiers & 7) ? key : "";
    const event = { key, code, windowsVirtualKeyCode, modifiers };
    if (!down) return ["Input.dispatchKeyEvent", { type: "keyUp", ...event }];
    return ["Input.dispatchKeyEvent", { type: text ? "keyDown" : "rawKeyDown", ...event, ...(text && { text }) }];
};
const press = (combination) => act(keyCall(combination, true), keyCall(combination, false));

const told = (element, type) => element.dispatchEvent(new Event(type, { bubbles: true, composed: true }));

function selectText(element) {
    element.focus();
    if (isTextual(element)) element.select();
    else getSelection().selectAllChildren(element);
}

async function fill(element, value) {
    if (!isTextual(element) && !element.isContentEditable) throw new TypeError("only a text can be filled in");
    element.focus();
    if (PICKED.test(element.type)) {
        element.value = value;
        told(element, "input");
        told(element, "change");
        return;
    }
    selectText(element);
    if (value) await act(["Input.insertText", { text: value }]);
    else await press("Delete");
}

export const hands = {
    click,
    doubleClick: (element, step) => click(element, { ...step, click_count: 2 }),
    drag: async (from, to) => {
        const start = middleOf(from);
        await act(mouse("mouseMoved", start), mouse("mousePressed", start, { button: "left", buttons: 1, clickCount: 1 }));
        // Where it goes may have moved away from under the pointer.
        const end = middleOf(to);
        await act(
            mouse("mouseMoved", start, { button: "left", buttons: 1 }),
            mouse("mouseMoved", end, { button: "left", buttons: 1 }),
            mouse("mouseReleased", end, { button: "left", buttons: 0, clickCount: 1 }),
        );
    },
    evaluate: (expression) => (0, eval)(`(${expression}\n)`),
    fill,
    /** What would get the click in the place of `element`, if anything. */
    hindrance: (element) => {
        const { x, y } = middleOf(element);
        const top = document.elementFromPoint(x, y);
        if (!top || element.contains(top) || top.closest("label")?.control === element) return null;
        return `is covered by ${top.cloneNode(false).outerHTML}`;
    },
    hover: (element) => act(mouse("mouseMoved", middleOf(element))),
    insertText: (text) => act(["Input.insertText", { text }]),
    keyDown: (key) => {
        hold(key, true);
        return act(keyCall(key, true));
    },
    keyUp: (key) => {
        hold(key, false);
        return act(keyCall(key, false));
    },
    now: native.now,
    pause: clock.realPause,
    press,
    rest,
    selectText,
    select: (select, options) => {
        if (select.multiple) for (const option of select.options) option.selected = options.includes(option);
        else if (options.length) options[0].selected = true;
        told(select, "input");
        told(select, "change");
    },
};
