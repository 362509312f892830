// The markup of a page with the tags that it may leave out (https://html.spec.whatwg.org/multipage/syntax.html#optional-tags)
// and that linkedom needs. No line of it moves. Must not know what is in it.

const REST = `(?:"[^"]*"|'[^']*'|[^>"'])*>`;
const NOTHING = /(?:\s+|<!--[^]*?-->|<[!?][^>]*>)*/y;
const VOID_IN_HEAD = new RegExp(`<(?:base|link|meta)(?![\\w-])${REST}`, "iy");
const IN_HEAD = new RegExp(`<(noscript|script|style|template|title)(?![\\w-])${REST}[^]*?</\\1\\s*>`, "iy");
const opening = (tag) => new RegExp(`<${tag}(?![\\w-])${REST}`, "iy");
const HTML = opening("html");
const HEAD = opening("head");
const BODY = opening("body");
const HEAD_END = /<\/head\s*>/gi;

/** `html` with a root, a head and a body. */
export function completed(html) {
    let at = 0;
    const pass = (expression) => {
        expression.lastIndex = at;
        const found = expression.test(html);
        if (found) at = expression.lastIndex;
        return found;
    };
    const pieces = [];
    let kept = 0;
    const insert = (tag) => {
        pieces.push(html.slice(kept, at), tag);
        kept = at;
    };
    pass(NOTHING);
    if (!pass(HTML)) insert("<html>");
    pass(NOTHING);
    if (pass(HEAD)) {
        // Where a head has no end, its body's beginning is one.
        if (!pass(HEAD_END)) return pieces.join("") + html.slice(kept);
    } else {
        insert("<head>");
        do pass(NOTHING);
        while (pass(VOID_IN_HEAD) || pass(IN_HEAD));
        insert("</head>");
    }
    pass(NOTHING);
    if (!pass(BODY)) insert("<body>");
    return pieces.join("") + html.slice(kept);
}
