// Text: TextEncoder, TextDecoder, atob, btoa (https://encoding.spec.whatwg.org, UTF-8 and UTF-16).
// UTF-8 itself is Rust's. Must not know the DOM.
(() => {
    "use strict";
    const native = globalThis.__native;

    const bytesOf = (source) => {
        if (source instanceof Uint8Array) return source;
        if (ArrayBuffer.isView(source))
            return new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
        return new Uint8Array(source);
    };

    const labels = new Map([
        ["utf-8", "utf-8"],
        ["utf8", "utf-8"],
        ["unicode-1-1-utf-8", "utf-8"],
        ["utf-16", "utf-16le"],
        ["utf-16le", "utf-16le"],
        ["utf-16be", "utf-16be"],
        ["latin1", "windows-1252"],
        ["iso-8859-1", "windows-1252"],
        ["ascii", "windows-1252"],
        ["us-ascii", "windows-1252"],
        ["windows-1252", "windows-1252"],
    ]);
    // What windows-1252 has where latin-1 has control characters.
    const windows1252 =
        "\u20ac\x81\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\x8d\u017d\x8f" +
        "\x90\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\x9d\u017e\u0178";

    // How many bytes at the end begin a UTF-8 sequence that is not complete yet.
    const unfinished = (bytes) => {
        for (let back = 1; back <= Math.min(3, bytes.length); back++) {
            const byte = bytes[bytes.length - back];
            if ((byte & 0xc0) === 0x80) continue;
            const needs = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
            return needs > back ? back : 0;
        }
        return 0;
    };

    const joined = (left, right) => {
        if (!left.length) return right;
        const both = new Uint8Array(left.length + right.length);
        both.set(left);
        both.set(right, left.length);
        return both;
    };

    class TextDecoder {
        #pending = new Uint8Array(0);
        #begun = false;
        constructor(label = "utf-8", { fatal = false, ignoreBOM = false } = {}) {
            const encoding = labels.get(String(label).trim().toLowerCase());
            if (!encoding) throw new RangeError(`The encoding label provided ('${label}') is invalid.`);
            this.encoding = encoding;
            this.fatal = !!fatal;
            this.ignoreBOM = !!ignoreBOM;
        }
        decode(source, { stream = false } = {}) {
            let bytes = joined(this.#pending, source === undefined ? new Uint8Array(0) : bytesOf(source));
            const kept = stream ? this.#incomplete(bytes) : 0;
            this.#pending = bytes.slice(bytes.length - kept);
            if (kept) bytes = bytes.subarray(0, bytes.length - kept);
            let text = this.#text(bytes);
            if (!this.ignoreBOM && !this.#begun && text.charCodeAt(0) === 0xfeff) text = text.slice(1);
            this.#begun = stream && (this.#begun || bytes.length > 0);
            return text;
        }
        #incomplete(bytes) {
            if (this.encoding === "utf-8") return unfinished(bytes);
            return this.encoding.startsWith("utf-16") ? bytes.length % 2 : 0;
        }
        #text(bytes) {
            if (this.encoding === "utf-8") return native.dec(bytes, this.fatal ? 1 : 0);
            let text = "";
            if (this.encoding === "windows-1252") {
                for (const byte of bytes)
                    text += byte >= 0x80 && byte < 0xa0 ? windows1252[byte - 0x80] : String.fromCharCode(byte);
                return text;
            }
            const [low, high] = this.encoding === "utf-16le" ? [0, 1] : [1, 0];
            for (let i = 0; i + 1 < bytes.length; i += 2)
                text += String.fromCharCode(bytes[i + low] | (bytes[i + high] << 8));
            return text;
        }
    }

    class TextEncoder {
        get encoding() {
            return "utf-8";
        }
        encode(text = "") {
            return new Uint8Array(native.enc(String(text)));
        }
        encodeInto(text, into) {
            const bytes = this.encode(text);
            let written = Math.min(bytes.length, into.length);
            // Never the half of a character.
            while (written < bytes.length && written > 0 && (bytes[written] & 0xc0) === 0x80) written--;
            into.set(bytes.subarray(0, written));
            const read = written === bytes.length ? text.length : native.dec(bytes.subarray(0, written), 0).length;
            return { read, written };
        }
    }

    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const value = new Map([...alphabet].map((character, index) => [character, index]));
    const invalid = (what) => new DOMException(what, "InvalidCharacterError");

    const atob = (text) => {
        let digits = String(text).replace(/[\t\n\f\r ]/g, "");
        if (digits.length % 4 === 0) digits = digits.replace(/==?$/, "");
        if (digits.length % 4 === 1) throw invalid("The string to be decoded is not correctly encoded.");
        let out = "";
        let bits = 0;
        let held = 0;
        for (const digit of digits) {
            const six = value.get(digit);
            if (six === undefined) throw invalid("The string to be decoded is not correctly encoded.");
            held = (held << 6) | six;
            bits += 6;
            if (bits >= 8) {
                bits -= 8;
                out += String.fromCharCode((held >> bits) & 255);
            }
        }
        return out;
    };

    const btoa = (binary) => {
        const text = String(binary);
        let out = "";
        for (let i = 0; i < text.length; i += 3) {
            const [a, b, c] = [text.charCodeAt(i), text.charCodeAt(i + 1), text.charCodeAt(i + 2)];
            if (a > 255 || b > 255 || c > 255)
                throw invalid("The string to be encoded contains characters outside of the Latin1 range.");
            out += alphabet[a >> 2] + alphabet[((a & 3) << 4) | (b >> 4)];
            out += i + 1 < text.length ? alphabet[((b & 15) << 2) | (c >> 6)] : "=";
            out += i + 2 < text.length ? alphabet[c & 63] : "=";
        }
        return out;
    };

    Object.assign(globalThis, { TextDecoder, TextEncoder, atob, btoa });
})();
