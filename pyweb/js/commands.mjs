// What a page under test is told and answers, whichever browser it is in. Must not know how commands come.
import { evaluatePython } from "pyweb://js/python.mjs";
import { perform } from "pyweb://js/steps.mjs";

const { emit } = globalThis.__native;

const stored = (storage) => Object.fromEntries(Array.from({ length: storage.length }, (_, i) => [storage.key(i), storage.getItem(storage.key(i))]));

const CLOCK = {
    fast_forward: (clock, { milliseconds }) => clock.fastForward(milliseconds),
    install: (clock, { time }) => clock.install(time),
    pause_at: (clock, { time }) => clock.pauseAt(time),
    resume: (clock) => clock.resume(),
    run_for: (clock, { milliseconds }) => clock.runFor(milliseconds),
    set_fixed_time: (clock, { time }) => clock.setFixedTime(time),
    set_system_time: (clock, { time }) => clock.setSystemTime(time),
};

/** The commands that every browser carries out alike; `numbered` gives the page's interpreters. */
export const common = ({ clock, hands, numbered }) => ({
    clock: async (step) => {
        if (!(step.action in CLOCK)) throw new TypeError(`no such action of a clock: ${step.action}`);
        await CLOCK[step.action](clock, step);
        await hands.rest();
    },
    evaluate_py: async (step) => {
        const value = await evaluatePython(numbered(), step);
        await hands.rest();
        return value;
    },
    set_storage: ({ local = {}, session = {} }) => {
        for (const [key, value] of Object.entries(local)) localStorage.setItem(key, value);
        for (const [key, value] of Object.entries(session)) sessionStorage.setItem(key, value);
    },
    storage: () => ({ local: stored(localStorage), session: stored(sessionStorage) }),
});

const failureOf = (error) => {
    if (error?.code !== undefined && error instanceof Error && typeof error.code === "string")
        return { code: error.code, message: error.message };
    const python = error?.name === "PythonError" || error?.constructor?.name === "PythonError";
    if (python) return { code: "python_raised", message: error.message };
    return { code: "javascript_raised", message: String(error) };
};

/** Who carries out `commands`, or else steps, and answers each. */
export const servant = (commands, hands) => async ({ seq, ...command }) => {
    try {
        const act = commands[command.step];
        const value = await (act ? act(command) : perform(command, hands));
        emit({ kind: "answer", seq, value: value ?? null });
    } catch (error) {
        emit({ kind: "answer", seq, failure: failureOf(error) });
    }
};
