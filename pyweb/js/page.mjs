// One page from its address to its text: load, wait until ready, click, wait, test, print. The entry module.
// What happens is told to Rust as it happens (page/progress.rs); the last word is `__native.exit`.
import { openDocument } from "pyweb://js/document.mjs";
import { findScripts, numberLines, onPyScript, runTests, scriptsDone, settled } from "pyweb://js/python.mjs";
import { loadScripts } from "pyweb://js/scripts.mjs";
import { userClick } from "pyweb://js/user.mjs";

const native = globalThis.__native;
const emit = (event) => native.emit(event);
const { page, wait, clicks, tests } = native.config();

const html = new TextDecoder().decode(native.read(page));
const document = openDocument(html, page);

/** The element that `selector` matches, as soon as there is one that `accepts` takes. */
async function appearance(selector, accepts = () => true) {
    for (;;) {
        const element = document.querySelector(selector);
        if (element && accepts(element)) return element;
        await new Promise((resolve) => setTimeout(resolve, 5));
    }
}

/** Ends the run when `selector` is none. */
function checkSelector(selector) {
    try {
        document.querySelector(selector);
    } catch (error) {
        emit({ kind: "bad-selector", selector, message: String(error?.message ?? error) });
        native.exit(2);
    }
}

// PyScript's codes for a bad or an ambiguous configuration, after which it runs nothing.
const FATAL = /^\((PY1000|PY0409)\)/;

// PyScript shows some failures, such as a bad configuration, only as a box in the page.
function watchErrorBoxes() {
    const visit = async ({ nodeType, classList, textContent: text }) => {
        if (nodeType !== 1 || !classList.contains("py-error")) return;
        emit({ kind: "notice", text });
        if (!FATAL.test(text)) return;
        await settled();
        native.exit(2);
    };
    const observer = new MutationObserver((records) => {
        for (const { addedNodes } of records) for (const node of addedNodes) visit(node);
    });
    observer.observe(document, { childList: true, subtree: true });
}

async function run() {
    for (const selector of [...clicks, ...(wait ? [wait] : [])]) checkSelector(selector);
    const scripts = findScripts(document, html, page);
    const done = scriptsDone(scripts);
    const workers = scripts.filter((script) => script.worker).length;
    // There are no workers here yet; without this, PyScript would wait for one forever.
    if (workers) {
        emit({ kind: "loaded", core: true, workers });
        native.exit(2);
    }
    watchErrorBoxes();
    let numbered = null;
    onPyScript((core) => {
        numbered = numberLines(core, scripts, html);
    });
    await loadScripts(document, html, page);
    emit({ kind: "loaded", core: !!globalThis[Symbol.for("@pyscript/core")], workers: 0 });
    await done;
    await settled();
    emit({ kind: "ready" });
    for (const selector of clicks) {
        emit({ kind: "step", text: `--click ${selector}` });
        userClick(await appearance(selector, (element) => !element.disabled));
        await settled();
    }
    if (wait) {
        emit({ kind: "step", text: `--wait ${wait}` });
        await appearance(wait);
    }
    if (tests.length && numbered?.interpreters.size) await runTests(tests, numbered);
    emit({ kind: "rendered", html: document.toString() });
    native.exit(0);
}

await run();
