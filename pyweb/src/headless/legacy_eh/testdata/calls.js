// Calls every function of exceptions.wat with every argument and tells what came of it, one line each.
// `node calls.js exceptions.wasm > v8.txt` makes the truth; the test runs the same through wasmtime.
const calls = (bytes) => {
  const js = (x) => {
    if (x <= 5) throw new RangeError("js" + x);
  };
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { e: { js } });
  const told = (error) => {
    if (!(error instanceof WebAssembly.Exception)) return `${error.name} ${error.message}`;
    return error.is(exports.a) ? `exception a ${error.getArg(exports.a, 0)}` : "exception";
  };
  const lines = [];
  for (const [name, f] of Object.entries(exports)) {
    if (typeof f !== "function") continue;
    for (let x = 0; x < 7; x++) {
      let result;
      try {
        result = f(x);
      } catch (error) {
        result = told(error);
      }
      lines.push(`${name}(${x}) = ${result}`);
    }
  }
  return lines.join("\n");
};
if (globalThis.process) console.log(calls(require("fs").readFileSync(process.argv[2])));
