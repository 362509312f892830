// Form controls with the state that linkedom's lack: a value and a check mark that differ from their
// attributes once changed, selection, labels, submission.
import { go } from "pyweb://js/history.mjs";

const values = new WeakMap();
const checks = new WeakMap();
const selections = new WeakMap();
const files = new WeakMap();
const mixed = new WeakSet();
const fileList = (list) => Object.assign(list, { item: (index) => list[index] ?? null });

const accessors = (prototype, properties) => {
    for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(properties)))
        Object.defineProperty(prototype, name, { ...descriptor, configurable: true });
};

const TYPES = new Set(
    ("hidden text search tel url email password date month week time datetime-local number range color checkbox " +
        "radio file submit image reset button").split(" "),
);
const CONTROLS = "button, fieldset, input, object, output, select, textarea";

/** Gives the control classes of `linkedom` their state. */
export function patchForms(linkedom, document) {
    const common = {
        get form() {
            const id = this.getAttribute("form");
            return id ? document.getElementById(id) : this.closest("form");
        },
        get labels() {
            return [...document.querySelectorAll("label")].filter((label) => label.control === this);
        },
        get required() {
            return this.hasAttribute("required");
        },
        set required(value) {
            this.toggleAttribute("required", !!value);
        },
        get readOnly() {
            return this.hasAttribute("readonly");
        },
        set readOnly(value) {
            this.toggleAttribute("readonly", !!value);
        },
        select() {},
        setSelectionRange() {},
        setCustomValidity() {},
        checkValidity() {
            return !this.required || this.value !== "";
        },
        reportValidity() {
            return this.checkValidity();
        },
    };
    for (const name of ["HTMLInputElement", "HTMLTextAreaElement", "HTMLSelectElement", "HTMLButtonElement"])
        accessors(linkedom[name].prototype, common);
    patchInput(linkedom.HTMLInputElement.prototype, document);
    patchText(linkedom.HTMLTextAreaElement.prototype);
    patchSelect(linkedom.HTMLSelectElement.prototype, linkedom.HTMLOptionElement.prototype);
    patchForm(linkedom.HTMLFormElement.prototype, document);
    accessors(linkedom.HTMLButtonElement.prototype, {
        get type() {
            const type = this.getAttribute("type")?.toLowerCase();
            return type === "button" || type === "reset" ? type : "submit";
        },
        set type(value) {
            this.setAttribute("type", value);
        },
        get value() {
            return this.getAttribute("value") ?? "";
        },
        set value(value) {
            this.setAttribute("value", value);
        },
    });
    accessors(linkedom.HTMLLabelElement.prototype, {
        get htmlFor() {
            return this.getAttribute("for") ?? "";
        },
        set htmlFor(value) {
            this.setAttribute("for", value);
        },
        get control() {
            const id = this.getAttribute("for");
            return id === null ? this.querySelector(CONTROLS) : document.getElementById(id);
        },
    });
}

function patchInput(prototype, document) {
    accessors(prototype, {
        get type() {
            const type = this.getAttribute("type")?.toLowerCase();
            return TYPES.has(type) ? type : "text";
        },
        set type(value) {
            this.setAttribute("type", value);
        },
        get value() {
            const fallback = /^(checkbox|radio)$/.test(this.type) ? "on" : "";
            // Where a file was is nobody's business.
            if (this.type === "file") return this.files.length ? `C:\\fakepath\\${this.files[0].name}` : "";
            return values.get(this) ?? this.getAttribute("value") ?? fallback;
        },
        set value(value) {
            if (this.type === "file") files.delete(this);
            else values.set(this, value === null ? "" : String(value));
        },
        get defaultValue() {
            return this.getAttribute("value") ?? "";
        },
        set defaultValue(value) {
            this.setAttribute("value", value);
        },
        get valueAsNumber() {
            return this.value === "" ? Number.NaN : Number(this.value);
        },
        set valueAsNumber(value) {
            this.value = String(value);
        },
        get checked() {
            return checks.get(this) ?? this.hasAttribute("checked");
        },
        set checked(value) {
            checks.set(this, !!value);
            if (!value || this.type !== "radio" || !this.name) return;
            for (const other of (this.form ?? document).querySelectorAll("input"))
                if (other !== this && other.type === "radio" && other.name === this.name) checks.set(other, false);
        },
        get defaultChecked() {
            return this.hasAttribute("checked");
        },
        get indeterminate() {
            return mixed.has(this);
        },
        set indeterminate(value) {
            if (value) mixed.add(this);
            else mixed.delete(this);
        },
        get multiple() {
            return this.hasAttribute("multiple");
        },
        set multiple(value) {
            this.toggleAttribute("multiple", !!value);
        },
        get files() {
            return this.type === "file" ? (files.get(this) ?? fileList([])) : null;
        },
        set files(list) {
            if (this.type === "file") files.set(this, fileList([...list]));
        },
        _reset() {
            files.delete(this);
            values.delete(this);
            checks.delete(this);
        },
    });
}

function patchText(prototype) {
    accessors(prototype, {
        get type() {
            return "textarea";
        },
        get value() {
            return values.get(this) ?? this.textContent;
        },
        set value(value) {
            values.set(this, value === null ? "" : String(value));
        },
        get defaultValue() {
            return this.textContent;
        },
        _reset() {
            values.delete(this);
        },
    });
}

function patchSelect(select, option) {
    const { remove: removeElement } = select;
    accessors(select, {
        get options() {
            return this.querySelectorAll("option");
        },
        get length() {
            return this.options.length;
        },
        set length(count) {
            for (const item of [...this.options].slice(count)) item.remove();
        },
        get multiple() {
            return this.hasAttribute("multiple");
        },
        set multiple(value) {
            this.toggleAttribute("multiple", !!value);
        },
        get type() {
            return this.multiple ? "select-multiple" : "select-one";
        },
        get selectedOptions() {
            return [...this.options].filter((item) => item.selected);
        },
        get selectedIndex() {
            return [...this.options].findIndex((item) => item.selected);
        },
        set selectedIndex(index) {
            [...this.options].forEach((item, i) => selections.set(item, i === index));
        },
        get value() {
            return this.selectedOptions[0]?.value ?? "";
        },
        set value(value) {
            const at = [...this.options].findIndex((item) => item.value === String(value));
            this.selectedIndex = at;
        },
        add(item, before = null) {
            const next = typeof before === "number" ? this.options[before] : before;
            if (next) next.parentNode.insertBefore(item, next);
            else this.append(item);
        },
        item(index) {
            return this.options[index] ?? null;
        },
        // Without an index it is the element's own.
        remove(...index) {
            if (index.length) this.options[index[0]]?.remove();
            else removeElement.call(this);
        },
        _reset() {
            for (const item of this.options) selections.delete(item);
        },
    });
    accessors(option, {
        get value() {
            return this.getAttribute("value") ?? this.text;
        },
        set value(value) {
            this.setAttribute("value", value);
        },
        get text() {
            return this.textContent.trim().replace(/\s+/g, " ");
        },
        set text(text) {
            this.textContent = text;
        },
        get index() {
            return [...(this.closest("select")?.options ?? [])].indexOf(this);
        },
        get selected() {
            if (selections.has(this)) return selections.get(this);
            if (this.hasAttribute("selected")) return true;
            // A drop-down without a choice shows its first option.
            const owner = this.closest("select");
            if (!owner || owner.multiple) return false;
            const items = [...owner.options];
            return items[0] === this && !items.some((item) => selections.get(item) || item.hasAttribute("selected"));
        },
        set selected(value) {
            const owner = this.closest("select");
            if (value && owner && !owner.multiple) for (const item of owner.options) selections.set(item, false);
            selections.set(this, !!value);
        },
    });
}

const textsOf = (data) => [...data].map(([name, value]) => [name, typeof value === "string" ? value : value.name]);

// The request of a form that posts (https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#form-submission-algorithm).
function posted(data, encoding) {
    const method = "POST";
    if (encoding === "multipart/form-data") return { method, body: data };
    if (encoding !== "text/plain") return { method, body: new URLSearchParams(textsOf(data)) };
    const body = textsOf(data).map(([name, value]) => `${name}=${value}\r\n`).join("");
    return { method, body, headers: { "content-type": "text/plain" } };
}

function patchForm(prototype, document) {
    accessors(prototype, {
        get elements() {
            const controls = [...this.querySelectorAll(CONTROLS)];
            for (const control of controls)
                for (const name of [control.name, control.id]) if (name && !(name in controls)) controls[name] = control;
            return controls;
        },
        get length() {
            return this.elements.length;
        },
        get method() {
            return this.getAttribute("method")?.toLowerCase() === "post" ? "post" : "get";
        },
        set method(value) {
            this.setAttribute("method", value);
        },
        checkValidity() {
            return this.elements.every((control) => control.checkValidity?.() ?? true);
        },
        reportValidity() {
            return this.checkValidity();
        },
        requestSubmit(submitter = null) {
            if (!this.hasAttribute("novalidate") && !this.checkValidity()) return;
            const event = new SubmitEvent("submit", { submitter, bubbles: true, cancelable: true });
            if (this.dispatchEvent(event)) this._send(submitter);
        },
        submit() {
            this._send(null);
        },
        get action() {
            return new URL(this.getAttribute("action") || document.location.href, document.baseURI).href;
        },
        set action(value) {
            this.setAttribute("action", value);
        },
        // What is filled in becomes the address's query, or what is posted there.
        _send(submitter) {
            const given = (name) => submitter?.getAttribute(`form${name}`) ?? this.getAttribute(name) ?? "";
            const method = given("method").trim().toLowerCase();
            if (method === "dialog") return this.closest("dialog")?.close(submitter?.value);
            const url = new URL(given("action") || document.location.href, document.baseURI);
            const data = new FormData(this, submitter);
            if (method === "post") return go(url.href, { request: posted(data, given("enctype").trim().toLowerCase()) });
            url.search = new URLSearchParams(textsOf(data));
            go(url.href);
        },
        reset() {
            if (!this.dispatchEvent(new Event("reset", { bubbles: true, cancelable: true }))) return;
            for (const control of this.elements) control._reset?.();
        },
    });
}
