// What a test puts in the place of the network: routes that answer a request or have the test asked, and being
// offline. Must not know how a page asks (network.js).
(() => {
    "use strict";
    const native = globalThis.__native;
    const routes = [];
    // Requests that wait for the test's answer.
    const waiting = new Map();
    let lastRequest = 0;
    // Every address that was asked for, until the page is copied.
    const asked = new Set();

    const GLOB = { "**": ".*", "*": "[^/]*", "{": "(?:", "}": ")", ",": "|" };
    // `**` is anything, `*` anything but a slash, `{a,b}` either.
    const expressionOf = (pattern, base = native.config().page) => {
        if (typeof pattern === "object") return new RegExp(pattern.regex, pattern.flags ?? "");
        const absolute = /^(\*|[a-z][a-z0-9+.-]*:)/i.test(pattern) ? pattern : new URL(pattern, base).href;
        const source = absolute.replace(/\*\*|[*{},]|[\\^$+?.()|[\]]/g, (part) => GLOB[part] ?? `\\${part}`);
        return new RegExp(`^${source}$`);
    };

    const bytesOf = ({ body = "", body_base64: base64 }) =>
        base64 === undefined ? new TextEncoder().encode(body) : Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    const answerOf = (given) => {
        const { status = 200, headers = {}, content_type: type } = given;
        const named = Object.entries(headers).find(([name]) => name.toLowerCase() === "content-type")?.[1];
        return { status, statusText: "", body: bytesOf(given), type: type ?? named ?? "text/plain", headers };
    };

    const ask = (route, { url, method, headers, _bytes: body }) => {
        const request = ++lastRequest;
        const post_data = body ? new TextDecoder().decode(body) : null;
        native.emit({ kind: "request", request, route: route.id, url, method, headers: Object.fromEntries(headers), post_data });
        return new Promise((resolve) => waiting.set(request, resolve));
    };

    // Workers, which ask here, need not while there is nothing to ask.
    let offline = false;
    const tellWorkers = () => native.routed(offline || routes.length > 0 ? 1 : 0);

    const api = {
        expressionOf,
        get offline() {
            return offline;
        },
        set offline(value) {
            offline = value;
            tellWorkers();
        },
        /** `{route, url, fulfill?}`; without `fulfill` the test is asked. Later routes come first. */
        add: ({ route: id, url, fulfill = null }) => {
            const expression = expressionOf(url);
            routes.unshift({ id, fulfill, accepts: (href) => expression.test(href) });
            tellWorkers();
        },
        /** Whether the page has already asked for what a pattern takes. */
        comesLate: (pattern) => {
            const expression = expressionOf(pattern);
            return [...asked].some((href) => expression.test(href));
        },
        remove: ({ route: id }) => {
            const kept = routes.filter((route) => id !== undefined && route.id !== id);
            routes.splice(0, routes.length, ...kept);
            tellWorkers();
        },
        /** The test's answer to a request: `fulfill`, `continue` or `abort`. */
        answer: ({ request, action, ...given }) => {
            const resolve = waiting.get(request);
            if (!resolve) throw new TypeError(`no request ${request} waits for an answer`);
            waiting.delete(request);
            if (action === "continue") resolve({});
            else if (action === "abort") resolve({ aborted: true });
            else resolve({ answer: answerOf(given) });
        },
        /** What a route says at once: `{answer}`, or `{}` when none does. */
        now: (href) => {
            asked.add(href);
            const route = routes.find((candidate) => candidate.accepts(href));
            if (!route) return api.offline ? { aborted: true } : {};
            return route.fulfill ? { answer: answerOf(route.fulfill) } : { route };
        },
        /** Whether a request waits for the test. */
        get asks() {
            return waiting.size > 0;
        },
        /** The same once the test has been asked. */
        later: async (request) => {
            const { route, ...found } = api.now(request.url);
            if (!route) return found;
            const said = await ask(route, request);
            return api.offline && !said.answer ? { aborted: true } : said;
        },
    };
    native.routes = api;
})();
