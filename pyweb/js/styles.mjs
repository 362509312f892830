// Computed styles, as far as nothing need be laid out: the cascade of the page's style sheets and `style`
// attributes over the browser's own, and what is inherited. Must not know who asks.
import { declarations, rulesOf } from "pyweb://js/css.mjs";
import { mediaApplies } from "pyweb://js/media.mjs";
import { isPopoverOpen } from "pyweb://js/popover.mjs";

const INHERITED =
    /^(border-collapse|border-spacing|color|cursor|direction|font.*|letter-spacing|line-height|list-style.*|pointer-events|tab-size|text-align|text-transform|user-select|visibility|white-space|word-.*|--.*)$/;
const NEVER = new Set("area base datalist head link meta noscript param rp script style template title".split(" "));
const DISPLAYS = {
    block:
        "address article aside blockquote body center dd details dialog dir div dl dt fieldset figcaption figure footer form " +
        "h1 h2 h3 h4 h5 h6 header hgroup hr html legend listing main menu nav ol optgroup option p plaintext pre search section ul xmp",
    "inline-block": "button input meter progress select textarea",
    "list-item": "li summary",
    table: "table",
    "table-caption": "caption",
    "table-cell": "td th",
    "table-column": "col",
    "table-column-group": "colgroup",
    "table-footer-group": "tfoot",
    "table-header-group": "thead",
    "table-row": "tr",
    "table-row-group": "tbody",
    contents: "slot",
};
const DISPLAY_OF = new Map(
    Object.entries(DISPLAYS).flatMap(([display, names]) => names.split(" ").map((name) => [name, display])),
);
// Where the browser's own style sheet keeps white space.
const SPACES = { listing: "pre", plaintext: "pre", pre: "pre", textarea: "pre-wrap", xmp: "pre" };
const INITIAL = {
    "content-visibility": "visible",
    float: "none",
    "list-style-type": "disc",
    opacity: "1",
    "overflow-x": "visible",
    "overflow-y": "visible",
    position: "static",
    visibility: "visible",
    "white-space": "normal",
};
const SIDES = ["top", "right", "bottom", "left"];
// What the parts of a shorthand are called, where every part may stand alone.
const FOUR = /^(margin|padding|inset|border-width|border-style|border-color)$/;

const kebab = (name) => (name === "cssFloat" ? "float" : name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`));

// ---- shorthands: as much of them as says whether something is there ----
const words = (value) => value.match(/[^\s(]+(?:\([^)]*\))?|\([^)]*\)/g) ?? [];
const sideName = (name, side) => (name === "inset" ? side : name.replace(/^(\w+)/, `$1-${side}`));
const BORDER_STYLE = /^(none|hidden|dotted|dashed|solid|double|groove|ridge|inset|outset)$/;
const BORDER_WIDTH = /^(thin|medium|thick|[\d.]+[a-z]*|calc\(.*)$/i;

function longhands({ name, value, important }) {
    const one = (own, text) => ({ name: own, value: text, important });
    const parts = words(value);
    if (FOUR.test(name)) {
        const [top, right = top, bottom = top, left = right] = parts;
        return [top, right, bottom, left].map((part, side) => one(sideName(name, SIDES[side]), part ?? ""));
    }
    const border = /^border(?:-(top|right|bottom|left))?$/.exec(name);
    if (border) {
        const style = parts.find((part) => BORDER_STYLE.test(part)) ?? "none";
        const width = parts.find((part) => BORDER_WIDTH.test(part)) ?? "medium";
        const sides = border[1] ? [border[1]] : SIDES;
        return sides.flatMap((side) => [one(`border-${side}-style`, style), one(`border-${side}-width`, width)]);
    }
    if (name === "overflow") return [one("overflow-x", parts[0]), one("overflow-y", parts[1] ?? parts[0])];
    if (name === "flex") {
        const grow = value === "auto" ? "1" : value === "none" ? "0" : /^[\d.]+$/.test(parts[0]) ? parts[0] : "1";
        return [one("flex-grow", grow)];
    }
    if (name === "flex-flow") return [one("flex-direction", parts.find((part) => /^(row|column)/.test(part)) ?? "row")];
    if (name === "list-style") return value === "none" ? [one("list-style-type", "none")] : [];
    const image = (part) => /^(url|image-set|(repeating-)?(linear|radial|conic)-gradient)\(/.test(part);
    const colour = (part) => /^(#|rgba?\(|hsla?\(|color|oklch\(|lab\(|light-dark\()/.test(part) || /^[a-z]+$/i.test(part);
    const placed = /^(none|scroll|fixed|local|center|left|right|top|bottom|cover|contain|auto|(no-)?repeat(-[xy])?|\w+-box)$/;
    if (name === "background") {
        const found = parts.find((part) => !image(part) && !placed.test(part) && colour(part));
        return [one("background-color", found ?? "initial")];
    }
    return [];
}

const spread = (declared) => [...declared, ...declared.flatMap(longhands)];

// ---- the page's rules, by the properties that they set ----
// The texts of sheets that came from files.
const linked = new WeakMap();
/** Notes what the file of a `<link rel="stylesheet">` says. */
export const noteSheet = (link, text) => linked.set(link, text);

const texts = () =>
    [...document.querySelectorAll('style, link[rel~="stylesheet"]')]
        .filter((element) => !element.disabled && mediaApplies(element.getAttribute("media") ?? ""))
        .map((element) => (element.localName === "style" ? element.textContent : (linked.get(element) ?? "")));

// What the last part of a selector says of the element itself, where it says so plainly: most rules need no more than
// a look at that.
const glance = (selector) => {
    const [, last = ""] = /(?:^|[\s>+~*)\]])([\w-]*(?:[.#][\w-]+)*)$/.exec(selector) ?? [];
    const [tag = ""] = /^[\w-]+/.exec(last) ?? [];
    return { tag: tag.toLowerCase(), ids: last.match(/(?<=#)[\w-]+/g) ?? [], classes: last.match(/(?<=\.)[\w-]+/g) ?? [] };
};

// What has been found so far, while nothing can change.
let memo = null;
/** The value of `look`, which changes nothing: what it asks for twice is found once. */
export function atOnce(look) {
    if (memo) return look();
    memo = { values: new Map(), properties: null };
    try {
        return look();
    } finally {
        memo = null;
    }
}

let known = { key: null, properties: new Map() };
function properties() {
    const found = memo?.properties ?? currentProperties();
    if (memo) memo.properties = found;
    return found;
}
function currentProperties() {
    const sheets = texts();
    const key = sheets.join("\0");
    if (known.key === key) return known.properties;
    const found = new Map();
    for (const { declared, ...rule } of rulesOf(sheets)) {
        const seen = glance(rule.selector);
        for (const { name, value, important } of spread(declared)) {
            if (!found.has(name)) found.set(name, []);
            found.get(name).push({ ...rule, ...seen, inline: false, value, important });
        }
    }
    known = { key, properties: found };
    return found;
}

const matches = (element, { selector, tag, ids, classes }) => {
    if (tag && element.localName !== tag) return false;
    if (ids.some((id) => element.id !== id)) return false;
    if (classes.some((name) => !element.classList.contains(name))) return false;
    try {
        return element.matches(selector);
    } catch {
        // A selector of another browser's.
        return false;
    }
};

const styled = new Map();
const ownStyle = (element) => {
    const text = element.getAttribute?.("style");
    if (!text) return [];
    if (styled.size > 1000) styled.clear();
    if (!styled.has(text)) styled.set(text, spread(declarations(text)));
    return styled.get(text);
};

// Higher ones win: importance, the `style` attribute, layers, the weight of the selector, the place.
const outranks = (a, b) => {
    if (a.important !== b.important) return a.important;
    if (a.inline !== b.inline) return a.inline;
    if (a.layer !== b.layer) return a.important ? a.layer < b.layer : a.layer > b.layer;
    return a.weight === b.weight ? a.order >= b.order : a.weight > b.weight;
};

function cascaded(element, name, pseudo = null) {
    let best = null;
    for (const rule of properties().get(name) ?? []) {
        if (rule.pseudo !== pseudo || (best && !outranks(rule, best))) continue;
        if (matches(element, rule)) best = rule;
    }
    if (pseudo) return best?.value ?? null;
    ownStyle(element).forEach(({ name: own, value, important }, order) => {
        const offered = { inline: true, value, important, layer: Infinity, weight: 0, order };
        if (own === name && (!best || outranks(offered, best))) best = offered;
    });
    return best?.value ?? null;
}

// ---- values ----
const custom = (element, value, depth = 0) =>
    value.includes("var(") && depth < 10
        ? custom(
              element,
              value.replace(/var\(\s*(--[\w-]+)\s*(?:,([^()]*(?:\([^()]*\)[^()]*)*))?\)/g, (_, name, otherwise = "") =>
                  valueOf(element, name) || otherwise.trim(),
              ),
              depth + 1,
          )
        : value;

// What the browser's own style sheet does not show.
const isNever = (element) => {
    const { localName } = element;
    if (NEVER.has(localName)) return true;
    if (localName === "input") return element.type === "hidden";
    if (localName === "dialog" && !element.hasAttribute("open")) return true;
    if (localName === "audio" && !element.hasAttribute("controls")) return true;
    if (element.hasAttribute("popover") && !isPopoverOpen(element)) return true;
    const hidden = element.getAttribute("hidden");
    return hidden !== null && hidden.toLowerCase() !== "until-found";
};
const ownDisplay = (element) => (isNever(element) ? "none" : (DISPLAY_OF.get(element.localName) ?? "inline"));

const BLOCKS = { inline: "block", "inline-block": "block", "inline-flex": "flex", "inline-grid": "grid", "inline-table": "table" };
// What floats, is taken out of the flow or stands in a flex box or a grid is no part of a line.
const usedDisplay = (element, display) => {
    if (!(display in BLOCKS)) return display;
    const parent = element.parentElement && valueOf(element.parentElement, "display");
    const alone =
        !element.parentElement ||
        /^(absolute|fixed)$/.test(valueOf(element, "position")) ||
        valueOf(element, "float") !== "none" ||
        /^(inline-)?(flex|grid)$/.test(parent);
    return alone ? BLOCKS[display] : display;
};

function valueOf(element, name) {
    if (!memo) return found(element, name);
    let values = memo.values.get(element);
    if (!values) memo.values.set(element, (values = new Map()));
    if (!values.has(name)) values.set(name, found(element, name));
    return values.get(name);
}
function found(element, name) {
    let own = cascaded(element, name);
    if (own !== null) own = custom(element, own);
    if (own === "unset" || own === "") own = INHERITED.test(name) ? "inherit" : "initial";
    if (own === "revert" || own === "revert-layer") own = null;
    if (own === null && name === "white-space") own = SPACES[element.localName] ?? null;
    if (own === "inherit" || (own === null && INHERITED.test(name)))
        return element.parentElement ? valueOf(element.parentElement, name) : (INITIAL[name] ?? "");
    if (name === "display") return usedDisplay(element, own === null ? ownDisplay(element) : own === "initial" ? "inline" : own);
    return own === null || own === "initial" ? (INITIAL[name] ?? "") : own;
}

/** The computed value of one property. */
export const styleOf = valueOf;

/** What a rule says of the text before or after `element`'s own; nothing when none does. */
export const generated = (element, pseudo) => cascaded(element, "content", pseudo);

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
