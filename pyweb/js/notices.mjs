// PyScript shows some failures, such as a bad configuration, only as a box in the page. Must not know who hears of it.
import { settled } from "pyweb://js/python.mjs";

const native = globalThis.__native;
// PyScript's codes for a bad or an ambiguous configuration, after which it runs nothing.
const FATAL = /^\((PY1000|PY0409)\)/;

/** Tells of error boxes as they come; ends the page with one after which nothing runs. */
export function watchErrorBoxes(document) {
    const visit = async ({ nodeType, classList, textContent: text }) => {
        if (nodeType !== 1 || !classList.contains("py-error")) return;
        native.emit({ kind: "notice", text });
        if (!FATAL.test(text)) return;
        await settled();
        native.exit(2);
    };
    const observer = new MutationObserver((records) => {
        for (const { addedNodes } of records) for (const node of addedNodes) visit(node);
    });
    observer.observe(document, { childList: true, subtree: true });
}
