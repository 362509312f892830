// localStorage and sessionStorage (https://html.spec.whatwg.org/#webstorage), empty at the start of every page
// and gone at its end. Must not know files.
(() => {
    "use strict";
    const native = globalThis.__native;
    // Whether the page has looked: what is stored before it loads makes it another page only then.
    native.storageWasUsed = () => used;
    let used = false;
    class Storage {
        #own = new Map();
        get #items() {
            used = true;
            return this.#own;
        }
        get length() {
            return this.#items.size;
        }
        key(index) {
            return [...this.#items.keys()][index] ?? null;
        }
        getItem(key) {
            return this.#items.get(String(key)) ?? null;
        }
        setItem(key, value) {
            this.#items.set(String(key), String(value));
        }
        removeItem(key) {
            this.#items.delete(String(key));
        }
        clear() {
            this.#items.clear();
        }
        _keys() {
            return [...this.#items.keys()];
        }
    }
    // `storage.name` is `storage.getItem("name")`, as long as no method has that name.
    const own = (storage, key) => typeof key === "string" && !(key in Storage.prototype) && storage.getItem(key) !== null;
    const byName = {
        get: (storage, key) => {
            if (own(storage, key)) return storage.getItem(key);
            const value = Reflect.get(storage, key, storage);
            return typeof value === "function" ? value.bind(storage) : value;
        },
        set: (storage, key, value) => {
            storage.setItem(key, value);
            return true;
        },
        has: (storage, key) => own(storage, key) || key in Storage.prototype,
        deleteProperty: (storage, key) => {
            storage.removeItem(key);
            return true;
        },
        ownKeys: (storage) => storage._keys(),
        getOwnPropertyDescriptor: (storage, key) =>
            own(storage, key)
                ? { value: storage.getItem(key), writable: true, enumerable: true, configurable: true }
                : undefined,
    };
    globalThis.Storage = Storage;
    globalThis.localStorage = new Proxy(new Storage(), byName);
    globalThis.sessionStorage = new Proxy(new Storage(), byName);
})();
