// The page's scripts and style sheets, loaded in the order a browser does: classic scripts, then modules and
// deferred ones; then what the page adds later. Must not know what a script does.

import { noteSheet } from "pyweb://js/styles.mjs";

const native = globalThis.__native;
const CLASSIC = /^(text\/javascript|application\/javascript|text\/ecmascript|module)?$/i;
const started = new WeakSet();

const isModule = (script) => script.getAttribute("type")?.trim().toLowerCase() === "module";
const isScript = (script) => CLASSIC.test(script.getAttribute("type")?.trim() ?? "");
const deferred = (script) => isModule(script) || (script.hasAttribute("defer") && script.hasAttribute("src"));

// What keeps the line numbers of an inline script those of its page: as many line breaks as come before it.
const linesBefore = new WeakMap();

function noteLines(scripts, html) {
    let at = 0;
    for (const script of scripts) {
        const text = script.textContent;
        const found = text && !script.hasAttribute("src") ? html.indexOf(text, at) : -1;
        if (found < 0) continue;
        linesBefore.set(script, html.slice(0, found).replace(/[^\n]+/g, ""));
        at = found + text.length;
    }
}

const tell = (element, type) => element.dispatchEvent(new Event(type));

async function runScript(script, inlineModule) {
    if (started.has(script) || (script.hasAttribute("nomodule") && !isModule(script))) return;
    started.add(script);
    const { src } = script;
    try {
        if (isModule(script)) await import(src || inlineModule(script));
        else await runClassic(script, src);
        if (src) tell(script, "load");
    } catch (error) {
        // As in browsers, a file that cannot be had or read is an error of its element, not of the code in it.
        const missing = error instanceof SyntaxError || /^failed to (fetch|load) the /.test(error?.message);
        if (src && missing) console.error(`${src}: ${error}`);
        else reportError(error);
        if (src) tell(script, "error");
    }
}

async function runClassic(script, src) {
    let text = (linesBefore.get(script) ?? "") + script.textContent;
    if (src) {
        const response = await fetch(src);
        if (!response.ok) throw new TypeError(`failed to load the script ${src} (${response.status})`);
        text = await response.text();
    }
    document._running = script;
    try {
        native.evalScript(text, src || location.href);
    } finally {
        document._running = null;
    }
}

// Before any module: an import map holds for those that come after it, and is nearly always the first of all.
function addImportMap(script) {
    if (script.getAttribute("type")?.trim().toLowerCase() !== "importmap" || started.has(script)) return;
    started.add(script);
    try {
        native.importMap(script.textContent, document.baseURI);
    } catch (error) {
        reportError(new TypeError(`Failed to parse import map: ${error.message}`));
    }
}

async function loadStyleSheet(link) {
    if (started.has(link)) return;
    started.add(link);
    try {
        const response = await fetch(link.href);
        if (response.ok) noteSheet(link, await response.text());
        tell(link, response.ok ? "load" : "error");
    } catch {
        tell(link, "error");
    }
}

/** Runs all scripts of the document, announcing what a browser announces between them. */
export async function loadScripts(document, html, pageUrl) {
    const inline = [...document.querySelectorAll("script")].filter((s) => isModule(s) && !s.hasAttribute("src"));
    // The site serves the n-th inline module of the page under this address, so that its imports resolve.
    const inlineModule = (script) => `${pageUrl}?pyweb-inline-module=${inline.indexOf(script)}`;
    const scripts = [...document.querySelectorAll("script")].filter(isScript);
    for (const script of document.querySelectorAll("script")) addImportMap(script);
    noteLines(scripts, html);
    watchForMore(document, inlineModule);
    for (const link of document.querySelectorAll('link[rel="stylesheet"]')) await loadStyleSheet(link);
    for (const script of scripts) if (!deferred(script)) await runScript(script, inlineModule);
    setState(document, "interactive");
    // Modules start in order, but none waits for another's top-level `await`.
    const running = [];
    for (const script of scripts.filter(deferred)) {
        const run = runScript(script, inlineModule);
        if (isModule(script)) running.push(run);
        else await run;
    }
    await new Promise((resolve) => setTimeout(resolve, 0));
    document.dispatchEvent(new Event("DOMContentLoaded", { bubbles: true }));
    setState(document, "complete");
    dispatchEvent(new Event("load"));
    await Promise.all(running);
}

function setState(document, state) {
    document.readyState = state;
    document.dispatchEvent(new Event("readystatechange"));
}

function watchForMore(document, inlineModule) {
    const visit = (node) => {
        if (node.nodeType !== 1) return;
        for (const element of [node, ...node.querySelectorAll("script, link")]) {
            if (element.localName === "script") addImportMap(element);
            if (element.localName === "script" && isScript(element) && (element.src || !isModule(element)))
                runScript(element, inlineModule);
            if (element.localName === "link" && element.getAttribute("rel") === "stylesheet") loadStyleSheet(element);
        }
    };
    const observer = new MutationObserver((records) => {
        for (const record of records) for (const node of record.addedNodes) visit(node);
    });
    observer.observe(document, { childList: true, subtree: true });
}
