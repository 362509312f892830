// indexedDB (https://www.w3.org/TR/IndexedDB/), in memory, one for all threads of a page: databases opened, upgraded,
// deleted. Must not know who keeps what in it (PyScript does: Pyodide's package cache and its storage API).
(() => {
    "use strict";
    const native = globalThis.__native;
    const { encode, decode, compare, next, IDBKeyRange } = native.idbKeys;
    const { Claim, settle, handlers, later, namesOf } = native.idbStores;
    const failure = (message, name) => new DOMException(message, name);

    // ---- what databases there are ----
    const DATABASES = "databases";
    /** Version and stores of a database; undefined when there is none. */
    const contentOf = (name) => {
        const key = encode(name);
        return native.tableRows(DATABASES, key, next(key), 1, 0, 0)[0]?.[1];
    };
    const keepContent = (ticket, name, content) => native.tableWrite(ticket, DATABASES, encode(name), content);
    const allContents = () =>
        native.tableRows(DATABASES, undefined, undefined, Infinity, 0, 0).map(([key, content]) => ({ ...content, name: decode(key)[0] }));
    // For `stored.mjs`, which takes them from one page to the next, unless this page has looked at its own before.
    let used = false;
    Object.assign(native, { idbContents: { all: allContents, keep: keepContent }, databasesWereUsed: () => used });

    const kind = (name, defaults) =>
        ({
            [name]: class extends Event {
                constructor(type, init = {}) {
                    super(type, init);
                    Object.assign(this, { ...defaults, ...init });
                }
            },
        })[name];
    const IDBVersionChangeEvent = kind("IDBVersionChangeEvent", { oldVersion: 0, newVersion: null });
    const versionChange = (type, oldVersion, newVersion) => new IDBVersionChangeEvent(type, { oldVersion, newVersion });

    class IDBOpenDBRequest extends IDBRequest {
        constructor() {
            super();
            handlers(this, ["upgradeneeded", "blocked"]);
        }
    }

    class IDBDatabase extends EventTarget {
        #claim;
        #closing = false;
        #upgrade = null;
        constructor(name, content, claim) {
            super();
            handlers(this, ["close", "versionchange", "error", "abort"]);
            this.name = name;
            this.#claim = claim;
            for (const [key, value] of Object.entries({ _content: content, _transactions: new Set() }))
                Object.defineProperty(this, key, { value, writable: true });
            claim.wanted = (by, { version }) => {
                if (!this.#closing) this.dispatchEvent(versionChange("versionchange", this.version, version));
                if (!this.#closing) native.lockRefuse(by);
            };
        }
        get version() {
            return this._content.version;
        }
        get objectStoreNames() {
            return namesOf(this._content.stores);
        }
        get _closing() {
            return this.#closing;
        }
        /** The transaction that changes the version; without one, no store can be made. */
        _upgrading() {
            if (!this.#upgrade) throw failure("The database is not running a version change transaction.", "InvalidStateError");
            return this.#upgrade;
        }
        set _upgrade(transaction) {
            this.#upgrade = transaction;
        }
        createObjectStore(name, options) {
            const { keyPath = null, autoIncrement = false } = options ?? {};
            const upgrade = this._upgrading();
            if (this._content.stores.some((store) => store.name === String(name)))
                throw failure(`An object store named ${name} exists.`, "ConstraintError");
            const data = { id: native.numbers(1), name: String(name), keyPath, autoIncrement: !!autoIncrement, indexes: [] };
            this._content.stores.push(data);
            return upgrade.objectStore(data.name);
        }
        deleteObjectStore(name) {
            const upgrade = this._upgrading();
            const store = upgrade.objectStore(name);
            this._content.stores = this._content.stores.filter((other) => other.name !== name);
            upgrade._then(() => store._erase());
        }
        transaction(names, mode = "readonly") {
            if (this.#upgrade || this.#closing) throw failure("The database connection is closing.", "InvalidStateError");
            const wanted = [...new Set([names].flat().map(String))].sort();
            const missing = wanted.find((name) => !this.objectStoreNames.contains(name));
            if (missing !== undefined) throw failure(`No objectStore named ${missing} in this database`, "NotFoundError");
            if (!wanted.length) throw failure("The storeNames parameter was empty.", "InvalidAccessError");
            if (!/^read(only|write)$/.test(mode)) throw new TypeError(`'${mode}' is not a mode of transactions`);
            return new IDBTransaction(this, wanted, mode);
        }
        close() {
            this.#closing = true;
            this._rest();
        }
        // A connection is closed once its last transaction is over.
        _rest() {
            if (!this.#closing || this._transactions.size || !this.#claim) return;
            this.#claim.release();
            this.#claim = null;
        }
    }

    // Who is connected to a database has its name, with others; who changes its version has it alone.
    const nameOf = (name) => `c${name}`;
    const claimFor = (request, name, alone, version) => {
        const claim = new Claim([nameOf(name)], alone, alone ? { version } : undefined);
        claim.refused = () => request.dispatchEvent(versionChange("blocked", contentOf(name)?.version ?? 0, version));
        return claim;
    };

    class IDBFactory {
        cmp(a, b) {
            return compare(a, b);
        }
        async databases() {
            used = true;
            return allContents().map(({ name, version }) => ({ name, version }));
        }
        open(name, version) {
            if (version !== undefined && !(version >= 1)) throw new TypeError("The version must be 1 or more.");
            used = true;
            const request = new IDBOpenDBRequest();
            later(() => this.#open(request, String(name), version === undefined ? undefined : Math.floor(version)));
            return request;
        }
        async #open(request, name, version) {
            const isNew = () => {
                const content = contentOf(name);
                return !content || version > content.version;
            };
            let alone = isNew();
            let claim = claimFor(request, name, alone, version ?? 1);
            await claim.granted;
            // Others may have changed it meanwhile.
            while (!alone && isNew()) {
                claim.release();
                alone = true;
                claim = claimFor(request, name, alone, version ?? 1);
                await claim.granted;
            }
            const content = contentOf(name) ?? { version: 0, stores: [] };
            if (version < content.version) {
                claim.release();
                const error = failure(`The requested version (${version}) is less than the existing version (${content.version}).`, "VersionError");
                return settle(request, { error });
            }
            const db = new IDBDatabase(name, content, claim);
            if (isNew()) return this.#upgrade(request, db, claim, version ?? 1);
            if (alone) claim.share();
            settle(request, { result: db });
        }
        #upgrade(request, db, claim, version) {
            const before = db._content;
            const { version: oldVersion } = before;
            db._content = structuredClone({ ...before, version });
            const transaction = new IDBTransaction(db, db.objectStoreNames, "versionchange", claim);
            db._upgrade = transaction;
            transaction._changed = (aborted) => {
                db._upgrade = null;
                if (aborted) {
                    db._content = before;
                    claim.release(true);
                } else {
                    keepContent(claim.ticket, db.name, db._content);
                    claim.share();
                }
            };
            transaction._ended = (aborted) => {
                request.transaction = null;
                if (aborted || db._closing) {
                    if (aborted) db.close();
                    const why = aborted ? "The version change transaction was aborted." : "The connection was closed.";
                    return settle(request, { error: failure(why, "AbortError") });
                }
                settle(request, { result: db });
            };
            Object.assign(request, { readyState: "done", result: db, transaction });
            request.dispatchEvent(versionChange("upgradeneeded", oldVersion, version));
        }
        deleteDatabase(name) {
            used = true;
            const request = new IDBOpenDBRequest();
            later(() => this.#delete(request, String(name)));
            return request;
        }
        async #delete(request, name) {
            const claim = claimFor(request, name, true, null);
            await claim.granted;
            const { version = 0, stores = [] } = contentOf(name) ?? {};
            for (const store of stores)
                for (const table of [store, ...store.indexes.map(({ id }) => ({ id: `${store.id}\0${id}` }))])
                    native.tableErase(undefined, `${name}\0${table.id}`);
            keepContent(undefined, name, undefined);
            claim.release();
            request.readyState = "done";
            request.dispatchEvent(versionChange("success", version, null));
        }
    }

    Object.assign(globalThis, {
        IDBDatabase,
        IDBFactory,
        IDBKeyRange,
        IDBOpenDBRequest,
        IDBVersionChangeEvent,
        indexedDB: new IDBFactory(),
    });
})();
