// What a page keeps in its browser, as JSON: from one page of a test to the next. Must not know who asks for it.

// Values as the structured clone algorithm knows them; what JSON has no word for is an object with one key.
const VIEWS = [
    Uint8Array, Uint8ClampedArray, Int8Array, Uint16Array, Int16Array, Uint32Array, Int32Array,
    Float32Array, Float64Array, BigUint64Array, BigInt64Array, DataView,
];
const VIEW_BY_NAME = Object.fromEntries(VIEWS.map((view) => [view.name, view]));

function bytesToText(bytes) {
    let text = "";
    for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
    return btoa(text);
}
const textToBytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

export function encode(value) {
    if (value === undefined) return { undefined: true };
    if (typeof value === "bigint") return { bigint: String(value) };
    if (typeof value === "number" && !(Number.isFinite(value) && !Object.is(value, -0)))
        return { number: Object.is(value, -0) ? "-0" : String(value) };
    if (value === null || typeof value !== "object") return value;
    if (Array.isArray(value)) return { array: value.map(encode) };
    if (value instanceof Date) return { date: value.getTime() };
    if (value instanceof ArrayBuffer) return { bytes: bytesToText(new Uint8Array(value)) };
    if (ArrayBuffer.isView(value)) {
        const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
        return { bytes: bytesToText(bytes), view: value.constructor.name };
    }
    if (value instanceof Blob) return { blob: bytesToText(value._bytes), type: value.type, name: value.name };
    if (value instanceof Map) return { map: [...value].map(encode) };
    if (value instanceof Set) return { set: [...value].map(encode) };
    return { object: Object.entries(value).map(encode) };
}

export function decode(value) {
    if (value === null || typeof value !== "object") return value;
    if ("bigint" in value) return BigInt(value.bigint);
    if ("number" in value) return Number(value.number);
    if ("array" in value) return value.array.map(decode);
    if ("date" in value) return new Date(value.date);
    if ("bytes" in value) {
        const { buffer } = textToBytes(value.bytes);
        return value.view ? new VIEW_BY_NAME[value.view](buffer) : buffer;
    }
    if ("blob" in value) {
        const { type, name } = value;
        const parts = [textToBytes(value.blob)];
        return name === undefined ? new Blob(parts, { type }) : new File(parts, name, { type });
    }
    if ("map" in value) return new Map(value.map.map(decode));
    if ("set" in value) return new Set(value.set.map(decode));
    if ("object" in value) return Object.fromEntries(value.object.map(decode));
    return undefined;
}

const native = globalThis.__native;
const { pack, unpack } = native.messages;
const idb = { ...native.idbContents, ...native.idbKeys };

/** The databases of the page, each with all that is in it. */
export function databasesOut() {
    return idb.all().map(({ name, version, stores }) => ({
        name,
        version,
        stores: stores.map(({ id, ...store }) => {
            const table = `${name}\0${id}`;
            const rows = native.tableRows(table, undefined, undefined, Infinity, 0, 0);
            const at = idb.encode(table);
            return {
                ...store,
                lastKey: native.tableRows("generators", at, idb.next(at), 1, 0, 0)[0]?.[1] ?? 0,
                rows: rows.map(([key, row]) => [encode(idb.decode(key)[0]), encode(unpack(row).data)]),
            };
        }),
    }));
}

/** Makes databases of what `databasesOut` gave. */
export function databasesIn(dumped) {
    for (const { name, version, stores } of dumped) {
        const kept = stores.map(({ rows, lastKey, indexes = [], ...store }) => {
            const id = native.numbers(1);
            const table = `${name}\0${id}`;
            native.tableWrite(undefined, "generators", idb.encode(table), lastKey);
            const data = { ...store, id, indexes: indexes.map((index) => ({ ...index, id: native.numbers(1) })) };
            for (const [key, value] of rows) {
                const [own, row] = [idb.encode(decode(key)), decode(value)];
                native.tableWrite(undefined, table, own, pack(row));
                for (const index of data.indexes)
                    for (const entry of idb.entries(index, own, row)) native.tableWrite(undefined, `${table}\0${index.id}`, entry, true);
            }
            return data;
        });
        idb.keep(undefined, name, { version, stores: kept });
    }
}
