// Elements get the class their name has in a browser. linkedom has most of these classes, but makes plain
// HTMLElements of elements whose class adds nothing there; here forms and labels do add something, and pages
// ask `instanceof`.
import { noteModal } from "pyweb://js/popover.mjs";

const NAMES = {
    Area: "area",
    Base: "base",
    Body: "body",
    BR: "br",
    Data: "data",
    DataList: "datalist",
    Details: "details",
    Div: "div",
    DList: "dl",
    Embed: "embed",
    FieldSet: "fieldset",
    Form: "form",
    Head: "head",
    Heading: "h1 h2 h3 h4 h5 h6",
    HR: "hr",
    Html: "html",
    Label: "label",
    Legend: "legend",
    LI: "li",
    Map: "map",
    Menu: "menu",
    Meter: "meter",
    Mod: "ins del",
    Object: "object",
    OList: "ol",
    OptGroup: "optgroup",
    Output: "output",
    Paragraph: "p",
    Param: "param",
    Picture: "picture",
    Pre: "pre",
    Progress: "progress",
    Quote: "blockquote q",
    Span: "span",
    Table: "table",
    TableCaption: "caption",
    TableCell: "td th",
    TableRow: "tr",
    Track: "track",
    UList: "ul",
    Audio: "audio",
    Video: "video",
};

// The one class that linkedom has not. Its elements are not made by its constructor.
const returned = new WeakMap();
const dialogOf = (HTMLElement) =>
    class HTMLDialogElement extends HTMLElement {
        get returnValue() {
            return returned.get(this) ?? "";
        }
        set returnValue(value) {
            returned.set(this, String(value));
        }
        get open() {
            return this.hasAttribute("open");
        }
        set open(value) {
            this.toggleAttribute("open", !!value);
        }
        show() {
            this.open = true;
        }
        showModal() {
            if (this.open) throw new DOMException("The dialog is already open.", "InvalidStateError");
            noteModal(this, true);
            this.open = true;
        }
        close(value) {
            if (!this.open) return;
            this.open = false;
            noteModal(this, false);
            if (value !== undefined) this.returnValue = value;
            setTimeout(() => this.dispatchEvent(new Event("close")), 0);
        }
    };

/** Has every document that `linkedom` makes create elements of the right class. */
export function patchClasses(linkedom) {
    const prototypes = new Map();
    for (const [name, tags] of Object.entries(NAMES))
        for (const tag of tags.split(" ")) prototypes.set(tag, linkedom[`HTML${name}Element`].prototype);
    const dialog = dialogOf(linkedom.HTMLElement);
    prototypes.set("dialog", dialog.prototype);
    if (!("HTMLDialogElement" in globalThis)) Object.defineProperty(globalThis, "HTMLDialogElement", { value: dialog, writable: true, configurable: true });
    const plain = linkedom.HTMLElement.prototype;
    const documents = Object.getPrototypeOf(linkedom.parseHTML("<html></html>").document);
    const { createElement } = documents;
    documents.createElement = function (name, options) {
        const element = createElement.call(this, name, options);
        const prototype = prototypes.get(element.localName);
        if (prototype && Object.getPrototypeOf(element) === plain) Object.setPrototypeOf(element, prototype);
        return element;
    };
}
