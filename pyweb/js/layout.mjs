// What else a page may ask of where things are, where nothing is laid out, as editors do when they start.
// Must not know who asks.

const nowhere = { x: 0, y: 0, width: 0, height: 0, top: 0, right: 0, bottom: 0, left: 0 };

const define = (object, properties) => {
    for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(properties)))
        Object.defineProperty(object, name, { ...descriptor, configurable: true, enumerable: false });
};

// linkedom's ranges are of whole nodes, to take them out and put them in; these know their ends besides.
const ends = {
    startContainer: null,
    startOffset: 0,
    endContainer: null,
    endOffset: 0,
    get collapsed() {
        return this.startContainer === this.endContainer && this.startOffset === this.endOffset;
    },
    setStart(node, offset) {
        Object.assign(this, { startContainer: node, startOffset: offset });
    },
    setEnd(node, offset) {
        Object.assign(this, { endContainer: node, endOffset: offset });
    },
    collapse(toStart = false) {
        if (toStart) this.setEnd(this.startContainer, this.startOffset);
        else this.setStart(this.endContainer, this.endOffset);
    },
    getClientRects: () => [],
    getBoundingClientRect: () => ({ ...nowhere }),
};

/** Has `document` and linkedom's elements answer. */
export function patchLayout({ HTMLElement }, document) {
    define(HTMLElement.prototype, {
        clientTop: 0,
        clientLeft: 0,
        scrollWidth: 0,
        scrollHeight: 0,
        scrollTop: 0,
        scrollLeft: 0,
        getClientRects: () => [],
        scroll() {},
        scrollBy() {},
    });
    const range = Object.getPrototypeOf(document.createRange());
    for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(ends)))
        if (!(name in range)) Object.defineProperty(range, name, { ...descriptor, configurable: true, enumerable: false });
    define(document, {
        getSelection: () => globalThis.getSelection(),
        elementFromPoint: () => null,
        elementsFromPoint: () => [],
    });
    // There is one, which was there before its class.
    class Window extends EventTarget {
        static [Symbol.hasInstance](value) {
            return value === globalThis;
        }
    }
    define(globalThis, { Window });
}
