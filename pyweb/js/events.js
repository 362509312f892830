// Events (https://dom.spec.whatwg.org/#events): Event and its kinds, EventTarget with capture, target and
// bubble phases, AbortController, and how an error that nothing catches is reported.
// linkedom's nodes get these methods too (document.mjs). Must not know what a document is beyond `parentNode`.
(() => {
    "use strict";
    const native = globalThis.__native;
    const NONE = 0;
    const CAPTURING_PHASE = 1;
    const AT_TARGET = 2;
    const BUBBLING_PHASE = 3;

    class Event {
        #type;
        #bubbles;
        #cancelable;
        #composed;
        #canceled = false;
        #timeStamp = native.now();
        _target = null;
        _currentTarget = null;
        _phase = NONE;
        _path = [];
        _stopped = false;
        _stoppedNow = false;
        _passive = false;
        _trusted = false;
        constructor(type, { bubbles = false, cancelable = false, composed = false } = {}) {
            this.#type = String(type);
            this.#bubbles = !!bubbles;
            this.#cancelable = !!cancelable;
            this.#composed = !!composed;
            for (const name of ["_target", "_currentTarget", "_phase", "_path", "_stopped", "_stoppedNow"])
                Object.defineProperty(this, name, { enumerable: false });
            for (const name of ["_passive", "_trusted"]) Object.defineProperty(this, name, { enumerable: false });
        }
        get type() {
            return this.#type;
        }
        get bubbles() {
            return this.#bubbles;
        }
        get cancelable() {
            return this.#cancelable;
        }
        get composed() {
            return this.#composed;
        }
        // The target outlives the dispatch, so that an async handler still finds it.
        get target() {
            return this._target;
        }
        get srcElement() {
            return this._target;
        }
        get currentTarget() {
            return this._currentTarget;
        }
        get eventPhase() {
            return this._phase;
        }
        get timeStamp() {
            return this.#timeStamp;
        }
        get isTrusted() {
            return this._trusted;
        }
        get defaultPrevented() {
            return this.#canceled;
        }
        get returnValue() {
            return !this.#canceled;
        }
        set returnValue(value) {
            if (!value) this.preventDefault();
        }
        get cancelBubble() {
            return this._stopped;
        }
        set cancelBubble(value) {
            if (value) this._stopped = true;
        }
        preventDefault() {
            if (this.#cancelable && !this._passive) this.#canceled = true;
        }
        stopPropagation() {
            this._stopped = true;
        }
        stopImmediatePropagation() {
            this._stopped = this._stoppedNow = true;
        }
        composedPath() {
            return [...this._path];
        }
        initEvent(type, bubbles = false, cancelable = false) {
            if (this._phase !== NONE) return;
            this.#type = String(type);
            this.#bubbles = !!bubbles;
            this.#cancelable = !!cancelable;
            this.#canceled = false;
        }
        get [Symbol.toStringTag]() {
            return this.constructor.name;
        }
    }
    for (const where of [Event, Event.prototype])
        Object.assign(where, { NONE, CAPTURING_PHASE, AT_TARGET, BUBBLING_PHASE });

    // A kind of event whose constructor's second argument fills these properties.
    const kind = (name, Parent, defaults) => {
        const Kind = {
            [name]: class extends Parent {
                constructor(type, init = {}) {
                    super(type, init ?? {});
                    for (const [key, value] of Object.entries(defaults))
                        Object.defineProperty(this, key, {
                            value: init?.[key] ?? value,
                            writable: true,
                            configurable: true,
                            enumerable: true,
                        });
                }
            },
        }[name];
        globalThis[name] = Kind;
        return Kind;
    };
    globalThis.Event = Event;
    const CustomEvent = kind("CustomEvent", Event, { detail: null });
    CustomEvent.prototype.initCustomEvent = function (type, bubbles, cancelable, detail = null) {
        this.initEvent(type, bubbles, cancelable);
        this.detail = detail;
    };
    const keys = { ctrlKey: false, shiftKey: false, altKey: false, metaKey: false };
    const UIEvent = kind("UIEvent", Event, { view: null, detail: 0 });
    const places = { screenX: 0, screenY: 0, clientX: 0, clientY: 0, pageX: 0, pageY: 0, offsetX: 0, offsetY: 0 };
    const MouseEvent = kind("MouseEvent", UIEvent, {
        ...keys,
        ...places,
        button: 0,
        buttons: 0,
        relatedTarget: null,
    });
    kind("PointerEvent", MouseEvent, { pointerId: 0, pointerType: "", isPrimary: false, pressure: 0 });
    kind("WheelEvent", MouseEvent, { deltaX: 0, deltaY: 0, deltaZ: 0, deltaMode: 0 });
    kind("KeyboardEvent", UIEvent, { ...keys, key: "", code: "", location: 0, repeat: false, keyCode: 0 });
    kind("InputEvent", UIEvent, { data: null, inputType: "", isComposing: false });
    kind("FocusEvent", UIEvent, { relatedTarget: null });
    kind("SubmitEvent", Event, { submitter: null });
    kind("ErrorEvent", Event, { message: "", filename: "", lineno: 0, colno: 0, error: undefined });
    kind("PromiseRejectionEvent", Event, { promise: undefined, reason: undefined });
    kind("MessageEvent", Event, { data: null, origin: "", lastEventId: "", source: null, ports: [] });
    kind("ProgressEvent", Event, { lengthComputable: false, loaded: 0, total: 0 });
    kind("CloseEvent", Event, { wasClean: false, code: 0, reason: "" });
    kind("HashChangeEvent", Event, { oldURL: "", newURL: "" });
    kind("PopStateEvent", Event, { state: null });
    kind("StorageEvent", Event, { key: null, oldValue: null, newValue: null, url: "", storageArea: null });
    kind("ToggleEvent", Event, { oldState: "", newState: "" });

    // ---- listeners ----
    const listeners = new WeakMap();
    const capturing = (options) => (typeof options === "object" && options ? !!options.capture : !!options);
    // A bare `addEventListener(…)` is the window's.
    const targetOf = (self) => self ?? globalThis;

    const listenersOf = (target, type) => listeners.get(target)?.get(type) ?? [];

    // Who comes after `node` on the way up: its parent, the host of a shadow tree, the window; what is no node may say
    // so itself (indexeddb-stores.js).
    const parentOf = (node, event) => {
        if (node === globalThis) return null;
        if (node === globalThis.document) return event.type === "load" ? null : globalThis;
        return node.parentNode ?? node._above ?? (event.composed ? (node.host ?? null) : null);
    };

    const invoke = (target, event, phase) => {
        event._currentTarget = target;
        event._phase = phase;
        for (const entry of [...listenersOf(target, event.type)]) {
            if (event._stoppedNow) return;
            if (entry.removed) continue;
            if (phase === CAPTURING_PHASE && !entry.capture) continue;
            if (phase === BUBBLING_PHASE && entry.capture) continue;
            if (entry.once) target.removeEventListener(event.type, entry.callback, entry.capture);
            event._passive = entry.passive;
            try {
                if (typeof entry.callback === "function") entry.callback.call(target, event);
                else entry.callback.handleEvent(event);
            } catch (error) {
                reportError(error);
            }
            event._passive = false;
        }
        if (phase !== CAPTURING_PHASE && !event._stoppedNow) invokeHandler(target, event);
    };

    // `target.onclick` and its like; linkedom keeps those of elements as listeners already.
    const invokeHandler = (target, event) => {
        const name = `on${event.type}`;
        const handler = Object.hasOwn(target, name) ? target[name] : attributeHandler(target, name);
        if (typeof handler !== "function") return;
        try {
            const answer =
                target === globalThis && event.type === "error"
                    ? handler.call(target, event.message, event.filename, event.lineno, event.colno, event.error)
                    : handler.call(target, event);
            if (answer === false || (answer === true && event.type === "error")) event.preventDefault();
        } catch (error) {
            if (event.type !== "error") reportError(error);
        }
    };

    // `<button onclick="…">`: compiled anew each time, for attributes change.
    const attributeHandler = (target, name) => {
        const code = target.nodeType === 1 && !target[name] ? target.getAttribute(name) : null;
        return code ? new Function("event", code) : null;
    };

    class EventTarget {
        addEventListener(type, callback, options) {
            if (callback === null || callback === undefined) return;
            const target = targetOf(this);
            const capture = capturing(options);
            if (options?.signal?.aborted) return;
            if (!listeners.has(target)) listeners.set(target, new Map());
            const types = listeners.get(target);
            if (!types.has(type)) types.set(type, []);
            const entries = types.get(type);
            if (entries.some((entry) => entry.callback === callback && entry.capture === capture)) return;
            const { once = false, passive = false, signal } = typeof options === "object" ? (options ?? {}) : {};
            entries.push({ callback, capture, once: !!once, passive: !!passive, removed: false });
            signal?.addEventListener("abort", () => target.removeEventListener(type, callback, capture));
        }
        removeEventListener(type, callback, options) {
            const entries = listenersOf(targetOf(this), type);
            const capture = capturing(options);
            const at = entries.findIndex((entry) => entry.callback === callback && entry.capture === capture);
            if (at >= 0) entries.splice(at, 1)[0].removed = true;
        }
        dispatchEvent(event) {
            const target = targetOf(this);
            if (event._phase !== NONE)
                throw new DOMException("The event is already being dispatched.", "InvalidStateError");
            const path = [];
            for (let at = target; at; at = parentOf(at, event)) path.push(at);
            event._target = target;
            event._path = path;
            event._stopped = event._stoppedNow = false;
            for (let i = path.length - 1; i > 0 && !event._stopped; i--) invoke(path[i], event, CAPTURING_PHASE);
            if (!event._stopped) invoke(target, event, AT_TARGET);
            if (event.bubbles)
                for (let i = 1; i < path.length && !event._stopped; i++) invoke(path[i], event, BUBBLING_PHASE);
            event._phase = NONE;
            event._currentTarget = null;
            event._path = [];
            return !event.defaultPrevented;
        }
    }
    globalThis.EventTarget = EventTarget;
    for (const name of ["addEventListener", "removeEventListener", "dispatchEvent"])
        Object.defineProperty(globalThis, name, {
            value: EventTarget.prototype[name],
            writable: true,
            configurable: true,
        });

    // ---- errors that nothing caught ----
    const uncaught = (error) => {
        if (!(error instanceof Error)) return `Uncaught ${String(error)}`;
        const name = error.name === "Error" ? (error.constructor?.name ?? "Error") : error.name;
        return `Uncaught ${name}: ${error.message}`;
    };
    const tellUncaught = (message, error) => {
        const stack = error?.stack?.trimEnd?.() ?? "";
        // A worker tells whoever made it.
        if (native.uncaught) return native.uncaught(message, stack);
        native.emit({ kind: "uncaught", text: stack ? `${message}\n${stack}` : message });
    };
    let reporting = false;
    const reportError = (error) => {
        const message = uncaught(error);
        const event = new ErrorEvent("error", { message, error, cancelable: true });
        // An error inside an error handler is shown, not dispatched again.
        const handled = !reporting && (reporting = true) && !dispatchEvent(event);
        reporting = false;
        if (handled) return;
        const isPython = error instanceof Error && message.startsWith("Uncaught PythonError");
        if (isPython) console.error(error);
        else tellUncaught(message, error);
    };
    globalThis.reportError = reportError;

    // QuickJS calls this for a rejected promise without a handler, and again once it gets one.
    const rejected = new Map();
    native.onRejection = (promise, reason, handled) => {
        if (handled) return rejected.delete(promise);
        rejected.set(promise, reason);
        setTimeout(() => {
            if (!rejected.delete(promise)) return;
            const init = { promise, reason, cancelable: true };
            if (!dispatchEvent(new PromiseRejectionEvent("unhandledrejection", init))) return;
            const isPython = reason instanceof Error && /PythonError/.test(uncaught(reason));
            if (isPython) console.error(reason);
            else tellUncaught(`${uncaught(reason)} (in promise)`, reason);
        }, 0);
    };

    // ---- aborting ----
    class AbortSignal extends EventTarget {
        aborted = false;
        reason = undefined;
        throwIfAborted() {
            if (this.aborted) throw this.reason;
        }
        static abort(reason) {
            const controller = new AbortController();
            controller.abort(reason);
            return controller.signal;
        }
        static timeout(milliseconds) {
            const controller = new AbortController();
            const reason = new DOMException("The operation timed out.", "TimeoutError");
            setTimeout(() => controller.abort(reason), milliseconds);
            return controller.signal;
        }
        static any(signals) {
            const controller = new AbortController();
            for (const signal of signals) {
                if (signal.aborted) controller.abort(signal.reason);
                signal.addEventListener("abort", () => controller.abort(signal.reason));
            }
            return controller.signal;
        }
    }
    class AbortController {
        signal = new AbortSignal();
        abort(reason = new DOMException("The operation was aborted.", "AbortError")) {
            if (this.signal.aborted) return;
            this.signal.aborted = true;
            this.signal.reason = reason;
            this.signal.dispatchEvent(new Event("abort"));
        }
    }
    Object.assign(globalThis, { AbortController, AbortSignal });
})();
