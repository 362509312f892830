// The clock of a page in Chromium. Its timers are the browser's own, only noted, until a test takes them into its
// hands: then they are those of `timers.js`, as in pyweb's own browser. Must not know who asks.
import { native } from "pyweb://js/chromium-native.mjs";

const { clearTimeout, MessageChannel, performance, setTimeout } = globalThis;
// How often a held clock is looked at.
const LOOK_MS = 5;
// When each timer that does not repeat is due.
const due = new Map();
let taken = null;

globalThis.setTimeout = function (callback, milliseconds, ...values) {
    if (typeof callback !== "function") return setTimeout(callback, milliseconds);
    const run = function (...given) {
        due.delete(id);
        return Reflect.apply(callback, this, given);
    };
    const id = setTimeout(run, milliseconds, ...values);
    due.set(id, native.now() + Math.max(0, Number(milliseconds) || 0));
    return id;
};
globalThis.clearTimeout = function (id) {
    due.delete(id);
    clearTimeout(id);
};
for (const [name, own] of Object.entries({ setTimeout, clearTimeout }))
    Object.defineProperty(globalThis[name], "name", { value: own.name });

/** Puts `timers.js` in the place of the browser's timers. */
function take() {
    if (taken) return taken;
    taken = { now: native.now, threadsActive: () => false };
    globalThis.__native = taken;
    native.scripts["timers.js"]();
    delete globalThis.__native;
    performance.now = () => taken.clock.now();
    const look = () => {
        const wait = taken.tick();
        setTimeout(look, wait < 0 ? LOOK_MS : Math.min(wait, LOOK_MS));
    };
    look();
    return taken;
}

const ACTIONS = ["fastForward", "install", "pauseAt", "resume", "runFor", "setFixedTime", "setSystemTime"];

export const clock = {
    dueWithin: (milliseconds) => {
        const until = native.now() + milliseconds;
        return [...due.values()].some((at) => at <= until) || (taken?.clock.dueWithin(milliseconds) ?? false);
    },
    // Messages, by which Pyodide's event loop goes on, are no timers: a pause lets those that wait come first.
    realPause: (milliseconds) =>
        new Promise((resolve) => {
            const { port1, port2 } = new MessageChannel();
            port1.onmessage = () => {
                port1.close();
                resolve();
            };
            setTimeout(() => port2.postMessage(null), milliseconds);
        }),
    turns: 5,
    ...Object.fromEntries(ACTIONS.map((name) => [name, (...given) => take().clock[name](...given)])),
};
native.clock = clock;
