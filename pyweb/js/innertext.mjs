// `innerText` (https://html.spec.whatwg.org/multipage/dom.html#the-innertext-idl-attribute): the text of an element as a
// person sees and copies it. Must not know who asks.
import { isRendered, showsChild } from "pyweb://js/boxes.mjs";
import { atOnce, styleOf } from "pyweb://js/styles.mjs";

const BLOCK = /^(block|flex|flow-root|grid|list-item|table|table-caption)$/;
const TRANSFORM = {
    capitalize: (text) => text.replace(/(^|[\s([{"'-])(\p{L})/gu, (_, before, letter) => before + letter.toUpperCase()),
    lowercase: (text) => text.toLowerCase(),
    uppercase: (text) => text.toUpperCase(),
};

// Stands for the edge of a box while lines are put together; no text has it.
const EDGE = "\0";

class Lines {
    text = "";
    #breaks = 0;
    // At least so many line breaks, unless nothing comes before or behind them.
    breaks(count) {
        this.#breaks = Math.max(this.#breaks, count);
    }
    #begins() {
        if (this.#breaks && this.text) this.text = this.text.replace(/ $/, "") + "\n".repeat(this.#breaks);
        this.#breaks = 0;
    }
    // A text whose spaces collapse, also with those before it.
    flowing(text) {
        const starts = this.#breaks > 0 || this.text === "" || /[\n\t ]$/.test(this.text);
        const shown = starts ? text.replace(/^ /, "") : text;
        if (!shown) return;
        this.#begins();
        this.text += shown;
    }
    exact(text) {
        this.#begins();
        this.text = this.text.replace(/ $/, "") + text;
    }
    preserved(text) {
        if (!text) return;
        this.#begins();
        this.text += text;
    }
    // A box in the line: the spaces on both sides of it stay.
    box(text) {
        this.#begins();
        this.text += `${EDGE}${text}${EDGE}`;
    }
    toString() {
        return this.text.replace(/ $/, "").replaceAll(EDGE, "");
    }
}

function addText(lines, node, parent) {
    if (styleOf(parent, "visibility") !== "visible") return;
    const space = styleOf(parent, "white-space");
    const text = (TRANSFORM[styleOf(parent, "text-transform")] ?? String)(node.nodeValue);
    if (/^(pre|pre-wrap|break-spaces)$/.test(space)) lines.preserved(text);
    else if (space === "pre-line") lines.preserved(text.replace(/[ \t\r\f]*\n[ \t\r\f]*/g, "\n").replace(/[ \t\r\f]+/g, " "));
    else lines.flowing(text.replace(/[ \t\r\n\f]+/g, " "));
}

const isLast = (element, name) => {
    for (let next = element.nextElementSibling; next; next = next.nextElementSibling) if (next.localName === name) return false;
    return true;
};

const isBox = ({ localName }, display) => /^inline-/.test(display) || (display === "inline" && /^(canvas|img|input|svg|video)$/.test(localName));

function addElement(lines, element) {
    const display = styleOf(element, "display");
    if (display === "none") return;
    if (element.localName === "br") return lines.exact("\n");
    if (isBox(element, display)) {
        const inside = new Lines();
        addChildren(inside, element);
        return lines.box(String(inside));
    }
    const breaks = element.localName === "p" ? 2 : BLOCK.test(display) ? 1 : 0;
    lines.breaks(breaks);
    addChildren(lines, element);
    lines.breaks(breaks);
    if (display === "table-cell" && !(isLast(element, "td") && isLast(element, "th"))) lines.exact("\t");
    if (display === "table-row") lines.breaks(1);
}

function addChildren(lines, element) {
    for (const node of element.childNodes) {
        if (!showsChild(element, node)) continue;
        if (node.nodeType === 3) addText(lines, node, element);
        else if (node.nodeType === 1) addElement(lines, node);
    }
}

/** What `element.innerText` gives. */
export const innerText = (element) =>
    atOnce(() => {
        if (!isRendered(element)) return element.textContent;
        const lines = new Lines();
        addChildren(lines, element);
        return String(lines);
    });
