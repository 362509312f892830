// What a worker finds, and its script: the entry module of a worker's thread. The scripts that come before are those
// of a page; what only a window has is taken away again here. Must not know what the script does.
import { numberPython } from "pyweb://js/number.mjs";
// Pyodide's module asks for it, and finds no `__native` any more.
import "pyweb://js/python.mjs";

const native = globalThis.__native;
const { pack, unpack, listen, handler } = native.messages;
const { worker, numbering, files = [], page } = native.config();
const { url, type, name, port, source } = worker;

for (const own of ["__native", "window", "localStorage", "sessionStorage", "Storage", "requestIdleCallback", "cancelIdleCallback"])
    delete globalThis[own];

class WorkerGlobalScope extends EventTarget {}
class DedicatedWorkerGlobalScope extends WorkerGlobalScope {}
class WorkerLocation {
    #url = new URL(url);
    toString() {
        return this.#url.href;
    }
    static {
        for (const part of ["href", "origin", "protocol", "host", "hostname", "port", "pathname", "search", "hash"])
            Object.defineProperty(this.prototype, part, {
                enumerable: true,
                get() {
                    return this.#url[part];
                },
            });
    }
}

const textOf = (address) => {
    const request = new XMLHttpRequest();
    request.open("GET", address, false);
    request.send();
    if (request.status !== 200) throw new DOMException(`failed to load the script ${address}`, "NetworkError");
    return request.responseText;
};

const scope = {
    WorkerGlobalScope,
    DedicatedWorkerGlobalScope,
    WorkerLocation,
    name,
    location: new WorkerLocation(),
    isSecureContext: true,
    crossOriginIsolated: true,
    origin: new URL(page).origin,
    postMessage: (data, options) => native.portSend(port, pack(data, options)),
    close: () => native.threadEnd(),
    importScripts(...addresses) {
        if (type === "module") throw new TypeError("Module scripts don't support importScripts().");
        for (const address of addresses) {
            const { href } = new URL(address, url);
            native.evalScript(textOf(href), href);
        }
    },
};
for (const [key, value] of Object.entries(scope))
    Object.defineProperty(globalThis, key, { value, writable: true, configurable: true, enumerable: false });
for (const event of ["onmessage", "onmessageerror"]) handler(globalThis, event);
Object.setPrototypeOf(globalThis, DedicatedWorkerGlobalScope.prototype);

// An error that nothing here caught is told to whoever made this worker.
native.uncaught = (message, stack) => native.portSend(port, { uncaught: { message, stack } });
// PyScript calls this with each interpreter before it runs anything (python.mjs).
Object.defineProperty(globalThis, "__onInterpreter", { value: numberPython(numbering, files, new URL("/", page).href) });

// What a test answers in the place of the network is with the page.
const asked = new Map();
let lastAsked = 0;
Object.assign(native.routes, {
    later: ({ url: href, method, headers, _bytes: bytes }) => {
        if (!native.routed()) return {};
        const ask = ++lastAsked;
        native.portSend(port, { ask, request: { url: href, method, headers: [...headers], bytes } });
        return new Promise((resolve) => asked.set(ask, resolve));
    },
    now: (href) => {
        if (!native.routed()) return {};
        const [here, reply] = native.portPair();
        const cell = new Int32Array(new SharedArrayBuffer(4));
        native.portOpen(here);
        native.portSend(port, { askNow: href, reply, cell });
        Atomics.wait(cell, 0, 0);
        const said = native.portReceive(here);
        native.portClose(here);
        return said;
    },
});

// A script at a `blob:` URL comes along, for the URL means it only where it was made.
if (source !== null) globalThis.__objectURLs.set(url, new Blob([source]));
// A module may await its first message, so messages come once it has begun, not once it is done.
const receive = (message) => {
    if (message.asked) {
        asked.get(message.asked)(message.said);
        return asked.delete(message.asked);
    }
    const { data, ports } = unpack(message);
    dispatchEvent(new MessageEvent("message", { data, ports }));
};
setTimeout(() => listen(port, receive), 0);
try {
    if (type === "module") await import(url);
    else native.evalScript(source ?? textOf(url), url);
} catch (error) {
    reportError(error);
}
