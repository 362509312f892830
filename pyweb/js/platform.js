// What the machine and its user are to a page: crypto, performance, navigator, Intl.
// Must not know the DOM.
(() => {
    "use strict";
    const native = globalThis.__native;
    globalThis.self = globalThis.window = globalThis;

    const hex = (byte) => byte.toString(16).padStart(2, "0");
    globalThis.crypto = {
        getRandomValues(array) {
            if (array.byteLength > 65536) throw new DOMException("more than 65536 bytes", "QuotaExceededError");
            native.random(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
            return array;
        },
        // Version 4, RFC 9562.
        randomUUID() {
            const bytes = this.getRandomValues(new Uint8Array(16));
            bytes[6] = (bytes[6] & 0x0f) | 0x40;
            bytes[8] = (bytes[8] & 0x3f) | 0x80;
            const digits = [...bytes].map(hex).join("");
            return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
        },
    };

    // QuickJS seeds its own from the time of day, and a copy of this process would go on with the same numbers.
    const draws = new Uint32Array(512);
    let drawn = draws.length;
    const random = () => {
        if (drawn + 2 > draws.length) {
            native.random(new Uint8Array(draws.buffer));
            drawn = 0;
        }
        // 53 random bits, as many as a double has.
        return ((draws[drawn++] >>> 5) * 2 ** 26 + (draws[drawn++] >>> 6)) / 2 ** 53;
    };
    Object.defineProperty(Math, "random", { value: random, writable: true, configurable: true });
    // Forgets the numbers drawn in advance.
    native.reseed = () => {
        drawn = draws.length;
    };

    const entries = [];
    const mark = (entryType, name, startTime, duration) => {
        const entry = { entryType, name: String(name), startTime, duration };
        entries.push(entry);
        return entry;
    };
    const startOf = (name, otherwise) =>
        entries.findLast((entry) => entry.entryType === "mark" && entry.name === name)?.startTime ?? otherwise;
    globalThis.performance = {
        timeOrigin: Date.now() - native.now(),
        now: () => native.clock.now(),
        mark: (name) => mark("mark", name, native.now(), 0),
        measure: (name, from, to) => {
            const start = startOf(from, 0);
            return mark("measure", name, start, startOf(to, native.now()) - start);
        },
        getEntries: () => [...entries],
        getEntriesByName: (name) => entries.filter((entry) => entry.name === name),
        getEntriesByType: (type) => entries.filter((entry) => entry.entryType === type),
        clearMarks: () => entries.splice(0),
        clearMeasures: () => {},
    };

    globalThis.navigator = {
        userAgent: "Mozilla/5.0 (compatible; pyweb; wasmtime, QuickJS)",
        platform: "Linux x86_64",
        vendor: "",
        language: "en-US",
        languages: ["en-US", "en"],
        hardwareConcurrency: 2,
        maxTouchPoints: 0,
        cookieEnabled: false,
        onLine: false,
        clipboard: { writeText: async () => {}, readText: async () => "" },
    };

    // QuickJS has no Intl; what follows is that of en-US, for numbers, order and characters.
    class NumberFormat {
        constructor(locale, { minimumFractionDigits, maximumFractionDigits, style, useGrouping = true } = {}) {
            const percent = style === "percent";
            this.minimum = minimumFractionDigits ?? 0;
            this.maximum = maximumFractionDigits ?? Math.max(this.minimum, percent ? 0 : 3);
            this.percent = percent;
            this.useGrouping = useGrouping;
        }
        format(number) {
            const value = this.percent ? Number(number) * 100 : Number(number);
            if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value < 0 ? "-∞" : "∞";
            let [whole, fraction = ""] = Math.abs(value).toFixed(this.maximum).split(".");
            while (fraction.length > this.minimum && fraction.endsWith("0")) fraction = fraction.slice(0, -1);
            if (this.useGrouping) whole = whole.replace(/\B(?=(\d{3})+$)/g, ",");
            const sign = value < 0 && (Number(whole.replace(/,/g, "")) || Number(fraction)) ? "-" : "";
            return `${sign}${whole}${fraction && `.${fraction}`}${this.percent ? "%" : ""}`;
        }
        resolvedOptions() {
            return { locale: "en-US", numberingSystem: "latn" };
        }
    }
    class DateTimeFormat {
        format(date = new Date()) {
            const at = new Date(date);
            return `${at.getMonth() + 1}/${at.getDate()}/${at.getFullYear()}`;
        }
        resolvedOptions() {
            return { locale: "en-US", calendar: "gregory", numberingSystem: "latn", timeZone: "UTC" };
        }
    }
    class Collator {
        compare(a, b) {
            return a < b ? -1 : a > b ? 1 : 0;
        }
    }
    class Segmenter {
        *segment(text) {
            let index = 0;
            for (const segment of text) {
                yield { segment, index, input: text };
                index += segment.length;
            }
        }
    }
    class PluralRules {
        select(number) {
            return number === 1 ? "one" : "other";
        }
    }
    globalThis.Intl ??= { NumberFormat, DateTimeFormat, Collator, Segmenter, PluralRules };
})();
