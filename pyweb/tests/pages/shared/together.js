// What the page and its worker both do with databases and channels.
const of = (request) =>
    new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = (event) => {
            event.preventDefault();
            reject(request.error);
        };
    });
const ended = (transaction) =>
    new Promise((resolve) => {
        for (const how of ["complete", "abort"]) transaction.addEventListener(how, () => resolve(how));
    });
const open = (name, version, upgrade = () => {}, log = []) => {
    const request = indexedDB.open(name, version);
    request.onupgradeneeded = (event) => upgrade(request.result, request.transaction, event);
    request.onblocked = () => log.push("blocked");
    return of(request);
};

/** Adds one to the number in a database, so many times, each in a transaction of its own. */
async function count(db, times) {
    for (let i = 0; i < times; i++) {
        const transaction = db.transaction("numbers", "readwrite");
        const store = transaction.objectStore("numbers");
        const get = store.get("n");
        get.onsuccess = () => store.put((get.result ?? 0) + 1, "n");
        await ended(transaction);
    }
}
const counters = (name) => open(name, 1, (db) => db.createObjectStore("numbers"));

const nameOf = async (task) => {
    try {
        return await task();
    } catch (error) {
        return error.name;
    }
};
