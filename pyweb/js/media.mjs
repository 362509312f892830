// Media queries (https://www.w3.org/TR/mediaqueries-5/) of a window of the usual size, with a mouse, in the light.
// Must not know who asks.

const SCREEN = {
    "any-hover": "hover",
    "any-pointer": "fine",
    color: 8,
    "color-gamut": "srgb",
    "display-mode": "browser",
    "dynamic-range": "standard",
    "forced-colors": "none",
    grid: 0,
    hover: "hover",
    "inverted-colors": "none",
    monochrome: 0,
    "overflow-block": "scroll",
    pointer: "fine",
    "prefers-color-scheme": "light",
    "prefers-contrast": "no-preference",
    "prefers-reduced-data": "no-preference",
    "prefers-reduced-motion": "no-preference",
    "prefers-reduced-transparency": "no-preference",
    scripting: "enabled",
    update: "fast",
    get width() {
        return innerWidth;
    },
    get height() {
        return innerHeight;
    },
    get "aspect-ratio"() {
        return innerWidth / innerHeight;
    },
    get orientation() {
        return innerWidth > innerHeight ? "landscape" : "portrait";
    },
    get resolution() {
        return devicePixelRatio;
    },
};
SCREEN["device-width"] = 1280;
SCREEN["device-height"] = 720;

const UNITS = { px: 1, em: 16, rem: 16, pt: 4 / 3, in: 96, cm: 96 / 2.54, mm: 9.6 / 2.54, dppx: 1, x: 1, dpi: 1 / 96 };

const amount = (text) => {
    const [, number, unit] = /^(-?[\d.]+)([a-z]*)$/i.exec(text.trim()) ?? [];
    const [, over, under] = /^([\d.]+)\s*\/\s*([\d.]+)$/.exec(text.trim()) ?? [];
    if (over) return Number(over) / Number(under);
    return number === undefined ? Number.NaN : Number(number) * (UNITS[unit.toLowerCase()] ?? (unit ? Number.NaN : 1));
};

const COMPARE = {
    "<": (a, b) => a < b,
    "<=": (a, b) => a <= b,
    ">": (a, b) => a > b,
    ">=": (a, b) => a >= b,
    "=": (a, b) => a === b,
};
const MIRRORED = { "<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=" };

// One feature, without its parentheses.
function feature(text) {
    const range = /^([^<>=:]*?)\s*([<>]=?|=)\s*([^<>=]*?)(?:\s*([<>]=?|=)\s*([^<>=]*))?$/.exec(text);
    if (range) {
        const [, left, first, middle, second, right] = range;
        const isName = (word) => /^[a-z-]+$/i.test(word);
        const compare = (name, sign, bound) => COMPARE[sign](SCREEN[name.toLowerCase()], amount(bound));
        if (second) return compare(middle, MIRRORED[first], left) && compare(middle, second, right);
        return isName(left) ? compare(left, first, middle) : compare(middle, MIRRORED[first], left);
    }
    const [, bound, name, value] = /^(min-|max-)?([a-z-]+)\s*(?::\s*(.*))?$/i.exec(text) ?? [];
    if (!name || !(name.toLowerCase() in SCREEN)) return false;
    const own = SCREEN[name.toLowerCase()];
    if (value === undefined) return own !== 0 && own !== "none" && own !== "no-preference";
    if (bound) return COMPARE[bound.toLowerCase() === "min-" ? ">=" : "<="](own, amount(value));
    return typeof own === "number" ? own === amount(value) : own === value.trim().toLowerCase();
}

// A condition: `(…)`, `not …`, and those joined by `and` or `or`; media types are words among them.
function condition(words) {
    let at = 0;
    const term = () => {
        const word = words[at++] ?? "";
        if (word === "not") return !term();
        if (word === "only") return term();
        if (!word.startsWith("(")) return word === "all" || word === "screen";
        const inside = word.slice(1, -1).trim();
        return /^\(|^not\s*\(/i.test(inside) ? condition(split(inside)) : feature(inside);
    };
    let holds = term();
    while (at < words.length) {
        const joint = words[at++];
        const next = term();
        holds = joint === "or" ? holds || next : holds && next;
    }
    return holds;
}

// Words, and what is in parentheses as one.
function split(text) {
    const words = [];
    let depth = 0;
    for (const piece of text.match(/[()]|\s+|[^()\s]+/g) ?? []) {
        const inside = depth > 0;
        if (piece === "(") depth++;
        if (piece === ")") depth--;
        if (inside) words[words.length - 1] += piece;
        else if (piece === "(") words.push(piece);
        else if (piece.trim()) words.push(piece.toLowerCase());
    }
    return words;
}

/** Whether one of the media queries in `text` holds; none at all always does. */
export const mediaApplies = (text) => {
    if (!text.trim()) return true;
    return text.split(",").some((query) => query.trim() && condition(split(query)));
};
