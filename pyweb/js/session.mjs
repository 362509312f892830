// One page that is told what to do, step by step: the entry module of a page process (src/steps). Rust calls
// `command` for each; the answer is an event. What a test sets up before its page loads comes with `load`.
import { hands } from "pyweb://js/hands.mjs";
import { loadPage } from "pyweb://js/load.mjs";
import { evaluatePython, reseedPython } from "pyweb://js/python.mjs";
import { perform } from "pyweb://js/steps.mjs";

const native = globalThis.__native;
const { clock, routes, reseed } = native;
const emit = (event) => native.emit(event);
const { page: url } = native.config();
let page = null;
let loading = false;

const stored = (storage) => Object.fromEntries(Array.from({ length: storage.length }, (_, i) => [storage.key(i), storage.getItem(storage.key(i))]));

const CLOCK = {
    fast_forward: ({ milliseconds }) => clock.fastForward(milliseconds),
    install: ({ time }) => clock.install(time),
    pause_at: ({ time }) => clock.pauseAt(time),
    resume: () => clock.resume(),
    run_for: ({ milliseconds }) => clock.runFor(milliseconds),
    set_fixed_time: ({ time }) => clock.setFixedTime(time),
    set_system_time: ({ time }) => clock.setSystemTime(time),
};

const COMMANDS = {
    clock: async (step) => {
        if (!(step.action in CLOCK)) throw new TypeError(`no such action of a clock: ${step.action}`);
        await CLOCK[step.action](step);
        await hands.rest();
    },
    close: () => native.exit(0),
    evaluate_py: async (step) => {
        const value = await evaluatePython(page.numbered, step);
        await hands.rest();
        return value;
    },
    fork: () => {
        const status = native.fork();
        if (status !== null) return emit({ kind: "fork-ended", status });
        reseed();
        reseedPython(page.numbered);
    },
    init_script: ({ script }) => {
        native.evalScript(script, "init_script");
    },
    load: async ({ setup = [] }) => {
        for (const step of setup) if (step.step !== "init_script") await COMMANDS[step.step](step);
        loading = true;
        page = await loadPage(url, () => {
            for (const step of setup) if (step.step === "init_script") COMMANDS.init_script(step);
        });
        loading = false;
    },
    offline: ({ offline }) => {
        routes.offline = offline;
        Object.defineProperty(navigator, "onLine", { value: !offline, configurable: true });
        dispatchEvent(new Event(offline ? "offline" : "online"));
    },
    route: (step) => routes.add(step),
    route_answer: (step) => routes.answer(step),
    set_storage: ({ local = {}, session = {} }) => {
        for (const [key, value] of Object.entries(local)) localStorage.setItem(key, value);
        for (const [key, value] of Object.entries(session)) sessionStorage.setItem(key, value);
    },
    storage: () => ({ local: stored(localStorage), session: stored(sessionStorage) }),
    unroute: (step) => routes.remove(step),
};

const failureOf = (error) => {
    if (error?.code !== undefined && error instanceof Error && typeof error.code === "string")
        return { code: error.code, message: error.message };
    const python = error?.name === "PythonError" || error?.constructor?.name === "PythonError";
    if (python) return { code: "python_raised", message: error.message };
    return { code: "javascript_raised", message: String(error) };
};

async function obey({ seq, ...command }) {
    try {
        const act = COMMANDS[command.step];
        const value = await (act ? act(command) : perform(command, hands));
        emit({ kind: "answer", seq, value: value ?? null });
    } catch (error) {
        emit({ kind: "answer", seq, failure: failureOf(error) });
    }
}

native.command = obey;
native.navigate = (to) => native.emit({ kind: "navigate", url: to });
// Nothing is due any more: a page that is not ready by now never will be.
native.idle = () => {
    if (loading && !routes.asks) native.exit(2);
    return -1;
};
