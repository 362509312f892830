// Timers and tasks: setTimeout and its family, microtasks, and `tick`, by which the event loop in Rust asks for
// the next one; and the clock they go by, which a test may hold, turn forward and let go (`clock`).
// Must not know who waits for them.
(() => {
    "use strict";
    const native = globalThis.__native;
    const RealDate = Date;
    const timers = new Map();
    let lastId = 0;
    // The page's time is the real one plus `skew`, or stands still at `held`.
    let skew = 0;
    let held = null;
    const now = () => held ?? native.now() + skew;

    const add = (callback, milliseconds, values, repeats, real = false) => {
        const delay = Math.max(0, Number(milliseconds) || 0);
        const id = ++lastId;
        const every = repeats ? Math.max(1, delay) : 0;
        timers.set(id, { id, due: (real ? native.now() : now()) + delay, every, callback, values, real });
        return id;
    };
    const remove = (id) => {
        timers.delete(Number(id));
    };
    const waitOf = ({ real, due }) => {
        if (real) return due - native.now();
        return held === null || due <= held ? due - now() : Infinity;
    };
    const earliest = (among = timers.values()) => {
        let best = null;
        let least = Infinity;
        for (const timer of among) {
            const wait = waitOf(timer);
            if (wait < least || (best && wait === least && timer.id < best.id)) [best, least] = [timer, wait];
        }
        return best;
    };
    const run = (timer) => {
        if (timer.every) timer.due = now() + timer.every;
        else timers.delete(timer.id);
        try {
            if (typeof timer.callback === "function") timer.callback(...timer.values);
            else (0, eval)(String(timer.callback));
        } catch (error) {
            reportError(error);
        }
    };

    const api = {
        setTimeout: (callback, milliseconds, ...values) => add(callback, milliseconds, values, false),
        setInterval: (callback, milliseconds, ...values) => add(callback, milliseconds, values, true),
        clearTimeout: remove,
        clearInterval: remove,
        // A frame is 60th of a second away; nothing is drawn.
        requestAnimationFrame: (callback) => add(() => callback(now()), 1000 / 60, [], false),
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
        // Who drives the page may have something to say about that, once nobody else does anything either.
        if (!timer) return native.threadsActive() ? -1 : (native.idle?.() ?? -1);
        const wait = waitOf(timer);
        if (wait > 0) return wait;
        run(timer);
        return 0;
    };
    // Whether a timer of the page's that does not repeat is due within so many milliseconds, or a worker is busy.
    const dueWithin = (milliseconds) => {
        if (native.threadsActive(milliseconds)) return true;
        for (const timer of timers.values())
            if (!timer.real && !timer.every && waitOf(timer) <= milliseconds) return true;
        return false;
    };
    // Waits by the real clock, whatever the page's does.
    const realPause = (milliseconds) => new Promise((resolve) => add(resolve, milliseconds, [], false, true));

    // ---- the clock in a test's hands ----
    let epoch = null;
    let fixed = null;
    const dateNow = () => Math.floor(fixed ?? epoch + now());
    const install = (at) => {
        epoch = (at ?? RealDate.now()) - now();
        if (globalThis.Date !== RealDate) return;
        globalThis.Date = class Date extends RealDate {
            constructor(...parts) {
                if (parts.length) super(...parts);
                else super(dateNow());
            }
            static now() {
                return dateNow();
            }
        };
    };
    const installed = () => {
        if (epoch === null) install();
    };
    const setTime = (milliseconds) => {
        if (held === null) skew = milliseconds - native.now();
        else held = milliseconds;
    };
    const hold = () => {
        held = now();
    };
    const release = () => {
        if (held !== null) skew = held - native.now();
        held = null;
    };
    // Runs all timers of the next so many milliseconds, each at its time.
    const runFor = async (milliseconds) => {
        installed();
        const end = now() + milliseconds;
        const running = held === null;
        if (running) hold();
        for (;;) {
            // What a timer set going comes before the next timer.
            await realPause(0);
            const due = [...timers.values()].filter((timer) => !timer.real && timer.due <= end);
            if (!due.length) break;
            const next = due.reduce((a, b) => (b.due < a.due || (b.due === a.due && b.id < a.id) ? b : a));
            held = Math.max(held, next.due);
            run(next);
        }
        held = end;
        if (running) release();
    };
    // Turns the clock forward as a computer's sleep does: what was due meanwhile runs once.
    const fastForward = async (milliseconds) => {
        installed();
        const end = now() + milliseconds;
        setTime(end);
        const due = [...timers.values()].filter((timer) => !timer.real && timer.due <= end);
        for (const timer of due) run(timer);
        await realPause(0);
    };
    const clock = {
        now,
        realPause,
        dueWithin,
        // How many turns with nothing due mean that nothing is under way.
        turns: 1,
        install,
        runFor,
        fastForward,
        pauseAt: async (at) => {
            installed();
            const ahead = at - dateNow();
            if (ahead > 0) await fastForward(ahead);
            hold();
        },
        resume: release,
        setFixedTime: (at) => {
            installed();
            fixed = at;
        },
        setSystemTime: (at) => {
            fixed = null;
            install(at);
        },
    };
    Object.assign(native, { tick, clock });
})();
