// XPath 1.0 (https://www.w3.org/TR/1999/REC-xpath-19991116/) from text to a tree. Must not know documents.
//
// A tree is `{kind, …}`: `path` {from, steps}, `filter` {primary, predicates}, `binary` {operator, left, right},
// `negate` {operand}, `call` {name, arguments}, `text` and `number` {value}. A step is {axis, test, predicates}; a
// test is {type} for `node()` and its like, or {name}.

const TOKEN =
    /\s*(?:(\d+(?:\.\d*)?|\.\d+)|"([^"]*)"|'([^']*)'|(\/\/|::|\.\.|!=|<=|>=|[/()[\].@,|+\-=<>*])|([\p{L}_][\p{L}\p{N}_.-]*(?::(?:[\p{L}_][\p{L}\p{N}_.-]*|\*))?))/uy;
const WORD_OPERATORS = new Set(["and", "or", "div", "mod"]);
const AXES = new Set(
    ("ancestor ancestor-or-self attribute child descendant descendant-or-self following following-sibling parent " +
        "preceding preceding-sibling self").split(" "),
);
const NODE_TYPES = new Set(["comment", "node", "processing-instruction", "text"]);
// From the loosest to the closest.
const LEVELS = [["or"], ["and"], ["=", "!="], ["<", "<=", ">", ">="], ["+", "-"], ["*", "div", "mod"]];
const ANY_NODE = { axis: "descendant-or-self", test: { type: "node" }, predicates: [] };

function tokens(expression) {
    const found = [];
    TOKEN.lastIndex = 0;
    while (expression.slice(TOKEN.lastIndex).trim()) {
        const at = TOKEN.lastIndex;
        const match = TOKEN.exec(expression);
        if (!match) throw new SyntaxError(`at ${expression.slice(at).trim()}`);
        const [, number, double, single, symbol, name] = match;
        const text = double ?? single;
        // A name or `*` after an operand can only be an operator (3.7 of the specification).
        const operand = found.length > 0 && isOperand(found.at(-1));
        if (number !== undefined) found.push({ type: "number", value: Number(number) });
        else if (text !== undefined) found.push({ type: "text", value: text });
        else if (symbol) found.push({ type: symbol === "*" && !operand ? "name" : "symbol", value: symbol });
        else found.push({ type: operand && WORD_OPERATORS.has(name) ? "symbol" : "name", value: name });
    }
    return found;
}

const isOperand = ({ type, value }) => type !== "symbol" || /^(\)|\]|\.|\.\.)$/.test(value);

class Parser {
    #tokens;
    #at = 0;
    constructor(expression) {
        this.#tokens = tokens(expression);
    }
    whole() {
        const tree = this.#binary(0);
        if (this.#at < this.#tokens.length) throw new SyntaxError(`at ${this.#tokens[this.#at].value}`);
        return tree;
    }
    #is(value, ahead = 0) {
        const token = this.#tokens[this.#at + ahead];
        return token?.type === "symbol" && token.value === value;
    }
    #take(value) {
        if (!this.#is(value)) return false;
        this.#at++;
        return true;
    }
    #expect(value) {
        if (!this.#take(value)) throw new SyntaxError(`${value} is missing`);
    }
    #binary(level) {
        if (level === LEVELS.length) return this.#unary();
        let left = this.#binary(level + 1);
        for (;;) {
            const operator = LEVELS[level].find((operator) => this.#take(operator));
            if (!operator) return left;
            left = { kind: "binary", operator, left, right: this.#binary(level + 1) };
        }
    }
    #unary() {
        if (this.#take("-")) return { kind: "negate", operand: this.#unary() };
        let left = this.#path();
        while (this.#take("|")) left = { kind: "binary", operator: "|", left, right: this.#path() };
        return left;
    }
    #path() {
        if (this.#startsFilter()) {
            const primary = this.#primary();
            const predicates = this.#predicates();
            const from = predicates.length ? { kind: "filter", primary, predicates } : primary;
            const steps = this.#is("/") || this.#is("//") ? this.#steps([]) : [];
            return steps.length ? { kind: "path", from, steps } : from;
        }
        if (this.#take("//")) return { kind: "path", from: "root", steps: this.#relative([ANY_NODE]) };
        if (this.#take("/")) return { kind: "path", from: "root", steps: this.#startsStep() ? this.#relative([]) : [] };
        return { kind: "path", from: "here", steps: this.#relative([]) };
    }
    #startsFilter() {
        const token = this.#tokens[this.#at];
        if (!token) throw new SyntaxError("it ends too early");
        if (token.type === "number" || token.type === "text" || this.#is("(")) return true;
        return token.type === "name" && this.#is("(", 1) && !NODE_TYPES.has(token.value);
    }
    #startsStep() {
        return this.#tokens[this.#at]?.type === "name" || [".", "..", "@"].some((symbol) => this.#is(symbol));
    }
    #relative(before) {
        return this.#steps([...before, this.#step()]);
    }
    #steps(steps) {
        for (;;) {
            if (this.#take("//")) steps.push(ANY_NODE, this.#step());
            else if (this.#take("/")) steps.push(this.#step());
            else return steps;
        }
    }
    #step() {
        if (this.#take(".")) return { axis: "self", test: { type: "node" }, predicates: [] };
        if (this.#take("..")) return { axis: "parent", test: { type: "node" }, predicates: [] };
        let axis = this.#take("@") ? "attribute" : "child";
        if (this.#is("::", 1)) {
            axis = this.#name();
            if (!AXES.has(axis)) throw new SyntaxError(`${axis} is no axis`);
            this.#expect("::");
        }
        const name = this.#name();
        if (!this.#is("(")) return { axis, test: { name }, predicates: this.#predicates() };
        if (!NODE_TYPES.has(name)) throw new SyntaxError(`${name}() is no kind of node`);
        this.#expect("(");
        if (!this.#is(")")) this.#at++;
        this.#expect(")");
        return { axis, test: { type: name }, predicates: this.#predicates() };
    }
    #name() {
        const token = this.#tokens[this.#at++];
        if (token?.type !== "name") throw new SyntaxError(`a name is missing${token ? ` before ${token.value}` : ""}`);
        return token.value;
    }
    #predicates() {
        const found = [];
        while (this.#take("[")) {
            found.push(this.#binary(0));
            this.#expect("]");
        }
        return found;
    }
    #primary() {
        if (this.#take("(")) {
            const tree = this.#binary(0);
            this.#expect(")");
            return tree;
        }
        const { type, value } = this.#tokens[this.#at++];
        if (type !== "name") return { kind: type, value };
        this.#expect("(");
        const given = [];
        if (!this.#is(")"))
            do given.push(this.#binary(0));
            while (this.#take(","));
        this.#expect(")");
        return { kind: "call", name: value, arguments: given };
    }
}

const parsed = new Map();

/** The tree of an expression; a `SyntaxError` when it is none. */
export function parse(expression) {
    if (!parsed.has(expression)) parsed.set(expression, new Parser(expression).whole());
    return parsed.get(expression);
}
