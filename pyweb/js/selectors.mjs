// Selectors that are none: browsers refuse them all in the same words, linkedom takes some of them and refuses the
// others in its own. Must not know what is looked for.

const METHODS = ["closest", "matches", "querySelector", "querySelectorAll"];
// Outside of strings, brackets and parentheses: nothing at all, a sign no name begins with, a combinator at an end.
const WRONG = /^\s*$|(^|[\s>+~,])[\d!]|[#.](?![-\w\\*]|[^\0-\x7f])|^\s*[>+~,]|[>+~,]\s*$/;
const OPAQUE = /"[^"]*"|'[^']*'|\[[^\]]*\]|\([^()]*\)|\\./g;
const known = new Set();

const kindOf = (node) => (node.nodeType === 9 ? "Document" : node.nodeType === 11 ? "DocumentFragment" : "Element");

function guard(prototype, name) {
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
            const found = find.call(this, text);
            known.add(text);
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
            guard(owner, name);
            guarded.add(owner[name]);
        }
}
