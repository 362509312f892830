// Attributes that elements show as truths and numbers (https://html.spec.whatwg.org/#reflecting-content-attributes-in-idl-attributes);
// linkedom has them as texts. Must not know what they mean.

const TRUTHS = {
    Audio: "autoplay controls loop",
    Details: "open",
    FieldSet: "disabled",
    IFrame: "allowFullscreen",
    OList: "reversed",
    OptGroup: "disabled",
    Script: "async defer noModule",
    Track: "default",
    Video: "autoplay controls loop playsInline",
};
// With what each is when the attribute is missing or no number.
const NUMBERS = {
    Canvas: { width: 300, height: 150 },
    Image: { width: 0, height: 0 },
    Input: { size: 20, maxLength: -1, minLength: -1, width: 0, height: 0 },
    LI: { value: 0 },
    OList: { start: 1 },
    Select: { size: 0 },
    TableCell: { colSpan: 1, rowSpan: 1 },
    TextArea: { cols: 20, rows: 2, maxLength: -1, minLength: -1 },
    Video: { width: 0, height: 0 },
};
const clamp = (value, least, most) => Math.min(Math.max(value, least), most);
const own = (element, name, otherwise) => {
    const number = Number.parseFloat(element.getAttribute(name) ?? "");
    return Number.isFinite(number) ? number : otherwise;
};
const leastOf = (meter) => own(meter, "min", 0);
const mostOf = (meter) => Math.max(own(meter, "max", 1), leastOf(meter));
const inside = (name, otherwise) => (meter) => clamp(own(meter, name, otherwise(meter)), leastOf(meter), mostOf(meter));
const GAUGES = {
    Meter: {
        min: leastOf,
        max: mostOf,
        value: inside("value", () => 0),
        low: inside("low", leastOf),
        high: inside("high", mostOf),
        optimum: inside("optimum", (meter) => (leastOf(meter) + mostOf(meter)) / 2),
    },
    Progress: {
        max: (bar) => (own(bar, "max", 1) > 0 ? own(bar, "max", 1) : 1),
        value: (bar) => clamp(own(bar, "value", 0), 0, own(bar, "max", 1) > 0 ? own(bar, "max", 1) : 1),
    },
};

const define = (prototype, name, get, set) => {
    if (prototype) Object.defineProperty(prototype, name, { configurable: true, enumerable: true, get, set });
};

// `element.style = "…"`, and how much a property of its matters.
function patchStyle({ Element }) {
    const { get } = Object.getOwnPropertyDescriptor(Element.prototype, "style");
    define(Element.prototype, "style", get, function (text) {
        this.style.cssText = text;
    });
    const style = Object.getPrototypeOf(globalThis.document.createElement("p").style);
    style.getPropertyPriority ??= function (name) {
        return /!\s*important\s*$/i.test(this.getPropertyValue(name)) ? "important" : "";
    };
}

/** Gives the element classes of `linkedom` these properties. */
export function patchReflection(linkedom) {
    patchStyle(linkedom);
    const prototypeOf = (name) => linkedom[`HTML${name}Element`]?.prototype;
    for (const [name, properties] of Object.entries(TRUTHS))
        for (const property of properties.split(" ")) {
            const attribute = property.toLowerCase();
            const get = function () {
                return this.hasAttribute(attribute);
            };
            const set = function (value) {
                this.toggleAttribute(attribute, !!value);
            };
            define(prototypeOf(name), property, get, set);
        }
    for (const [name, properties] of Object.entries(NUMBERS))
        for (const [property, otherwise] of Object.entries(properties)) {
            const attribute = property.toLowerCase();
            const get = function () {
                const number = Number.parseInt(this.getAttribute(attribute) ?? "", 10);
                return Number.isNaN(number) ? otherwise : number;
            };
            const set = function (value) {
                this.setAttribute(attribute, String(Math.trunc(Number(value)) || 0));
            };
            define(prototypeOf(name), property, get, set);
        }
    for (const [name, properties] of Object.entries(GAUGES))
        for (const [property, read] of Object.entries(properties)) {
            const get = function () {
                return read(this);
            };
            const set = function (value) {
                this.setAttribute(property, String(Number(value)));
            };
            define(prototypeOf(name), property, get, set);
        }
}
