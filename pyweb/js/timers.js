// Timers and tasks: setTimeout and its family, microtasks, message channels' tasks, and `__tick`, by which
// the event loop in Rust asks for the next one. Must not know who waits for them.
(() => {
    "use strict";
    const native = globalThis.__native;
    const timers = new Map();
    let lastId = 0;

    const add = (callback, milliseconds, values, repeats) => {
        const delay = Math.max(0, Number(milliseconds) || 0);
        const id = ++lastId;
        const every = repeats ? Math.max(1, delay) : 0;
        timers.set(id, { id, due: native.now() + delay, every, callback, values });
        return id;
    };
    const remove = (id) => {
        timers.delete(Number(id));
    };
    const earliest = () => {
        let best = null;
        for (const timer of timers.values())
            if (!best || timer.due < best.due || (timer.due === best.due && timer.id < best.id)) best = timer;
        return best;
    };

    const api = {
        setTimeout: (callback, milliseconds, ...values) => add(callback, milliseconds, values, false),
        setInterval: (callback, milliseconds, ...values) => add(callback, milliseconds, values, true),
        clearTimeout: remove,
        clearInterval: remove,
        // A frame is 60th of a second away; nothing is drawn.
        requestAnimationFrame: (callback) => add(() => callback(native.now()), 1000 / 60, [], false),
        cancelAnimationFrame: remove,
        requestIdleCallback: (callback) =>
            add(() => callback({ didTimeout: false, timeRemaining: () => 50 }), 0, [], false),
        cancelIdleCallback: remove,
    };
    Object.assign(globalThis, api);
    globalThis.queueMicrotask ??= (callback) => {
        Promise.resolve()
            .then(callback)
            .catch((error) => reportError(error));
    };

    // Runs one timer that is due. Answers the milliseconds until the next, 0 for at once, -1 for none.
    const tick = () => {
        const timer = earliest();
        if (!timer) return -1;
        const wait = timer.due - native.now();
        if (wait > 0) return wait;
        if (timer.every) timer.due = native.now() + timer.every;
        else timers.delete(timer.id);
        try {
            if (typeof timer.callback === "function") timer.callback(...timer.values);
            else (0, eval)(String(timer.callback));
        } catch (error) {
            reportError(error);
        }
        return 0;
    };
    // Whether a timer that does not repeat is due within so many milliseconds.
    const busyWithin = (milliseconds) => {
        const until = native.now() + milliseconds;
        for (const timer of timers.values()) if (!timer.every && timer.due <= until) return true;
        return false;
    };
    Object.defineProperty(globalThis, "__tick", { value: tick });
    Object.defineProperty(globalThis, "__busyWithin", { value: busyWithin });
})();
