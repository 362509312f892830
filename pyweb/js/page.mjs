// One page from its address to its text: load, wait until ready, click, wait, test, print. The entry module of
// `pyweb render` and `pyweb test`. The last word is `__native.exit`.
import { hands } from "pyweb://js/hands.mjs";
import { loadPage } from "pyweb://js/load.mjs";
import { checkSelectors, visit } from "pyweb://js/visit.mjs";

const native = globalThis.__native;
const { page, ...asked } = native.config();

/** Ends the run when one of the selectors is none. */
function prepare(document) {
    if (!checkSelectors(document, asked)) native.exit(2);
}

const { document: opened, numbered } = await loadPage(page, prepare);
await visit(asked, numbered, hands, () => opened.toString());
native.exit(0);
