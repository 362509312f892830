// Transactions, object stores, indexes and cursors of IndexedDB (https://www.w3.org/TR/IndexedDB/), over the tables and
// locks that all threads of the page have in common. Must not know how databases are opened.
(() => {
    "use strict";
    const native = globalThis.__native;
    const { encode, decode, behind, next, compareBytes, boundsOf, extract, inject } = native.idbKeys;
    const { pack, unpack, listen, handler } = native.messages;
    const { setTimeout, structuredClone } = globalThis;
    const later = (task) => setTimeout(task, 0);
    const failure = (message, name) => new DOMException(message, name);
    const handlers = (target, names) => {
        for (const name of names) handler(target, `on${name}`);
    };

    /** The names of stores or indexes, as a `DOMStringList` has them. */
    const namesOf = (list) => {
        const names = list.map(({ name }) => name).sort();
        const methods = { contains: (name) => names.includes(name), item: (at) => names[at] ?? null };
        for (const [name, value] of Object.entries(methods)) Object.defineProperty(names, name, { value });
        return names;
    };

    // ---- whose turn it is ----
    let port = null;
    const claims = new Map();
    const hear = ({ granted, refused, wanted, by, note }) => {
        if (granted !== undefined) claims.get(granted)?._granted();
        else if (refused !== undefined) claims.get(refused)?.refused();
        else claims.get(wanted)?.wanted(by, JSON.parse(note));
    };
    /** A wish for some names, alone or with others; granted in its turn. */
    class Claim {
        ticket = native.numbers(1);
        refused = () => {};
        wanted = () => {};
        #grant;
        constructor(names, alone, note) {
            if (port === null) {
                [port] = native.portPair();
                listen(port, hear);
            }
            this.granted = new Promise((resolve) => (this.#grant = resolve));
            claims.set(this.ticket, this);
            if (native.lockClaim(this.ticket, port, names, alone ? 1 : 0, note && JSON.stringify(note))) this.#grant();
        }
        _granted() {
            this.#grant();
        }
        share() {
            native.lockShare(this.ticket);
        }
        /** Gives it up; what was written under it stays, or not. */
        release(undo = false) {
            claims.delete(this.ticket);
            native.lockRelease(this.ticket, undo ? 1 : 0);
        }
    }

    // ---- requests ----
    class IDBRequest extends EventTarget {
        readyState = "pending";
        result = undefined;
        error = null;
        transaction = null;
        source = null;
        constructor() {
            super();
            handlers(this, ["success", "error"]);
        }
        get _above() {
            return this.transaction;
        }
    }
    const settle = (request, { result, error = null }) => {
        Object.assign(request, { readyState: "done", result, error });
        const event = error ? new Event("error", { bubbles: true, cancelable: true }) : new Event("success");
        return request.dispatchEvent(event);
    };

    // Lives as long as requests are made in it; completes once none is under way.
    class IDBTransaction extends EventTarget {
        error = null;
        #claim;
        #held = false;
        #scheduled = false;
        #state = "active";
        #queue = [];
        #stores = new Map();
        /** `claim` is one of the whole database, where the transaction changes its version. */
        constructor(db, names, mode, claim = null) {
            super();
            handlers(this, ["complete", "error", "abort"]);
            Object.assign(this, { db, mode, objectStoreNames: names, durability: "default" });
            db._transactions.add(this);
            this.#claim = claim ?? new Claim(names.map((name) => `s${db.name}\0${name}`), mode === "readwrite");
            this.#claim.granted.then(() => {
                this.#held = true;
                this.#schedule();
            });
        }
        get _above() {
            return this.db;
        }
        get _ticket() {
            return this.#claim.ticket;
        }
        objectStore(name) {
            if (this.#state === "done") throw failure("The transaction has finished.", "InvalidStateError");
            const data = this.db._content.stores.find((store) => store.name === name);
            if (!data || (this.mode !== "versionchange" && !this.objectStoreNames.includes(name)))
                throw failure(`No objectStore named ${name} in this database`, "NotFoundError");
            if (!this.#stores.has(data)) this.#stores.set(data, new IDBObjectStore(this, data));
            return this.#stores.get(data);
        }
        commit() {
            this._active();
            this.#state = "finishing";
        }
        abort() {
            if (this.#state === "done") throw failure("The transaction has finished.", "InvalidStateError");
            this.#end(null, true);
        }
        _active() {
            if (this.#state !== "active") throw failure("The transaction has finished.", "TransactionInactiveError");
        }
        _request(source, action, request = new IDBRequest()) {
            this._active();
            Object.assign(request, { source, transaction: this, readyState: "pending" });
            this.#queue.push({ request, action });
            this.#schedule();
            return request;
        }
        /** Does `action` in its turn, of which no request tells. */
        _then(action) {
            this.#queue.push({ request: null, action });
            this.#schedule();
        }
        #schedule() {
            if (!this.#held || this.#scheduled || this.#state === "done") return;
            this.#scheduled = true;
            later(() => {
                this.#scheduled = false;
                if (this.#state !== "done") this.#step();
            });
        }
        // One request, then whatever its handlers and their promises ask for, then the next.
        #step() {
            if (!this.#queue.length) return this.#end(null, false);
            const { request, action } = this.#queue.shift();
            try {
                const result = action();
                if (request) settle(request, { result });
            } catch (error) {
                const goesOn = request && !settle(request, { error });
                if (!goesOn && this.#state !== "done") return this.#end(error, true);
            }
            this.#schedule();
        }
        #end(error, aborted) {
            this.#state = "done";
            this.error = error;
            if (aborted)
                for (const { request } of this.#queue.splice(0))
                    if (request) later(() => settle(request, { error: failure("The transaction was aborted.", "AbortError") }));
            if (this.mode === "versionchange") this._changed(aborted);
            else this.#claim.release(aborted);
            this.db._transactions.delete(this);
            later(() => {
                this.dispatchEvent(new Event(aborted ? "abort" : "complete", { bubbles: aborted }));
                this._ended?.(aborted);
            });
            this.db._rest();
        }
    }

    // ---- rows ----
    // What can be read by key; a store's own rows, or those of an index, which lead to the store's.
    class Rows {
        #request(action) {
            return this.transaction._request(this, action);
        }
        _read([low, high], limit, backwards = false, keysOnly = false) {
            const rows = native.tableRows(this._table, low, high, limit, backwards ? 1 : 0, keysOnly ? 1 : 0);
            return rows.map(([bytes, row]) => this._entry(new Uint8Array(bytes), row, keysOnly));
        }
        #one(query, name) {
            const bounds = boundsOf(query, true);
            return this.#request(() => this._read(bounds, 1, false, name !== "value")[0]?.[name]);
        }
        #all(query, count, name) {
            const bounds = boundsOf(query);
            return this.#request(() => this._read(bounds, count || Infinity, false, name !== "value").map((entry) => entry[name]));
        }
        get(query) {
            return this.#one(query, "value");
        }
        getKey(query) {
            return this.#one(query, "primaryKey");
        }
        getAll(query, count) {
            return this.#all(query, count, "value");
        }
        getAllKeys(query, count) {
            return this.#all(query, count, "primaryKey");
        }
        count(query) {
            const [low, high] = boundsOf(query);
            return this.#request(() => native.tableCount(this._table, low, high));
        }
        openCursor(query, direction = "next") {
            return new IDBCursorWithValue(this, boundsOf(query), direction)._open();
        }
        openKeyCursor(query, direction = "next") {
            return new IDBCursor(this, boundsOf(query), direction)._open();
        }
    }

    const isKey = (value) => {
        try {
            return !!encode(value);
        } catch {
            return false;
        }
    };
    // The bytes of the keys under which an index has `value`.
    const indexed = ({ keyPath, multiEntry }, value) => {
        const found = extract(value, keyPath);
        const keys = multiEntry && Array.isArray(found) ? found : [found];
        return [...new Map(keys.filter(isKey).map((key) => [encode(key).join(), encode(key)])).values()];
    };
    /** The keys of an index's rows for `value`, which a store has at the bytes `own`. */
    native.idbKeys.entries = (index, own, value) => indexed(index, value).map((bytes) => new Uint8Array([...bytes, ...own]));
    const { entries } = native.idbKeys;

    class IDBIndex extends Rows {
        constructor(objectStore, data) {
            super();
            const { name, keyPath, unique, multiEntry } = data;
            Object.assign(this, { objectStore, name, keyPath, unique, multiEntry });
            Object.defineProperty(this, "_table", { value: objectStore._tableOf(data) });
        }
        get transaction() {
            return this.objectStore.transaction;
        }
        _entry(position, row, keysOnly) {
            const [key, primaryKey] = decode(position);
            return { position, key, primaryKey, value: keysOnly ? undefined : this.objectStore._value(encode(primaryKey)) };
        }
    }

    class IDBObjectStore extends Rows {
        #data;
        constructor(transaction, data) {
            super();
            this.#data = data;
            const { name, keyPath, autoIncrement } = data;
            Object.assign(this, { transaction, name, keyPath, autoIncrement });
            Object.defineProperty(this, "_table", { value: `${transaction.db.name}\0${data.id}` });
        }
        get indexNames() {
            return namesOf(this.#data.indexes);
        }
        _tableOf({ id }) {
            return `${this._table}\0${id}`;
        }
        _entry(position, row) {
            const [key] = decode(position);
            return { position, key, primaryKey: key, value: row === undefined ? undefined : unpack(row).data };
        }
        _value(bytes) {
            return this._read([bytes, next(bytes)], 1)[0]?.value;
        }
        #writable() {
            this.transaction._active();
            if (this.transaction.mode === "readonly") throw failure("The transaction is read-only.", "ReadOnlyError");
        }
        // The key that `value` will have; undefined where one is to be made up.
        #keyOf(value, key) {
            const given = this.keyPath === null ? key : extract(value, this.keyPath);
            const needs = (holds, message) => {
                if (!holds) throw failure(message, "DataError");
            };
            needs(this.keyPath === null || key === undefined, "The object store uses in-line keys and the key parameter was provided.");
            needs(given !== undefined || this.autoIncrement, "Evaluating the object store's key path did not yield a value.");
            if (given !== undefined) encode(given);
            return given;
        }
        // The last key that was made up, or a greater one that was given.
        get #lastKey() {
            const at = encode(this._table);
            return native.tableRows("generators", at, next(at), 1, 0, 0)[0]?.[1] ?? 0;
        }
        #noteKey(key) {
            if (!this.autoIncrement || typeof key !== "number" || key <= this.#lastKey) return;
            native.tableWrite(this.transaction._ticket, "generators", encode(this._table), Math.floor(key));
        }
        #write(value, key, replaces) {
            this.#writable();
            const copy = structuredClone(value);
            const given = this.#keyOf(copy, key);
            return this.transaction._request(this, () => {
                const own = given ?? this.#lastKey + 1;
                if (given === undefined && this.keyPath !== null) inject(copy, this.keyPath, own);
                const bytes = encode(own);
                const [before] = this._read([bytes, next(bytes)], 1);
                if (before && !replaces) throw failure("Key already exists in the object store.", "ConstraintError");
                for (const index of this.#data.indexes) this.#checkUnique(index, bytes, copy);
                if (before) this.#unindex(before);
                for (const index of this.#data.indexes) this.#index(index, bytes, copy);
                native.tableWrite(this.transaction._ticket, this._table, bytes, pack(copy));
                this.#noteKey(own);
                return own;
            });
        }
        #checkUnique(index, own, value) {
            if (!index.unique) return;
            for (const bytes of indexed(index, value)) {
                const found = native.tableRows(this._tableOf(index), bytes, behind(bytes), 2, 0, 1);
                if (found.some(([entry]) => compareBytes(new Uint8Array(entry).subarray(bytes.length), own)))
                    throw failure(`A key of the unique index ${index.name} already exists.`, "ConstraintError");
            }
        }
        #index(index, own, value) {
            this.#entries(index, own, value, true);
        }
        #unindex({ position, value }) {
            for (const index of this.#data.indexes) this.#entries(index, position, value, undefined);
        }
        #entries(index, own, value, row) {
            for (const entry of entries(index, own, value))
                native.tableWrite(this.transaction._ticket, this._tableOf(index), entry, row);
        }
        put(value, key) {
            return this.#write(value, key, true);
        }
        add(value, key) {
            return this.#write(value, key, false);
        }
        delete(query) {
            this.#writable();
            const [low, high] = boundsOf(query, true);
            return this.transaction._request(this, () => {
                if (this.#data.indexes.length) for (const entry of this._read([low, high], Infinity)) this.#unindex(entry);
                native.tableErase(this.transaction._ticket, this._table, low, high);
            });
        }
        clear() {
            this.#writable();
            return this.transaction._request(this, () => this._erase());
        }
        _erase() {
            const tables = [this._table, ...this.#data.indexes.map((index) => this._tableOf(index))];
            for (const table of tables) native.tableErase(this.transaction._ticket, table);
        }
        index(name) {
            const data = this.#data.indexes.find((index) => index.name === name);
            if (!data) throw failure(`No index named ${name} in this object store`, "NotFoundError");
            return new IDBIndex(this, data);
        }
        createIndex(name, keyPath, { unique = false, multiEntry = false } = {}) {
            this.transaction.db._upgrading();
            if (this.#data.indexes.some((index) => index.name === String(name)))
                throw failure(`An index named ${name} exists.`, "ConstraintError");
            const data = { id: native.numbers(1), name: String(name), keyPath, unique: !!unique, multiEntry: !!multiEntry };
            this.#data.indexes.push(data);
            this.transaction._then(() => {
                for (const { position, value } of this._read([], Infinity)) {
                    this.#checkUnique(data, position, value);
                    this.#index(data, position, value);
                }
            });
            return new IDBIndex(this, data);
        }
        deleteIndex(name) {
            this.transaction.db._upgrading();
            const at = this.#data.indexes.findIndex((index) => index.name === name);
            if (at < 0) throw failure(`No index named ${name} in this object store`, "NotFoundError");
            const [data] = this.#data.indexes.splice(at, 1);
            this.transaction._then(() => native.tableErase(this.transaction._ticket, this._tableOf(data)));
        }
    }

    // ---- cursors ----
    class IDBCursor {
        #bounds;
        #position = null;
        #got = false;
        constructor(source, bounds, direction) {
            if (!/^(next|prev)(unique)?$/.test(direction)) throw new TypeError(`'${direction}' is not a direction of cursors`);
            this.#bounds = bounds;
            Object.assign(this, { source, direction, request: new IDBRequest(), key: undefined, primaryKey: undefined });
        }
        get _keysOnly() {
            return true;
        }
        get #backwards() {
            return this.direction.startsWith("prev");
        }
        get #store() {
            return this.source.objectStore ?? this.source;
        }
        _open() {
            return this.source.transaction._request(this.source, () => this.#move(1), this.request);
        }
        // From where the cursor is, on or back, past all of its key where keys are to be unique; from `to` on.
        #rest(to) {
            let [low, high] = this.#bounds;
            const unique = this.direction.endsWith("unique");
            if (this.#position) {
                const own = encode(this.key);
                if (this.#backwards) high = unique ? own : this.#position;
                else low = unique ? behind(own) : next(this.#position);
            }
            if (to && this.#backwards && !(high && compareBytes(high, behind(to)) < 0)) high = behind(to);
            if (to && !this.#backwards && !(low && compareBytes(low, to) > 0)) low = to;
            return [low, high];
        }
        #find(to) {
            const [entry] = this.source._read(this.#rest(to), 1, this.#backwards, this._keysOnly);
            if (!entry || this.direction !== "prevunique") return entry;
            const own = encode(entry.key);
            return this.source._read([own, behind(own)], 1, false, this._keysOnly)[0];
        }
        #move(count, to) {
            for (let moved = 0; moved < count; moved++) {
                const entry = this.#find(to);
                if (!entry) return null;
                this.#position = entry.position;
                this._show(entry);
            }
            this.#got = true;
            return this;
        }
        _show({ key, primaryKey }) {
            Object.assign(this, { key, primaryKey });
        }
        #again(count, to) {
            this.source.transaction._active();
            if (!this.#got) throw failure("The cursor is being iterated or has iterated past its end.", "InvalidStateError");
            this.#got = false;
            this.source.transaction._request(this.source, () => this.#move(count, to), this.request);
        }
        continue(key) {
            if (key === undefined) return this.#again(1);
            const to = encode(key);
            const order = compareBytes(to, encode(this.key));
            if (this.#backwards ? order >= 0 : order <= 0) throw failure("The parameter is not beyond the cursor's key.", "DataError");
            this.#again(1, to);
        }
        continuePrimaryKey(key, primaryKey) {
            if (!this.source.objectStore) throw failure("The cursor's source is not an index.", "InvalidAccessError");
            this.#again(1, encode(key, primaryKey));
        }
        advance(count) {
            if (!(count >= 1)) throw new TypeError("A count argument with value 0 or less was supplied.");
            this.#again(count);
        }
        update(value) {
            const store = this.#store;
            return store.put(value, store.keyPath === null ? this.primaryKey : undefined);
        }
        delete() {
            return this.#store.delete(this.primaryKey);
        }
    }
    class IDBCursorWithValue extends IDBCursor {
        value = undefined;
        get _keysOnly() {
            return false;
        }
        _show(entry) {
            super._show(entry);
            this.value = entry.value;
        }
    }

    native.idbStores = { Claim, settle, handlers, later, namesOf };
    Object.assign(globalThis, { IDBCursor, IDBCursorWithValue, IDBIndex, IDBObjectStore, IDBRequest, IDBTransaction });
})();
