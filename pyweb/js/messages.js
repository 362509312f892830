// structuredClone and what sends clones: MessageChannel, postMessage, BroadcastChannel; and Worker, which
// says that it is not there yet. Must not know the DOM.
(() => {
    "use strict";
    const uncloneable = (value) =>
        new DOMException(`${typeof value === "function" ? value.name : String(value)} could not be cloned.`, "DataCloneError");

    const structuredClone = (root) => {
        const seen = new Map();
        const clone = (value) => {
            if (typeof value === "function" || typeof value === "symbol") throw uncloneable(value);
            if (typeof value !== "object" || value === null) return value;
            if (seen.has(value)) return seen.get(value);
            const remember = (copy) => {
                seen.set(value, copy);
                return copy;
            };
            if (value instanceof Date) return remember(new Date(value.getTime()));
            if (value instanceof RegExp) return remember(new RegExp(value.source, value.flags));
            if (value instanceof ArrayBuffer) return remember(value.slice(0));
            if (typeof SharedArrayBuffer === "function" && value instanceof SharedArrayBuffer) return value;
            if (value instanceof DataView)
                return remember(new DataView(clone(value.buffer), value.byteOffset, value.byteLength));
            if (ArrayBuffer.isView(value))
                return remember(new value.constructor(clone(value.buffer), value.byteOffset, value.length));
            if (value instanceof Blob) return value;
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
            if (value instanceof Error) {
                const Kind = globalThis[value.name] ?? Error;
                const copy = remember(new Kind(value.message));
                if (value.cause !== undefined) copy.cause = clone(value.cause);
                return copy;
            }
            if (value instanceof Boolean || value instanceof Number || value instanceof String)
                return remember(Object(value.valueOf()));
            if (value.nodeType) throw uncloneable(value);
            const copy = remember(Array.isArray(value) ? new Array(value.length) : {});
            for (const key of Object.keys(value)) copy[key] = clone(value[key]);
            return copy;
        };
        return clone(root);
    };
    globalThis.structuredClone = structuredClone;

    const deliver = (target, data, init = {}) => {
        const copy = structuredClone(data);
        setTimeout(() => target.dispatchEvent(new MessageEvent("message", { data: copy, ...init })), 0);
    };

    class MessagePort extends EventTarget {
        #open = true;
        #other = null;
        onmessage = null;
        onmessageerror = null;
        static entangle(left, right) {
            left.#other = right;
            right.#other = left;
        }
        start() {}
        close() {
            this.#open = false;
        }
        postMessage(data) {
            if (this.#open && this.#other?.#open) deliver(this.#other, data);
        }
    }
    class MessageChannel {
        port1 = new MessagePort();
        port2 = new MessagePort();
        constructor() {
            MessagePort.entangle(this.port1, this.port2);
        }
    }

    const channels = new Map();
    class BroadcastChannel extends EventTarget {
        onmessage = null;
        constructor(name) {
            super();
            this.name = String(name);
            if (!channels.has(this.name)) channels.set(this.name, new Set());
            channels.get(this.name).add(this);
        }
        postMessage(data) {
            for (const channel of channels.get(this.name)) if (channel !== this) deliver(channel, data);
        }
        close() {
            channels.get(this.name).delete(this);
        }
    }

    class Worker extends EventTarget {
        constructor(url) {
            super();
            throw new DOMException(
                `pyweb's own browser has no workers yet, so ${url} cannot run in one`,
                "NotSupportedError",
            );
        }
    }

    const postMessage = (data) => {
        deliver(globalThis, data, { source: globalThis, origin: globalThis.location?.origin ?? "" });
    };
    Object.assign(globalThis, { MessagePort, MessageChannel, BroadcastChannel, Worker, postMessage });
})();
