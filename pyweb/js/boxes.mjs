// Whether elements take up room, where nothing is laid out: by what is in them and what style sheets say of their
// size. Nothing is told of a size but whether it is one. Must not know who asks.
import { atOnce, generated, styleOf } from "pyweb://js/styles.mjs";

// What shows nothing of what stands in it.
const OPAQUE = /^(audio|canvas|iframe|img|input|meter|object|progress|textarea|video)$/;
// The browser's own edges, and what has a size of its own.
const EDGED = /^(button|dialog|fieldset|hr|iframe|td|th)$/;
const SIZED = /^(audio|embed|iframe|input|meter|object|progress|select|textarea|video)$/;
const SIDES = { width: ["left", "right"], height: ["top", "bottom"] };

const isElement = (node) => node.nodeType === 1;
const isListBox = (select) => select?.multiple || Number(select?.getAttribute("size")) > 1;
const isTakenOut = (element) => /^(absolute|fixed)$/.test(styleOf(element, "position"));
const floats = (element) => styleOf(element, "float") !== "none";
const isInline = (element) => styleOf(element, "display") === "inline" && !isReplaced(element);
const isReplaced = ({ localName }) => SIZED.test(localName) || /^(canvas|img|svg)$/.test(localName);

const isText = (node) => {
    if (node.nodeType !== 3 || !node.parentElement) return false;
    const { parentElement: parent, nodeValue: text } = node;
    if (Number.parseFloat(styleOf(parent, "font-size")) === 0) return false;
    return /[^ \t\r\n\f]/.test(text) || (text !== "" && /^(pre|break-spaces)/.test(styleOf(parent, "white-space")));
};

// ---- what style sheets say ----
// More than nothing, nothing, or left to the content; a share of something else as `share`.
function length(value) {
    if (/^-?0*(\.0*)?(%|[a-z]+)?$/i.test(value) && /\d/.test(value)) return { some: false };
    if (/^[\d.]+%$/.test(value)) return { some: true, share: true };
    return /^(\d|\.\d|calc\(|min\(|max\(|clamp\()/.test(value) ? { some: true } : null;
}
const own = (element, name) => length(styleOf(element, name));

const borders = (element, side) => {
    const style = styleOf(element, `border-${side}-style`);
    if (style === "") return EDGED.test(element.localName) && !/^t[dh]$/.test(element.localName) && own(element, `border-${side}-width`)?.some !== false;
    return !/^(none|hidden)$/.test(style) && own(element, `border-${side}-width`)?.some !== false;
};
const pads = (element, side) => {
    const given = own(element, `padding-${side}`);
    if (given) return given.some;
    if (/^(button|dialog|fieldset|td|th)$/.test(element.localName)) return true;
    return side === "left" && /^(menu|ol|ul)$/.test(element.localName);
};
const hasEdges = (element, axis) => SIDES[axis].some((side) => pads(element, side) || borders(element, side));

// ---- what has a size of its own ----
function intrinsic(element, axis) {
    const { localName } = element;
    if (SIZED.test(localName)) return true;
    const given = length(element.getAttribute(axis) ?? "");
    if (given) return given.some;
    if (localName !== "img") return isReplaced(element);
    return !!(element.getAttribute("src") || element.getAttribute("srcset") || element.getAttribute("alt"));
}

// ---- widths ----
// Whether the element is as wide as what is in it, not as what it is in.
function shrinks(element) {
    const display = styleOf(element, "display");
    if (/^(inline|table|ruby)/.test(display) || floats(element)) return true;
    if (isTakenOut(element)) return !(own(element, "left") && own(element, "right"));
    const parent = element.parentElement;
    if (!parent || !/flex$/.test(styleOf(parent, "display"))) return false;
    if (/^column/.test(styleOf(parent, "flex-direction"))) return !/^(normal|stretch|)$/.test(alignment(element));
    return !(Number(styleOf(element, "flex-grow")) > 0);
}
const alignment = (element) => {
    const self = styleOf(element, "align-self");
    return self && self !== "auto" ? self : styleOf(element.parentElement, "align-items");
};

const shown = (element) => styleOf(element, "display") !== "none" && !OPAQUE.test(element.parentElement?.localName);
const skipsContent = (element) =>
    element.getAttribute("hidden")?.toLowerCase() === "until-found" || styleOf(element, "content-visibility") === "hidden";
const inFlow = (element) =>
    skipsContent(element) ? [] : [...element.childNodes].filter((node) => !isElement(node) || (shown(node) && !isTakenOut(node)));
const speaks = (element) =>
    ["before", "after"].some((pseudo) => !/^(none|normal|""|''|)$/.test(generated(element, pseudo) ?? ""));

const contentWidth = (element) =>
    speaks(element) || inFlow(element).some((node) => isText(node) || (isElement(node) && isWideByContent(node)));

function isWideByContent(element) {
    if (hasEdges(element, "width") || own(element, "min-width")?.some) return true;
    if (own(element, "max-width")?.some === false) return false;
    const width = isInline(element) ? null : own(element, "width");
    if (width && !width.share) return width.some;
    return isReplaced(element) ? intrinsic(element, "width") : contentWidth(element);
}

// Whether there is room inside of `element` for what fills it.
function hasRoom(element) {
    if (!element) return true;
    if (own(element, "max-width")?.some === false) return false;
    const width = isInline(element) || styleOf(element, "display") === "contents" ? null : own(element, "width");
    if (width && !width.share) return width.some;
    if (width && !width.some) return false;
    if (!width && !isInline(element) && shrinks(element)) return own(element, "min-width")?.some || contentWidth(element);
    return hasRoom(element.parentElement);
}

function isWide(element) {
    if (isInline(element) || isReplaced(element) || shrinks(element)) {
        const width = isInline(element) ? null : own(element, "width");
        if (!width?.share || hasEdges(element, "width")) return isWideByContent(element);
        return width.some && hasRoom(element.parentElement);
    }
    if (hasEdges(element, "width") || own(element, "min-width")?.some) return true;
    if (own(element, "max-width")?.some === false) return false;
    const width = own(element, "width");
    return width && !width.share ? width.some : width?.some !== false && hasRoom(element.parentElement);
}

// ---- heights ----
// Whether `element`, inside of a line, makes it one: empty inline elements do not.
const isLine = (node) => {
    if (!isElement(node)) return isText(node);
    if (node.localName === "br") return true;
    if (!isInline(node)) return floats(node) ? false : !isBlock(node) || isHigh(node);
    return hasEdges(node, "width") || speaks(node) || inFlow(node).some(isLine);
};
const isBlock = (element) => /^(block|flex|flow-root|grid|list-item|table)/.test(styleOf(element, "display"));

// What keeps its floating children inside of it.
const encloses = (element) =>
    /^(flow-root|inline-block|table-cell|(inline-)?(flex|grid))$/.test(styleOf(element, "display")) ||
    styleOf(element, "overflow-x") !== "visible" ||
    floats(element) ||
    isTakenOut(element) ||
    generated(element, "after") !== null;

function contentHeight(element) {
    const { localName } = element;
    if (localName === "details" || speaks(element)) return true;
    if (styleOf(element, "display") === "list-item" && localName !== "summary" && styleOf(element, "list-style-type") !== "none") return true;
    const children = inFlow(element);
    if (children.some((node) => !(isElement(node) && floats(node)) && isLine(node))) return true;
    return encloses(element) && children.some((node) => isElement(node) && floats(node) && isHigh(node));
}

// Whether its neighbours make room for it, too.
function isStretched(element) {
    const parent = element.parentElement;
    if (!parent) return false;
    const display = styleOf(parent, "display");
    const inRow = /flex$/.test(display) && !/^column/.test(styleOf(parent, "flex-direction"));
    const inColumns = /grid$/.test(display) && /\S\s+\S|repeat\(/.test(styleOf(parent, "grid-template-columns"));
    if (display === "table-row") return /\S/.test(element.closest("table")?.textContent ?? "");
    if (!(inRow || inColumns) || !/^(normal|stretch|)$/.test(alignment(element))) return false;
    return !!own(parent, "height")?.some || inFlow(parent).some((node) => isElement(node) && node !== element && isHighAlone(node));
}

const isDefinite = (element) => {
    const height = element && own(element, "height");
    return height ? !height.share || isDefinite(element.parentElement) : false;
};

function isHighAlone(element) {
    if (isInline(element)) return hasEdges(element, "width") || contentHeight(element);
    if (hasEdges(element, "height") || own(element, "min-height")?.some) return true;
    if (own(element, "max-height")?.some === false) return false;
    const height = own(element, "height");
    if (height && (!height.share || !height.some)) return height.some;
    if (height && (isTakenOut(element) || isDefinite(element.parentElement))) return true;
    if (isTakenOut(element) && own(element, "top") && own(element, "bottom")) return true;
    if (/^[\d.]/.test(styleOf(element, "aspect-ratio"))) return isWide(element);
    return isReplaced(element) ? intrinsic(element, "height") : contentHeight(element);
}
const isHigh = (element) =>
    isHighAlone(element) || (!isInline(element) && own(element, "max-height")?.some !== false && !own(element, "height") && isStretched(element));

// ---- drawings ----
const DRAWN = {
    circle: ["r"],
    ellipse: ["rx", "ry"],
    foreignObject: ["width", "height"],
    image: ["width", "height"],
    path: ["d"],
    polygon: ["points"],
    polyline: ["points"],
    rect: ["width", "height"],
    use: ["href"],
};
function isDrawn(element) {
    const { localName } = element;
    if (localName in DRAWN) return DRAWN[localName].every((name) => !/^0*$/.test(element.getAttribute(name) ?? element.getAttribute(`xlink:${name}`) ?? ""));
    if (/^(text|tspan|textPath)$/.test(localName)) return /\S/.test(element.textContent);
    if (localName === "line") return ["x", "y"].some((axis) => element.getAttribute(`${axis}1`) !== element.getAttribute(`${axis}2`));
    return /^(a|g|svg|switch)$/.test(localName) && [...element.children].some(isDrawn);
}
const NEVER_DRAWN = /^(clippath|defs|lineargradient|marker|mask|pattern|radialgradient|symbol)$/i;
const isInDefinition = (element) => {
    for (let at = element; at && at.localName !== "svg"; at = at.parentElement) if (NEVER_DRAWN.test(at.localName)) return true;
    return false;
};

const isShrunkAway = (element) => {
    for (let at = element; at; at = at.parentElement)
        if (/\bscale[XY]?\(\s*0+(\.0+)?\s*[,)]/.test(styleOf(at, "transform")) || /^0+(\.0+)?\b(?!\.)/.test(styleOf(at, "scale"))) return true;
    return false;
};

/** Whether `element`, which is rendered, has a width and a height. */
export function hasBox(element) {
    if (isShrunkAway(element)) return false;
    const { localName } = element;
    if (localName === "br" || localName === "wbr") return false;
    if (localName === "option" || localName === "optgroup") return isListBox(element.closest("select"));
    const drawing = localName !== "svg" && element.closest("svg");
    if (drawing) return !isInDefinition(element) && hasBox(drawing) && isDrawn(element);
    return isHigh(element) && isWide(element);
}

// A closed `<details>` shows its first summary alone.
const isFolded = (element, parent) =>
    parent.localName === "details" &&
    !parent.hasAttribute("open") &&
    element !== [...parent.children].find(({ localName }) => localName === "summary");

/** Whether `parent`, which is rendered, renders its child `node`, unless that is not displayed. */
export const showsChild = (parent, node) => !OPAQUE.test(parent.localName) && !isFolded(node, parent) && !skipsContent(parent);

/** `Element.checkVisibility` (https://drafts.csswg.org/cssom-view/#dom-element-checkvisibility). */
export function isRendered(element, options = {}) {
    return atOnce(() => rendered(element, options));
}
function rendered(element, options) {
    if (!element.isConnected || styleOf(element, "display") === "contents") return false;
    const { checkOpacity, opacityProperty = checkOpacity, checkVisibilityCSS, visibilityProperty = checkVisibilityCSS } = options;
    if (visibilityProperty && styleOf(element, "visibility") !== "visible") return false;
    for (let at = element; at; at = at.parentElement) {
        if (styleOf(at, "display") === "none") return false;
        if (opacityProperty && Number(styleOf(at, "opacity")) === 0) return false;
        const parent = at.parentElement;
        if (!parent) break;
        if (!showsChild(parent, at)) return false;
    }
    return true;
}

/** Whether a text takes up room. */
export function hasTextBox(text) {
    let at = text.parentElement;
    while (at && styleOf(at, "display") === "contents") at = at.parentElement;
    return isText(text) && !!at && isRendered(at);
}
