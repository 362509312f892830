// One page in Chromium: what is put before its own scripts (src/chromium/script.rs) tells of it and does what it is
// told, as `load.mjs` and `session.mjs` do in pyweb's own browser.
import { native } from "pyweb://js/chromium-native.mjs";
import { clock } from "pyweb://js/chromium-clock.mjs";
import { acted, hands } from "pyweb://js/chromium-hands.mjs";
import { common, servant } from "pyweb://js/commands.mjs";
import { watchErrorBoxes } from "pyweb://js/notices.mjs";
import { findScripts, numberLines, onPyScript, scriptsDone, settled } from "pyweb://js/python.mjs";
import { checkSelectors, visit } from "pyweb://js/visit.mjs";

// How long a page without PyScript may take to bring it along after all.
const LATE_MS = 1000;
const { history, location, navigation } = globalThis;
const { door, setup } = native.config();
const { emit } = native;
let numbered = null;

native.scripts["console.js"]();

// The way to another document, from the moment that something leads there until the page is found to stay: who set it
// going waits (`rest.mjs`), for the browser may still find that there is nowhere to go.
const LONGEST_WAY_MS = 5000;
let way = null;
native.onTheWay = () => way?.promise;
const stay = () => {
    way?.resolve();
    way = null;
};
const setOut = () => {
    const own = Promise.withResolvers();
    // Who waits for the way that this one takes the place of waits on.
    own.promise.then(way?.resolve);
    way = own;
    clock.realPause(LONGEST_WAY_MS).then(() => way === own && stay());
};
navigation.addEventListener("navigate", (event) => {
    if (event.destination.sameDocument || event.downloadRequest !== null) return;
    setOut();
    Promise.resolve().then(() => event.defaultPrevented && stay());
});
// A form's way begins some time after its event.
const submitted = (event) => {
    const { target: form, submitter } = event;
    const said = (name) => submitter?.getAttribute(`form${name}`) ?? form.getAttribute(name) ?? "";
    if (/^dialog$/i.test(said("method")) || !/^(_self|_parent|_top)?$/i.test(said("target"))) return;
    setOut();
    clock.realPause(0).then(() => event.defaultPrevented && stay());
};
addEventListener("submit", submitted, { capture: true });
for (const type of ["navigatesuccess", "navigateerror"]) navigation.addEventListener(type, stay);

const markup = () => `${document.doctype ? "<!DOCTYPE html>" : ""}${document.documentElement.outerHTML}\n`;

const COMMANDS = {
    ...common({ clock, hands, numbered: () => numbered }),
    acted,
    // What leads to another document is answered there.
    go: async ({ delta }) => {
        const entry = navigation.entries()[navigation.currentEntry.index + delta];
        if (!entry) return false;
        await new Promise((resolve) => {
            if (entry.sameDocument) addEventListener("popstate", resolve, { once: true });
            history.go(delta);
        });
        await hands.rest();
        return true;
    },
    reload: () =>
        new Promise(() => {
            location.reload();
        }),
    stayed: stay,
    visit: async (asked) => {
        if (!checkSelectors(document, asked)) return native.exit(2);
        await visit(asked, numbered, hands, markup);
        native.exit(0);
    },
};
Object.defineProperty(globalThis, door, { value: servant(COMMANDS, hands) });
for (const step of setup) COMMANDS[step.step](step);

// Once everything is parsed and before the core, a module, runs; as soon as the core runs, should it be earlier.
let page = null;
const open = () => {
    if (page) return page;
    const html = new TextDecoder().decode(native.read(location.href) ?? new Uint8Array(0));
    const scripts = findScripts(document, html, location.href);
    watchErrorBoxes(document);
    page = { html, scripts, done: scriptsDone(scripts) };
    return page;
};
onPyScript((core) => {
    const { scripts, html } = open();
    numbered = numberLines(core, scripts, html);
});
document.addEventListener("readystatechange", open, { once: true });
addEventListener("load", begin, { once: true });

async function begin() {
    const { scripts, done } = open();
    const hasCore = () => !!globalThis[Symbol.for("@pyscript/core")];
    await clock.realPause(0);
    emit({ kind: "loaded", core: hasCore() });
    if (scripts.length && !hasCore()) {
        await clock.realPause(LATE_MS);
        if (!hasCore()) native.exit(2);
    }
    await done;
    await settled();
    emit({ kind: "ready" });
}
