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
    if ("map" in value) return new Map(value.map.map(decode));
    if ("set" in value) return new Set(value.set.map(decode));
    if ("object" in value) return Object.fromEntries(value.object.map(decode));
    return undefined;
}

const { databases } = globalThis.__native;

/** The databases of the page, each with all that is in it. */
export function databasesOut() {
    return [...databases].map(([name, { version, stores }]) => ({
        name,
        version,
        stores: [...stores].map(([store, { rows, ...rest }]) => ({
            ...rest,
            name: store,
            rows: rows.map(({ key, value }) => [encode(key), encode(value)]),
        })),
    }));
}

/** Makes databases of what `databasesOut` gave. */
export function databasesIn(dumped) {
    for (const { name, version, stores } of dumped) {
        const filled = stores.map(({ name: store, rows, ...rest }) => [
            store,
            { ...rest, rows: rows.map(([key, value]) => ({ key: decode(key), value: decode(value) })) },
        ]);
        databases.set(name, { version, stores: new Map(filled) });
    }
}
