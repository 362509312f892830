// XPath, as far as PyScript asks for it: attributes of an element (`./@*[…]`) or of all elements below it
// (`.//@*[…]`), by `name()="x"`, `starts-with(name(),"x")` and `or`. Any other expression is refused by name.

const SHAPE = /^(\.\/\/|\.\/)@\*(?:\[(.+)\])?$/s;
const TEST = /^\s*(?:name\(\)\s*=\s*["']([^"']*)["']|starts-with\(\s*name\(\)\s*,\s*["']([^"']*)["']\s*\))\s*$/;

const conditionOf = (text, expression) => {
    const tests = text.split(/\sor\s/).map((part) => {
        const match = TEST.exec(part);
        if (!match) throw new DOMException(`XPath not supported here: ${expression}`, "SyntaxError");
        const [, exactly, prefix] = match;
        return exactly === undefined ? (name) => name.startsWith(prefix) : (name) => name === exactly;
    });
    return (name) => tests.some((test) => test(name));
};

export class XPathEvaluator {
    createExpression(expression) {
        const match = SHAPE.exec(expression.trim());
        if (!match) throw new DOMException(`XPath not supported here: ${expression}`, "SyntaxError");
        const [, axis, condition] = match;
        const wanted = condition ? conditionOf(condition, expression) : () => true;
        const evaluate = (root) => {
            const elements = [...(root.attributes ? [root] : []), ...(axis === ".//" ? root.querySelectorAll("*") : [])];
            const found = elements.flatMap((element) => [...element.attributes]).filter((a) => wanted(a.name));
            return { snapshotLength: found.length, snapshotItem: (index) => found[index] ?? null };
        };
        return { evaluate };
    }
    evaluate(expression, root) {
        return this.createExpression(expression).evaluate(root);
    }
}

export const XPathResult = Object.freeze({
    ANY_TYPE: 0,
    UNORDERED_NODE_SNAPSHOT_TYPE: 6,
    ORDERED_NODE_SNAPSHOT_TYPE: 7,
});
