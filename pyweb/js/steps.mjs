// The steps of a test on one page: what a person does, what can be read, what is expected, each waiting until the
// page is that far. `hands` do in this engine what a person's do. Runs in any browser: it stands on the DOM alone.
import { look } from "pyweb://js/expect.mjs";
import { acceptor, described, isDisabled, isVisible, locate, StepError } from "pyweb://js/locate.mjs";

const DEFAULT_TIMEOUT_MS = 5000;
// How long to wait between looks: not at all at first, for most pages are done by then.
const PAUSES_MS = [0, 1, 2, 5, 10, 20, 50];

/** Looks again and again until `glance` answers `{done: true}`; what it says last is why time ran out. */
async function until(step, hands, glance) {
    const limit = step.timeout_ms ?? DEFAULT_TIMEOUT_MS;
    const began = hands.now();
    for (let round = 0; ; round++) {
        const { done, value, why } = glance();
        if (done) return value;
        if (hands.now() - began >= limit) throw new StepError("timeout", `${why} (waited ${limit} ms)`);
        await hands.pause(PAUSES_MS[Math.min(round, PAUSES_MS.length - 1)]);
    }
}

const isEditable = (element) =>
    element.isContentEditable === true || (/^(INPUT|SELECT|TEXTAREA)$/.test(element.tagName) && !element.readOnly);

/** The one element that the locator means, once it is ready for what a person would do to it. */
function target(step, hands, { acts = true, edits = false, points = false } = {}) {
    const name = described(step.locator);
    return until(step, hands, () => {
        const found = locate(step.locator);
        if (found.length > 1) {
            const shown = found.slice(0, 3).map((element) => element.cloneNode(false).outerHTML);
            const message = `${name} finds ${found.length} elements, not one: ${shown.join(" ")}; add .first or a closer locator`;
            throw new StepError("strict_mode", message);
        }
        const [element] = found;
        if (!element) return { why: `${name} finds nothing` };
        if (!acts || step.force) return { done: true, value: element };
        if (!isVisible(element)) return { why: `${name} is not visible` };
        if (isDisabled(element)) return { why: `${name} is disabled` };
        if (edits && !isEditable(element)) return { why: `${name} cannot be edited` };
        // Where nothing is laid out, nothing lies on top of anything.
        const hindrance = points && hands.hindrance?.(element);
        if (hindrance) return { why: `${name} ${hindrance}` };
        return { done: true, value: element };
    });
}

const plain = (value) => (value === undefined ? null : JSON.parse(JSON.stringify(value) ?? "null"));

const textsOf = (elements) => elements.map((element) => element.textContent);
const shownText = (element) => element.innerText ?? element.textContent;

// What can be read of one element, which is waited for.
const OF_ONE = {
    attribute: (element, { name }) => element.getAttribute(name),
    inner_html: (element) => element.innerHTML,
    inner_text: shownText,
    input_value: (element) => element.value ?? null,
    is_checked: (element) => element.checked === true || element.getAttribute("aria-checked") === "true",
    is_disabled: isDisabled,
    is_editable: (element) => isEditable(element) && !isDisabled(element),
    is_enabled: (element) => !isDisabled(element),
    text_content: (element) => element.textContent,
};

// What can be read of however many there are now.
const OF_ALL = {
    all_inner_texts: (elements) => elements.map(shownText),
    all_text_contents: textsOf,
    count: (elements) => elements.length,
    is_hidden: ([element]) => !element || !isVisible(element),
    is_visible: ([element]) => !!element && isVisible(element),
};

async function read(step, hands) {
    if (step.what in OF_ALL) return OF_ALL[step.what](locate(step.locator));
    if (!(step.what in OF_ONE)) throw new StepError("bad_step", `nothing to read by that name: ${step.what}`);
    return OF_ONE[step.what](await target(step, hands, { acts: false }), step);
}

function expectation(step, hands) {
    const { negated = false, matcher, locator } = step;
    const shown = (value) => (typeof value === "object" ? JSON.stringify(value) : String(JSON.stringify(value)));
    return until(step, hands, () => {
        const { holds, got } = look(step, locator ? locate(locator) : []);
        if (holds !== negated) return { done: true };
        const wanted = step.expected === undefined ? "" : ` ${shown(step.expected)}`;
        const subject = locator ? described(locator) : "the page";
        const claim = `${negated ? "not " : ""}${matcher.replaceAll("_", " ")}${wanted}`;
        return { why: `expected ${subject} ${claim}, got ${shown(got ?? null)}` };
    }).catch((error) => {
        throw error.code === "timeout" ? new StepError("expected", error.message) : error;
    });
}

const STATES = {
    attached: (elements) => elements.length > 0,
    detached: (elements) => elements.length === 0,
    hidden: (elements) => !elements.some(isVisible),
    visible: (elements) => elements.some(isVisible),
};

function waitFor(step, hands) {
    const { state = "visible" } = step;
    if (!(state in STATES)) throw new StepError("bad_step", `no state of elements: ${state}`);
    const why = `${described(step.locator)} is not ${state}`;
    return until(step, hands, () => ({ done: STATES[state](locate(step.locator)), why }));
}

// Playwright's argument: a function's source is called, an expression is its own value.
async function evaluate(step, hands) {
    const value = hands.evaluate(step.expression);
    if (typeof value !== "function") return plain(await value);
    const element = step.locator ? [await target(step, hands, { acts: false })] : [];
    return plain(await value(...element, step.argument));
}

async function setChecked(step, hands) {
    const element = await target(step, hands, { points: true });
    if (element.checked !== step.checked) await hands.click(element, step);
    if (element.checked !== step.checked)
        throw new StepError("unchanged", `${described(step.locator)} did not become ${step.checked ? "" : "un"}checked`);
}

const choiceOf = (options) => (wanted) => {
    const fits = (option, index) =>
        (wanted.value !== undefined && option.value === wanted.value) ||
        (wanted.label !== undefined && option.label === wanted.label) ||
        (wanted.either !== undefined && (option.value === wanted.either || option.text === wanted.either)) ||
        wanted.index === index;
    return options.find(fits);
};

async function selectOption(step, hands) {
    const select = await target(step, hands);
    if (select.tagName !== "SELECT") throw new StepError("bad_step", `${described(step.locator)} is no <select>`);
    const chosen = await until(step, hands, () => {
        const value = step.values.map(choiceOf([...select.options]));
        return { done: value.every(Boolean), value, why: `${described(step.locator)} has no such option` };
    });
    await hands.select(select, chosen);
    return [...select.selectedOptions].map((option) => option.value);
}

// Playwright's files: each with its name, its media type and its content.
async function setInputFiles(step, hands) {
    const found = await target(step, hands, { acts: false });
    const input = found.tagName === "LABEL" ? found.control : found;
    if (input?.tagName !== "INPUT" || input.type !== "file")
        throw new StepError("bad_step", `${described(step.locator)} takes no files`);
    if (step.files.length > 1 && !input.multiple) throw new StepError("bad_step", `${described(step.locator)} takes one file alone`);
    const transfer = new DataTransfer();
    for (const { name, type = "", content } of step.files)
        transfer.items.add(new File([Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0))], name, { type }));
    input.files = transfer.files;
    for (const type of ["input", "change"]) input.dispatchEvent(new Event(type, { bubbles: true, composed: type === "input" }));
}

// What can be dragged as a thing is told by events alone, for no browser lets a program drag it; all else is the mouse's.
async function drag(step, hands) {
    const from = await target(step, hands, { points: true });
    const to = await target({ ...step, locator: step.to }, hands, { points: true });
    const thing = from.closest('[draggable="true"]');
    if (!thing) return void (await hands.drag(from, to));
    const dataTransfer = new DataTransfer();
    const tell = (element, type) =>
        element.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, composed: true, dataTransfer }));
    if (!tell(thing, "dragstart")) return;
    tell(thing, "drag");
    tell(to, "dragenter");
    if (!tell(to, "dragover")) tell(to, "drop");
    tell(thing, "dragend");
}

const onTarget = (act, needs) => async (step, hands) => {
    await act(await target(step, hands, needs), step, hands);
};

const STEPS = {
    blur: onTarget((element) => element.blur(), { acts: false }),
    click: onTarget((element, step, hands) => !step.trial && hands.click(element, step), { points: true }),
    content: () => `<!DOCTYPE html>${document.documentElement.outerHTML}`,
    dblclick: onTarget((element, step, hands) => !step.trial && hands.doubleClick(element, step), { points: true }),
    dispatch_event: onTarget(
        (element, { type, init }) =>
            element.dispatchEvent(Object.assign(new Event(type, { bubbles: true, cancelable: true, composed: true }), init)),
        { acts: false },
    ),
    drag,
    evaluate,
    evaluate_all: async (step, hands) => plain(await hands.evaluate(step.expression)(locate(step.locator), step.argument)),
    expect: expectation,
    fill: onTarget((element, { value }, hands) => hands.fill(element, String(value)), { edits: true }),
    focus: onTarget((element) => element.focus(), { acts: false }),
    hover: onTarget((element, _, hands) => hands.hover(element), { points: true }),
    insert_text: ({ text }, hands) => hands.insertText(text),
    key_down: ({ key }, hands) => hands.keyDown(key),
    key_up: ({ key }, hands) => hands.keyUp(key),
    press: async (step, hands) => {
        if (step.locator) (await target(step, hands, { acts: false })).focus();
        await hands.press(step.key);
    },
    read,
    scroll_into_view: onTarget((element) => element.scrollIntoView({ block: "center" }), { acts: false }),
    select_option: selectOption,
    select_text: onTarget((element, _, hands) => hands.selectText(element)),
    set_checked: setChecked,
    set_input_files: setInputFiles,
    title: () => document.title,
    type: async (step, hands) => {
        if (step.locator) (await target(step, hands, { acts: false })).focus();
        for (const key of step.text) await hands.press(key === "\n" ? "Enter" : key);
    },
    url: () => location.href,
    wait_for: waitFor,
    wait_for_function: (step, hands) =>
        until(step, hands, () => {
            const value = hands.evaluate(step.expression);
            const answer = typeof value === "function" ? value(step.argument) : value;
            return { done: !!answer, value: plain(answer), why: `never true: ${step.expression}` };
        }),
    wait_for_url: (step, hands) => {
        const accepts = acceptor(step.url, true);
        return until(step, hands, () => ({ done: accepts(location.href), why: `the page is at ${location.href}` }));
    },
};

/** Carries out one step; its value, or a `StepError`. */
export async function perform(step, hands) {
    const act = STEPS[step.step];
    if (!act) throw new StepError("bad_step", `no step on a page: ${step.step}`);
    const value = await act(step, hands);
    await hands.rest();
    return value ?? null;
}
