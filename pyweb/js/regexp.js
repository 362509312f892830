// RegExp.$1 … $9, which QuickJS leaves out and which PyScript and linkedom read after `test`
// (https://github.com/tc39/proposal-regexp-legacy-features). Only `test` keeps them: a changed `exec` would
// take every regular expression off the engine's fast path.
(() => {
    "use strict";
    const { exec } = RegExp.prototype;
    let last = [""];
    const test = function (text) {
        const match = this.exec === exec ? exec.call(this, text) : this.exec(text);
        if (match) last = match;
        return match !== null;
    };
    Object.defineProperty(RegExp.prototype, "test", { value: test, writable: true, configurable: true });
    for (let group = 1; group <= 9; group++)
        Object.defineProperty(RegExp, `$${group}`, { configurable: true, get: () => last[group] ?? "" });
    Object.defineProperty(RegExp, "lastMatch", { configurable: true, get: () => last[0] });
})();
