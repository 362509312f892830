// One page that is told what to do, step by step: the entry module of a page process (src/steps). Rust calls
// `command` for each; the answer is an event. What a test sets up before its page loads comes with `load`.
import { common, servant } from "pyweb://js/commands.mjs";
import { dialogsWereUsed, setDialogs } from "pyweb://js/dialogs.mjs";
import { hands } from "pyweb://js/hands.mjs";
import { enter, historyOut, historyWasUsed, traverse } from "pyweb://js/history.mjs";
import { loadPage } from "pyweb://js/load.mjs";
import { reseedPython } from "pyweb://js/python.mjs";
import { databasesIn, databasesOut } from "pyweb://js/stored.mjs";

const native = globalThis.__native;
const { clock, routes, reseed } = native;
const { page: url } = native.config();
let page = null;
let loading = false;

const shared = common({ clock, hands, numbered: () => page.numbered });
// Workers use the same databases, but each knows only of itself whether it did.
const storageWasUsed = () => native.storageWasUsed() || native.databasesWereUsed() || native.threadsStarted();

const late = { dialogs: dialogsWereUsed, history: historyWasUsed, route: ({ url }) => routes.comesLate(url), set_storage: storageWasUsed };
const comesLate = (step) => late[step.step]?.(step);

const COMMANDS = {
    ...shared,
    // What comes before the page loads, for one that has been loaded; whether that makes no difference.
    adopt: ({ setup }) => {
        if (setup.some(comesLate)) return false;
        for (const step of setup) COMMANDS[step.step](step);
        return true;
    },
    close: () => native.exit(0),
    // Who was asked has been answered already.
    dialog_answer: () => {},
    dialogs: ({ asks }) => setDialogs(asks),
    fork: () => {
        const status = native.fork();
        if (status !== null) return native.emit({ kind: "fork-ended", status });
        reseed();
        reseedPython(page.numbered);
    },
    go: async ({ delta }) => {
        const there = traverse(delta);
        await there;
        await hands.rest();
        return there !== null;
    },
    history: enter,
    init_script: ({ script }) => {
        native.evalScript(script, "init_script");
    },
    load: async ({ setup = [], document: text }) => {
        for (const step of setup) if (step.step !== "init_script") await COMMANDS[step.step](step);
        loading = true;
        const prepare = () => {
            for (const step of setup) if (step.step === "init_script") COMMANDS.init_script(step);
        };
        page = await loadPage(url, prepare, text ?? undefined);
        loading = false;
    },
    offline: ({ offline }) => {
        routes.offline = offline;
        Object.defineProperty(navigator, "onLine", { value: !offline, configurable: true });
        dispatchEvent(new Event(offline ? "offline" : "online"));
    },
    reload: () => location.reload(),
    route: (step) => routes.add(step),
    route_answer: (step) => routes.answer(step),
    set_storage: (step) => {
        shared.set_storage(step);
        databasesIn(step.databases ?? []);
    },
    storage: () => ({ ...shared.storage(), databases: databasesOut(), history: historyOut() }),
    // The other way about, for a page that is to be copied: forgets routes that it was loaded with.
    take_back: ({ setup }) => {
        if (setup.some(comesLate)) return false;
        routes.remove({});
        return true;
    },
    unroute: (step) => routes.remove(step),
};

native.command = servant(COMMANDS, hands);
native.navigate = (way) => native.emit({ kind: "navigate", ...way });
// Nothing is due any more: a page that is not ready by now never will be.
native.idle = () => {
    if (loading && !routes.asks) native.exit(2);
    return -1;
};
