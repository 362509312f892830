// The document: linkedom parses the page and is its DOM; this file gives it what a window is besides, and
// what linkedom leaves out: events, base URI, focus. Must not know PyScript.
import * as linkedom from "pyweb://runtime/linkedom/worker.js";
import { isRendered } from "pyweb://js/boxes.mjs";
import { patchClasses } from "pyweb://js/classes.mjs";
import { dialogs } from "pyweb://js/dialogs.mjs";
import { patchForms } from "pyweb://js/forms.mjs";
import { openHistory } from "pyweb://js/history.mjs";
import { innerText } from "pyweb://js/innertext.mjs";
import { commit } from "pyweb://js/keyboard.mjs";
import { patchLayout } from "pyweb://js/layout.mjs";
import { completed } from "pyweb://js/markup.mjs";
import { mediaApplies } from "pyweb://js/media.mjs";
import { popoverMethods } from "pyweb://js/popover.mjs";
import { patchReflection } from "pyweb://js/reflect.mjs";
import { patchSelectors } from "pyweb://js/selectors.mjs";
import { computedStyle } from "pyweb://js/styles.mjs";
import { patchSvg } from "pyweb://js/svg.mjs";
import { userClick } from "pyweb://js/user.mjs";
import { XPathEvaluator, XPathResult } from "pyweb://js/xpath.mjs";

const BLANK = "<!doctype html><html><head></head><body></body></html>";

const define = (object, properties) => {
    for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(properties)))
        Object.defineProperty(object, name, { ...descriptor, configurable: true, enumerable: false });
};

/** Parses `html` as the page at `url` and makes this global object its window. */
export function openDocument(html, url) {
    patchEvents();
    patchClasses(linkedom);
    const { document } = linkedom.parseHTML(html.trim() ? completed(html) : BLANK);
    publish(document);
    const { location, history } = openHistory(url);
    describeDocument(document, location);
    patchElements(document);
    patchForms(linkedom, document);
    patchLayout(linkedom, document);
    patchSvg(linkedom);
    patchReflection(linkedom);
    patchSelectors(linkedom, document);
    describeWindow(document, history);
    return document;
}

// linkedom's own event methods have no capture phase and take the target away after the dispatch.
function patchEvents() {
    const nodes = linkedom.EventTarget.prototype;
    for (const name of ["addEventListener", "removeEventListener", "dispatchEvent"])
        nodes[name] = EventTarget.prototype[name];
    Object.setPrototypeOf(nodes, EventTarget.prototype);
}

// linkedom's classes become globals; those this environment has already stay.
function publish(document) {
    const view = document.defaultView;
    const classes = Object.keys(linkedom).filter((name) => /^[A-Z]/.test(name));
    for (const name of [...classes, "MutationObserver", "customElements", "DOMParser", "Image"])
        if (!(name in globalThis)) define(globalThis, { [name]: linkedom[name] ?? view[name] });
    define(globalThis, { document, XPathEvaluator, XPathResult });
}

function describeDocument(document, location) {
    const { getElementById: elementById } = document;
    let active = null;
    let running = null;
    // Not the document's own: PyScript hides it with one of its own while Python runs, and then deletes that.
    define(Object.getPrototypeOf(document), {
        get currentScript() {
            return running;
        },
    });
    define(document, {
        get location() {
            return location;
        },
        set location(value) {
            location.href = value;
        },
        get URL() {
            return location.href;
        },
        get documentURI() {
            return location.href;
        },
        get baseURI() {
            const base = this.querySelector("base[href]")?.getAttribute("href");
            return base ? new URL(base, location.href).href : location.href;
        },
        get defaultView() {
            return globalThis;
        },
        get activeElement() {
            return active?.isConnected ? active : this.body;
        },
        set _active(element) {
            active = element;
        },
        set _running(script) {
            running = script;
        },
        // No element has an empty id, whatever linkedom finds.
        getElementById: (id) => (id === "" ? null : elementById.call(document, id)),
        get scripts() {
            return this.querySelectorAll("script");
        },
        get forms() {
            return this.querySelectorAll("form");
        },
        get links() {
            return this.querySelectorAll("a[href], area[href]");
        },
        get images() {
            return this.querySelectorAll("img");
        },
        readyState: "loading",
        referrer: "",
        cookie: "",
        hidden: false,
        visibilityState: "visible",
        characterSet: "UTF-8",
        compatMode: "CSS1Compat",
        contentType: "text/html",
        hasFocus: () => true,
        createEvent: (kind) => new (globalThis[kind.replace(/s$/, "")] ?? Event)(""),
        createExpression: (expression) => new XPathEvaluator().createExpression(expression),
        evaluate: (expression, node, resolver, type) => new XPathEvaluator().evaluate(expression, node, resolver, type),
    });
    define(globalThis, {
        get location() {
            return location;
        },
        set location(value) {
            location.href = value;
        },
    });
}

// An attribute that holds a URL reads as an absolute one.
function absolute(prototype, name) {
    const inherited = Object.getOwnPropertyDescriptor(prototype, name);
    Object.defineProperty(prototype, name, {
        configurable: true,
        get() {
            const value = this.getAttribute(name);
            return value === null ? "" : (URL.parse(value, document.baseURI)?.href ?? value);
        },
        set(value) {
            if (inherited?.set) inherited.set.call(this, value);
            else this.setAttribute(name, value);
        },
    });
}

function patchElements(document) {
    for (const name of ["HTMLScriptElement", "HTMLImageElement", "HTMLIFrameElement", "HTMLSourceElement"])
        absolute(linkedom[name].prototype, "src");
    for (const name of ["HTMLAnchorElement", "HTMLLinkElement", "HTMLAreaElement"])
        absolute(linkedom[name].prototype, "href");
    for (const part of ["origin", "protocol", "host", "hostname", "port", "pathname", "search", "hash"])
        Object.defineProperty(linkedom.HTMLAnchorElement.prototype, part, {
            configurable: true,
            get() {
                return URL.parse(this.href)?.[part] ?? "";
            },
        });
    define(linkedom.Element.prototype, {
        checkVisibility(options) {
            return isRendered(this, options);
        },
    });
    define(linkedom.HTMLElement.prototype, popoverMethods);
    define(linkedom.HTMLElement.prototype, {
        get innerText() {
            return innerText(this);
        },
        set innerText(text) {
            const lines = String(text ?? "").split(/\r\n|\r|\n/);
            const nodes = lines.flatMap((line, index) => [...(index ? [document.createElement("br")] : []), ...(line ? [line] : [])]);
            this.replaceChildren(...nodes);
        },
    });
    define(linkedom.HTMLElement.prototype, {
        click() {
            userClick(this, { trusted: false, pointer: false });
        },
        focus() {
            const previous = document.activeElement;
            if (previous === this) return;
            if (previous !== document.body) previous.blur();
            document._active = this;
            this.dispatchEvent(new FocusEvent("focus"));
            this.dispatchEvent(new FocusEvent("focusin", { bubbles: true }));
        },
        blur() {
            if (document.activeElement !== this) return;
            commit(this);
            document._active = null;
            this.dispatchEvent(new FocusEvent("blur"));
            this.dispatchEvent(new FocusEvent("focusout", { bubbles: true }));
        },
        // Nothing is laid out here, so everything has no size and no place.
        offsetWidth: 0,
        offsetHeight: 0,
        offsetTop: 0,
        offsetLeft: 0,
        clientWidth: 0,
        clientHeight: 0,
        scrollIntoView() {},
        scrollTo() {},
    });
}

function describeWindow(document, history) {
    // Neither sizes nor visibility ever change where nothing is laid out.
    class NeverObserver {
        observe() {}
        unobserve() {}
        disconnect() {}
        takeRecords() {
            return [];
        }
    }
    define(globalThis, {
        top: globalThis,
        parent: globalThis,
        frames: globalThis,
        opener: null,
        history,
        innerWidth: 1280,
        innerHeight: 720,
        outerWidth: 1280,
        outerHeight: 720,
        devicePixelRatio: 1,
        scrollX: 0,
        scrollY: 0,
        pageXOffset: 0,
        pageYOffset: 0,
        screen: { width: 1280, height: 720, availWidth: 1280, availHeight: 720, colorDepth: 24 },
        isSecureContext: true,
        crossOriginIsolated: true,
        origin: document.location.origin,
        ResizeObserver: class ResizeObserver extends NeverObserver {},
        IntersectionObserver: class IntersectionObserver extends NeverObserver {},
        PerformanceObserver: class PerformanceObserver extends NeverObserver {},
        getComputedStyle: computedStyle,
        getSelection: () => ({ rangeCount: 0, toString: () => "", removeAllRanges() {}, addRange() {} }),
        matchMedia: (media) =>
            Object.assign(new EventTarget(), { matches: mediaApplies(media), media, addListener() {}, removeListener() {} }),
        scroll: () => {},
        scrollTo: () => {},
        scrollBy: () => {},
        ...dialogs,
        open: (url) => (console.warn(`not followed: the page asked to open ${url}`), null),
        close: () => {},
        print: () => {},
        stop: () => {},
    });
}
