// What `__native` is in pyweb's own browser, in Chromium: a way to tell the one at the other end of the debugger's
// wire, and to read the site's files whatever a test puts in the place of the network. Must not know who listens.

/** The natives that a page in Chromium has; gone from the global scope once our own scripts have run. */
export const native = globalThis.__native;

const { binding, token } = native.config();
const tell = globalThis[binding];
delete globalThis[binding];
const { stringify } = JSON;
const { XMLHttpRequest } = globalThis;
let numbers = 0;

Object.assign(native, {
    emit: (event) => tell(stringify(event)),
    // Workers are Chromium's own, and are told nothing.
    forWorkers: {},
    exit: (code) => native.emit({ kind: "exit", code }),
    now: performance.now.bind(performance),
    numbers: (count) => {
        numbers += count;
        return numbers - count;
    },
    print: (level, text) => native.emit({ kind: "console", level: level === "log" ? "info" : level, text }),
    read: (url) => {
        const request = new XMLHttpRequest();
        request.open("GET", url, false);
        request.setRequestHeader("x-pyweb-read", token);
        try {
            request.send();
        } catch {
            return null;
        }
        return request.status === 200 ? new TextEncoder().encode(request.responseText).buffer : null;
    },
});
