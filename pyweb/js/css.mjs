// Style sheets as lists of rules (https://www.w3.org/TR/css-syntax-3/, nesting and layers included).
// Must not know elements, nor what a property does.
import { mediaApplies } from "pyweb://js/media.mjs";

// A comment, a text, an escape, a bracket or the end of a declaration, else a run of what is none of them.
const TOKEN = /\/\*[^]*?(?:\*\/|$)|"[^"\\]*(?:\\[^][^"\\]*)*"?|'[^'\\]*(?:\\[^][^'\\]*)*'?|\\[^]?|[{}()[\];,]|[^"'\\{}()[\];,/]+|\//y;

function* tokens(text) {
    let at = 0;
    for (;;) {
        TOKEN.lastIndex = at;
        const [token] = TOKEN.exec(text) ?? [];
        if (token === undefined) return;
        at += token.length;
        if (!token.startsWith("/*")) yield token;
    }
}

const turnOf = (token) => (token === "(" || token === "[" ? 1 : token === ")" || token === "]" ? -1 : 0);

/** The parts of `text` between its commas, those in brackets and texts aside. */
export function listed(text) {
    const parts = [""];
    let depth = 0;
    for (const token of tokens(text)) {
        depth = Math.max(0, depth + turnOf(token));
        if (token === "," && depth === 0) parts.push("");
        else parts[parts.length - 1] += token;
    }
    return parts.map((part) => part.trim());
}

// What stands between two braces: declarations and blocks as `{ prelude, items }`, in their order.
function block(stream) {
    const items = [];
    let words = "";
    let depth = 0;
    const declare = () => {
        if (words.trim()) items.push(words.trim());
        words = "";
    };
    for (let next = stream.next(); !next.done; next = stream.next()) {
        const token = next.value;
        depth = Math.max(0, depth + turnOf(token));
        if (depth > 0 || !/^[{};]$/.test(token)) {
            words += token;
        } else if (token === "{") {
            const prelude = words.trim();
            words = "";
            items.push({ prelude, items: block(stream) });
        } else {
            declare();
            if (token === "}") return items;
        }
    }
    declare();
    return items;
}

const declaration = (text) => {
    const colon = text.indexOf(":");
    if (colon < 1) return null;
    const name = text.slice(0, colon).trim();
    const [, value, important] = /^(.*?)(!\s*important)?$/is.exec(text.slice(colon + 1).trim());
    return { name: name.startsWith("--") ? name : name.toLowerCase(), value: value.trim(), important: !!important };
};

/** What the text of a `style` attribute declares, in order. */
export const declarations = (text) =>
    block(tokens(text))
        .map((item) => (typeof item === "string" ? declaration(item) : null))
        .filter(Boolean);

// Identifiers, then classes with attributes and pseudo-classes, then elements.
const weightOf = (selector) => {
    const bare = selector.replace(/:where\([^)]*\)/g, "").replace(/:(not|is|has)\(/g, " ");
    const count = (expression) => bare.match(expression)?.length ?? 0;
    const elements = count(/(^|[\s>+~(,])[a-z][\w-]*/gi) + count(/::[\w-]+/g);
    return count(/#[\w-]+/g) * 10_000 + (count(/\.[\w-]+|\[[^\]]*\]/g) + count(/(?<!:):[a-z][\w-]*/gi)) * 100 + elements;
};

// Inside of another rule: `&` is what that one selects, and a selector without it is about what is inside of that.
const nested = (selectors, outer) => {
    if (!outer) return selectors;
    const parent = `:is(${outer.join(", ")})`;
    return selectors.map((selector) => (selector.includes("&") ? selector.replaceAll("&", parent) : `${parent} ${selector}`));
};

// Whether the rules of a conditional block hold. Nothing is laid out here, so no container has a size to ask for.
const CONDITIONS = {
    "@media": mediaApplies,
    "@supports": (condition) => !/^\s*not\b/i.test(condition),
};

class Sheets {
    rules = [];
    #layers = new Map();

    // The earlier a layer is named, the less it weighs; what is in none weighs most.
    #layer(name) {
        if (!this.#layers.has(name)) this.#layers.set(name, this.#layers.size);
        return this.#layers.get(name);
    }
    #rule(selectors, texts, layer) {
        const declared = texts.map(declaration).filter(Boolean);
        if (!declared.length) return;
        for (const whole of selectors) {
            const [, selector, pseudo = null] = /^(.*?)(?:::?(before|after))?$/is.exec(whole);
            if (selector.includes("::")) continue;
            const { length: order } = this.rules;
            this.rules.push({ selector: selector.trim() || "*", pseudo, declared, layer, order, weight: weightOf(whole) });
        }
    }
    add(items, outer = null, layer = Infinity, prefix = "") {
        if (outer) this.#rule(outer, items.filter((item) => typeof item === "string"), layer);
        for (const item of items) {
            if (typeof item === "string") {
                const [, names] = /^@layer\s+(.+)$/is.exec(item) ?? [];
                if (names) for (const name of listed(names)) this.#layer(prefix + name);
                continue;
            }
            const [, name, rest] = /^(@[\w-]+)\s*(.*)$/s.exec(item.prelude) ?? [];
            if (!name) this.add(item.items, nested(listed(item.prelude), outer), layer, prefix);
            else if (CONDITIONS[name.toLowerCase()]?.(rest)) this.add(item.items, outer, layer, prefix);
            else if (name.toLowerCase() === "@layer") {
                const own = prefix + (rest.trim() || `#${this.#layers.size}`);
                this.add(item.items, outer, this.#layer(own), `${own}.`);
            }
        }
    }
}

/** The rules of sheets that follow each other: `{selector, pseudo, declared, layer, order, weight}`. */
export function rulesOf(texts) {
    const sheets = new Sheets();
    for (const text of texts) sheets.add(block(tokens(text)));
    return sheets.rules;
}
