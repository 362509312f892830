// URL and URLSearchParams (https://url.spec.whatwg.org). Parsing is Rust's, by the crate `url`.
// Must not know which URLs a page may load.
(() => {
    "use strict";
    const native = globalThis.__native;
    // The order in which `__native.url` answers them.
    const PARTS = (
        "href origin protocol host hostname port pathname search hash username password"
    ).split(" ");

    const decode = (text) => {
        const bytes = [];
        const plain = new TextEncoder().encode(text.replace(/\+/g, " "));
        for (let i = 0; i < plain.length; i++) {
            const hex = plain[i] === 37 ? String.fromCharCode(plain[i + 1], plain[i + 2]) : "";
            if (/^[0-9a-f]{2}$/i.test(hex)) {
                bytes.push(Number.parseInt(hex, 16));
                i += 2;
            } else bytes.push(plain[i]);
        }
        return new TextDecoder().decode(new Uint8Array(bytes));
    };
    const encode = (text) =>
        encodeURIComponent(text)
            .replace(/%20/g, "+")
            .replace(/[!'()~]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
    const parsePairs = (query) =>
        query
            .split("&")
            .filter((pair) => pair)
            .map((pair) => {
                const at = pair.indexOf("=");
                return at < 0 ? [decode(pair), ""] : [decode(pair.slice(0, at)), decode(pair.slice(at + 1))];
            });

    class URLSearchParams {
        #pairs = [];
        #changed = () => {};
        constructor(init = "", changed) {
            if (typeof init === "string") this.#pairs = parsePairs(init.replace(/^\?/, ""));
            else if (init && typeof init[Symbol.iterator] === "function")
                this.#pairs = [...init].map(([name, value]) => [String(name), String(value)]);
            else if (init)
                this.#pairs = Object.entries(init).map(([name, value]) => [name, String(value)]);
            if (changed) this.#changed = changed;
        }
        get size() {
            return this.#pairs.length;
        }
        get(name) {
            return this.#pairs.find((pair) => pair[0] === String(name))?.[1] ?? null;
        }
        getAll(name) {
            return this.#pairs.filter((pair) => pair[0] === String(name)).map((pair) => pair[1]);
        }
        has(name, value) {
            return this.#pairs.some(
                (pair) => pair[0] === String(name) && (value === undefined || pair[1] === String(value)),
            );
        }
        append(name, value) {
            this.#pairs.push([String(name), String(value)]);
            this.#changed();
        }
        set(name, value) {
            const at = this.#pairs.findIndex((pair) => pair[0] === String(name));
            if (at < 0) this.#pairs.push([String(name), String(value)]);
            else {
                this.#pairs[at][1] = String(value);
                this.#pairs = this.#pairs.filter((pair, i) => i <= at || pair[0] !== String(name));
            }
            this.#changed();
        }
        delete(name, value) {
            this.#pairs = this.#pairs.filter(
                (pair) => pair[0] !== String(name) || (value !== undefined && pair[1] !== String(value)),
            );
            this.#changed();
        }
        sort() {
            this.#pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
            this.#changed();
        }
        forEach(callback, thisArgument) {
            for (const [name, value] of this.#pairs) callback.call(thisArgument, value, name, this);
        }
        entries() {
            return this.#pairs.map((pair) => [...pair])[Symbol.iterator]();
        }
        keys() {
            return this.#pairs.map((pair) => pair[0])[Symbol.iterator]();
        }
        values() {
            return this.#pairs.map((pair) => pair[1])[Symbol.iterator]();
        }
        [Symbol.iterator]() {
            return this.entries();
        }
        toString() {
            return this.#pairs.map(([name, value]) => `${encode(name)}=${encode(value)}`).join("&");
        }
    }

    const objects = new Map();

    class URL {
        #parts;
        #params;
        constructor(url, base) {
            const parts = native.url(String(url), base === undefined ? undefined : String(base));
            if (!parts) throw new TypeError(`Failed to construct 'URL': Invalid URL: ${url}`);
            this.#parts = parts;
            this.#params = this.#newParams();
        }
        #newParams() {
            const params = new URLSearchParams(this.#parts[PARTS.indexOf("search")], () => {
                this.#change("search", params.toString());
            });
            return params;
        }
        // A value that does not fit leaves the URL as it was; only `href` throws.
        #change(part, value) {
            this.#parts = native.url(native.urlSet(this.#parts[0], part, value), undefined);
        }
        get origin() {
            return this.#parts[1];
        }
        get searchParams() {
            return this.#params;
        }
        toString() {
            return this.href;
        }
        toJSON() {
            return this.href;
        }
        static canParse(url, base) {
            return !!native.url(String(url), base === undefined ? undefined : String(base));
        }
        static parse(url, base) {
            return URL.canParse(url, base) ? new URL(url, base) : null;
        }
        static createObjectURL(blob) {
            const url = `blob:${globalThis.location?.origin ?? "null"}/${crypto.randomUUID()}`;
            objects.set(url, blob);
            return url;
        }
        static revokeObjectURL(url) {
            objects.delete(url);
        }
        static {
            for (const [index, name] of PARTS.entries()) {
                if (name === "origin") continue;
                Object.defineProperty(this.prototype, name, {
                    configurable: true,
                    enumerable: true,
                    get() {
                        return this.#parts[index];
                    },
                    set(value) {
                        this.#change(name, String(value));
                        if (name === "search" || name === "href") this.#params = this.#newParams();
                    },
                });
            }
        }
    }
    Object.assign(globalThis, { URL, URLSearchParams });
    Object.defineProperty(globalThis, "__objectURLs", { value: objects });
})();
