// Dialogs, for which a page stands still: dismissed at once, as a person in a hurry does, unless the test wants to be
// asked. Must not know who asks it.

const native = globalThis.__native;
let asks = false;
let used = false;
let last = 0;

/** Whether the test answers from now on. */
export const setDialogs = (asked) => {
    asks = !!asked;
};

/** Whether the page has opened one yet. */
export const dialogsWereUsed = () => used;

function open(what, message, default_value = "") {
    used = true;
    if (!asks) console.info(`${what}: ${message}`);
    else native.emit({ kind: "dialog", dialog: ++last, what, message, default_value });
    return (asks ? native.answer("dialog_answer") : null) ?? { accept: false };
}

/** What a window opens them by. */
export const dialogs = {
    alert: (message = "") => void open("alert", String(message)),
    confirm: (message = "") => open("confirm", String(message)).accept,
    prompt: (message = "", initial = "") => {
        const { accept, text } = open("prompt", String(message), String(initial ?? ""));
        return accept ? (text ?? String(initial ?? "")) : null;
    },
};
