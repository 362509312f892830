// structuredClone (https://html.spec.whatwg.org/#structured-clone) and what sends clones: MessageChannel,
// BroadcastChannel, postMessage; and how a message is put into plain data on its way to another thread
// (`messages`). Must not know the DOM, nor who is on the other threads.
(() => {
    "use strict";
    const native = globalThis.__native;
    const uncloneable = (value) =>
        new DOMException(`${typeof value === "function" ? value.name : String(value)} could not be cloned.`, "DataCloneError");

    const isShared = (value) => value instanceof SharedArrayBuffer;
    const errorLike = ({ name, message, cause }, clone) => {
        const Kind = typeof globalThis[name] === "function" && globalThis[name].prototype instanceof Error ? globalThis[name] : Error;
        const copy = new Kind(message);
        // An error whose class is not known here keeps its name.
        if (copy.name !== name) Object.defineProperty(copy, "name", { value: name, writable: true, configurable: true });
        if (cause !== undefined) copy.cause = clone(cause);
        return copy;
    };

    // A deep copy of `root`. `special` may give another one of an object that is no plain data: `[copy]`.
    const copyOf = (root, special, copiesBytes) => {
        const seen = new Map();
        const clone = (value) => {
            if (typeof value === "function" || typeof value === "symbol") throw uncloneable(value);
            if (typeof value !== "object" || value === null) return value;
            if (seen.has(value)) return seen.get(value);
            const remember = (copy) => {
                seen.set(value, copy);
                return copy;
            };
            const given = special(value, clone);
            if (given) return remember(given[0]);
            if (value instanceof Date) return remember(new Date(value.getTime()));
            if (value instanceof RegExp) return remember(new RegExp(value.source, value.flags));
            if (isShared(value)) return value;
            if (value instanceof ArrayBuffer) return remember(copiesBytes ? value.slice(0) : value);
            if (ArrayBuffer.isView(value) && !copiesBytes) return value;
            if (value instanceof DataView)
                return remember(new DataView(clone(value.buffer), value.byteOffset, value.byteLength));
            if (ArrayBuffer.isView(value))
                return remember(new value.constructor(clone(value.buffer), value.byteOffset, value.length));
            if (value instanceof Map) {
                const copy = remember(new Map());
                for (const [key, item] of value) copy.set(clone(key), clone(item));
                return copy;
            }
            if (value instanceof Set) {
                const copy = remember(new Set());
                for (const item of value) copy.add(clone(item));
                return copy;
            }
            if (value instanceof Boolean || value instanceof Number || value instanceof String)
                return remember(Object(value.valueOf()));
            const isOwn = value.nodeType || value instanceof Promise || value instanceof WeakRef || Object.hasOwn(value, "_h");
            if (isOwn) throw uncloneable(value);
            const copy = remember(Array.isArray(value) ? new Array(value.length) : {});
            for (const key of Object.keys(value)) copy[key] = clone(value[key]);
            return copy;
        };
        return clone(root);
    };

    const transferred = (options) => (Array.isArray(options) ? options : [...(options?.transfer ?? [])]);
    // Buffers that were transferred are empty for who sent them.
    const detach = (transfer) => {
        for (const item of transfer) if (item instanceof ArrayBuffer) item.transfer();
    };

    // The same copy for this thread: what cannot change is shared, a port moves.
    const structuredClone = (root, options) => {
        const transfer = transferred(options);
        const special = (value, clone) => {
            if (value instanceof Blob) return [value];
            if (value instanceof Error) return [errorLike(value, clone)];
            if (!(value instanceof MessagePort)) return null;
            if (!transfer.includes(value)) throw uncloneable(value);
            return [value];
        };
        const copy = copyOf(root, special, true);
        detach(transfer);
        return copy;
    };

    // ---- on the way to another thread ----
    const MARK = "\u0000pyweb";
    const marked = (kind, content) => [{ [MARK]: kind, content }];

    const pack = (data, options) => {
        const transfer = transferred(options);
        const ports = transfer.filter((item) => item instanceof MessagePort);
        let plain = true;
        const special = (value, clone) => {
            const made = specialOf(value, clone, ports);
            plain &&= !made;
            return made;
        };
        const message = { data: copyOf(data, special, false) };
        if (!plain) message.special = true;
        if (ports.length) message.ports = ports.map((port) => port._leave());
        return message;
    };
    const specialOf = (value, clone, ports) => {
        if (value instanceof MessagePort) {
            if (!ports.includes(value)) throw uncloneable(value);
            return marked("port", ports.indexOf(value));
        }
        if (value instanceof Error) {
            const { name, message, stack, cause } = value;
            return marked("error", { name, message, stack, cause: cause === undefined ? undefined : clone(cause) });
        }
        if (value instanceof File) return marked("file", { bytes: value._bytes, type: value.type, name: value.name, lastModified: value.lastModified });
        if (value instanceof Blob) return marked("blob", { bytes: value._bytes, type: value.type });
        if (value instanceof DataView) return marked("view", { buffer: value.buffer, at: value.byteOffset, length: value.byteLength });
        // What only looks like a mark.
        if (Object.hasOwn(value, MARK)) return marked("entries", Object.entries(value).map(([key, item]) => [key, clone(item)]));
        return null;
    };

    const MADE = {
        blob: ({ bytes, type }) => new Blob([bytes], { type }),
        entries: (entries) => Object.fromEntries(entries),
        error: ({ stack, ...error }, ports) => {
            const made = errorLike(error, (cause) => unmark(cause, ports));
            Object.defineProperty(made, "stack", { value: stack, writable: true, configurable: true });
            return made;
        },
        file: ({ bytes, name, ...options }) => new File([bytes], name, options),
        port: (index, ports) => ports[index],
        view: ({ buffer, at, length }) => new DataView(buffer, at, length),
    };
    const unmark = (root, ports, seen = new Map()) => {
        if (typeof root !== "object" || root === null) return root;
        if (seen.has(root)) return seen.get(root);
        if (Object.hasOwn(root, MARK)) {
            const made = MADE[root[MARK]](root.content, ports);
            seen.set(root, made);
            return made;
        }
        seen.set(root, root);
        const visit = (value) => unmark(value, ports, seen);
        if (Array.isArray(root)) root.forEach((item, index) => (root[index] = visit(item)));
        else if (root instanceof Map) {
            const entries = [...root];
            root.clear();
            for (const [key, item] of entries) root.set(visit(key), visit(item));
        } else if (root instanceof Set) {
            const items = [...root];
            root.clear();
            for (const item of items) root.add(visit(item));
        } else if (Object.getPrototypeOf(root) === Object.prototype)
            for (const key of Object.keys(root)) root[key] = visit(root[key]);
        return root;
    };
    const unpack = ({ data, special, ports: numbers = [] }) => {
        const ports = numbers.map((number) => MessagePort._arrived(number));
        return { data: special ? unmark(data, ports) : data, ports };
    };

    // Who gets what comes from other threads, by port.
    const receivers = new Map();
    const listen = (port, receiver) => {
        receivers.set(port, receiver);
        native.portOpen(port);
    };
    native.receive = (port, message) => receivers.get(port)?.(message);

    // ---- within this thread ----
    const later = (task) => setTimeout(task, 0);
    const dispatch = (target, data, init) => target.dispatchEvent(new MessageEvent("message", { data, ...init }));

    /** Makes `target.onmessage` and its like an own property, which events look for; `set` hears of each handler. */
    const handler = (target, name, set = () => {}) => {
        let value = null;
        Object.defineProperty(target, name, {
            configurable: true,
            enumerable: true,
            get: () => value,
            set: (given) => {
                value = typeof given === "function" ? given : null;
                set();
            },
        });
    };

    // Its other end is in this thread (`#other`), or may be in another (`#number`, by which threads know this end).
    class MessagePort extends EventTarget {
        #other = null;
        #number = null;
        #open = true;
        #started = false;
        #waiting = [];
        constructor() {
            super();
            handler(this, "onmessage", () => this.start());
            handler(this, "onmessageerror");
        }
        static _entangle(left, right) {
            left.#other = right;
            right.#other = left;
        }
        static _arrived(number) {
            const port = new MessagePort();
            port.#cross(number);
            return port;
        }
        #cross(number) {
            this.#other = null;
            this.#number = number;
            listen(number, (message) => {
                const { data, ports } = unpack(message);
                this.#arrive(data, ports);
            });
        }
        #arrive(data, ports) {
            if (!this.#open) return;
            this.#waiting.push([data, ports]);
            if (this.#started) later(() => this.#next());
        }
        #next() {
            const [data, ports] = this.#waiting.shift() ?? [];
            if (ports) dispatch(this, data, { ports });
        }
        // Leaves for another thread, and takes what waits here along; the number it has on its way.
        _leave() {
            if (this.#number === null) {
                const [own, others] = native.portPair();
                if (this.#other) this.#other.#cross(others);
                this.#number = own;
                for (const [data, ports] of this.#waiting.splice(0)) native.portSend(others, pack(data, ports));
            } else {
                receivers.delete(this.#number);
                native.portMove(this.#number);
            }
            this.#open = false;
            this.#other = null;
            return this.#number;
        }
        start() {
            if (this.#started) return;
            this.#started = true;
            for (let i = 0; i < this.#waiting.length; i++) later(() => this.#next());
        }
        close() {
            this.#open = false;
            if (this.#number === null) return;
            receivers.delete(this.#number);
            native.portClose(this.#number);
        }
        postMessage(data, options) {
            if (!this.#open) return;
            if (this.#number !== null) return native.portSend(this.#number, sent(data, options));
            const other = this.#other;
            const ports = transferred(options).filter((item) => item instanceof MessagePort);
            const copy = structuredClone(data, options);
            other?.#arrive(copy, ports);
        }
    }
    const sent = (data, options) => {
        const message = pack(data, options);
        // Only now: the buffers were still needed.
        if (transferred(options).some((item) => item instanceof ArrayBuffer)) {
            const copy = { ...message, data: copyOf(message.data, () => null, true) };
            detach(transferred(options));
            return copy;
        }
        return message;
    };
    class MessageChannel {
        port1 = new MessagePort();
        port2 = new MessagePort();
        constructor() {
            MessagePort._entangle(this.port1, this.port2);
        }
    }

    // To all others of the same name, on whatever thread of the page.
    class BroadcastChannel extends EventTarget {
        #port;
        constructor(name) {
            super();
            handler(this, "onmessage");
            handler(this, "onmessageerror");
            this.name = String(name);
            this.#port = native.portChannel(this.name);
            listen(this.#port, (message) => {
                const origin = globalThis.origin ?? globalThis.location?.origin ?? "";
                dispatch(this, unpack(message).data, { origin });
            });
        }
        postMessage(data) {
            if (this.#port === null) throw new DOMException("Channel is closed", "InvalidStateError");
            native.portSend(this.#port, pack(data));
        }
        close() {
            if (this.#port === null) return;
            receivers.delete(this.#port);
            native.portClose(this.#port);
            this.#port = null;
        }
    }

    // A window's: to itself, for there is no other. The second argument may be the origin.
    const postMessage = (data, options, transfer) => {
        const moved = typeof options === "string" ? { transfer } : options;
        const ports = transferred(moved).filter((item) => item instanceof MessagePort);
        const copy = structuredClone(data, moved);
        later(() => dispatch(globalThis, copy, { source: globalThis, origin: globalThis.location?.origin ?? "", ports }));
    };
    Object.assign(globalThis, { MessagePort, MessageChannel, BroadcastChannel, postMessage, structuredClone });
    native.messages = { pack: sent, unpack, listen, handler };
})();
