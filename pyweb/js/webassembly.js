// The classes of the WebAssembly JavaScript API, over the handles of `__native`.
// Must not know the DOM or Python. What the handles mean is in src/headless/wasm.
(() => {
  "use strict";
  const native = globalThis.__native;
  const hidden = (object, name, value) =>
    Object.defineProperty(object, name, { value, writable: true, configurable: true, enumerable: false });

  const errorClass = (name) => {
    const made = { [name]: class extends Error {} }[name];
    hidden(made.prototype, "name", name);
    return made;
  };
  const CompileError = errorClass("CompileError");
  const LinkError = errorClass("LinkError");
  const RuntimeError = errorClass("RuntimeError");

  // An object stands for its handle alone: the same handle is the same object.
  const made = new Map();
  const wrap = (Class, handle) => {
    const key = `${Class.name}:${handle}`;
    let object = made.get(key);
    if (!object) {
      object = Object.create(Class.prototype);
      carry(object, handle);
    }
    return object;
  };
  const carry = (object, handle) => {
    hidden(object, "_h", handle);
    made.set(`${object.constructor.name}:${handle}`, object);
  };
  const handleOf = (object, Class) => {
    if (!(object instanceof Class) || object._h === undefined)
      throw new TypeError(`WebAssembly.${Class.name}: receiver is not a WebAssembly.${Class.name}`);
    return object._h;
  };
  const descriptor = (given, Class) => {
    if (given === null || typeof given !== "object")
      throw new TypeError(`WebAssembly.${Class.name}(): Argument 0 must be a descriptor`);
    return given;
  };
  const tagged = (Class) =>
    Object.defineProperty(Class.prototype, Symbol.toStringTag, {
      value: `WebAssembly.${Class.name}`,
      configurable: true,
    });

  const bytesOf = (source) => {
    if (ArrayBuffer.isView(source))
      return new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
    if (source instanceof ArrayBuffer || source instanceof SharedArrayBuffer) return new Uint8Array(source);
    throw new TypeError("WebAssembly.Module(): Argument 0 must be a buffer source");
  };

  // What a module was compiled to is as big as a program.
  const modules = new native.FinalizationAtOnce((handle) => native.moduleDrop(handle));
  class Module {
    constructor(bytes) {
      const handle = native.compile(bytesOf(bytes));
      hidden(this, "_h", handle);
      modules.register(this, handle);
    }
    static customSections(module, name) {
      return native.customs(handleOf(module, Module), name);
    }
    static imports(module) {
      return native.imports(handleOf(module, Module)).map(([module, name, kind]) => ({ module, name, kind }));
    }
    static exports(module) {
      return native.exports(handleOf(module, Module)).map(([name, kind]) => ({ name, kind }));
    }
  }

  // The bytes of a memory belong to it: no script can take them away.
  const memoryBuffers = new WeakSet();
  for (const name of ["transfer", "transferToFixedLength", "transferToImmutable"]) {
    const transfer = ArrayBuffer.prototype[name];
    const guarded = function (...length) {
      if (memoryBuffers.has(this)) throw new TypeError(`Cannot perform ArrayBuffer.prototype.${name} on a WebAssembly memory`);
      return transfer.apply(this, length);
    };
    if (transfer) hidden(ArrayBuffer.prototype, name, guarded);
  }

  class Memory {
    constructor(given) {
      const { initial, maximum, shared } = descriptor(given, Memory);
      // Pyodide makes a shared memory only to find the class of its buffer. No module can import one.
      if (shared) hidden(this, "_shared", new SharedArrayBuffer(initial * 65536));
      else carry(this, native.memNew(initial, maximum));
    }
    get buffer() {
      if (this._shared) return this._shared;
      const buffer = native.memBuf(handleOf(this, Memory));
      memoryBuffers.add(buffer);
      return buffer;
    }
    grow(pages) {
      return native.memGrow(handleOf(this, Memory), pages);
    }
  }

  class Table {
    constructor(given, value) {
      const { element, initial, maximum } = descriptor(given, Table);
      carry(this, native.tblNew(element, initial, maximum, value));
    }
    get length() {
      return native.tblLen(handleOf(this, Table));
    }
    get(index) {
      return native.tblGet(handleOf(this, Table), index);
    }
    set(index, value) {
      return native.tblSet(handleOf(this, Table), index, value);
    }
    grow(count, value) {
      return native.tblGrow(handleOf(this, Table), count, value);
    }
  }

  class Global {
    constructor(given, value) {
      const { value: type, mutable } = descriptor(given, Global);
      carry(this, native.globNew(type, mutable ? 1 : 0, value));
    }
    get value() {
      return native.globGet(handleOf(this, Global));
    }
    set value(value) {
      native.globSet(handleOf(this, Global), value);
    }
    valueOf() {
      return this.value;
    }
  }

  class Tag {
    constructor(given) {
      carry(this, native.tagNew(descriptor(given, Tag).parameters));
    }
  }

  // The object is made by the host, which knows it again whatever its properties say.
  class Exception {
    constructor(tag, payload) {
      return native.exnNew(handleOf(tag, Tag), payload);
    }
    is(tag) {
      return native.exnIs(this, handleOf(tag, Tag));
    }
    getArg(tag, index) {
      if (!native.exnIs(this, handleOf(tag, Tag)))
        throw new TypeError("WebAssembly.Exception.getArg(): the exception has another tag");
      return native.exnArg(this, index);
    }
  }

  const kinds = { memory: Memory, table: Table, global: Global, tag: Tag };

  const importsOf = (module, given) =>
    Module.imports(module).map(({ module: from, name, kind }) => {
      const namespace = given?.[from];
      if (namespace === undefined || namespace === null || !/^(object|function)$/.test(typeof namespace))
        throw new TypeError(`WebAssembly.Instance(): Import "${from}": module is not an object or function`);
      const value = namespace[name];
      if (kind === "function" && typeof value !== "function")
        throw new LinkError(
          `WebAssembly.Instance(): Import "${from}" "${name}": function import requires a callable`,
        );
      const fits = kind === "global" ? typeof value !== "undefined" : kind === "function" || value instanceof kinds[kind];
      if (!fits)
        throw new LinkError(
          `WebAssembly.Instance(): Import "${from}" "${name}": ${kind} import must be a WebAssembly.${kinds[kind].name} object`,
        );
      return value;
    });

  class Instance {
    constructor(module, given) {
      const handle = handleOf(module, Module);
      const exports = Object.create(null);
      for (const [name, kind, value] of native.instantiate(handle, importsOf(module, given)))
        exports[name] = kind === "function" ? value : wrap(kinds[kind], value);
      hidden(this, "exports", Object.freeze(exports));
    }
  }

  const WebAssembly = {
    Module,
    Instance,
    Memory,
    Table,
    Global,
    Tag,
    Exception,
    CompileError,
    LinkError,
    RuntimeError,
    async compile(bytes) {
      return new Module(bytes);
    },
    async instantiate(source, given) {
      if (source instanceof Module) return new Instance(source, given);
      const module = new Module(source);
      return { module, instance: new Instance(module, given) };
    },
    async compileStreaming(response) {
      return new Module(await (await response).arrayBuffer());
    },
    async instantiateStreaming(response, given) {
      return WebAssembly.instantiate(await (await response).arrayBuffer(), given);
    },
    validate(bytes) {
      return native.validate(bytesOf(bytes));
    },
  };
  [Module, Instance, Memory, Table, Global, Tag, Exception].forEach(tagged);
  Object.defineProperty(WebAssembly, Symbol.toStringTag, { value: "WebAssembly", configurable: true });
  native.setup(Exception.prototype, RuntimeError, CompileError, LinkError);
  WebAssembly.JSTag = wrap(Tag, native.tagJS());
  hidden(globalThis, "WebAssembly", WebAssembly);
})();
