// XPath 1.0 over a document (https://www.w3.org/TR/1999/REC-xpath-19991116/), as `XPathEvaluator` and
// `document.evaluate` have it. Variables and namespaces, which no page here has, are left out.
import { parse } from "pyweb://js/xpath-parse.mjs";

const ELEMENT = 1;
const ATTRIBUTE = 2;
const TYPES = { comment: 8, "processing-instruction": 7, text: 3 };

// ---- nodes ----
const parentOf = (node) => (node.nodeType === ATTRIBUTE ? node.ownerElement : node.parentNode);
const childrenOf = (node) => (node.nodeType === ATTRIBUTE ? [] : [...(node.childNodes ?? [])]);
const descendantsOf = (node, found = []) => {
    for (const child of childrenOf(node)) {
        found.push(child);
        descendantsOf(child, found);
    }
    return found;
};
const ancestorsOf = (node) => {
    const parent = parentOf(node);
    return parent ? [parent, ...ancestorsOf(parent)] : [];
};
const siblingsOf = (node) => (node.nodeType === ATTRIBUTE || !node.parentNode ? [node] : childrenOf(node.parentNode));
const after = (node) => siblingsOf(node).slice(siblingsOf(node).indexOf(node) + 1);
const before = (node) => siblingsOf(node).slice(0, siblingsOf(node).indexOf(node)).reverse();
const withSelf = (node, others) => [node, ...others];

// Each axis in its own order, the nearest first.
const AXES = {
    ancestor: ancestorsOf,
    "ancestor-or-self": (node) => withSelf(node, ancestorsOf(node)),
    attribute: (node) => (node.nodeType === ELEMENT ? [...node.attributes] : []),
    child: childrenOf,
    descendant: descendantsOf,
    "descendant-or-self": (node) => withSelf(node, descendantsOf(node)),
    following: (node) => withSelf(node, ancestorsOf(node)).flatMap((at) => after(at).flatMap((next) => withSelf(next, descendantsOf(next)))),
    "following-sibling": after,
    parent: (node) => [parentOf(node)].filter(Boolean),
    preceding: (node) =>
        withSelf(node, ancestorsOf(node)).flatMap((at) => before(at).flatMap((previous) => withSelf(previous, descendantsOf(previous)).reverse())),
    "preceding-sibling": before,
    self: (node) => [node],
};

const passes = (node, { type, name }, axis) => {
    if (type === "node") return true;
    if (type) return node.nodeType === TYPES[type];
    if (node.nodeType !== (axis === "attribute" ? ATTRIBUTE : ELEMENT)) return false;
    return name === "*" || nameOf(node) === name.toLowerCase();
};
const nameOf = (node) => {
    if (node.nodeType === ELEMENT || node.nodeType === ATTRIBUTE) return (node.localName ?? node.name).toLowerCase();
    return "";
};

const inOrder = (nodes) => {
    if (nodes.length < 2) return nodes;
    const root = withSelf(nodes[0], ancestorsOf(nodes[0])).at(-1);
    const places = new Map(withSelf(root, descendantsOf(root)).map((node, place) => [node, place]));
    const placeOf = (node) => {
        if (node.nodeType !== ATTRIBUTE) return [places.get(node), -1];
        return [places.get(node.ownerElement), [...node.ownerElement.attributes].indexOf(node)];
    };
    const placed = nodes.map((node) => [node, ...placeOf(node)]);
    return placed.sort((a, b) => a[1] - b[1] || a[2] - b[2]).map(([node]) => node);
};

// ---- values: a list of nodes, a text, a number, a truth ----
const textOf = (node) => (node.nodeType === ATTRIBUTE ? node.value : (node.textContent ?? ""));
const isNodes = Array.isArray;
const toText = (value) => {
    if (isNodes(value)) return value.length ? textOf(value[0]) : "";
    return Object.is(value, -0) ? "0" : String(value);
};
const toNumber = (value) => {
    if (typeof value === "number" || typeof value === "boolean") return Number(value);
    const text = toText(value).trim();
    return /^-?(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : Number.NaN;
};
const toTruth = (value) => (isNodes(value) ? value.length > 0 : Boolean(value));

const COMPARE = {
    "=": (a, b) => a === b,
    "!=": (a, b) => a !== b,
    "<": (a, b) => a < b,
    "<=": (a, b) => a <= b,
    ">": (a, b) => a > b,
    ">=": (a, b) => a >= b,
};
function compare(operator, left, right) {
    const holds = COMPARE[operator];
    const single = (value) => (isNodes(value) ? value.map(textOf) : [value]);
    if (typeof left === "boolean" || typeof right === "boolean") {
        const [a, b] = [toTruth(left), toTruth(right)];
        return /^!?=$/.test(operator) ? holds(a, b) : holds(Number(a), Number(b));
    }
    const asText = /^!?=$/.test(operator) && typeof left !== "number" && typeof right !== "number";
    const as = asText ? String : toNumber;
    return single(left).some((a) => single(right).some((b) => holds(as(a), as(b))));
}
const CALCULATE = {
    "+": (a, b) => a + b,
    "-": (a, b) => a - b,
    "*": (a, b) => a * b,
    div: (a, b) => a / b,
    mod: (a, b) => a % b,
};

// ---- functions; each gets the context and the values of its arguments ----
const here = (context, value) => (value === undefined ? [context.node] : value);
const characters = (value) => [...toText(value)];
const collapsed = (text) => text.replace(/[ \t\r\n]+/g, " ").replace(/^ | $/g, "");
const FUNCTIONS = {
    boolean: (_, value) => toTruth(value),
    ceiling: (_, value) => Math.ceil(toNumber(value)),
    concat: (_, ...values) => values.map(toText).join(""),
    contains: (_, text, part) => toText(text).includes(toText(part)),
    count: (_, nodes) => nodes.length,
    false: () => false,
    floor: (_, value) => Math.floor(toNumber(value)),
    id: ({ node }, value) => {
        const names = (isNodes(value) ? value.map(textOf) : [toText(value)]).join(" ").split(/\s+/);
        const root = node.ownerDocument ?? node;
        return inOrder([...new Set(names.map((name) => root.getElementById(name)).filter(Boolean))]);
    },
    // Of XML's attribute alone, as in browsers: that of HTML does not count.
    lang: ({ node }, wanted) => {
        const from = [node, ...ancestorsOf(node)].find((at) => at.nodeType === ELEMENT && at.hasAttribute("xml:lang"));
        const own = from?.getAttribute("xml:lang").toLowerCase() ?? "";
        return own === toText(wanted).toLowerCase() || own.startsWith(`${toText(wanted).toLowerCase()}-`);
    },
    last: ({ size }) => size,
    "local-name": (context, nodes) => (here(context, nodes).length ? nameOf(here(context, nodes)[0]) : ""),
    name: (context, nodes) => (here(context, nodes).length ? nameOf(here(context, nodes)[0]) : ""),
    "normalize-space": (context, value) => collapsed(toText(here(context, value))),
    not: (_, value) => !toTruth(value),
    number: (context, value) => toNumber(here(context, value)),
    position: ({ position }) => position,
    round: (_, value) => Math.floor(toNumber(value) + 0.5),
    "starts-with": (_, text, start) => toText(text).startsWith(toText(start)),
    string: (context, value) => toText(here(context, value)),
    "string-length": (context, value) => characters(here(context, value)).length,
    substring: (_, text, from, length = Infinity) => {
        const start = Math.floor(toNumber(from) + 0.5);
        const end = start + Math.floor(toNumber(length) + 0.5);
        return characters(text).filter((_, index) => index + 1 >= start && index + 1 < end).join("");
    },
    "substring-after": (_, text, mark) => {
        const at = toText(text).indexOf(toText(mark));
        return at < 0 ? "" : toText(text).slice(at + toText(mark).length);
    },
    "substring-before": (_, text, mark) => toText(text).slice(0, Math.max(0, toText(text).indexOf(toText(mark)))),
    sum: (_, nodes) => nodes.reduce((sum, node) => sum + toNumber(textOf(node)), 0),
    translate: (_, text, from, to) => {
        const [wanted, given] = [characters(from), characters(to)];
        const of = (character) => (wanted.includes(character) ? (given[wanted.indexOf(character)] ?? "") : character);
        return characters(text).map(of).join("");
    },
    true: () => true,
};

// ---- evaluation ----
const filtered = (nodes, predicates) =>
    predicates.reduce(
        (kept, predicate) =>
            kept.filter((node, index) => {
                const value = valueOf(predicate, { node, position: index + 1, size: kept.length });
                return typeof value === "number" ? value === index + 1 : toTruth(value);
            }),
        nodes,
    );

function walk(start, steps) {
    return steps.reduce((nodes, { axis, test, predicates }) => {
        const found = new Set();
        for (const node of nodes)
            for (const one of filtered(AXES[axis](node).filter((one) => passes(one, test, axis)), predicates)) found.add(one);
        return [...found];
    }, start);
}

const KINDS = {
    binary: ({ operator, left, right }, context) => {
        if (operator === "or") return toTruth(valueOf(left, context)) || toTruth(valueOf(right, context));
        if (operator === "and") return toTruth(valueOf(left, context)) && toTruth(valueOf(right, context));
        const [a, b] = [valueOf(left, context), valueOf(right, context)];
        if (operator === "|") return inOrder([...new Set([...a, ...b])]);
        if (operator in COMPARE) return compare(operator, a, b);
        return CALCULATE[operator](toNumber(a), toNumber(b));
    },
    call: ({ name, arguments: given }, context) => {
        if (!Object.hasOwn(FUNCTIONS, name)) throw new SyntaxError(`there is no function ${name}()`);
        return FUNCTIONS[name](context, ...given.map((argument) => valueOf(argument, context)));
    },
    filter: ({ primary, predicates }, context) => filtered(valueOf(primary, context), predicates),
    negate: ({ operand }, context) => -toNumber(valueOf(operand, context)),
    number: ({ value }) => value,
    path: ({ from, steps }, context) => {
        const { node } = context;
        const root = () => ancestorsOf(node).at(-1) ?? node;
        const start = from === "here" ? [node] : from === "root" ? [root()] : valueOf(from, context);
        const found = walk(start, steps);
        // One step from one node is in order, or in the opposite one.
        const ordered = steps.length === 1 && start.length === 1 && !/^(ancestor|preceding)/.test(steps[0].axis);
        return ordered ? found : inOrder(found);
    },
    text: ({ value }) => value,
};
const valueOf = (tree, context) => KINDS[tree.kind](tree, context);

// ---- the interface of documents ----
const RESULT_TYPES = {
    ANY_TYPE: 0,
    NUMBER_TYPE: 1,
    STRING_TYPE: 2,
    BOOLEAN_TYPE: 3,
    UNORDERED_NODE_ITERATOR_TYPE: 4,
    ORDERED_NODE_ITERATOR_TYPE: 5,
    UNORDERED_NODE_SNAPSHOT_TYPE: 6,
    ORDERED_NODE_SNAPSHOT_TYPE: 7,
    ANY_UNORDERED_NODE_TYPE: 8,
    FIRST_ORDERED_NODE_TYPE: 9,
};
const ownType = (value) => (isNodes(value) ? 4 : { number: 1, string: 2, boolean: 3 }[typeof value]);

export class XPathResult {
    #value;
    #next = 0;
    constructor(value, type) {
        this.resultType = type || ownType(value);
        if (this.resultType >= 4 && !isNodes(value)) throw new TypeError("The result is not a node set, and therefore cannot be converted to the desired type.");
        this.#value = value;
    }
    get numberValue() {
        return toNumber(this.#value);
    }
    get stringValue() {
        return toText(this.#value);
    }
    get booleanValue() {
        return toTruth(this.#value);
    }
    get singleNodeValue() {
        return this.#value[0] ?? null;
    }
    get snapshotLength() {
        return this.#value.length;
    }
    snapshotItem(index) {
        return this.#value[index] ?? null;
    }
    iterateNext() {
        return this.#value[this.#next++] ?? null;
    }
    get invalidIteratorState() {
        return false;
    }
}
Object.assign(XPathResult, RESULT_TYPES);
Object.assign(XPathResult.prototype, RESULT_TYPES);

const refused = (expression, why) =>
    new DOMException(`The string '${expression}' is not a valid XPath expression: ${why}`, "SyntaxError");

export class XPathEvaluator {
    createExpression(expression) {
        let tree;
        try {
            tree = parse(String(expression));
        } catch (error) {
            throw refused(expression, error.message);
        }
        const evaluate = (node, type = 0) => {
            try {
                return new XPathResult(valueOf(tree, { node, position: 1, size: 1 }), type);
            } catch (error) {
                throw error instanceof SyntaxError ? refused(expression, error.message) : error;
            }
        };
        return { evaluate };
    }
    evaluate(expression, node, _resolver, type) {
        return this.createExpression(expression).evaluate(node, type);
    }
}
