// One page from its address to its text: load, wait until ready, click, wait, test, print. The entry module of
// `pyweb render` and `pyweb test`. The last word is `__native.exit`.
import { loadPage } from "pyweb://js/load.mjs";
import { runTests, settled } from "pyweb://js/python.mjs";
import { userClick } from "pyweb://js/user.mjs";

const native = globalThis.__native;
const emit = (event) => native.emit(event);
const { page, wait, clicks, tests } = native.config();

/** The element that `selector` matches, as soon as there is one that `accepts` takes. */
async function appearance(selector, accepts = () => true) {
    for (;;) {
        const element = document.querySelector(selector);
        if (element && accepts(element)) return element;
        await new Promise((resolve) => setTimeout(resolve, 5));
    }
}

/** Ends the run when one of the selectors is none. */
function checkSelectors(document) {
    for (const selector of [...clicks, ...(wait ? [wait] : [])]) {
        try {
            document.querySelector(selector);
        } catch (error) {
            emit({ kind: "bad-selector", selector, message: String(error?.message ?? error) });
            native.exit(2);
        }
    }
}

const { document: opened, numbered } = await loadPage(page, checkSelectors);
for (const selector of clicks) {
    emit({ kind: "step", text: `--click ${selector}` });
    userClick(await appearance(selector, (element) => !element.disabled));
    await settled();
}
if (wait) {
    emit({ kind: "step", text: `--wait ${wait}` });
    await appearance(wait);
}
if (tests.length && numbered?.interpreters.size) await runTests(tests, numbered);
emit({ kind: "rendered", html: opened.toString() });
native.exit(0);
