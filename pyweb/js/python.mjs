// The page's Python, seen through PyScript's own public hooks: which scripts there are, when each is done, and
// line numbers that mean the page's own files. PyScript itself runs unmodified.
import { above, numberInterpreter, padded } from "pyweb://js/number.mjs";

const SCRIPTS = 'script[type="py"], script[type="mpy"], py-script, mpy-script';
const TAG = /<(?:script\b[^>]*?\stype\s*=\s*["']?m?py\b|m?py-script\b)/gi;
const native = globalThis.__native;
const { emit } = native;

const typeOf = (element) =>
    element.localName === "script" ? element.getAttribute("type") : element.localName.replace("-script", "");

/** The Python scripts of the document, each with its text and where that text begins. */
export function findScripts(document, html, url) {
    const page = pathOf(new URL(url));
    let from = 0;
    return [...document.querySelectorAll(SCRIPTS)].map((element) => {
        const src = element.getAttribute("src");
        const text = textOf(element);
        TAG.lastIndex = from;
        const tag = TAG.exec(html)?.index ?? from;
        const at = text ? html.indexOf(text, tag) : -1;
        from = at >= 0 ? at + text.length : tag + 1;
        return {
            element,
            type: typeOf(element),
            worker: element.hasAttribute("worker"),
            file: src === null ? page : pathOf(new URL(src, document.baseURI)),
            // Where the tag stands, for a script that never runs.
            pageLine: lineAt(html, tag),
            line: src === null ? lineAt(html, Math.max(at, 0)) : 1,
            read: () => (src === null ? text : sourceOf(new URL(src, document.baseURI))),
        };
    });
}

// `<py-script>` holds markup to the parser, which PyScript turns back into text.
const textOf = (element) =>
    element.localName === "script" || !element.childElementCount
        ? element.textContent
        : element.innerHTML.replace(/&(lt|gt|amp|quot|#39);/g, (_, name) => ENTITIES[name]);
const ENTITIES = { lt: "<", gt: ">", amp: "&", quot: '"', "#39": "'" };

const lineAt = (text, offset) => text.slice(0, offset).split("\n").length;
const pathOf = (url) => (url.origin === location.origin ? decodeURIComponent(url.pathname.slice(1)) : url.href);
const sourceOf = (url) => {
    const bytes = native.read(url.href);
    return bytes ? new TextDecoder().decode(bytes) : "";
};

/**
 * Resolves once every script has told PyScript's `py:done` or `mpy:done`. One in a terminal may read what is typed
 * there for as long as the page lives, and is not waited for.
 */
export function scriptsDone(scripts) {
    const finite = scripts.filter(({ element }) => !element.hasAttribute("terminal"));
    return Promise.all(
        finite.map(
            ({ element, type, file, pageLine }, index) =>
                new Promise((resolve) => {
                    emit({ kind: "script", index, file, line: pageLine });
                    element.addEventListener(
                        `${type}:done`,
                        () => {
                            emit({ kind: "script-done", index });
                            resolve();
                        },
                        { once: true },
                    );
                }),
        ),
    );
}

/** Hands PyScript's exports to `callback`, once its core has run in this page and before it runs any Python. */
export function onPyScript(callback) {
    const { customElements } = globalThis;
    const { define } = customElements;
    // The core leaves its exports here, then defines its elements, then gets its interpreters.
    customElements.define = function (...definition) {
        const core = globalThis[Symbol.for("@pyscript/core")];
        if (core) {
            customElements.define = define;
            callback(core);
        }
        return define.apply(this, definition);
    };
}

/** Has the interpreters of `core` number the lines of `scripts` as the page's files do, here and in workers. */
export function numberLines(core, scripts, html) {
    const interpreters = new Map();
    const base = above(html.split("\n").length);
    const numbered = scripts.map(({ element, file, line, read }) => ({
        file,
        line,
        own: element.getAttribute("src") === null,
        text: read(),
    }));
    core.hooks.main.onReady.add((wrap) => {
        const { interpreter, type } = wrap;
        if (interpreters.has(interpreter)) return;
        interpreters.set(interpreter, type);
        numberInterpreter(wrap, numbered, base);
    });
    native.forWorkers.numbering = { scripts: [...numbered], base };
    // It goes to the worker as text, so it can name nothing of this module's (worker.mjs).
    core.hooks.worker.onReady.add((wrap) => globalThis.__onInterpreter?.(wrap));
    return {
        interpreters,
        /** Adds a file that is no script of the page, and answers its text with its lines numbered. */
        add: (file, text) => padded(text, { file, line: 1, own: false }, base),
    };
}

/** Runs the `test_*` functions of the modules in `files` in the page's interpreter, one after another. */
export async function runTests(files, numbered) {
    const [[interpreter, type]] = numbered.interpreters;
    for (const { file, source } of files) {
        // Top-level functions, in the order they are written.
        const tests = [...source.matchAll(/^(async\s+)?def\s+(test_\w*)\s*\(/gm)];
        const load = () => {
            const code = numbered.add(file, source);
            return interpreter.runPythonAsync(code, ...(type === "py" ? [{ filename: file }] : []));
        };
        const broken = await failureOf(load);
        for (const [, asynchronous, name] of tests) {
            emit({ kind: "test-started", file, name });
            const call = asynchronous ? `await ${name}()` : `${name}()`;
            const failure = broken ?? (await failureOf(() => interpreter.runPythonAsync(call)));
            await settled();
            emit({ kind: "test-finished", file, name, failure });
        }
        if (!tests.length && broken) console.error(broken);
    }
}

async function failureOf(task) {
    try {
        await task();
        return null;
    } catch (error) {
        return error?.message ?? String(error);
    }
}

// Timers due this soon belong to what just happened; those later are the page's own business.
const SOON_MS = 100;
const LONGEST_MS = 1000;

/** Resolves once no timer is due soon, or after a second of them. */
export async function settled() {
    const { realPause, dueWithin, turns } = native.clock;
    const until = native.now() + LONGEST_MS;
    await realPause(0);
    let calm = dueWithin(SOON_MS) ? 0 : 1;
    while (calm < turns && native.now() < until) {
        await realPause(1);
        calm = dueWithin(SOON_MS) ? 0 : calm + 1;
    }
}

const ENCODE = "lambda value, json=__import__('json'): json.dumps(value, default=repr)";

/** The value of Python `code` in the page's interpreter, or the one of `type`, as far as JSON can carry it. */
export async function evaluatePython(numbered, { code, type }) {
    const found = [...(numbered?.interpreters ?? [])].find(([, own]) => type === undefined || own === type);
    if (!found) throw new TypeError(`the page has no ${type ?? "Python"} interpreter`);
    const [interpreter, own] = found;
    if (own === "mpy") return evaluateMicroPython(interpreter, code);
    const value = await interpreter.runPythonAsync(code, { filename: "<evaluate_py>" });
    if (typeof value !== "object" || value === null) return typeof value === "bigint" ? Number(value) : value;
    const encode = interpreter.runPython(ENCODE);
    try {
        return JSON.parse(encode(value));
    } finally {
        encode.destroy();
        value.destroy?.();
    }
}

// MicroPython gives no value back, so the code leaves it in a variable; a statement leaves none.
async function evaluateMicroPython(interpreter, code) {
    const { globals } = interpreter;
    globals.set("__pyweb_value", null);
    try {
        await interpreter.runPythonAsync(`import json as __pyweb_json\n__pyweb_value = __pyweb_json.dumps((${code}\n))`);
    } catch (error) {
        if (!/SyntaxError/.test(error?.message)) throw error;
        await interpreter.runPythonAsync(code);
    }
    const value = globals.get("__pyweb_value");
    return value === null || value === undefined ? null : JSON.parse(value);
}

/** The memory of a started Pyodide, where there is one (page/image.rs). */
export const readImage = () => native.read("pyweb://runtime/pyodide.image");

/** What `PYTHONHASHSEED` says where the page is run: `random`, or a number; nothing where it is not set. */
export const hashSeed = native.config()?.hash_seed;

/** Draws new numbers at random in Pyodide, if it has drawn any. */
export const SEED = `
import sys as __pyweb_sys
if "random" in __pyweb_sys.modules:
    __pyweb_sys.modules["random"].seed()
del __pyweb_sys`;
const seedMicroPython = () => `
import random as __pyweb_random
__pyweb_random.seed(${Math.floor(Math.random() * 2 ** 30)})
del __pyweb_random`;

/** Has the copy of an interpreter draw other numbers at random than its original. */
export function reseedPython(numbered) {
    for (const [interpreter, type] of numbered?.interpreters ?? []) {
        interpreter.runPython(type === "py" ? SEED : seedMicroPython());
    }
}
