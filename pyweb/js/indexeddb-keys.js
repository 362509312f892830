// The keys of IndexedDB (https://www.w3.org/TR/IndexedDB/#keys): as bytes in whose order the keys are, in values, and in
// ranges. Must not know databases.
(() => {
    "use strict";
    const native = globalThis.__native;
    const invalid = () => new DOMException("The parameter is not a valid key.", "DataError");

    // ---- as bytes ----
    // A key begins with its kind and says itself where it ends: two in a row are in the order of the first, then of
    // the second.
    const [NUMBER, DATE, STRING, BINARY, ARRAY] = [0x10, 0x20, 0x30, 0x40, 0x50];
    const END = 0x00;
    // What no key begins with: after a key it comes after all that the key may be followed by.
    const LAST = 0xff;

    // A zero that is no end.
    const writeByte = (out, byte) => {
        out.push(byte);
        if (byte === END) out.push(LAST);
    };
    const writeNumber = (out, kind, number) => {
        const view = new DataView(new ArrayBuffer(8));
        // There is one zero.
        view.setFloat64(0, number + 0);
        const bytes = new Uint8Array(view.buffer);
        const flip = bytes[0] & 0x80 ? 0xff : 0;
        bytes.forEach((byte, at) => (bytes[at] = byte ^ flip));
        if (!flip) bytes[0] |= 0x80;
        out.push(kind, ...bytes);
    };
    // Each of the 16-bit units, in whose order texts are, as UTF-8 has characters.
    const writeText = (out, text) => {
        out.push(STRING);
        for (let at = 0; at < text.length; at++) {
            const unit = text.charCodeAt(at);
            if (unit < 0x80) writeByte(out, unit);
            else if (unit < 0x800) out.push(0xc0 | (unit >> 6), 0x80 | (unit & 0x3f));
            else out.push(0xe0 | (unit >> 12), 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f));
        }
        out.push(END);
    };
    const write = (out, key, around) => {
        if (typeof key === "number" && !Number.isNaN(key)) return writeNumber(out, NUMBER, key);
        if (typeof key === "string") return writeText(out, key);
        if (key instanceof Date && !Number.isNaN(key.getTime())) return writeNumber(out, DATE, key.getTime());
        if (key instanceof ArrayBuffer || ArrayBuffer.isView(key)) {
            out.push(BINARY);
            const bytes = ArrayBuffer.isView(key) ? new Uint8Array(key.buffer, key.byteOffset, key.byteLength) : new Uint8Array(key);
            for (const byte of bytes) writeByte(out, byte);
            return out.push(END);
        }
        if (!Array.isArray(key) || around.includes(key)) throw invalid();
        out.push(ARRAY);
        for (let at = 0; at < key.length; at++) write(out, key[at], [...around, key]);
        return out.push(END);
    };
    /** The bytes of keys in a row; a `DataError` when one is none. */
    const encode = (...keys) => {
        const out = [];
        for (const key of keys) write(out, key, []);
        return new Uint8Array(out);
    };

    class Reader {
        #bytes;
        #at = 0;
        constructor(bytes) {
            this.#bytes = new Uint8Array(bytes);
        }
        get atEnd() {
            return this.#at >= this.#bytes.length;
        }
        // The next byte, or null at the end of a text or of bytes.
        #byte() {
            const byte = this.#bytes[this.#at++];
            if (byte !== END) return byte;
            if (this.#bytes[this.#at] !== LAST) return null;
            this.#at++;
            return byte;
        }
        #number() {
            const bytes = this.#bytes.slice(this.#at, (this.#at += 8));
            const flip = bytes[0] & 0x80 ? 0 : 0xff;
            bytes.forEach((byte, at) => (bytes[at] = byte ^ flip));
            if (!flip) bytes[0] &= 0x7f;
            return new DataView(bytes.buffer).getFloat64(0);
        }
        #text() {
            const rest = () => this.#byte() & 0x3f;
            let text = "";
            for (let byte = this.#byte(); byte !== null; byte = this.#byte()) {
                if (byte < 0x80) text += String.fromCharCode(byte);
                else if (byte < 0xe0) text += String.fromCharCode(((byte & 0x1f) << 6) | rest());
                else text += String.fromCharCode(((byte & 0x0f) << 12) | (rest() << 6) | rest());
            }
            return text;
        }
        #binary() {
            const bytes = [];
            for (let byte = this.#byte(); byte !== null; byte = this.#byte()) bytes.push(byte);
            return new Uint8Array(bytes).buffer;
        }
        #array() {
            const items = [];
            while (this.#bytes[this.#at] !== END) items.push(this.key());
            this.#at++;
            return items;
        }
        key() {
            const kind = this.#bytes[this.#at++];
            if (kind === NUMBER) return this.#number();
            if (kind === DATE) return new Date(this.#number());
            if (kind === STRING) return this.#text();
            return kind === BINARY ? this.#binary() : this.#array();
        }
    }
    /** The keys of which these are the bytes. */
    const decode = (bytes) => {
        const reader = new Reader(bytes);
        const keys = [];
        while (!reader.atEnd) keys.push(reader.key());
        return keys;
    };

    const followed = (bytes, by) => {
        const longer = new Uint8Array(bytes.length + 1);
        longer.set(bytes);
        longer[bytes.length] = by;
        return longer;
    };
    /** The first bytes that come after all that begins with these. */
    const behind = (bytes) => followed(bytes, LAST);
    /** The first bytes that come after these. */
    const next = (bytes) => followed(bytes, END);
    const compareBytes = (a, b) => {
        const end = Math.min(a.length, b.length);
        for (let at = 0; at < end; at++) if (a[at] !== b[at]) return a[at] < b[at] ? -1 : 1;
        return Math.sign(a.length - b.length);
    };
    const compare = (a, b) => compareBytes(encode(a), encode(b));

    // ---- ranges ----
    class IDBKeyRange {
        #low;
        #high;
        constructor(lower, upper, lowerOpen, upperOpen) {
            const [low, high] = [lower, upper].map((key) => (key === undefined ? undefined : encode(key)));
            if (low && high) {
                const order = compareBytes(low, high);
                if (order > 0 || (order === 0 && (lowerOpen || upperOpen)))
                    throw new DOMException("The lower key is greater than the upper key.", "DataError");
            }
            Object.assign(this, { lower, upper, lowerOpen: !!lowerOpen, upperOpen: !!upperOpen });
            this.#low = low && lowerOpen ? behind(low) : low;
            this.#high = high && !upperOpen ? behind(high) : high;
        }
        /** The bytes that it begins with, and those before which it ends. */
        static _bounds(range) {
            return range ? [range.#low, range.#high] : [undefined, undefined];
        }
        includes(key) {
            const bytes = encode(key);
            return !(this.#low && compareBytes(bytes, this.#low) < 0) && !(this.#high && compareBytes(bytes, this.#high) >= 0);
        }
        static only(key) {
            return new IDBKeyRange(key, key, false, false);
        }
        static lowerBound(key, open) {
            encode(key);
            return new IDBKeyRange(key, undefined, open, true);
        }
        static upperBound(key, open) {
            encode(key);
            return new IDBKeyRange(undefined, key, true, open);
        }
        static bound(lower, upper, lowerOpen, upperOpen) {
            encode(lower, upper);
            return new IDBKeyRange(lower, upper, lowerOpen, upperOpen);
        }
    }
    /** The bounds of what a method was asked for: a key, a range, or all. */
    const boundsOf = (query, isNeeded) => {
        if (query instanceof IDBKeyRange) return IDBKeyRange._bounds(query);
        if (query !== undefined && query !== null) return IDBKeyRange._bounds(IDBKeyRange.only(query));
        if (isNeeded) throw new DOMException("No key or key range specified.", "DataError");
        return IDBKeyRange._bounds(null);
    };

    // ---- inside of values ----
    const step = (value, name) => {
        if (typeof value === "string" && name === "length") return value.length;
        const isThere = value instanceof Blob || (typeof value === "object" && value !== null && Object.hasOwn(value, name));
        return isThere ? value[name] : undefined;
    };
    /** What a value has at a key path; undefined where it has nothing. */
    const extract = (value, path) => {
        if (!Array.isArray(path)) return path === "" ? value : path.split(".").reduce(step, value);
        const parts = path.map((part) => extract(value, part));
        return parts.includes(undefined) ? undefined : parts;
    };
    /** Puts a key that was made up where the path says. */
    const inject = (value, path, key) => {
        const names = path.split(".");
        const last = names.pop();
        let at = value;
        for (const name of names) at = at?.[name] ?? (at[name] = {});
        if (typeof at !== "object" || at === null)
            throw new DOMException("A generated key could not be inserted into the value.", "DataError");
        at[last] = key;
    };

    native.idbKeys = { encode, decode, behind, next, compare, compareBytes, boundsOf, extract, inject, IDBKeyRange };
})();
