// What `pyweb serve` puts into each page that a browser shows: it loads the page again when a file has changed, style
// sheets without that, and shows what went wrong over the page until that is mended. Runs before all other scripts.
(() => {
    "use strict";
    const OWN = "/@pyweb/";
    const HEAD = "Traceback (most recent call last):";
    const KEPT = "pyweb:errors";
    // How long a page may take until an error from before its last change is taken for mended.
    const MENDED_MS = 20_000;
    const script = document.currentScript;
    const { trouble } = script.dataset;
    // The version of the site that this page shows.
    let { since } = script.dataset;
    // The page's own scripts find the document as its author wrote it.
    script.remove();

    // ---- changes ----
    let source = null;

    // A page that nobody sees hears nothing: browsers allow a server but six connections. It catches up afterwards.
    const hush = () => {
        source?.close();
        source = null;
    };
    const listen = () => {
        if (source || document.hidden) return;
        source = new EventSource(`${OWN}events`);
        source.onmessage = ({ data }) => heard(JSON.parse(data));
    };
    document.addEventListener("visibilitychange", () => (document.hidden ? hush() : listen()));
    addEventListener("pagehide", hush);
    addEventListener("pageshow", listen);
    listen();

    function heard({ version, after, files }) {
        if (version === since) return;
        const sheets = files.map(sheetsOf);
        if (after === since && sheets.every((links) => links.length)) {
            since = version;
            sheets.flat().forEach(restyle);
            return;
        }
        hush();
        keep();
        location.reload();
    }

    const sheetsOf = (file) =>
        [...document.querySelectorAll('link[rel~="stylesheet"][href]')].filter((link) => {
            const url = new URL(link.href);
            return url.origin === location.origin && decodeURIComponent(url.pathname) === `/${file}`;
        });

    // The old sheet goes when the new one is there, so that the page is never without.
    function restyle(link) {
        const next = link.cloneNode();
        const url = new URL(link.href);
        url.searchParams.set("pyweb", since);
        next.href = url.href;
        next.addEventListener("load", () => link.remove(), { once: true });
        next.addEventListener("error", () => next.remove(), { once: true });
        link.after(next);
    }

    // ---- errors ----
    const errors = [];
    const taken = (text) => text.slice(Math.max(text.indexOf(HEAD), 0)).trim();

    // `code` is what a worker runs, by which the server tells which file it is.
    async function raised(text, code) {
        text = taken(text);
        const known = errors.find((error) => error.text === text && !error.old);
        if (known) {
            // PyScript tells of one error in several ways at once.
            if (performance.now() - known.at > 500) known.times += 1;
            known.at = performance.now();
            return draw();
        }
        forgetOld();
        const error = { text, message: lastLine(text), place: "", times: 1, at: performance.now() };
        errors.push(error);
        draw();
        try {
            const answer = await fetch(`${OWN}raised`, {
                method: "POST",
                body: JSON.stringify({ page: location.pathname, text, code }),
            });
            if (answer.ok) {
                const { file, line, message } = await answer.json();
                Object.assign(error, { message, place: line ? `${file}:${line}` : file });
                draw();
            }
        } catch {
            // Without the server the traceback has to do.
        }
    }

    const lastLine = (text) => text.split("\n").findLast((line) => line && !line.startsWith(" ")) ?? text;

    const told = (value) => String(value?.message ?? value ?? "");
    const heardOf = (value, code) => told(value).includes(HEAD) && raised(told(value), code);
    addEventListener("error", (event) => heardOf(event.error ?? event.message));
    addEventListener("unhandledrejection", (event) => heardOf(event.reason));

    // PyScript shows what ends a script in a box of its own; and each line that Python prints as an error, which is one
    // when it is whole.
    const BOX = ".py-error, .mpy-error";
    const lines = new Set();
    const noted = (text) => {
        lines.add(text);
        setTimeout(() => lines.delete(text), 1000);
    };
    const boxed = ({ textContent: text }) => {
        const whole = text.includes(HEAD) && text.trim() !== HEAD;
        if (whole || !lines.has(text)) raised(text);
    };
    new MutationObserver((records) => {
        for (const { addedNodes } of records)
            for (const node of addedNodes) if (node.nodeType === 1 && node.matches(BOX)) boxed(node);
    }).observe(document, { childList: true, subtree: true });

    // What a task raises that nobody awaits, event loops only print, line by line.
    const ANNOUNCED = /Unhandled exception in event loop|Task exception was(n't| never) retrieved|Exception in callback/;
    const listener = (code) => {
        let printed = null;
        const line = (text) => {
            if (!text) return;
            if (ANNOUNCED.test(text)) printed = [];
            else if (printed && (printed.length || text === HEAD)) {
                printed.push(text);
                if (!text.startsWith(" ") && text !== HEAD) {
                    raised(printed.join("\n"), code?.());
                    printed = null;
                }
            }
        };
        return (text) => text.split("\n").forEach(line);
    };
    const overhear = (heard, failed) => {
        for (const level of ["error", "warn", "log"]) {
            const print = console[level];
            console[level] = function (...values) {
                const [value] = values;
                if (typeof value === "string") heard(value);
                else if (value instanceof Error) failed?.(value);
                return print.apply(this, values);
            };
        }
    };
    const here = listener();
    overhear((text) => {
        noted(text);
        here(text);
    });

    // A worker hears of its own errors alone. What PyScript's workers run comes as a blob, before which these lines go:
    // they pass on what is printed there and what nobody awaits. The first message brings PyScript's the Python.
    const PRINTED = "pyweb:printed";
    const RAISED = "pyweb:raised";
    const inWorker = (overhear, printed, raised) => {
        const tell = self.postMessage.bind(self);
        const failed = (reason) => tell({ [raised]: String(reason?.message ?? reason) });
        overhear((text) => tell({ [printed]: text }), failed);
        addEventListener("unhandledrejection", ({ reason }) => failed(reason));
    };
    const PRELUDE = `(${inWorker})(${overhear}, "${PRINTED}", "${RAISED}");`;
    const scripts = new Map();
    const { createObjectURL, revokeObjectURL } = URL;
    URL.createObjectURL = (object) => {
        const url = createObjectURL.call(URL, object);
        if (object instanceof Blob && object.type === "text/javascript") scripts.set(url, object);
        return url;
    };
    URL.revokeObjectURL = (url) => {
        scripts.delete(String(url));
        revokeObjectURL.call(URL, url);
    };
    const codes = new WeakMap();
    globalThis.Worker = class Worker extends globalThis.Worker {
        constructor(url, options) {
            const script = scripts.get(String(url));
            const own = script && createObjectURL.call(URL, new Blob([PRELUDE, script], { type: script.type }));
            super(own ?? url, options);
            const code = () => codes.get(this);
            const heard = listener(code);
            this.addEventListener("error", (event) => heardOf(event.error ?? event.message, code()));
            this.addEventListener("message", (event) => {
                const { data } = event;
                if (data instanceof Error) heardOf(data, code());
                if (typeof data?.[PRINTED] !== "string" && typeof data?.[RAISED] !== "string") return;
                event.stopImmediatePropagation();
                if (data[PRINTED]) heard(data[PRINTED]);
                else heardOf(data[RAISED], code());
            });
        }
        postMessage(...message) {
            if (typeof message[0]?.code === "string" && !codes.has(this)) codes.set(this, message[0].code);
            super.postMessage(...message);
        }
    };

    // ---- what is seen ----
    // A page starts anew with each change, which may take seconds; until then it shows what was wrong before.
    function keep() {
        const old = errors.map(({ text, message, place, times }) => ({ text, message, place, times }));
        try {
            sessionStorage.setItem(KEPT, JSON.stringify(old));
        } catch {
            // Storage may be full or forbidden.
        }
    }

    function forgetOld() {
        errors.splice(0, errors.length, ...errors.filter((error) => !error.old));
        draw();
    }

    function recall() {
        try {
            const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "[]");
            sessionStorage.removeItem(KEPT);
            errors.push(...kept.map((error) => ({ ...error, old: true })));
        } catch {
            return;
        }
        if (!errors.length) return;
        draw();
        for (const type of ["py", "mpy"]) addEventListener(`${type}:done`, forgetOld, { once: true });
        setTimeout(forgetOld, MENDED_MS);
    }

    const STYLE = `
        :host { all: initial }
        section {
            --back: #fff8f7; --text: #33201d; --dim: #8a6a64; --line: #f0c9c2; --bad: #c92a2a;
            position: fixed; inset: auto 0 0; z-index: 2147483647; max-height: 60vh; overflow: auto;
            background: var(--back); color: var(--text); border-top: 3px solid var(--bad);
            box-shadow: 0 -8px 32px #0003; font: 14px/1.5 system-ui, sans-serif;
        }
        @media (prefers-color-scheme: dark) {
            section { --back: #241a19; --text: #f5e4e1; --dim: #b89a95; --line: #4d302c; --bad: #ff8787 }
        }
        header { position: sticky; top: 0; display: flex; justify-content: space-between; align-items: center;
            padding: 6px 10px 6px 20px; background: var(--back); color: var(--dim) }
        button { all: unset; cursor: pointer; padding: 2px 10px; border-radius: 6px; color: var(--dim) }
        button:hover, button:focus-visible { background: var(--line); color: var(--text) }
        article { padding: 4px 20px 14px; border-top: 1px solid var(--line) }
        article.old { opacity: .55 }
        h2 { margin: 8px 0 4px; font: 600 15px/1.5 system-ui, sans-serif; color: var(--bad); overflow-wrap: anywhere }
        h2 code { color: var(--text); font: 600 14px ui-monospace, monospace; margin-right: .6em }
        small { color: var(--dim); font-weight: 400; margin-left: .6em }
        pre { margin: 0; font: 12.5px/1.55 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere;
            color: var(--dim) }`;

    const made = (name, content, attributes = {}) => {
        const element = Object.assign(document.createElement(name), attributes);
        element.append(...[content].flat());
        return element;
    };

    let host = null;

    function draw() {
        host?.remove();
        host = null;
        if (!errors.length) return;
        host = document.createElement("pyweb-errors");
        const root = host.attachShadow({ mode: "open" });
        const close = made("button", "Close ✕", { title: "Close (Esc)" });
        close.addEventListener("click", dismiss);
        const articles = errors.toReversed().map(({ text, message, place, times, old }) => {
            const title = [place ? made("code", place) : "", message, times > 1 ? made("small", `${times} times`) : ""];
            const note = old ? made("small", "before the last change") : "";
            return made("article", [made("h2", [...title, note]), made("pre", text)], { className: old ? "old" : "" });
        });
        const header = made("header", [made("span", "Something went wrong on this page"), close]);
        root.append(made("style", STYLE), made("section", [header, ...articles], { role: "alert" }));
        document.documentElement.append(host);
    }

    function dismiss() {
        errors.length = 0;
        draw();
    }
    addEventListener("keydown", (event) => event.key === "Escape" && host && dismiss());

    recall();
    if (trouble) {
        const { message, hint } = JSON.parse(trouble);
        errors.push({ text: hint ?? "", message, place: "", times: 1, at: 0 });
        draw();
    }
})();
