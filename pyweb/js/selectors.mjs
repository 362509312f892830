// Selectors that are none: browsers refuse them all in the same words, linkedom takes some of them and refuses the
// others in its own. And states, such as being checked, that linkedom would read from the markup. Must not know what is
// looked for.
import { isModal, isPopoverOpen } from "pyweb://js/popover.mjs";

const METHODS = ["closest", "matches", "querySelector", "querySelectorAll"];
// Outside of strings, brackets and parentheses: nothing at all, a sign no name begins with, a combinator at an end.
const WRONG = /^\s*$|(^|[\s>+~,])[\d!]|[#.](?![-\w\\*]|[^\0-\x7f])|^\s*[>+~,]|[>+~,]\s*$/;
const OPAQUE = /"[^"]*"|'[^']*'|\[[^\]]*\]|\([^()]*\)|\\./g;
// Selectors that are some, as linkedom is to look for them.
const known = new Map();

const isFocused = (element) => element === element.ownerDocument.activeElement && element.localName !== "body";
const isInput = (element) => /^(input|textarea)$/.test(element.localName);
const STATES = {
    checked: (element) =>
        element.localName === "option" ? element.selected : element.localName === "input" && /^(checkbox|radio)$/.test(element.type) && element.checked,
    focus: isFocused,
    "focus-visible": isFocused,
    "focus-within": (element) => element.contains(element.ownerDocument.activeElement) && element.ownerDocument.activeElement.localName !== "body",
    indeterminate: (element) => element.indeterminate === true,
    invalid: (element) => element.checkValidity?.() === false,
    modal: isModal,
    open: (element) => /^(details|dialog)$/.test(element.localName) && element.hasAttribute("open"),
    "placeholder-shown": (element) => isInput(element) && element.hasAttribute("placeholder") && element.value === "",
    "popover-open": isPopoverOpen,
    target: (element) => element.id !== "" && globalThis.location?.hash === `#${element.id}`,
    valid: (element) => element.checkValidity?.() === true,
};
// While a selector is looked for, each state stands in it as an attribute that no page has.
const PREFIX = "pyweb-state-";
const STATE = new RegExp(`"[^"]*"|'[^']*'|\\[[^\\]]*\\]|\\\\.|(?<!:):(${Object.keys(STATES).join("|")})(?![\\w(-])`, "g");
const asAttributes = (text) => text.replace(STATE, (whole, state) => (state ? `[${PREFIX}${state}]` : whole));

function withStates(elements, find) {
    const { hasAttribute } = elements;
    elements.hasAttribute = function (name) {
        return name.startsWith(PREFIX) ? STATES[name.slice(PREFIX.length)](this) : hasAttribute.call(this, name);
    };
    try {
        return find();
    } finally {
        elements.hasAttribute = hasAttribute;
    }
}

const kindOf = (node) => (node.nodeType === 9 ? "Document" : node.nodeType === 11 ? "DocumentFragment" : "Element");

function guard(prototype, name, elements) {
    const find = prototype[name];
    const guarded = function (selector) {
        const text = String(selector);
        const refused = () =>
            new DOMException(`Failed to execute '${name}' on '${kindOf(this)}': '${text}' is not a valid selector.`, "SyntaxError");
        if (!known.has(text)) {
            let plain = text;
            for (let before = ""; before !== plain; ) [before, plain] = [plain, plain.replace(OPAQUE, "x")];
            if (WRONG.test(plain)) throw refused();
        }
        try {
            const plain = known.get(text) ?? asAttributes(text);
            const found = plain === text ? find.call(this, text) : withStates(elements, () => find.call(this, plain));
            known.set(text, plain);
            return found;
        } catch {
            throw refused();
        }
    };
    Object.defineProperty(prototype, name, { value: guarded, writable: true, configurable: true });
}

/** Has the documents and elements of `linkedom` refuse what is no selector. */
export function patchSelectors(linkedom, document) {
    const guarded = new Set();
    for (const start of [linkedom.Element.prototype, document, document.createDocumentFragment()])
        for (const name of METHODS) {
            let owner = start;
            while (owner && !Object.hasOwn(owner, name)) owner = Object.getPrototypeOf(owner);
            if (!owner || guarded.has(owner[name])) continue;
            guard(owner, name, linkedom.Element.prototype);
            guarded.add(owner[name]);
        }
}
