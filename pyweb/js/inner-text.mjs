// `innerText` (https://html.spec.whatwg.org/#the-innertext-idl-attribute), as far as nothing need be laid out: blocks
// begin new lines, paragraphs leave one free, `<br>` ends one. Must not know style sheets: what an element is goes by
// its name, `hidden` and its own `style`.

const BLOCKS = new Set(
    (
        "ADDRESS ARTICLE ASIDE BLOCKQUOTE BODY CAPTION CENTER DD DETAILS DIALOG DIR DIV DL DT FIELDSET FIGCAPTION FIGURE FOOTER FORM " +
        "H1 H2 H3 H4 H5 H6 HEADER HGROUP HR HTML LEGEND LI MAIN MENU NAV OL OPTGROUP OPTION PRE SEARCH SECTION SUMMARY TABLE TBODY TFOOT THEAD TR UL"
    ).split(" "),
);
const UNSEEN = new Set("AREA AUDIO BASE DATALIST HEAD LINK META NOSCRIPT SCRIPT STYLE TEMPLATE TITLE VIDEO".split(" "));
const isHidden = (element) => UNSEEN.has(element.tagName) || element.hasAttribute("hidden") || element.style?.display === "none";
const keepsSpace = (element) => /^(PRE|TEXTAREA)$/.test(element.tagName) || /^pre/.test(element.style?.whiteSpace ?? "");

// Texts, and numbers of line ends that are needed there: of those in a row the greatest counts.
function collect(node, out, pre) {
    for (const child of node.childNodes) {
        if (child.nodeType === 3) out.push(pre ? child.data : { text: child.data });
        if (child.nodeType !== 1 || isHidden(child)) continue;
        const { tagName } = child;
        if (tagName === "BR") {
            out.push("\n");
            continue;
        }
        const ends = tagName === "P" ? 2 : BLOCKS.has(tagName) ? 1 : 0;
        if (ends) out.push(ends);
        collect(child, out, pre || keepsSpace(child));
        if (/^T[DH]$/.test(tagName) && child.nextElementSibling) out.push("\t");
        if (ends) out.push(ends);
    }
    return out;
}

// Spaces in a row are one, and none where a line begins or ends.
function joined(parts) {
    let text = "";
    let ends = 0;
    for (const part of parts) {
        if (typeof part === "number") {
            text = text.replace(/ $/, "");
            ends = Math.max(ends, part);
            continue;
        }
        let more = part;
        if (part.text !== undefined) {
            more = part.text.replace(/[ \t\n\r\f]+/g, " ");
            if (ends || !text || /[ \n\t]$/.test(text)) more = more.replace(/^ /, "");
        }
        if (!more) continue;
        if (more === "\n") text = text.replace(/ $/, "");
        text += (text ? "\n".repeat(ends) : "") + more;
        ends = 0;
    }
    return text.replace(/ $/, "");
}

/** Gives linkedom's elements an `innerText` that can be written, too. */
export function patchInnerText({ HTMLElement }) {
    Object.defineProperty(HTMLElement.prototype, "innerText", {
        configurable: true,
        enumerable: true,
        get() {
            // One that is not shown tells all that is in it.
            if (!this.isConnected || isHidden(this)) return this.textContent;
            return joined(collect(this, [], keepsSpace(this)));
        },
        set(value) {
            const lines = String(value ?? "").split(/\r\n|\r|\n/);
            const nodes = lines.flatMap((line, at) => [
                ...(at ? [this.ownerDocument.createElement("br")] : []),
                ...(line ? [this.ownerDocument.createTextNode(line)] : []),
            ]);
            this.replaceChildren(...nodes);
        },
    });
}
