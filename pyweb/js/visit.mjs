// One visit to a page that is ready: click, wait, test, print. Must not know which browser that is; `hands` do.
import { runTests, settled } from "pyweb://js/python.mjs";

const { emit } = globalThis.__native;

/** Tells of selectors that are none; whether all are some. */
export function checkSelectors(document, { clicks, wait }) {
    for (const selector of [...clicks, ...(wait ? [wait] : [])]) {
        try {
            document.querySelector(selector);
        } catch (error) {
            emit({ kind: "bad-selector", selector, message: String(error?.message ?? error) });
            return false;
        }
    }
    return true;
}

/** The element that `selector` matches, as soon as there is one that `accepts` takes. */
async function appearance(selector, hands, accepts = () => true) {
    for (;;) {
        const element = document.querySelector(selector);
        if (element && accepts(element)) return element;
        await hands.pause(5);
    }
}

/** Does with the page what was asked for; `markup` gives its text at the end. */
export async function visit({ wait, clicks, tests }, numbered, hands, markup) {
    for (const selector of clicks) {
        emit({ kind: "step", text: `--click ${selector}` });
        await hands.click(await appearance(selector, hands, (element) => !element.disabled), {});
        await settled();
    }
    if (wait) {
        emit({ kind: "step", text: `--wait ${wait}` });
        await appearance(wait, hands);
    }
    if (tests.length && numbered?.interpreters.size) await runTests(tests, numbered);
    emit({ kind: "rendered", html: markup() });
}
