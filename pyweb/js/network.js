// fetch, XMLHttpRequest and their bodies (https://fetch.spec.whatwg.org), over what the site has: its own
// files and the pinned runtime. Everything else is refused, for a page here has no network.
// Must not know where the site's files lie.
(() => {
    "use strict";
    const native = globalThis.__native;

    const baseURL = () => globalThis.document?.baseURI ?? globalThis.location?.href;
    const isBytes = (value) => value instanceof ArrayBuffer || ArrayBuffer.isView(value);
    const bytesOf = (value) => {
        if (value instanceof Uint8Array) return value;
        if (value instanceof ArrayBuffer) return new Uint8Array(value);
        if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
        if (value instanceof Blob) return value._bytes;
        return new TextEncoder().encode(String(value));
    };
    const concatenated = (chunks) => {
        const whole = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0));
        let at = 0;
        for (const chunk of chunks) {
            whole.set(chunk, at);
            at += chunk.length;
        }
        return whole;
    };

    class Blob {
        constructor(parts = [], { type = "" } = {}) {
            const bytes = concatenated([...parts].map((part) => bytesOf(part)));
            Object.defineProperty(this, "_bytes", { value: bytes });
            Object.defineProperty(this, "type", { value: String(type).toLowerCase() });
        }
        get size() {
            return this._bytes.length;
        }
        async arrayBuffer() {
            return this._bytes.slice().buffer;
        }
        async bytes() {
            return this._bytes.slice();
        }
        async text() {
            return new TextDecoder().decode(this._bytes);
        }
        slice(start, end, type = "") {
            return new Blob([this._bytes.slice(start, end)], { type });
        }
        stream() {
            return streamOf(this._bytes);
        }
    }
    class File extends Blob {
        constructor(parts, name, options = {}) {
            super(parts, options);
            this.name = String(name);
            this.lastModified = options.lastModified ?? Date.now();
        }
    }

    // A stream of one chunk, as much of ReadableStream as readers of a body use.
    const streamOf = (bytes) => {
        let left = [bytes];
        const read = async () =>
            left.length ? { value: left.pop(), done: false } : { value: undefined, done: true };
        const getReader = () => ({
            read,
            releaseLock() {},
            cancel: async () => {
                left = [];
            },
        });
        return {
            locked: false,
            getReader,
            cancel: async () => {
                left = [];
            },
            async *[Symbol.asyncIterator]() {
                for (let step = await read(); !step.done; step = await read()) yield step.value;
            },
        };
    };

    const valuesOf = (control) => {
        if (control.type === "file") return control.files.length ? [...control.files] : [new File([], "", { type: "application/octet-stream" })];
        return control.selectedOptions?.map((option) => option.value) ?? [control.value];
    };

    // https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data
    const multipart = (data) => {
        const boundary = `----pyweb${globalThis.crypto.randomUUID()}`;
        const quoted = (text) => text.replace(/\r\n|\r|\n/g, "%0D%0A").replaceAll('"', "%22");
        const part = ([name, value]) => {
            const file = value instanceof Blob;
            const named = file ? `; filename="${quoted(value.name ?? "blob")}"\r\nContent-Type: ${value.type || "application/octet-stream"}` : "";
            return [`--${boundary}\r\nContent-Disposition: form-data; name="${quoted(name)}"${named}\r\n\r\n`, value, "\r\n"];
        };
        const parts = [...[...data].flatMap(part), `--${boundary}--\r\n`];
        return { bytes: concatenated(parts.map(bytesOf)), type: `multipart/form-data; boundary=${boundary}` };
    };

    class FormData {
        #entries = [];
        constructor(form, submitter = null) {
            for (const element of form?.elements ?? []) {
                if (!element.name || element.disabled || !/^(button|input|select|textarea)$/.test(element.localName)) continue;
                if (/^(checkbox|radio)$/.test(element.type) && !element.checked) continue;
                // A button tells of itself only when it is the one pressed.
                if (/^(submit|image|reset|button)$/.test(element.type) && element !== submitter) continue;
                for (const value of valuesOf(element)) this.append(element.name, value);
            }
        }
        append(name, value) {
            this.#entries.push([String(name), value instanceof Blob ? value : String(value)]);
        }
        set(name, value) {
            this.delete(name);
            this.append(name, value);
        }
        get(name) {
            return this.#entries.find((entry) => entry[0] === name)?.[1] ?? null;
        }
        getAll(name) {
            return this.#entries.filter((entry) => entry[0] === name).map((entry) => entry[1]);
        }
        has(name) {
            return this.#entries.some((entry) => entry[0] === name);
        }
        delete(name) {
            this.#entries = this.#entries.filter((entry) => entry[0] !== name);
        }
        forEach(callback) {
            for (const [name, value] of this.#entries) callback(value, name, this);
        }
        entries() {
            return this.#entries[Symbol.iterator]();
        }
        keys() {
            return this.#entries.map((entry) => entry[0])[Symbol.iterator]();
        }
        values() {
            return this.#entries.map((entry) => entry[1])[Symbol.iterator]();
        }
        [Symbol.iterator]() {
            return this.entries();
        }
    }

    class Headers {
        #fields = new Map();
        constructor(init = []) {
            const pairs = typeof init?.[Symbol.iterator] === "function" ? init : Object.entries(init ?? {});
            for (const [name, value] of pairs) this.append(name, value);
        }
        append(name, value) {
            const key = String(name).toLowerCase();
            const known = this.#fields.get(key);
            this.#fields.set(key, known === undefined ? String(value).trim() : `${known}, ${String(value).trim()}`);
        }
        set(name, value) {
            this.#fields.set(String(name).toLowerCase(), String(value).trim());
        }
        get(name) {
            return this.#fields.get(String(name).toLowerCase()) ?? null;
        }
        has(name) {
            return this.#fields.has(String(name).toLowerCase());
        }
        delete(name) {
            this.#fields.delete(String(name).toLowerCase());
        }
        forEach(callback, thisArgument) {
            for (const [name, value] of this) callback.call(thisArgument, value, name, this);
        }
        entries() {
            return [...this.#fields].sort(([a], [b]) => (a < b ? -1 : 1))[Symbol.iterator]();
        }
        keys() {
            return [...this].map(([name]) => name)[Symbol.iterator]();
        }
        values() {
            return [...this].map(([, value]) => value)[Symbol.iterator]();
        }
        [Symbol.iterator]() {
            return this.entries();
        }
    }

    // What Request and Response have in common: one body, read once.
    class Body {
        #bytes = null;
        #used = false;
        get bodyUsed() {
            return this.#used;
        }
        _setBody(body, headers) {
            if (body === null || body === undefined) return;
            const form = body instanceof FormData ? multipart(body) : null;
            this.#bytes = form?.bytes ?? bytesOf(body);
            if (headers.has("content-type")) return;
            if (form) return headers.set("content-type", form.type);
            if (body instanceof Blob && body.type) headers.set("content-type", body.type);
            else if (body instanceof URLSearchParams)
                headers.set("content-type", "application/x-www-form-urlencoded;charset=UTF-8");
            else if (!isBytes(body) && !(body instanceof Blob)) headers.set("content-type", "text/plain;charset=UTF-8");
        }
        get _bytes() {
            return this.#bytes;
        }
        get body() {
            return this.#bytes === null ? null : streamOf(this.#bytes);
        }
        #take() {
            if (this.#used) throw new TypeError("body stream already read");
            this.#used = this.#bytes !== null;
            return this.#bytes ?? new Uint8Array(0);
        }
        async arrayBuffer() {
            return this.#take().slice().buffer;
        }
        async bytes() {
            return this.#take().slice();
        }
        async text() {
            return new TextDecoder().decode(this.#take());
        }
        async json() {
            return JSON.parse(await this.text());
        }
        async blob() {
            return new Blob([this.#take()], { type: this.headers.get("content-type") ?? "" });
        }
    }

    class Request extends Body {
        constructor(input, init = {}) {
            super();
            const from = input instanceof Request ? input : null;
            this.url = new URL(from ? from.url : String(input), baseURL()).href;
            this.method = String(init.method ?? from?.method ?? "GET").toUpperCase();
            this.headers = new Headers(init.headers ?? from?.headers);
            this.signal = init.signal ?? from?.signal ?? new AbortController().signal;
            for (const name of ["mode", "credentials", "cache", "redirect", "referrer", "integrity"])
                this[name] = init[name] ?? from?.[name] ?? { mode: "cors", credentials: "same-origin" }[name] ?? "";
            this._setBody(init.body ?? from?._bytes, this.headers);
        }
        clone() {
            return new Request(this);
        }
    }

    class Response extends Body {
        #url = "";
        #type = "default";
        #status;
        #statusText;
        #headers;
        constructor(body = null, { status = 200, statusText = "", headers = [] } = {}) {
            super();
            if (status !== 0 && (status < 200 || status > 599))
                throw new RangeError(`The status provided (${status}) is outside the range [200, 599].`);
            this.#status = status;
            this.#statusText = String(statusText);
            this.#headers = new Headers(headers);
            this._setBody(body, this.#headers);
        }
        get status() {
            return this.#status;
        }
        get statusText() {
            return this.#statusText;
        }
        get headers() {
            return this.#headers;
        }
        get type() {
            return this.#type;
        }
        get redirected() {
            return false;
        }
        get ok() {
            return this.status >= 200 && this.status < 300;
        }
        get url() {
            return this.#url;
        }
        clone() {
            if (this.bodyUsed) throw new TypeError("Response body is already used");
            return Response._at(this.#url, this._bytes, this);
        }
        static _at(url, body, init) {
            const response = new Response(body, init);
            response.#url = url;
            response.#type = url ? "basic" : "error";
            return response;
        }
        static error() {
            return Response._at("", null, { status: 0 });
        }
        static json(value, init = {}) {
            const headers = new Headers(init.headers);
            if (!headers.has("content-type")) headers.set("content-type", "application/json");
            return new Response(JSON.stringify(value), { ...init, headers });
        }
    }

    // `data:[<type>][;base64],<data>`
    const fromData = (url) => {
        const [, type, base64, data] = /^data:([^,;]*(?:;[^,;]+=[^,;]+)*)(;base64)?,(.*)$/s.exec(url.href) ?? [];
        if (data === undefined) return null;
        const text = decodeURIComponent(data);
        const body = base64 ? Uint8Array.from(atob(text), (c) => c.charCodeAt(0)) : new TextEncoder().encode(text);
        return { body, type: type || "text/plain;charset=US-ASCII" };
    };

    // The answer to a request, or null when a page here may not reach it.
    const load = (url, method) => {
        if (url.protocol === "data:") {
            const data = fromData(url);
            return data && { status: 200, statusText: "OK", ...data };
        }
        if (url.protocol === "blob:") {
            const blob = globalThis.__objectURLs.get(url.href);
            return blob ? { status: 200, statusText: "OK", body: blob._bytes, type: blob.type } : null;
        }
        const body = native.read(url.href);
        const own = url.origin === globalThis.location.origin;
        if (!body && !own) {
            console.error(`refused ${url.href}: a page here has no network, only its own folder and the runtime`);
            return null;
        }
        if (!body) {
            console.error(`failed to load ${url.pathname}: it is not in the page's folder (404)`);
            return { status: 404, statusText: "Not Found", body: null, type: "" };
        }
        if (own && method !== "GET" && method !== "HEAD")
            return { status: 405, statusText: "Method Not Allowed", body: null, type: "" };
        return { status: 200, statusText: "OK", body: method === "HEAD" ? null : body, type: native.mime(url.href) };
    };

    const headersOf = ({ body, type, headers: given = {} }) => {
        const headers = type ? { ...given, "content-type": type } : { ...given };
        if (body) headers["content-length"] = String(body.byteLength);
        return headers;
    };

    const isRemote = (url) => /^https?:/.test(url);
    const routed = async (request) => (isRemote(request.url) ? native.routes.later(request) : {});

    const fetch = async (input, init) => {
        const request = new Request(input, init);
        request.signal.throwIfAborted();
        const url = new URL(request.url);
        const said = await routed(request);
        const answer = said.aborted ? null : (said.answer ?? load(url, request.method));
        if (!answer) throw new TypeError(`Failed to fetch ${url.href}`);
        return Response._at(url.href, answer.body, { ...answer, headers: headersOf(answer) });
    };

    // Bodies are a mixin in browsers: PyScript looks their methods up on Response.prototype itself.
    const { constructor: _, ...shared } = Object.getOwnPropertyDescriptors(Body.prototype);
    for (const Kind of [Request, Response]) Object.defineProperties(Kind.prototype, shared);

    class XMLHttpRequest extends EventTarget {
        static UNSENT = 0;
        static OPENED = 1;
        static HEADERS_RECEIVED = 2;
        static LOADING = 3;
        static DONE = 4;
        readyState = 0;
        responseType = "";
        response = null;
        responseText = "";
        responseURL = "";
        status = 0;
        statusText = "";
        timeout = 0;
        withCredentials = false;
        onreadystatechange = null;
        onload = null;
        onloadend = null;
        onerror = null;
        onabort = null;
        onprogress = null;
        upload = new EventTarget();
        #method = "GET";
        #url = null;
        #async = true;
        #headers = new Headers();
        open(method, url, async = true) {
            this.#method = String(method).toUpperCase();
            this.#url = new URL(String(url), baseURL());
            this.#async = async !== false;
            this.#state(1);
        }
        setRequestHeader() {}
        overrideMimeType() {}
        abort() {
            this.#url = null;
            this.dispatchEvent(new ProgressEvent("abort"));
        }
        getResponseHeader(name) {
            return this.#headers.get(name);
        }
        getAllResponseHeaders() {
            return [...this.#headers].map(([name, value]) => `${name}: ${value}\r\n`).join("");
        }
        send(body = null) {
            if (!this.#url) throw new DOMException("The object's state must be OPENED.", "InvalidStateError");
            if (!this.#async) return this.#finish(isRemote(this.#url.href) ? native.routes.now(this.#url.href) : {});
            const request = new Request(this.#url.href, { method: this.#method, body });
            setTimeout(async () => {
                const said = await routed(request);
                if (this.#url) this.#finish(said);
            }, 0);
        }
        #finish(said) {
            // A test cannot be asked while the page stands still.
            if (said.route) console.error(`${this.#url.href}: a synchronous request is answered by \`fulfill\` alone`);
            const answer = said.aborted || said.route ? null : (said.answer ?? load(this.#url, this.#method));
            if (!answer && !this.#async) throw new DOMException(`Failed to load ${this.#url}`, "NetworkError");
            if (answer) this.#keep(answer);
            this.#state(4);
            this.dispatchEvent(new ProgressEvent(answer ? "load" : "error"));
            this.dispatchEvent(new ProgressEvent("loadend"));
        }
        #keep(answer) {
            const bytes = answer.body ? bytesOf(answer.body) : new Uint8Array(0);
            this.status = answer.status;
            this.statusText = answer.statusText;
            this.responseURL = this.#url.href;
            this.#headers = new Headers(headersOf(answer));
            if (this.responseType === "arraybuffer") this.response = bytes.slice().buffer;
            else if (this.responseType === "blob") this.response = new Blob([bytes], { type: answer.type });
            else {
                this.responseText = new TextDecoder().decode(bytes);
                this.response = this.responseType === "json" ? JSON.parse(this.responseText) : this.responseText;
            }
        }
        #state(state) {
            this.readyState = state;
            this.dispatchEvent(new Event("readystatechange"));
        }
    }

    Object.assign(globalThis, { Blob, File, FormData, Headers, Request, Response, fetch, XMLHttpRequest });
})();
