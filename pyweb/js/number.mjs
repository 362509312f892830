// Line numbers of Python code that mean the page's own files. Must not know how a page finds its interpreters.
//
// Code that PyScript runs carries no file name, and MicroPython knows none at all. Blank lines before it give
// every line of the page a number of its own: an inline script the lines it has in the HTML file, another file
// lines that nothing else has, on any thread. Rust turns them back (reduce/sources.rs).
const GAP = 1000;
const native = globalThis.__native;
const emit = (event) => native.emit(event);

export const isPythonError = (error) => error.name === "PythonError" || error.constructor?.name === "PythonError";

const unindented = (lines) => lines.map((line) => line.trim()).join("\n");

/** The first number that no line of a page of so many lines has. */
export const above = (lines) => lines + GAP;

/** `code` with its lines numbered as those of `file` from `line` on; `own` are the page's, which keep theirs. */
export function padded(code, { file, line, own }, base) {
    const count = code.split("\n").length;
    const first = own ? line : base + native.numbers(count + GAP);
    emit({ kind: "source", file, first, line, count });
    return "\n".repeat(first - 1) + code;
}

// Takes the script that `code` is out of `waiting`, whatever PyScript did to its indentation and first line break.
function take(waiting, code) {
    const wanted = unindented(code.split("\n"));
    for (const script of waiting) {
        const lines = script.text.split("\n");
        for (const skipped of [0, 1]) {
            if (unindented(lines.slice(skipped)) !== wanted) continue;
            waiting.splice(waiting.indexOf(script), 1);
            return { ...script, line: script.line + skipped };
        }
    }
    return null;
}

/** Has an interpreter number the lines of `scripts`, each `{file, line, own, text}`. */
export function numberInterpreter({ interpreter, io, type }, scripts, base) {
    // A JavaScript error that ends a script comes here without a traceback of Python's.
    const { stderr } = io;
    io.stderr = (error, ...rest) => {
        if (error instanceof Error && !isPythonError(error)) emit({ kind: "pyscript", text: String(error) });
        return stderr(error, ...rest);
    };
    for (const name of ["runPython", "runPythonAsync"]) {
        const run = interpreter[name].bind(interpreter);
        interpreter[name] = (code, options) => {
            const source = take(scripts, code);
            if (!source) return options === undefined ? run(code) : run(code, options);
            emit({ kind: "running", file: source.file, line: source.line });
            // Pyodide shows a line's text only for code that has a file name.
            return type === "py"
                ? run(padded(code, source, base), { ...options, filename: source.file })
                : run(padded(code, source, base));
        };
    }
}

/** The same in a worker, whose script is one of the page's or one of the site's `files`. */
export function numberPython({ scripts = [], base = GAP } = {}, files, root) {
    const text = (file) => {
        const bytes = native.read(root + file.split("/").map(encodeURIComponent).join("/"));
        return bytes ? new TextDecoder().decode(bytes) : "";
    };
    return (wrap) => {
        const others = files.map((file) => ({ file, line: 1, own: false, text: text(file) }));
        numberInterpreter(wrap, [...scripts, ...others], base);
    };
}
