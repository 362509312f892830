// console: what a page says, as events.
// Formats values as browsers do and hands them to Rust; an uncaught or reported Python error is handed on
// as such, with its traceback. Must not know the DOM or PyScript.
(() => {
    "use strict";
    const native = globalThis.__native;

    // Pyodide and MicroPython both raise a `PythonError` whose message is the whole traceback.
    const isPythonError = (value) =>
        value instanceof Error &&
        (value.name === "PythonError" || value.constructor?.name === "PythonError");

    const errorName = (error) =>
        error.name === "Error" ? error.constructor?.name || "Error" : error.name;

    const inspect = (value, depth = 0, seen = new Set()) => {
        if (typeof value === "string") return depth ? JSON.stringify(value) : value;
        if (typeof value === "function") return `[function ${value.name || "anonymous"}]`;
        if (typeof value !== "object" || value === null) return String(value);
        if (value instanceof Error) return `${errorName(value)}: ${value.message}`;
        if (seen.has(value)) return "[circular]";
        if (depth > 2) return Array.isArray(value) ? "[…]" : "{…}";
        seen.add(value);
        const nested = (item) => inspect(item, depth + 1, seen);
        if (Array.isArray(value)) return `[${value.map(nested).join(", ")}]`;
        if (value instanceof Map)
            return `Map {${[...value].map(([k, v]) => `${nested(k)} => ${nested(v)}`).join(", ")}}`;
        if (value instanceof Set) return `Set {${[...value].map(nested).join(", ")}}`;
        if (ArrayBuffer.isView(value)) return `${value.constructor.name}(${value.length})`;
        const prototype = Object.getPrototypeOf(value);
        if (prototype === null || prototype === Object.prototype) {
            const pairs = Object.entries(value).map(([k, v]) => `${k}: ${nested(v)}`);
            return `{${pairs.join(", ")}}`;
        }
        return String(value);
    };

    const format = (values) => {
        let rest = [...values];
        let text = "";
        // The %-directives of the console specification; %c takes a style, which has no place here.
        if (typeof rest[0] === "string" && /%[sdifoOc]/.test(rest[0]) && rest.length > 1) {
            const template = rest.shift();
            text = template.replace(/%([sdifoOc%])/g, (whole, kind) => {
                if (kind === "%") return "%";
                if (!rest.length) return whole;
                const value = rest.shift();
                if (kind === "c") return "";
                if (kind === "d" || kind === "i") return String(Number.parseInt(value, 10));
                if (kind === "f") return String(Number.parseFloat(value));
                return inspect(value);
            });
            rest = rest.map((value) => ` ${safely(value)}`);
            return text + rest.join("");
        }
        return rest.map(safely).join(" ");
    };

    // A proxy of a Python object may throw from any of its traps.
    const safely = (value) => {
        try {
            return inspect(value);
        } catch {
            return "[object that cannot be shown]";
        }
    };

    let indent = "";
    const print = (level, values) => {
        const text = format(values);
        native.print(level, indent ? text.replace(/^/gm, indent) : text);
    };

    const counts = new Map();
    const timers = new Map();
    const console = {
        debug: (...values) => print("debug", values),
        log: (...values) => print("log", values),
        info: (...values) => print("info", values),
        warn: (...values) => print("warn", values),
        error: (...values) => {
            const python = values.find(isPythonError);
            if (python) native.emit({ kind: "python", text: python.message });
            else print("error", values);
        },
        trace: (...values) => print("debug", ["Trace:", ...values]),
        dir: (value) => print("log", [value]),
        dirxml: (...values) => print("log", values),
        table: (value) => print("log", [value]),
        assert: (holds, ...values) => {
            if (!holds) print("error", ["Assertion failed:", ...values]);
        },
        count: (label = "default") => {
            counts.set(label, (counts.get(label) ?? 0) + 1);
            print("log", [`${label}: ${counts.get(label)}`]);
        },
        countReset: (label = "default") => counts.delete(label),
        time: (label = "default") => timers.set(label, native.now()),
        timeLog: (label = "default", ...values) =>
            print("log", [`${label}: ${native.now() - timers.get(label)} ms`, ...values]),
        timeEnd: (label = "default") => {
            if (timers.has(label)) print("log", [`${label}: ${native.now() - timers.get(label)} ms`]);
            timers.delete(label);
        },
        group: (...values) => {
            if (values.length) print("log", values);
            indent += "  ";
        },
        groupCollapsed: (...values) => console.group(...values),
        groupEnd: () => {
            indent = indent.slice(2);
        },
        clear: () => {},
    };
    Object.defineProperty(globalThis, "console", {
        value: console,
        writable: true,
        configurable: true,
        enumerable: false,
    });
})();
