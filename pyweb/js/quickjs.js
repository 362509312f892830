// What QuickJS-ng does too slowly, or too soon. Must not know what runs on it.
(() => {
  "use strict";
  const native = globalThis.__native;

  // It copies between typed arrays element by element; Emscripten's file system copies all day.
  const slowly = Object.getPrototypeOf(Uint8Array.prototype).set;
  // Of a buffer that grows, it tells the host an old length.
  const fixed = ({ buffer }) => !buffer.resizable && !buffer.growable;
  const set = function (source, offset = 0) {
    const bytes = source instanceof Uint8Array && this instanceof Uint8Array;
    if (bytes && Number.isInteger(offset) && fixed(this) && fixed(source))
      native.move(this, source, offset);
    else slowly.call(this, source, offset);
  };
  Object.defineProperty(Uint8Array.prototype, "set", { value: set, writable: true, configurable: true });

  // It tells of each object as soon as it is dead, and even if it is no longer to tell of it
  // (https://tc39.es/ecma262/#sec-finalization-registry.prototype.unregister). Threads that know each other's
  // objects by numbers would give up one while the other sends its number again. Browsers tell of many, late.
  const MANY = 256;
  const AtOnce = globalThis.FinalizationRegistry;
  native.FinalizationAtOnce = AtOnce;
  let dead = [];
  const tell = () => {
    const cells = dead;
    dead = [];
    for (const cell of cells) {
      if (!cell.registered) continue;
      cell.registered = false;
      try {
        cell.callback(cell.held);
      } catch (error) {
        globalThis.reportError?.(error);
      }
    }
  };
  const died = new AtOnce((cell) => {
    if (cell.registered && dead.push(cell) >= MANY) tell();
  });
  class FinalizationRegistry {
    #callback;
    #byToken = new WeakMap();
    constructor(callback) {
      if (typeof callback !== "function") throw new TypeError("FinalizationRegistry: cleanup must be callable");
      this.#callback = callback;
    }
    register(target, held, token) {
      if (Object.is(target, held)) throw new TypeError("FinalizationRegistry: target and held value are the same");
      const cell = { registered: true, callback: this.#callback, held };
      died.register(target, cell);
      if (token === undefined) return;
      if (!this.#byToken.has(token)) this.#byToken.set(token, []);
      this.#byToken.get(token).push(cell);
    }
    unregister(token) {
      const cells = this.#byToken.get(token)?.filter((cell) => cell.registered) ?? [];
      for (const cell of cells) cell.registered = false;
      return this.#byToken.delete(token) && cells.length > 0;
    }
    get [Symbol.toStringTag]() {
      return "FinalizationRegistry";
    }
  }
  Object.defineProperty(globalThis, "FinalizationRegistry", {
    value: FinalizationRegistry,
    writable: true,
    configurable: true,
  });
})();
