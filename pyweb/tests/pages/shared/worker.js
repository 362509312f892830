importScripts("together.js");

const channel = new BroadcastChannel("all");
channel.onmessage = ({ data }) => {
    if (data.ping) channel.postMessage({ pong: data.ping, bytes: new Uint8Array([1, 2]), at: data.at });
};
let held = null;
const TASKS = {
    count: async ({ name, times }) => {
        const db = await counters(name);
        await count(db, times);
        db.close();
    },
    // Keeps the database open, and closes it when it is wanted, or not.
    hold: async ({ name, gives }) => {
        held = await open(name);
        held.onversionchange = ({ oldVersion, newVersion }) => {
            postMessage({ wanted: [oldVersion, newVersion] });
            if (gives) held.close();
        };
    },
    let: async () => held.close(),
    // Is stopped in the middle of a transaction.
    die: async ({ name }) => {
        const db = await counters(name);
        const store = db.transaction("numbers", "readwrite").objectStore("numbers");
        await of(store.put(1000, "n"));
        const again = () => (store.get("n").onsuccess = again);
        again();
    },
};
onmessage = async ({ data }) => {
    await TASKS[data.task](data);
    postMessage({ done: data.task });
};
