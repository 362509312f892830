// What a web worker has: the least that Pyodide and MicroPython run in.
// The engine's tests use it, so that they depend on no page and no DOM.
(() => {
  const native = globalThis.__native;
  const told = (level) => (...parts) => native.print(level, parts.map(String).join(" "));
  globalThis.console = { log: told("info"), info: told("info"), warn: told("warn"), error: told("error"), debug: told("debug") };

  globalThis.WorkerGlobalScope = class {
    static [Symbol.hasInstance](value) {
      return value === globalThis;
    }
  };
  globalThis.self = globalThis;
  globalThis.location = { href: "http://localhost/worker.js", origin: "http://localhost", toString: () => location.href };
  globalThis.navigator = { userAgent: "snakepipe", platform: "Linux" };
  globalThis.fetch = async (url) => {
    const bytes = native.read(new URL(url, location.href).href);
    return {
      ok: bytes !== null,
      status: bytes === null ? 404 : 200,
      headers: { get: () => null },
      arrayBuffer: async () => bytes,
      text: async () => native.dec(bytes, 0),
      json: async () => JSON.parse(native.dec(bytes, 0)),
    };
  };

  globalThis.performance = { now: native.now };
  globalThis.crypto = {
    getRandomValues(array) {
      native.random(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
      return array;
    },
  };
  globalThis.TextEncoder = class {
    encode(text = "") {
      return new Uint8Array(native.enc(text));
    }
  };
  globalThis.TextDecoder = class {
    constructor(label = "utf-8") {
      this.wide = /utf-?16/i.test(label);
    }
    decode(view) {
      if (view === undefined) return "";
      const bytes = ArrayBuffer.isView(view)
        ? new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
        : new Uint8Array(view);
      if (!this.wide) return native.dec(bytes, 0);
      const units = new Uint16Array(bytes.slice().buffer);
      return Array.from(units, (unit) => String.fromCharCode(unit)).join("");
    }
  };
  globalThis.URL = class {
    constructor(text, base) {
      const parts = native.url(String(text), base === undefined ? undefined : String(base));
      if (!parts) throw new TypeError(`invalid URL: ${text}`);
      [this.href, this.origin, this.protocol, this.host] = parts;
      this.pathname = parts[6];
    }
    toString() {
      return this.href;
    }
  };

  let last = 0;
  const timers = new Map();
  const due = (delay) => native.now() + Math.max(0, Number(delay) || 0);
  globalThis.setTimeout = (run, delay, ...rest) => {
    timers.set(++last, { id: last, at: due(delay), run: () => run(...rest) });
    return last;
  };
  globalThis.setInterval = (run, delay, ...rest) => {
    const id = ++last;
    const again = () => timers.set(id, { id, at: due(delay), run: () => (again(), run(...rest)) });
    again();
    return id;
  };
  globalThis.clearTimeout = globalThis.clearInterval = (id) => timers.delete(id);
  native.tick = () => {
    const next = [...timers.values()].sort((a, b) => a.at - b.at || a.id - b.id)[0];
    if (!next) return -1;
    const wait = next.at - native.now();
    if (wait > 0) return wait;
    timers.delete(next.id);
    next.run();
    return 0;
  };
  native.onRejection = (promise, reason, handled) => {
    if (!handled) console.error(`unhandled: ${reason?.name}: ${reason?.message}`);
  };
})();
