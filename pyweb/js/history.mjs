// Where a page is and has been: `location` and `history`
// (https://html.spec.whatwg.org/multipage/browsing-the-web.html). Where the document stays, so does the page; another
// document is another process, which whoever drives this one opens (`native.navigate`) and tells of the past.
// Must not know who that is.
import { decode, encode } from "pyweb://js/stored.mjs";

const native = globalThis.__native;

// `{url, state, document}`; entries with the same document lead to each other without loading anything.
let entries = [];
let at = 0;
// What came before this document, and how it came.
let past = null;
// Whether a script has looked at what a past would have changed.
let used = false;
// The way to another document, while a test is asked for it.
let leaving = null;

const newest = () => entries.reduce((most, { document }) => Math.max(most, document), 0);
const settle = () => {
    const [own, { index, how }] = [entries[at], past];
    entries = past.entries.map(({ url, state, document }) => ({ url, state: decode(state), document }));
    at = index;
    past = null;
    if (how === "stay") {
        // It is an entry of this very document's making that is come back to.
        entries[at].url = own.url;
        return;
    }
    const entry = { ...own, document: newest() + 1 };
    // Who goes to where the page is comes back to the same entry.
    if (how === "push" && entry.url !== entries[at].url) entries.splice(++at, Infinity, entry);
    else entries[at] = entry;
};

/** Tells of what came before this document; in time, or once it is open. */
export function enter(given) {
    past = given;
    if (entries.length) settle();
}

/** Whether this document has already used what `enter` would change. */
export const historyWasUsed = () => used;

/** What the next document is to know. */
export const historyOut = () => ({
    index: at,
    entries: entries.map(({ url, state, document }) => ({ url, state: encode(state), document })),
});

// What whoever moved the page waits for.
native.onTheWay = () => leaving;

const here = () => new URL(entries[at].url);
const fragmentless = (url) => url.href.split("#")[0];

// `how` the next document comes: behind this entry, in its place, or as one that it `stay`s at.
function leave(url, how, index = at, request = null) {
    if (url.protocol === "javascript:") return;
    if (!native.navigate || url.origin !== here().origin)
        return console.warn(`not followed: the page asked to go to ${url.href}`);
    const way = { url: url.href, history: { ...historyOut(), index, how } };
    if (!request) return native.navigate(way);
    leaving = native.routes.later(new Request(url.href, request)).then(({ answer, aborted }) => {
        leaving = null;
        if (aborted) return;
        native.navigate({ ...way, method: request.method, document: answer ? new TextDecoder().decode(answer.body) : null });
    });
}

const step = (from, to, state) => {
    dispatchEvent(new PopStateEvent("popstate", { state }));
    if (new URL(from).hash !== new URL(to).hash) dispatchEvent(new HashChangeEvent("hashchange", { oldURL: from, newURL: to }));
};

/** Goes to `target`, as a link, a form or `location` does; with a `request`, as a form that posts. */
export function go(target, { replaces = false, request = null } = {}) {
    const next = new URL(target, document.baseURI);
    const from = here();
    if (request || fragmentless(from) !== fragmentless(next) || !next.href.includes("#"))
        return leave(next, replaces || from.href === next.href ? "replace" : "push", at, request);
    const same = from.href === next.href;
    const entry = { url: next.href, state: null, document: entries[at].document };
    if (replaces || same) entries[at] = entry;
    else entries.splice(++at, Infinity, entry);
    setTimeout(() => step(from.href, next.href, null), 0);
}

/** Goes so many entries on or back: a promise that this document is there or left; nothing when there is no such entry. */
export function traverse(by) {
    const target = at + by;
    const entry = entries[target];
    if (!entry) return null;
    if (by === 0 || entry.document !== entries[at].document) {
        leave(new URL(entry.url), "stay", target);
        return Promise.resolve();
    }
    const from = here().href;
    at = target;
    return new Promise((resolve) =>
        setTimeout(() => {
            step(from, entry.url, structuredClone(entry.state));
            resolve();
        }, 0),
    );
}

const partOf = (part) => ({
    enumerable: true,
    get: () => here()[part],
    set: (value) => {
        if (part === "href") return go(value);
        const next = here();
        const before = next.hash;
        next[part] = value;
        if (part !== "hash") go(next.href);
        // An empty fragment is one, too.
        else if (next.hash !== before) go(`${fragmentless(next)}#${next.hash.slice(1)}`);
    },
});

/** The `location` and the `history` of a page at `url`. */
export function openHistory(url) {
    entries = [{ url, state: null, document: 1 }];
    at = 0;
    if (past) settle();
    const location = {
        assign: (target) => go(target),
        replace: (target) => go(target, { replaces: true }),
        reload: () => leave(here(), "stay"),
        toString: () => here().href,
        get origin() {
            return here().origin;
        },
        ancestorOrigins: [],
    };
    for (const part of ["href", "protocol", "host", "hostname", "port", "pathname", "search", "hash"])
        Object.defineProperty(location, part, partOf(part));
    const put = (method, state, target, places) => {
        const next = new URL(target === undefined || target === null ? here().href : target, document.baseURI);
        if (next.origin !== here().origin)
            throw new DOMException(`Failed to execute '${method}' on 'History': the URL '${next.href}' is of another origin.`, "SecurityError");
        places({ url: next.href, state: structuredClone(state), document: entries[at].document });
    };
    const history = {
        scrollRestoration: "auto",
        get length() {
            used = true;
            return entries.length;
        },
        get state() {
            used = true;
            return entries[at].state;
        },
        pushState: (state, _, target) => {
            used = true;
            put("pushState", state, target, (entry) => entries.splice(++at, Infinity, entry));
        },
        replaceState: (state, _, target) =>
            put("replaceState", state, target, (entry) => {
                entries[at] = entry;
            }),
        back: () => void setTimeout(() => traverse(-1), 0),
        forward: () => void setTimeout(() => traverse(1), 0),
        go: (by = 0) => void setTimeout(() => traverse(Math.trunc(by) || 0), 0),
    };
    return { location, history };
}
