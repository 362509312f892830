// Finds elements as a person names them: by role and name, label, text, or CSS. Runs in any browser: it stands on
// the DOM alone and must not know which engine that is.

const squeezed = (text) => String(text ?? "").replace(/[\u200b\u00ad]/g, "").trim().replace(/\s+/g, " ");

/** What a pattern of a step accepts: a regular expression, a whole text, or a part of one in any case. */
export function acceptor(pattern, exact = false) {
    if (typeof pattern === "object" && pattern !== null) {
        const expression = new RegExp(pattern.regex, pattern.flags ?? "");
        return (text) => expression.test(squeezed(text));
    }
    const wanted = squeezed(pattern);
    if (exact) return (text) => squeezed(text) === wanted;
    const folded = wanted.toLowerCase();
    return (text) => squeezed(text).toLowerCase().includes(folded);
}

const INVISIBLE = new Set(["HEAD", "LINK", "META", "NOSCRIPT", "SCRIPT", "STYLE", "TEMPLATE", "TITLE"]);

/** What takes up room. Who lays nothing out tells it by other means (`hands.mjs`). */
export const sight = {
    hasBox: (element) => {
        const { width, height } = element.getBoundingClientRect();
        return width > 0 && height > 0;
    },
    hasTextBox: (text) => {
        const range = document.createRange();
        range.selectNode(text);
        const { width, height } = range.getBoundingClientRect();
        return width > 0 && height > 0;
    },
    /** The value of a function that changes nothing. */
    look: (glance) => glance(),
};

const isShownByStyle = (element) => element.checkVisibility() && getComputedStyle(element).visibility === "visible";
const isContents = (element) => getComputedStyle(element).display === "contents";
// An element that is no box itself is seen in what it holds.
const hasSome = (element, shows) =>
    [...element.childNodes].some((node) => (node.nodeType === 1 ? shows(node) : node.nodeType === 3 && sight.hasTextBox(node)));

/** Whether a person could see `element`. */
export function isVisible(element) {
    if (!element.isConnected) return false;
    return sight.look(() => (isContents(element) ? hasSome(element, isVisible) : isShownByStyle(element) && sight.hasBox(element)));
}

// Whether `element` is there for who has its text read out: it need not take up room.
const isSpokenOf = (element) => (isContents(element) ? hasSome(element, isSpokenOf) : isShownByStyle(element));

// ---- roles (https://www.w3.org/TR/html-aam-1.0/) ----
const ROLES = {
    ARTICLE: "article",
    ASIDE: "complementary",
    BLOCKQUOTE: "blockquote",
    BUTTON: "button",
    CAPTION: "caption",
    CODE: "code",
    DATALIST: "listbox",
    DD: "definition",
    DETAILS: "group",
    DIALOG: "dialog",
    DT: "term",
    EM: "emphasis",
    FIELDSET: "group",
    FIGURE: "figure",
    FOOTER: "contentinfo",
    HEADER: "banner",
    HR: "separator",
    HTML: "document",
    LI: "listitem",
    MAIN: "main",
    MATH: "math",
    MENU: "list",
    METER: "meter",
    NAV: "navigation",
    OL: "list",
    OPTGROUP: "group",
    OPTION: "option",
    OUTPUT: "status",
    P: "paragraph",
    PROGRESS: "progressbar",
    SEARCH: "search",
    STRONG: "strong",
    TABLE: "table",
    TBODY: "rowgroup",
    TD: "cell",
    TEXTAREA: "textbox",
    TFOOT: "rowgroup",
    THEAD: "rowgroup",
    TIME: "time",
    TR: "row",
    UL: "list",
};
const INPUTS = {
    button: "button",
    checkbox: "checkbox",
    image: "button",
    number: "spinbutton",
    radio: "radio",
    range: "slider",
    reset: "button",
    search: "searchbox",
    submit: "button",
};

const implicitRole = (element) => {
    const tag = element.tagName;
    if (/^H[1-6]$/.test(tag)) return "heading";
    if (tag === "A" || tag === "AREA") return element.hasAttribute("href") ? "link" : null;
    if (tag === "IMG") return element.getAttribute("alt") === "" ? "presentation" : "img";
    if (tag === "INPUT" && element.type === "hidden") return null;
    if (tag === "INPUT" && element.hasAttribute("list")) return "combobox";
    if (tag === "INPUT") return INPUTS[element.type] ?? "textbox";
    if (tag === "SELECT") return element.hasAttribute("multiple") || Number(element.size) > 1 ? "listbox" : "combobox";
    if (tag === "TH") return element.getAttribute("scope") === "row" ? "rowheader" : "columnheader";
    if (tag === "SECTION" || tag === "FORM") return ownName(element) ? (tag === "FORM" ? "form" : "region") : null;
    return ROLES[tag] ?? null;
};

/** What `element` is to who has it read out. */
export const roleOf = (element) => element.getAttribute("role")?.trim().split(/\s+/)[0] || implicitRole(element);

// ---- names (https://www.w3.org/TR/accname-1.2/, the part that pages use) ----
const FROM_CONTENT = new Set(
    ("button cell checkbox columnheader gridcell heading link menuitem menuitemcheckbox menuitemradio option radio row " +
        "rowheader switch tab tooltip treeitem").split(" "),
);

const spoken = (node) => {
    if (node.nodeType === 3) return node.nodeValue;
    if (node.nodeType !== 1 || INVISIBLE.has(node.tagName) || node.getAttribute("aria-hidden") === "true") return "";
    if (getComputedStyle(node).display === "none") return "";
    const own = node.getAttribute("aria-label") ?? (node.tagName === "IMG" ? node.getAttribute("alt") : null);
    return own ?? [...node.childNodes].map(spoken).join("");
};

const referenced = (element, attribute) =>
    (element.getAttribute(attribute) ?? "")
        .split(/\s+/)
        .map((id) => id && element.ownerDocument.getElementById(id))
        .filter(Boolean);

// A name that comes from neither the content nor a hint.
const ownName = (element) => {
    const labelled = referenced(element, "aria-labelledby").map(spoken).join(" ");
    return squeezed(labelled) || squeezed(element.getAttribute("aria-label"));
};

const nativeName = (element) => {
    const tag = element.tagName;
    if (tag === "INPUT" && /^(button|submit|reset)$/.test(element.type)) {
        const value = element.getAttribute("value");
        return value ?? { submit: "Submit", reset: "Reset" }[element.type] ?? "";
    }
    if (tag === "IMG" || tag === "AREA" || (tag === "INPUT" && element.type === "image"))
        return element.getAttribute("alt") ?? "";
    const titles = { FIELDSET: "LEGEND", TABLE: "CAPTION", FIGURE: "FIGCAPTION" };
    const child = titles[tag] && [...element.children].find((item) => item.tagName === titles[tag]);
    if (child) return spoken(child);
    return [...(element.labels ?? [])].map(spoken).join(" ");
};

/** What a person calls `element`: its accessible name. */
export function nameOf(element) {
    const content = () => (FROM_CONTENT.has(roleOf(element)) ? [...element.childNodes].map(spoken).join("") : "");
    const hint = () => element.getAttribute("title") ?? element.getAttribute("placeholder");
    return ownName(element) || squeezed(nativeName(element)) || squeezed(content()) || squeezed(hint());
}

const ariaState = (name, native) => (element) =>
    (element.getAttribute(`aria-${name}`) ?? String(!!native(element))) === "true";
const STATES = {
    checked: ariaState("checked", (element) => element.checked),
    disabled: (element) => isDisabled(element),
    expanded: ariaState("expanded", (element) => element.tagName === "DETAILS" && element.open),
    pressed: ariaState("pressed", () => false),
    selected: ariaState("selected", (element) => element.selected),
};

/** Whether `element` or the group it is in takes no input. */
export function isDisabled(element) {
    const control = /^(BUTTON|INPUT|SELECT|TEXTAREA|OPTION|OPTGROUP|FIELDSET)$/.test(element.tagName);
    if (control && element.hasAttribute("disabled")) return true;
    if (control && element.closest("fieldset[disabled]")) return true;
    return element.getAttribute("aria-disabled") === "true";
}

/** What is said of `element` beside its name. */
export const descriptionOf = (element) =>
    squeezed(referenced(element, "aria-describedby").map(spoken).join(" ")) ||
    squeezed(element.getAttribute("aria-description")) ||
    (nameOf(element) === squeezed(element.getAttribute("title")) ? "" : squeezed(element.getAttribute("title")));

const levelOf = (element) => Number(element.getAttribute("aria-level") ?? /^H([1-6])$/.exec(element.tagName)?.[1]);

const byRole = ({ role, name, exact, level, include_hidden: hidden, ...states }) => {
    const named = name === undefined ? () => true : acceptor(name, exact);
    const wanted = Object.entries(states).filter(([state]) => state in STATES);
    return (element) =>
        roleOf(element) === role &&
        (level === undefined || levelOf(element) === level) &&
        wanted.every(([state, value]) => STATES[state](element) === value) &&
        (hidden || (isSpokenOf(element) && !element.closest('[aria-hidden="true"]'))) &&
        named(nameOf(element));
};

// ---- texts ----
const textOf = (element) =>
    element.tagName === "INPUT" && /^(button|submit|reset)$/.test(element.type) ? element.value : element.textContent;

// The innermost elements that have the text.
const byText = ({ text, exact }) => {
    const accepts = acceptor(text, exact);
    const has = (element) => !INVISIBLE.has(element.tagName) && accepts(textOf(element));
    return (element) => has(element) && ![...element.children].some(has) && !element.closest("head");
};

const LABELLED = "button, input, meter, output, progress, select, textarea, [aria-label], [aria-labelledby]";
const byLabel = ({ label, exact }) => {
    const accepts = acceptor(label, exact);
    return (element) =>
        element.matches(LABELLED) &&
        [ownName(element), ...[...(element.labels ?? [])].map((own) => own.textContent)].some((text) => text && accepts(text));
};

const byAttribute = (name, pattern, exact) => {
    const accepts = acceptor(pattern, exact);
    return (element) => element.hasAttribute(name) && accepts(element.getAttribute(name));
};

const DESCENDANTS = {
    role: byRole,
    text: byText,
    label: byLabel,
    placeholder: ({ placeholder, exact }) => byAttribute("placeholder", placeholder, exact),
    alt_text: ({ alt_text: text, exact }) => byAttribute("alt", text, exact),
    title: ({ title, exact }) => byAttribute("title", title, exact),
    test_id: ({ test_id: id }) => byAttribute("data-testid", id, true),
};

// ---- the parts of a locator, each applied to what those before it found ----
const inOrder = (elements) => {
    const unique = [...new Set(elements)];
    return unique.sort((a, b) => (a.compareDocumentPosition(b) & 2 ? 1 : -1));
};

const queried = (roots, find) => {
    const found = roots.flatMap((root) => [...find(root)]);
    return roots.length > 1 ? inOrder(found) : found;
};

const FILTERS = {
    own_text: ({ own_text: text }) => byText({ text, exact: false }),
    text_is: ({ text_is: text }) => byText({ text, exact: true }),
    has_text: ({ has_text: text }) => {
        const accepts = acceptor(text);
        return (element) => accepts(element.textContent);
    },
    has_not_text: ({ has_not_text: text }) => {
        const accepts = acceptor(text);
        return (element) => !accepts(element.textContent);
    },
    has: ({ has }) => (element) => locate(has, element).length > 0,
    has_not: ({ has_not: has }) => (element) => locate(has, element).length === 0,
    visible: ({ visible }) => (element) => isVisible(element) === visible,
};

/** An error in what was asked for, with its code for `pyweb.step.finished`. */
export class StepError extends Error {
    constructor(code, message) {
        super(message);
        this.code = code;
    }
}

const queriedAll = (root, selector) => {
    try {
        return root.querySelectorAll(selector);
    } catch (error) {
        throw new StepError("bad_selector", `${JSON.stringify(selector)} is not a CSS selector: ${error.message ?? error}`);
    }
};

// What Playwright adds to CSS, each as the part of a locator that does the same.
const EXTRA = /:(has-text|text-is|text|visible)\b(?:\(\s*(?:"((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)'|([^()"']*))\s*\))?/;
const extraPart = (name, text) =>
    ({
        "has-text": { has_text: text },
        "text-is": { text_is: text },
        text: { own_text: text },
        visible: { visible: true },
    })[name];

// A selector between commas: plain CSS, or CSS up to one of those, that, and the rest from there.
function chained(selector, root) {
    const extra = EXTRA.exec(selector);
    if (!extra) return [...queriedAll(root, selector)];
    const [whole, name, ...texts] = extra;
    const before = selector.slice(0, extra.index);
    const after = selector.slice(extra.index + whole.length);
    const text = texts.find((given) => given !== undefined)?.replace(/\\(.)/g, "$1");
    const bare = /(^|[\s>+~])$/.test(before) ? `${before}*` : before;
    const found = apply(extraPart(name, text), chained(bare, root));
    if (!after.trim()) return found;
    // What follows at once is about the same element, what follows behind a space is inside of it.
    if (!/^[\s>+~]/.test(after)) {
        const [, compound, rest] = /^((?:[^\s>+~([]|\([^)]*\)|\[[^\]]*\])+)(.*)$/s.exec(after);
        const same = EXTRA.test(compound)
            ? new Set(chained(`*${compound}`, root))
            : { has: (element) => element.matches(`*${compound}`) };
        return within(found.filter((element) => same.has(element)), rest);
    }
    return within(found, after);
}
const within = (found, rest) =>
    rest.trim() ? inOrder(found.flatMap((element) => chained(`:scope${/^\s*[>+~]/.test(rest) ? "" : " "}${rest.trim()}`, element))) : found;

// The selectors between commas, those in brackets and texts aside.
function alternatives(selector) {
    const parts = [""];
    let depth = 0;
    for (const piece of selector.match(/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\\.|[^]/g) ?? []) {
        if ("([".includes(piece)) depth++;
        if (")]".includes(piece)) depth--;
        if (piece === "," && depth === 0) parts.push("");
        else parts[parts.length - 1] += piece;
    }
    return parts.map((part) => part.trim());
}

const css = (selector) => (root) =>
    EXTRA.test(selector)
        ? inOrder(alternatives(selector).flatMap((part) => chained(part, root)))
        : queriedAll(root, selector);

const xpath = (expression) => (root) => {
    try {
        const found = document.evaluate(expression, root, null, 7);
        const nodes = Array.from({ length: found.snapshotLength }, (_, index) => found.snapshotItem(index));
        return nodes.filter((node) => node.nodeType === 1);
    } catch (error) {
        throw new StepError("bad_selector", `${JSON.stringify(expression)} is not an XPath: ${error.message ?? error}`);
    }
};

const apply = (part, found) => {
    if ("css" in part) return queried(found, css(part.css));
    if ("xpath" in part) return queried(found, xpath(part.xpath));
    if ("nth" in part) {
        const element = found.at(part.nth);
        return element ? [element] : [];
    }
    if ("and" in part) {
        const others = new Set(locate(part.and));
        return found.filter((element) => others.has(element));
    }
    if ("or" in part) return inOrder([...found, ...locate(part.or)]);
    const filter = Object.keys(FILTERS).find((name) => name in part);
    if (filter) return found.filter(FILTERS[filter](part));
    const kind = Object.keys(DESCENDANTS).find((name) => name in part);
    if (!kind) throw new StepError("bad_step", `a locator's part is none: ${JSON.stringify(part)}`);
    const accepts = DESCENDANTS[kind](part);
    return queried(found, (root) => [...root.querySelectorAll("*")].filter(accepts));
};

/** The elements that `parts` mean, in the order of the document. */
export function locate(parts, root = document) {
    return sight.look(() => parts.reduce((found, part) => apply(part, found), [root]));
}

const quoted = (pattern) =>
    typeof pattern === "object" && pattern !== null ? `/${pattern.regex}/${pattern.flags ?? ""}` : JSON.stringify(pattern);

/** A locator in words, for messages. */
export function described(parts) {
    const words = parts.map((part) => {
        if ("css" in part || "xpath" in part) return `locator(${JSON.stringify(part.css ?? part.xpath)})`;
        if ("role" in part) return `role ${part.role}${part.name === undefined ? "" : ` named ${quoted(part.name)}`}`;
        const [[kind, value]] = Object.entries(part);
        return Array.isArray(value) ? `${kind} (${described(value)})` : `${kind.replace("_", " ")} ${quoted(value)}`;
    });
    return words.join(" > ") || "the page";
}
