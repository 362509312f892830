(async () => {
    "use strict";
    const needsIsolation = PYWEB_ISOLATED;
    const once = (target, event) => new Promise((done) => target.addEventListener(event, done, { once: true }));
    // PyScript's own script waits, in pages whose Python needs isolation, until there is some.
    const start = async () => {
        if (document.readyState === "loading") await once(document, "DOMContentLoaded");
        for (const waiting of document.querySelectorAll('script[type="once-isolated"]')) {
            const script = document.createElement("script");
            for (const { name, value } of waiting.attributes) script.setAttribute(name, value);
            script.type = "module";
            waiting.replaceWith(script);
        }
    };
    const workers = navigator.serviceWorker;
    const registered = workers?.register("PYWEB_UPservice-worker.js", { updateViaCache: "none" });
    registered?.catch((error) => console.warn(`this page will not work offline: ${error.message}`));
    if (!registered || !needsIsolation || crossOriginIsolated) return start();
    try {
        await registered;
        if (!workers.controller) await once(workers, "controllerchange");
        // Where isolation is not to be had, once is enough.
        if (!sessionStorage.getItem("pyweb reloaded")) {
            sessionStorage.setItem("pyweb reloaded", "yes");
            return location.reload();
        }
    } catch {
        // It has been said; the page goes on without.
    }
    start();
})();
