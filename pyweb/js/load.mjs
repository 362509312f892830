// One page from its address until it is ready: parsed, its scripts run, its Python done and nothing about to happen.
// What happens is told to Rust as it happens (page/progress.rs). Must not know what is done with the page then.
import { openDocument } from "pyweb://js/document.mjs";
import { watchErrorBoxes } from "pyweb://js/notices.mjs";
import { findScripts, numberLines, onPyScript, scriptsDone, settled } from "pyweb://js/python.mjs";
import { loadScripts } from "pyweb://js/scripts.mjs";

const native = globalThis.__native;
const emit = (event) => native.emit(event);

/** Opens the page at `url`, runs `prepare` with its document and nothing else, then loads it; its text may be given. */
export async function loadPage(url, prepare = () => {}, html = new TextDecoder().decode(native.read(url))) {
    // Everything of ours has it by now; no code of the page's shall.
    delete globalThis.__native;
    const document = openDocument(html, url);
    prepare(document);
    const scripts = findScripts(document, html, url);
    const done = scriptsDone(scripts);
    watchErrorBoxes(document);
    let numbered = null;
    onPyScript((core) => {
        numbered = numberLines(core, scripts, html);
    });
    await loadScripts(document, html, url);
    emit({ kind: "loaded", core: !!globalThis[Symbol.for("@pyscript/core")] });
    await done;
    await settled();
    emit({ kind: "ready", workers: native.threadsStarted() });
    return { document, numbered };
}
