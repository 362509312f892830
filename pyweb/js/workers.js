// Worker (https://html.spec.whatwg.org/#dedicated-workers-and-the-worker-interface), each a thread with an engine of
// its own, and the memory that threads share: SharedArrayBuffer and Atomics. Must not know the DOM.
(() => {
    "use strict";
    const native = globalThis.__native;
    const { pack, unpack, listen, handler } = native.messages;

    // ---- workers ----
    // What a new worker's configuration has besides its own; the page adds to it (`python.mjs`).
    const forWorkers = {};
    native.forWorkers = forWorkers;

    class Worker extends EventTarget {
        #thread;
        #port;
        constructor(url, { type = "classic", name = "" } = {}) {
            super();
            for (const event of ["onmessage", "onmessageerror", "onerror"]) handler(this, event);
            const base = globalThis.document?.baseURI ?? location.href;
            const { href } = URL.parse(url, base) ?? invalid(url);
            const blob = globalThis.__objectURLs.get(href);
            const source = blob ? new TextDecoder().decode(blob._bytes) : null;
            const [here, there] = native.portPair();
            this.#port = here;
            listen(here, (message) => this.#receive(message));
            const worker = { url: href, type: String(type), name: String(name), port: there, source };
            this.#thread = native.threadStart({ ...native.config(), ...forWorkers, worker });
        }
        #receive(message) {
            if (message.uncaught) return this.#fail(message.uncaught);
            if (message.ask) return this.#ask(message);
            if (message.askNow) return this.#askNow(message);
            const { data, ports } = unpack(message);
            this.dispatchEvent(new MessageEvent("message", { data, ports }));
        }
        // An error that nothing in the worker caught is the page's when nothing here does either.
        #fail({ message, stack }) {
            const event = new ErrorEvent("error", { message, cancelable: true });
            if (this.dispatchEvent(event)) native.emit({ kind: "uncaught", text: stack ? `${message}\n${stack}` : message });
        }
        // What a test has put in the place of the network, it has put there for workers, too.
        async #ask({ ask, request: { headers, bytes, ...request } }) {
            const said = await native.routes.later({ ...request, headers: new Headers(headers), _bytes: bytes });
            native.portSend(this.#port, { asked: ask, said });
        }
        // The worker stands still meanwhile.
        #askNow({ askNow, reply, cell }) {
            const { route, ...said } = native.routes.now(askNow);
            native.portSend(reply, route ? { ...said, route: route.id ?? true } : said);
            Atomics.store(cell, 0, 1);
            Atomics.notify(cell, 0);
        }
        postMessage(data, options) {
            native.portSend(this.#port, pack(data, options));
        }
        terminate() {
            native.portClose(this.#port);
            native.threadStop(this.#thread);
        }
    }
    const invalid = (url) => {
        throw new DOMException(`Failed to construct 'Worker': ${url} is not a valid URL`, "SyntaxError");
    };

    // ---- modules that are no files ----
    native.moduleSource = (url) => {
        if (url.startsWith("blob:")) {
            const blob = globalThis.__objectURLs.get(url);
            return blob ? new TextDecoder().decode(blob._bytes) : null;
        }
        const request = new XMLHttpRequest();
        request.open("GET", url, false);
        request.send();
        return request.responseText;
    };

    // ---- shared memory ----
    // The engine gives each thread a length of its own for one buffer; here it is the same for all as soon as
    // a thread looks or is woken.
    const { prototype } = SharedArrayBuffer;
    const lengthOf = Object.getOwnPropertyDescriptor(prototype, "byteLength").get;
    const growTo = prototype.grow;
    const keepUp = (buffer) => {
        const own = lengthOf.call(buffer);
        if (!buffer.growable) return own;
        const length = native.sharedLength(buffer, own);
        if (length > own) growTo.call(buffer, length);
        return length;
    };
    const own = (properties) => {
        for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(properties)))
            Object.defineProperty(prototype, name, { ...descriptor, enumerable: false });
    };
    own({
        get byteLength() {
            return keepUp(this);
        },
        grow(length) {
            if (length < keepUp(this)) throw new RangeError("SharedArrayBuffer.prototype.grow: Invalid length parameter");
            growTo.call(this, length);
            keepUp(this);
        },
    });

    const place = (array, index) => {
        const long = array instanceof BigInt64Array;
        if (!long && !(array instanceof Int32Array)) throw new TypeError("[object Array] is not an int32 or BigInt64 typed array.");
        const at = Math.trunc(Number(index)) || 0;
        if (at < 0 || at >= array.length) throw new RangeError("Invalid atomic access index");
        return { long, buffer: array.buffer, offset: array.byteOffset + at * array.BYTES_PER_ELEMENT };
    };
    const waits = {
        wait(array, index, value, timeout = Infinity) {
            const { long, buffer, offset } = place(array, index);
            const limit = Number.isNaN(Number(timeout)) ? Infinity : Number(timeout);
            const outcome = native.atomicsWait(buffer, offset, long ? 1 : 0, long ? BigInt(value) : Number(value), limit);
            keepUp(buffer);
            return outcome;
        },
        notify(array, index, count = Infinity) {
            const { buffer, offset } = place(array, index);
            if (!(buffer instanceof SharedArrayBuffer)) return 0;
            return native.atomicsNotify(buffer, offset, Math.max(0, Number(count) || 0));
        },
    };
    for (const [name, value] of Object.entries(waits))
        Object.defineProperty(Atomics, name, { value, writable: true, configurable: true });
    // It invites to wait by running in circles, which PyScript's bridge does where it is there.
    delete Atomics.pause;

    Object.assign(globalThis, { Worker });
})();
