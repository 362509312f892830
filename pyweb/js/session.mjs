// One page that is told what to do, step by step: the entry module of a page process (src/steps). Rust calls
// `command` for each; the answer is an event. What a test sets up before its page loads comes with `load`.
import { common, servant } from "pyweb://js/commands.mjs";
import { hands } from "pyweb://js/hands.mjs";
import { loadPage } from "pyweb://js/load.mjs";
import { reseedPython } from "pyweb://js/python.mjs";
import { databasesIn, databasesOut } from "pyweb://js/stored.mjs";

const native = globalThis.__native;
const { clock, routes, reseed } = native;
const { page: url } = native.config();
let page = null;
let loading = false;

const shared = common({ clock, hands, numbered: () => page.numbered });
const storageWasUsed = () => native.storageWasUsed() || native.databasesWereUsed();

const comesLate = ({ step, url }) => (step === "route" ? routes.comesLate(url) : step === "set_storage" && storageWasUsed());

const COMMANDS = {
    ...shared,
    // What comes before the page loads, for a copy that has been loaded; whether that makes no difference.
    adopt: ({ setup }) => {
        if (setup.some(comesLate)) return false;
        for (const step of setup) COMMANDS[step.step](step);
        return true;
    },
    close: () => native.exit(0),
    fork: () => {
        const status = native.fork();
        if (status !== null) return native.emit({ kind: "fork-ended", status });
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
    set_storage: (step) => {
        shared.set_storage(step);
        databasesIn(step.databases ?? []);
    },
    storage: () => ({ ...shared.storage(), databases: databasesOut() }),
    // The other way about, for a page that is to be copied: forgets routes that it was loaded with.
    take_back: ({ setup }) => {
        if (setup.some(comesLate)) return false;
        routes.remove({});
        return true;
    },
    unroute: (step) => routes.remove(step),
};

native.command = servant(COMMANDS, hands);
native.navigate = (to) => native.emit({ kind: "navigate", url: to });
// Nothing is due any more: a page that is not ready by now never will be.
native.idle = () => {
    if (loading && !routes.asks) native.exit(2);
    return -1;
};
