// Computed styles, as far as nothing need be laid out: the cascade of the page's style sheets and `style`
// attributes, with the browser's own rules for what is displayed. Inherited are `visibility`, `color` and fonts.
// Must not know who asks.

const INHERITED = /^(visibility|color|cursor|direction|font.*|letter-spacing|line-height|text-align|white-space|--.*)$/;
const NEVER = "area, base, datalist, head, link, meta, noscript, param, script, style, template, title, dialog:not([open]), [hidden]";
const INLINE = new Set(
    ("a abbr b br cite code em i img input kbd label mark q s samp small span strong sub sup time u var").split(" "),
);
const INITIAL = { visibility: "visible", opacity: "1", position: "static" };

const kebab = (name) => (name === "cssFloat" ? "float" : name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`));

// Identifiers, then classes with attributes and pseudo-classes, then elements.
const weightOf = (selector) => {
    const bare = selector.replace(/:where\([^)]*\)/g, "").replace(/:(not|is|has)\(/g, " ");
    const count = (expression) => bare.match(expression)?.length ?? 0;
    const elements = count(/(^|[\s>+~(,])[a-z][\w-]*/gi) + count(/::[\w-]+/g);
    return count(/#[\w-]+/g) * 10_000 + (count(/\.[\w-]+|\[[^\]]*\]/g) + count(/(?<!:):[a-z][\w-]*/gi)) * 100 + elements;
};

const width = (media, bound) => Number(new RegExp(`\\(\\s*${bound}-width\\s*:\\s*([\\d.]+)px`).exec(media)?.[1]);
const applies = (media) => {
    if (/\bprint\b/.test(media) && !/\bscreen\b/.test(media)) return false;
    return !(width(media, "min") > innerWidth) && !(width(media, "max") < innerWidth);
};

// The rules of a sheet with those in its `@media` and `@supports` blocks.
const flat = (rules) =>
    [...(rules ?? [])].flatMap((rule) => {
        if (rule.selectorText !== undefined) return [rule];
        const media = rule.media?.mediaText ?? rule.conditionText ?? "";
        return rule.cssRules && applies(media) ? flat(rule.cssRules) : [];
    });

const parsed = new Map();
const parse = (text) => {
    if (!parsed.has(text)) {
        const style = document.createElement("style");
        style.textContent = text;
        const rules = flat(style.sheet?.cssRules).flatMap((rule) =>
            rule.selectorText.split(/,(?![^(]*\))/).map((selector) => ({ selector: selector.trim(), style: rule.style, weight: weightOf(selector) })),
        );
        parsed.set(text, rules);
    }
    return parsed.get(text);
};

// The texts of sheets that came from files.
const linked = new WeakMap();
/** Notes what the file of a `<link rel="stylesheet">` says. */
export const noteSheet = (link, text) => linked.set(link, text);

const sheets = () =>
    [...document.querySelectorAll('style, link[rel~="stylesheet"]')]
        .filter((element) => !element.disabled && applies(element.getAttribute("media") ?? ""))
        .map((element) => (element.localName === "style" ? element.textContent : (linked.get(element) ?? "")));

const matches = (element, selector) => {
    try {
        return element.matches(selector);
    } catch {
        // A selector of another browser's.
        return false;
    }
};

const cascaded = (element, name) => {
    let best = null;
    const offer = (style, weight) => {
        const value = style?.getPropertyValue(name);
        if (!value) return;
        const rank = weight + (style.getPropertyPriority?.(name) === "important" ? 1e9 : 0);
        if (!best || rank >= best.rank) best = { value, rank };
    };
    for (const text of sheets())
        for (const { selector, style, weight } of parse(text))
            if (style.getPropertyValue(name) && matches(element, selector)) offer(style, weight);
    offer(element.style, 1e8);
    return best?.value ?? null;
};

const displayOf = (element) =>
    matches(element, NEVER) || (element.localName === "input" && element.type === "hidden")
        ? "none"
        : INLINE.has(element.localName)
          ? "inline"
          : "block";

function valueOf(element, name) {
    const own = cascaded(element, name);
    const inherits = own === "inherit" || (own === null && INHERITED.test(name));
    if (inherits) return element.parentElement ? valueOf(element.parentElement, name) : (INITIAL[name] ?? "");
    if (own !== null && own !== "initial") return own;
    return name === "display" ? displayOf(element) : (INITIAL[name] ?? "");
}

/** What `getComputedStyle(element)` gives. */
export function computedStyle(element) {
    const read = { getPropertyValue: (name) => valueOf(element, String(name)) };
    return new Proxy(element.style, {
        get: (style, name) => {
            if (typeof name !== "string" || name in read) return read[name] ?? style[name];
            const given = style[name];
            return typeof given === "function" || /^(length|\d+)$/.test(name) ? given : valueOf(element, kebab(name));
        },
    });
}
