// What QuickJS-ng does correctly but slowly. Must not know what runs on it.
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
})();
