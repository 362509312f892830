// indexedDB (https://www.w3.org/TR/IndexedDB/), in memory: databases with versions, object stores with keys,
// transactions that complete by themselves, requests, cursors. No secondary indexes and no rollback.
// Must not know who keeps what in it (PyScript does: Pyodide's package cache and its storage API).
(() => {
    "use strict";
    const databases = new Map();
    // For `stored.mjs`, which takes them from one page to the next, unless this page has looked at its own before.
    const native = globalThis.__native;
    let used = false;
    Object.assign(native, { databases, databasesWereUsed: () => used });
    const later = (task) => setTimeout(task, 0);
    const failure = (message, name) => new DOMException(message, name);

    // Keys order as: numbers, dates, strings, binary, arrays.
    const rank = (key) => {
        if (typeof key === "number" && !Number.isNaN(key)) return 0;
        if (key instanceof Date) return 1;
        if (typeof key === "string") return 2;
        if (key instanceof ArrayBuffer || ArrayBuffer.isView(key)) return 3;
        if (Array.isArray(key)) return 4;
        throw failure("The parameter is not a valid key.", "DataError");
    };
    const parts = (key) => (rank(key) === 3 ? [...new Uint8Array(key.buffer ?? key)] : key);
    const cmp = (a, b) => {
        const byRank = rank(a) - rank(b);
        if (byRank) return Math.sign(byRank);
        if (rank(a) < 3) {
            const [x, y] = rank(a) === 1 ? [a.getTime(), b.getTime()] : [a, b];
            return x < y ? -1 : x > y ? 1 : 0;
        }
        const [x, y] = [parts(a), parts(b)];
        for (let i = 0; i < Math.min(x.length, y.length); i++) {
            const order = cmp(x[i], y[i]);
            if (order) return order;
        }
        return Math.sign(x.length - y.length);
    };

    class IDBKeyRange {
        constructor(lower, upper, lowerOpen, upperOpen) {
            Object.assign(this, { lower, upper, lowerOpen: !!lowerOpen, upperOpen: !!upperOpen });
        }
        includes(key) {
            const low = this.lower === undefined ? 1 : cmp(key, this.lower);
            const high = this.upper === undefined ? -1 : cmp(key, this.upper);
            return (low > 0 || (low === 0 && !this.lowerOpen)) && (high < 0 || (high === 0 && !this.upperOpen));
        }
        static only(key) {
            return new IDBKeyRange(key, key, false, false);
        }
        static lowerBound(key, open) {
            return new IDBKeyRange(key, undefined, open, true);
        }
        static upperBound(key, open) {
            return new IDBKeyRange(undefined, key, true, open);
        }
        static bound(lower, upper, lowerOpen, upperOpen) {
            return new IDBKeyRange(lower, upper, lowerOpen, upperOpen);
        }
    }
    const rangeOf = (query) => {
        if (query === undefined || query === null) return null;
        return query instanceof IDBKeyRange ? query : IDBKeyRange.only(query);
    };

    class IDBRequest extends EventTarget {
        onsuccess = null;
        onerror = null;
        readyState = "pending";
        result = undefined;
        error = null;
        transaction = null;
        source = null;
    }
    class IDBOpenDBRequest extends IDBRequest {
        onupgradeneeded = null;
        onblocked = null;
    }
    const succeed = (request, result) => {
        request.readyState = "done";
        request.result = result;
        request.dispatchEvent(new Event("success"));
    };
    const fail = (request, error) => {
        request.readyState = "done";
        request.error = error;
        request.dispatchEvent(new Event("error", { bubbles: true, cancelable: true }));
    };

    // Lives as long as requests are made in it; completes once none is under way.
    class IDBTransaction extends EventTarget {
        oncomplete = null;
        onerror = null;
        onabort = null;
        error = null;
        #pending = 0;
        #done = false;
        constructor(db, names, mode) {
            super();
            Object.assign(this, { db, mode, objectStoreNames: names });
            later(() => this.#settle());
        }
        objectStore(name) {
            const store = this.db._stores.get(name);
            if (!store) throw failure(`No objectStore named ${name} in this database`, "NotFoundError");
            return new IDBObjectStore(this, name, store);
        }
        commit() {}
        abort() {
            this.#done = true;
            later(() => this.dispatchEvent(new Event("abort")));
        }
        _request(source, action, request = new IDBRequest()) {
            if (this.#done) throw failure("The transaction has finished.", "TransactionInactiveError");
            Object.assign(request, { source, transaction: this, readyState: "pending" });
            this.#pending++;
            later(() => {
                try {
                    succeed(request, action());
                } catch (error) {
                    fail(request, error);
                }
                this.#pending--;
                // A handler's promise may ask for more before the transaction is over.
                later(() => this.#settle());
            });
            return request;
        }
        #settle() {
            if (this.#done || this.#pending) return;
            this.#done = true;
            this.dispatchEvent(new Event("complete"));
        }
    }

    class IDBObjectStore {
        #data;
        constructor(transaction, name, data) {
            this.#data = data;
            Object.assign(this, { transaction, name, keyPath: data.keyPath, autoIncrement: data.autoIncrement });
        }
        #rows(query) {
            const range = rangeOf(query);
            return this.#data.rows.filter((row) => !range || range.includes(row.key));
        }
        #request(action) {
            return this.transaction._request(this, action);
        }
        #keyFor(value, key) {
            if (this.keyPath !== null) key = this.keyPath.split(".").reduce((at, part) => at?.[part], value);
            if (key === undefined && this.autoIncrement) {
                key = ++this.#data.lastKey;
                if (this.keyPath !== null) value[this.keyPath] = key;
            }
            rank(key);
            return key;
        }
        #write(value, key, replace) {
            if (this.transaction.mode === "readonly")
                throw failure("The transaction is read-only.", "ReadOnlyError");
            const copy = structuredClone(value);
            const own = this.#keyFor(copy, key);
            return this.#request(() => {
                const { rows } = this.#data;
                const at = rows.findIndex((row) => cmp(row.key, own) >= 0);
                const same = at >= 0 && cmp(rows[at].key, own) === 0;
                if (same && !replace) throw failure("Key already exists in the object store.", "ConstraintError");
                rows.splice(at < 0 ? rows.length : at, same ? 1 : 0, { key: own, value: copy });
                return own;
            });
        }
        put(value, key) {
            return this.#write(value, key, true);
        }
        add(value, key) {
            return this.#write(value, key, false);
        }
        get(query) {
            return this.#request(() => structuredClone(this.#rows(query)[0]?.value));
        }
        getKey(query) {
            return this.#request(() => this.#rows(query)[0]?.key);
        }
        getAll(query, count = Infinity) {
            return this.#request(() => this.#rows(query).slice(0, count).map((row) => structuredClone(row.value)));
        }
        getAllKeys(query, count = Infinity) {
            return this.#request(() => this.#rows(query).slice(0, count).map((row) => row.key));
        }
        count(query) {
            return this.#request(() => this.#rows(query).length);
        }
        delete(query) {
            return this.#request(() => {
                const range = rangeOf(query);
                this.#data.rows = this.#data.rows.filter((row) => !range.includes(row.key));
            });
        }
        clear() {
            return this.#request(() => {
                this.#data.rows = [];
            });
        }
        openCursor(query, direction = "next") {
            return this.#cursor(query, direction, true);
        }
        openKeyCursor(query, direction = "next") {
            return this.#cursor(query, direction, false);
        }
        #cursor(query, direction, withValue) {
            const request = new IDBRequest();
            const step = (after) => {
                const rows = this.#rows(query);
                if (direction.startsWith("prev")) rows.reverse();
                const sign = direction.startsWith("prev") ? -1 : 1;
                const row = rows.find((candidate) => after === undefined || sign * cmp(candidate.key, after) > 0);
                if (!row) return null;
                const again = (from) => void this.transaction._request(this, () => step(from), request);
                return {
                    key: row.key,
                    primaryKey: row.key,
                    value: withValue ? structuredClone(row.value) : undefined,
                    source: this,
                    direction,
                    continue: () => again(row.key),
                    update: (value) => this.put(value, this.keyPath === null ? row.key : undefined),
                    delete: () => this.delete(row.key),
                };
            };
            return this.transaction._request(this, () => step(undefined), request);
        }
    }

    class IDBDatabase extends EventTarget {
        onclose = null;
        onversionchange = null;
        onerror = null;
        onabort = null;
        constructor(name, content) {
            super();
            this.name = name;
            Object.defineProperty(this, "_content", { value: content });
        }
        get version() {
            return this._content.version;
        }
        get _stores() {
            return this._content.stores;
        }
        get objectStoreNames() {
            const names = [...this._stores.keys()].sort();
            return Object.assign(names, { contains: (name) => names.includes(name), item: (i) => names[i] ?? null });
        }
        createObjectStore(name, { keyPath = null, autoIncrement = false } = {}) {
            if (this._stores.has(name)) throw failure(`An object store named ${name} exists.`, "ConstraintError");
            this._stores.set(name, { rows: [], keyPath, autoIncrement, lastKey: 0 });
            return new IDBObjectStore(this._upgrade, name, this._stores.get(name));
        }
        deleteObjectStore(name) {
            this._stores.delete(name);
        }
        transaction(names, mode = "readonly") {
            return new IDBTransaction(this, [].concat(names), mode);
        }
        close() {}
    }

    class IDBFactory {
        cmp(a, b) {
            return cmp(a, b);
        }
        async databases() {
            used = true;
            return [...databases].map(([name, { version }]) => ({ name, version }));
        }
        open(name, version) {
            used = true;
            const request = new IDBOpenDBRequest();
            later(() => {
                const content = databases.get(name) ?? { version: 0, stores: new Map() };
                const wanted = version ?? Math.max(1, content.version);
                if (wanted < content.version)
                    return fail(request, failure("A newer version exists.", "VersionError"));
                databases.set(name, content);
                const db = new IDBDatabase(name, content);
                if (wanted === content.version) return succeed(request, db);
                this.#upgrade(request, db, wanted);
            });
            return request;
        }
        #upgrade(request, db, version) {
            const event = Object.assign(new Event("upgradeneeded"), {
                oldVersion: db._content.version,
                newVersion: version,
            });
            db._content.version = version;
            request.result = db;
            request.transaction = db._upgrade = new IDBTransaction(db, db.objectStoreNames, "versionchange");
            request.transaction.addEventListener("complete", () => {
                request.transaction = null;
                later(() => succeed(request, db));
            });
            request.dispatchEvent(event);
        }
        deleteDatabase(name) {
            used = true;
            const request = new IDBOpenDBRequest();
            later(() => {
                databases.delete(name);
                succeed(request, undefined);
            });
            return request;
        }
    }

    Object.assign(globalThis, {
        IDBCursor: class IDBCursor {},
        IDBDatabase,
        IDBFactory,
        IDBKeyRange,
        IDBObjectStore,
        IDBOpenDBRequest,
        IDBRequest,
        IDBTransaction,
        indexedDB: new IDBFactory(),
    });
})();
