// How the elements of an SVG drawing are written inside of HTML: as any other, with an end tag even when they are empty
// (https://html.spec.whatwg.org/#serialising-html-fragments). Must not know who reads it.

/** Has linkedom's SVG elements write themselves that way. */
export function patchSvg({ SVGElement }) {
    const { toString: asXml } = Object.getPrototypeOf(SVGElement.prototype);
    // Attributes that linkedom keeps when they are empty.
    const isLeft = (text) => !/^(id|class|style)$/.test(text);
    SVGElement.prototype.toString = function () {
        if (this.ownerDocument.constructor.name !== "HTMLDocument") return asXml.call(this);
        const attributes = [...this.attributes].map(String).filter(isLeft);
        return `<${[this.localName, ...attributes].join(" ")}>${this.childNodes.join("")}</${this.localName}>`;
    };
}
