// The assertions of Playwright's `expect`, each as one look at the page. Who asks repeats it until it holds.
// Runs in any browser: it stands on the DOM alone.
import { acceptor, descriptionOf, isDisabled, isVisible, nameOf, roleOf, StepError } from "pyweb://js/locate.mjs";

const texts = (elements, own) => elements.map((element) => own(element) ?? "");
const textOf = (element) => element.textContent;
const textBy = ({ use_inner_text: inner }) => (inner ? (element) => element.innerText ?? element.textContent : textOf);

// A list must match element by element, one pattern all of the only element.
const matchTexts = (elements, expected, { own = textOf, part = false, ignore_case: folded = false }) => {
    const accepts = (pattern) => {
        const test = acceptor(folded && typeof pattern === "string" ? pattern.toLowerCase() : pattern, !part);
        const exactPart = (text) => text.trim().replace(/\s+/g, " ").includes(String(pattern).trim().replace(/\s+/g, " "));
        const accept = part && typeof pattern === "string" && !folded ? exactPart : test;
        return (text) => accept(folded ? text.toLowerCase() : text);
    };
    const got = texts(elements, own);
    if (!Array.isArray(expected)) return { holds: got.length > 0 && accepts(expected)(got[0]), got: got[0] };
    if (!part) return { holds: got.length === expected.length && expected.every((p, i) => accepts(p)(got[i])), got };
    // Parts may leave elements out, but not change places.
    let at = 0;
    for (const text of got) if (at < expected.length && accepts(expected[at])(text)) at++;
    return { holds: at === expected.length, got };
};

const isEditable = (element) =>
    element.isContentEditable === true || (/^(INPUT|SELECT|TEXTAREA)$/.test(element.tagName) && !element.readOnly);

const state = (test, words = null) => ([element]) => ({
    holds: element !== undefined && test(element),
    got: element === undefined ? "no element" : (words?.[Number(test(element))] ?? test(element)),
});

const attribute = (name) => (element) => element.getAttribute(name);
const valuesOf = (select) => [...select.selectedOptions].map((option) => option.value);

// Each: (elements, expected, options) to `{holds, got}`.
const OF_ELEMENTS = {
    to_be_attached: ([element], expected = true) => ({ holds: !!element === expected, got: element ? "attached" : "not attached" }),
    to_be_checked: ([element], _, { indeterminate = false }) => {
        const given = element?.getAttribute("aria-checked");
        const mixed = element?.indeterminate === true || given === "mixed";
        const checked = mixed ? "indeterminate" : element?.checked === true || given === "true" ? "checked" : "not checked";
        return { holds: checked === (indeterminate ? "indeterminate" : "checked"), got: element ? checked : "no element" };
    },
    to_be_disabled: state(isDisabled, ["enabled", "disabled"]),
    to_be_editable: state((element) => isEditable(element) && !isDisabled(element)),
    to_be_empty: state((element) => (/^(INPUT|TEXTAREA)$/.test(element.tagName) ? element.value === "" : textOf(element) === "")),
    to_be_enabled: state((element) => !isDisabled(element), ["disabled", "enabled"]),
    to_be_focused: state((element) => document.activeElement === element, ["not focused", "focused"]),
    to_be_hidden: ([element]) => ({ holds: !element || !isVisible(element), got: element && isVisible(element) ? "visible" : "hidden" }),
    to_be_visible: state(isVisible, ["hidden", "visible"]),
    to_contain_class: ([element], expected) => {
        const classes = String(expected).split(/\s+/).filter(Boolean);
        return { holds: !!element && classes.every((name) => element.classList.contains(name)), got: element?.className };
    },
    to_contain_text: (elements, expected, options) => matchTexts(elements, expected, { ...options, own: textBy(options), part: true }),
    to_have_accessible_description: (elements, expected, options) => matchTexts(elements, expected, { ...options, own: descriptionOf }),
    to_have_accessible_name: (elements, expected, options) => matchTexts(elements, expected, { ...options, own: nameOf }),
    to_have_attribute: (elements, expected, { name, ...options }) => {
        if (expected === undefined) return { holds: !!elements[0]?.hasAttribute(name), got: elements[0]?.getAttribute(name) };
        const [element] = elements;
        return matchTexts(element?.hasAttribute(name) ? [element] : [], expected, { ...options, own: attribute(name) });
    },
    to_have_class: (elements, expected, options) => matchTexts(elements, expected, { ...options, own: attribute("class") }),
    to_have_count: (elements, expected) => ({ holds: elements.length === expected, got: elements.length }),
    to_have_css: ([element], expected, { name }) => {
        const got = element && getComputedStyle(element).getPropertyValue(name);
        return { holds: got !== undefined && acceptor(expected, true)(got), got };
    },
    to_have_id: (elements, expected) => matchTexts(elements, expected, { own: attribute("id") }),
    to_have_js_property: ([element], expected, { name }) => {
        const got = element?.[name];
        return { holds: JSON.stringify(got) === JSON.stringify(expected), got };
    },
    to_have_role: ([element], expected) => ({ holds: !!element && roleOf(element) === expected, got: element ? roleOf(element) : "no element" }),
    to_have_text: (elements, expected, options) => matchTexts(elements, expected, { ...options, own: textBy(options) }),
    to_have_value: (elements, expected) => matchTexts(elements, expected, { own: (element) => element.value }),
    to_have_values: ([element], expected) => {
        const got = element ? valuesOf(element) : [];
        const fits = got.length === expected.length && expected.every((pattern, i) => acceptor(pattern, true)(got[i]));
        return { holds: fits, got };
    },
};

const OF_PAGE = {
    to_have_title: (expected) => ({ holds: acceptor(expected, true)(document.title), got: document.title }),
    to_have_url: (expected) => ({ holds: acceptor(expected, true)(location.href), got: location.href }),
};

// These speak of any number of elements; all others of exactly one.
const OF_MANY = new Set(["to_have_count", "to_be_hidden", "to_be_attached"]);

/** One look: `{holds, got}` of `step.matcher`, given the elements of its locator. */
export function look({ matcher, expected, locator, options = {} }, elements) {
    if (!locator) {
        if (!(matcher in OF_PAGE)) throw new StepError("bad_step", `no assertion about a page: ${matcher}`);
        return OF_PAGE[matcher](expected);
    }
    if (!(matcher in OF_ELEMENTS)) throw new StepError("bad_step", `no assertion about elements: ${matcher}`);
    if (!OF_MANY.has(matcher) && !Array.isArray(expected) && elements.length > 1) {
        const found = `its locator finds ${elements.length} elements`;
        throw new StepError("strict_mode", `${matcher} is about one element, ${found}; add .first or a closer locator`);
    }
    return OF_ELEMENTS[matcher](elements, expected, options);
}
