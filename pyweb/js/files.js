// Files as a page reads them and as a person drops them: FileReader (https://w3c.github.io/FileAPI/), DataTransfer and
// the events of dragging. Must not know where a file comes from.
(() => {
    "use strict";

    class FileReader extends EventTarget {
        static EMPTY = 0;
        static LOADING = 1;
        static DONE = 2;
        readyState = 0;
        result = null;
        error = null;
        onloadstart = null;
        onprogress = null;
        onload = null;
        onloadend = null;
        onerror = null;
        onabort = null;
        // The reading that counts: one that was given up does not.
        #turn = 0;
        #read(blob, resultOf) {
            if (this.readyState === 1) throw new DOMException("The object is already busy reading.", "InvalidStateError");
            const turn = ++this.#turn;
            const tell = (type) => this.dispatchEvent(new ProgressEvent(type, { lengthComputable: true, loaded: blob.size, total: blob.size }));
            [this.readyState, this.result] = [1, null];
            setTimeout(async () => {
                if (turn === this.#turn) tell("loadstart");
                const result = resultOf(await blob.bytes(), blob.type);
                if (turn !== this.#turn) return;
                [this.readyState, this.result] = [2, result];
                for (const type of ["progress", "load", "loadend"]) tell(type);
            }, 0);
        }
        abort() {
            if (this.readyState !== 1) return;
            this.#turn++;
            [this.readyState, this.result] = [2, null];
            for (const type of ["abort", "loadend"]) this.dispatchEvent(new ProgressEvent(type));
        }
        readAsArrayBuffer(blob) {
            this.#read(blob, (bytes) => bytes.buffer);
        }
        readAsText(blob, encoding = "utf-8") {
            this.#read(blob, (bytes) => new TextDecoder(encoding).decode(bytes));
        }
        readAsBinaryString(blob) {
            this.#read(blob, binary);
        }
        readAsDataURL(blob) {
            this.#read(blob, (bytes, type) => `data:${type || "application/octet-stream"};base64,${btoa(binary(bytes))}`);
        }
    }
    const binary = (bytes) => {
        let text = "";
        for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
        return text;
    };

    class DataTransfer {
        #texts = new Map();
        #files = [];
        dropEffect = "none";
        effectAllowed = "all";
        items = {
            add: (value, type) => {
                if (value instanceof File) this.#files.push(value);
                else this.setData(type, value);
            },
            clear: () => {
                this.#texts.clear();
                this.#files = [];
            },
        };
        get files() {
            const list = [...this.#files];
            return Object.assign(list, { item: (index) => list[index] ?? null });
        }
        get types() {
            return [...this.#texts.keys(), ...(this.#files.length ? ["Files"] : [])];
        }
        #key(type) {
            const key = String(type).toLowerCase();
            return { text: "text/plain", url: "text/uri-list" }[key] ?? key;
        }
        setData(type, text) {
            this.#texts.set(this.#key(type), String(text));
        }
        getData(type) {
            return this.#texts.get(this.#key(type)) ?? "";
        }
        clearData(type) {
            if (type === undefined) this.#texts.clear();
            else this.#texts.delete(this.#key(type));
        }
        setDragImage() {}
    }

    class DragEvent extends MouseEvent {
        constructor(type, init = {}) {
            super(type, init);
            Object.defineProperty(this, "dataTransfer", { value: init?.dataTransfer ?? null, configurable: true });
        }
    }
    class ClipboardEvent extends Event {
        constructor(type, init = {}) {
            super(type, init);
            Object.defineProperty(this, "clipboardData", { value: init?.clipboardData ?? null, configurable: true });
        }
    }

    Object.assign(globalThis, { ClipboardEvent, DataTransfer, DragEvent, FileReader });
})();
