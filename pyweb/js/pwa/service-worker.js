// The service worker of a bundle: keeps every file of it, each by its SHA-256, so that the bundle works without
// network and an update gets only what has changed; and isolates its pages, which Python in workers needs.
// Written by `pyweb bundle --pwa`, which puts the list of files in the place of the name below.
"use strict";

const FILES = new Map(Object.entries(PYWEB_FILES));
const CACHE = `pyweb ${registration.scope}`;
const AT_ONCE = 6;

const keyOf = (path) => new URL(`${path}?sha256=${FILES.get(path)}`, registration.scope).href;

const digest = async (bytes) => {
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
};

// A file that is not what the list says is of another version, as while the server is being updated: nothing is
// installed then, and the earlier version stays.
const keep = async (cache, path) => {
    const url = new URL(path, registration.scope).href;
    const response = await fetch(url, { cache: "no-cache" });
    if (!response.ok) throw new Error(`${url}: ${response.status}`);
    const bytes = await response.arrayBuffer();
    if ((await digest(bytes)) !== FILES.get(path)) throw new Error(`${url} is of another version`);
    const headers = new Headers(response.headers);
    // They speak of the bytes as they travelled.
    for (const name of ["content-encoding", "content-length"]) headers.delete(name);
    await cache.put(keyOf(path), new Response(bytes, { headers }));
};

const install = async () => {
    const cache = await caches.open(CACHE);
    const here = new Set((await cache.keys()).map(({ url }) => url));
    const missing = [...FILES.keys()].filter((path) => !here.has(keyOf(path)));
    const worker = async () => {
        for (let path = missing.pop(); path !== undefined; path = missing.pop()) await keep(cache, path);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
};

const activate = async () => {
    const cache = await caches.open(CACHE);
    const wanted = new Set([...FILES.keys()].map(keyOf));
    for (const request of await cache.keys()) if (!wanted.has(request.url)) await cache.delete(request);
    await clients.claim();
};

const isolated = (response) => {
    // An opaque answer or a redirect is passed on as it is.
    if (response.type === "opaque" || response.type === "opaqueredirect" || response.status === 0) return response;
    const headers = new Headers(response.headers);
    headers.set("Cross-Origin-Opener-Policy", "same-origin");
    headers.set("Cross-Origin-Embedder-Policy", "require-corp");
    headers.set("Cross-Origin-Resource-Policy", "same-origin");
    const { status, statusText } = response;
    const empty = [101, 204, 205, 304].includes(status);
    return new Response(empty ? null : response.body, { status, statusText, headers });
};

// The part of a file that `Range` asks for, as players of sound and film do.
const part = async (response, range) => {
    const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(range) ?? [];
    if (first === undefined || first + last === "") return response;
    const blob = await response.blob();
    const start = first === "" ? Math.max(0, blob.size - Number(last)) : Number(first);
    const end = first === "" || last === "" ? blob.size : Math.min(blob.size, Number(last) + 1);
    const headers = new Headers(response.headers);
    if (start >= end) {
        headers.set("Content-Range", `bytes */${blob.size}`);
        return new Response(null, { status: 416, headers });
    }
    headers.set("Content-Range", `bytes ${start}-${end - 1}/${blob.size}`);
    return new Response(blob.slice(start, end), { status: 206, headers });
};

// The file of the bundle that a URL means; a folder means its page.
const fileOf = ({ origin, pathname }) => {
    const scope = new URL(registration.scope);
    if (origin !== scope.origin || !pathname.startsWith(scope.pathname)) return null;
    let path = pathname.slice(scope.pathname.length);
    try {
        path = decodeURIComponent(path);
    } catch {
        return null;
    }
    const candidates = [path, `${path}index.html`, `${path}/index.html`];
    return candidates.find((candidate) => FILES.has(candidate)) ?? null;
};

const answer = async (request, path) => {
    const cached = path && (await (await caches.open(CACHE)).match(keyOf(path)));
    if (!cached) return isolated(await fetch(request));
    const range = request.headers.get("range");
    return isolated(range ? await part(cached, range) : cached);
};

// A new version waits until no page runs the old one. The only page there is may load the new one at once: this page
// comes first and waits until it is there, for who asks while they change would be sent to the network. Without an icon
// of its own, the browser would ask for one.
const CHANGE = `<!doctype html><link rel="icon" href="data:,"><script type="module">
const { waiting } = await navigator.serviceWorker.getRegistration();
if (waiting) await new Promise((done) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = done;
    waiting.onstatechange = () => waiting.state !== "activating" && done();
    waiting.postMessage("take over", [port2]);
});
location.reload();
</script>`;

const navigate = async (request, path) => {
    if (registration.waiting && request.destination === "document" && (await clients.matchAll()).length < 2)
        return isolated(new Response(CHANGE, { headers: { "Content-Type": "text/html" } }));
    const { pathname, search } = new URL(request.url);
    // Its relative URLs would otherwise lead elsewhere.
    const folder = path?.endsWith("/index.html") || path === "index.html";
    if (folder && !pathname.endsWith("/") && !pathname.endsWith("/index.html"))
        return Response.redirect(`${pathname}/${search}`, 301);
    return answer(request, path);
};

// Whether the page that asks is the only one; the one it takes the place of may still be on its way out.
const isAlone = async ({ id }) => {
    for (let look = 0; look < 10; look++) {
        const pages = await clients.matchAll({ includeUncontrolled: true });
        if (!pages.some((page) => page.id !== id && page.url.startsWith(registration.scope))) return true;
        await new Promise((done) => setTimeout(done, 50));
    }
    return false;
};

const takeOver = async ({ source, ports }) => {
    if (await isAlone(source)) await skipWaiting();
    else ports[0].postMessage("wait");
};

addEventListener("install", (event) => event.waitUntil(install()));
addEventListener("activate", (event) => event.waitUntil(activate()));
addEventListener("message", (event) => {
    if (event.data === "take over") event.waitUntil(takeOver(event));
});
addEventListener("fetch", (event) => {
    const { request } = event;
    const url = new URL(request.url);
    if (request.method !== "GET" || url.origin !== location.origin) return;
    const path = fileOf(url);
    event.respondWith(request.mode === "navigate" ? navigate(request, path) : answer(request, path));
});
