//! What all threads of a page have in common: databases and channels. The same in both engines.

use serde_json::{Value, json};

use crate::support::{CarryOut, goto, in_both, values};

/// The value of each script, each in a page of its own; a script is the body of an async function.
fn values_of(carry_out: &CarryOut<'_>, scripts: &[&str]) -> Vec<Value> {
    let steps = scripts.iter().flat_map(|script| {
        [goto("/"), json!({"step": "evaluate", "expression": format!("(async () => {{ {script} }})()")})]
    });
    values(&carry_out("shared", &steps.collect::<Vec<_>>(), &[], 0), "evaluate")
}

#[test]
fn keys_are_in_their_order_and_come_back_as_they_were() {
    let script = r"
        const db = await open('keys', 1, (db) => db.createObjectStore('s'));
        const keys = [0, -0, -1, 1, 1.5, -1e300, 1e-300, Infinity, -Infinity, new Date(5), new Date(-5), '', 'a', 'a\0', 'a\0b', 'aa', 'b', '\u{10000}', '\uffff', 'é', '\ud800',
            new Uint8Array([]), new Uint8Array([0]), new Uint8Array([0, 0]), new Uint8Array([0, 255]), new Uint8Array([255]).buffer,
            [], [0], [0, 0], ['a'], ['a', 1], ['a\0'], [[]], [[], 1], [new Date(0)], [[1], 'x']];
        const store = db.transaction('s', 'readwrite').objectStore('s');
        for (const [index, key] of keys.entries()) store.put(index, key);
        const shown = (key) => typeof key === 'number' ? String(key) : key instanceof Date ? `date ${key.getTime()}`
            : key instanceof ArrayBuffer ? `bytes ${[...new Uint8Array(key)]}` : Array.isArray(key) ? key.map(shown) : escape(key);
        const found = (await of(store.getAllKeys())).map(shown);
        const bad = [NaN, {}, null, undefined, true, new Date(NaN), [undefined], [NaN]].map((key) => { try { indexedDB.cmp(key, 1); return 'taken' } catch (e) { return e.name } });
        return [found, [...new Set(bad)], indexedDB.cmp('a', 'b'), indexedDB.cmp([1, 2], [1]), indexedDB.cmp('x', 'x'), found.length];";
    in_both(|carry_out| {
        let [seen] = &values_of(carry_out, &[script])[..] else { panic!() };
        let expected = json!([
            [
                "-Infinity",
                "-1e+300",
                "-1",
                "0",
                "1e-300",
                "1",
                "1.5",
                "Infinity",
                "date -5",
                "date 5",
                "",
                "a",
                "a%00",
                "a%00b",
                "aa",
                "b",
                "%E9",
                "%uD800",
                "%uD800%uDC00",
                "%uFFFF",
                "bytes ",
                "bytes 0",
                "bytes 0,0",
                "bytes 0,255",
                "bytes 255",
                [],
                ["0"],
                ["0", "0"],
                ["date 0"],
                ["a"],
                ["a", "1"],
                ["a%00"],
                [[]],
                [[], "1"],
                [["1"], "x"]
            ],
            ["DataError"],
            -1,
            1,
            0,
            35
        ]);
        assert_eq!(seen, &expected);
    });
}

#[test]
fn stores_indexes_and_cursors_do_as_they_should() {
    let script = r"
        const db = await open('books', 1, (db) => {
            const store = db.createObjectStore('books', {keyPath: 'id', autoIncrement: true});
            store.createIndex('author', 'author');
            store.createIndex('title', 'title', {unique: true});
            store.createIndex('tags', 'tags', {multiEntry: true});
            store.put({title: 'B', author: 'x', tags: ['p', 'q', 'p']});
            store.put({title: 'A', author: 'y', tags: 'p'});
        });
        const seen = [];
        const books = () => db.transaction('books', 'readwrite').objectStore('books');
        const walk = (source, query, direction, act = (cursor) => cursor.continue()) => new Promise((done) => {
            const rows = [];
            source.openCursor(query, direction).onsuccess = ({ target: { result: cursor } }) => {
                if (!cursor) return done(rows.join(' '));
                rows.push(`${cursor.key}/${cursor.primaryKey}/${cursor.value.title}`);
                act(cursor);
            };
        });
        let store = books();
        seen.push(await of(store.add({title: 'C', author: 'x', id: 10})), await of(store.add({title: 'D', author: 'z'})), await of(store.count()));
        seen.push(await nameOf(() => of(store.add({title: 'A', author: 'n'}))), await nameOf(() => of(books().add({title: 'E', id: 10}))));
        seen.push(await nameOf(() => books().put({id: NaN})), await nameOf(() => books().put({id: 1}, 1)), await nameOf(() => db.transaction('books').objectStore('books').put({})));
        store = books();
        for (const direction of ['next', 'prev', 'nextunique', 'prevunique']) seen.push(await walk(store.index('author'), null, direction));
        seen.push(await walk(store.index('tags'), 'p'), await walk(store, IDBKeyRange.bound(1, 10, true, false)), await walk(store, IDBKeyRange.upperBound(10, true), 'prev'));
        seen.push(await walk(store, null, 'next', (cursor) => cursor.advance(2)), await walk(store, null, 'next', (cursor) => (cursor.key === 1 ? cursor.continue(10) : cursor.continue())));
        seen.push(await walk(store.index('author'), null, 'next', (cursor) => {
            if (cursor.value.title === 'C') cursor.update({...cursor.value, author: 'a'});
            if (cursor.value.title === 'D') cursor.delete();
            cursor.continue();
        }), await walk(store.index('author')));
        seen.push(await of(store.index('title').get('B')), await of(store.index('title').getKey('A')), await of(store.index('author').getAllKeys('a')), (await of(store.getAll(null, 2))).length);
        await of(store.delete(IDBKeyRange.lowerBound(2)));
        seen.push(await of(store.index('author').count()), await of(store.count()), await of(store.get(2)) === undefined);
        await of(store.clear());
        seen.push(await of(store.index('tags').count()), await of(store.add({title: 'F'})), [...store.indexNames], store.index('tags').multiEntry);
        const files = await open('files', 1, (db) => db.createObjectStore('files'));
        await of(files.transaction('files', 'readwrite').objectStore('files').put({blob: new Blob(['abc'], {type: 'text/x'}), map: new Map([[1, new Date(3)]])}, 'k'));
        const { blob, map } = await of(files.transaction('files').objectStore('files').get('k'));
        seen.push(await blob.text(), blob.type, map.get(1).getTime(), await nameOf(() => files.transaction('files', 'readwrite').objectStore('files').put(() => 1, 'f')));
        return seen;";
    in_both(|carry_out| {
        let [seen] = &values_of(carry_out, &[script])[..] else { panic!() };
        let expected = json!([
            10, 11, 4, "ConstraintError", "ConstraintError", "DataError", "DataError", "ReadOnlyError",
            "x/1/B x/10/C y/2/A z/11/D", "z/11/D y/2/A x/10/C x/1/B", "x/1/B y/2/A z/11/D", "z/11/D y/2/A x/1/B",
            "p/1/B p/2/A", "2/2/A 10/10/C", "2/2/A 1/1/B", "1/1/B 10/10/C", "1/1/B 10/10/C 11/11/D",
            "x/1/B x/10/C y/2/A z/11/D", "a/10/C x/1/B y/2/A",
            {"id": 1, "title": "B", "author": "x", "tags": ["p", "q", "p"]}, 2, [10], 2,
            1, 1, true, 0, 12, ["author", "tags", "title"], true,
            "abc", "text/x", 3, "DataCloneError"
        ]);
        assert_eq!(seen, &expected);
    });
}

#[test]
fn transactions_take_turns_and_leave_nothing_behind_when_they_fail() {
    let script = r"
        const log = [];
        const db = await open('turns', 1, (db) => db.createObjectStore('s'));
        const begin = (mode) => db.transaction('s', mode);
        const first = begin('readwrite');
        const second = begin('readonly');
        const third = begin('readwrite');
        second.objectStore('s').get('a').onsuccess = ({ target }) => log.push(`second ${target.result}`);
        third.objectStore('s').put(3, 'a').onsuccess = () => log.push('third');
        first.objectStore('s').put(1, 'a').onsuccess = () => {
            log.push('first');
            first.objectStore('s').put(2, 'a').onsuccess = () => log.push('first again');
        };
        await Promise.all([first, second, third].map(ended));
        // An error that nothing prevents takes all of it back, whatever came before.
        const failing = begin('readwrite');
        failing.objectStore('s').put(9, 'a');
        failing.objectStore('s').put(9, 'b');
        failing.objectStore('s').add(9, 'a');
        failing.objectStore('s').put(9, 'c').onerror = ({ target }) => log.push(target.error.name);
        failing.onerror = ({ target }) => log.push(`error ${target.error.name}`);
        let bubbled = 0;
        db.onabort = () => bubbled++;
        log.push(await ended(failing), failing.error.name);
        const taken = begin('readwrite');
        taken.objectStore('s').delete('a');
        taken.abort();
        log.push(await ended(taken), await nameOf(() => taken.objectStore('s')), await nameOf(() => taken.abort()));
        const prevented = begin('readwrite');
        const late = prevented.objectStore('s');
        await nameOf(() => of(late.add(9, 'a')));
        log.push(await ended(prevented), await nameOf(() => late.get('a')));
        log.push(await of(begin().objectStore('s').getAll()), await of(begin().objectStore('s').getAllKeys()));
        return [...log, bubbled];";
    in_both(|carry_out| {
        let [seen] = &values_of(carry_out, &[script])[..] else { panic!() };
        let expected = json!([
            "first",
            "first again",
            "second 2",
            "third",
            "error ConstraintError",
            "AbortError",
            "error AbortError",
            "abort",
            "ConstraintError",
            "abort",
            "InvalidStateError",
            "InvalidStateError",
            "complete",
            "TransactionInactiveError",
            [3],
            ["a"],
            2
        ]);
        assert_eq!(seen, &expected);
    });
}

#[test]
fn a_new_version_waits_for_those_who_have_the_old_one() {
    let script = r"
        const log = [];
        // PyScript has databases, too.
        const own = async () => (await indexedDB.databases()).filter(({ name }) => name === 'versions').map(({ version }) => version);
        let db = await open('versions', 2, (db, transaction, event) => {
            db.createObjectStore('old');
            log.push(event.oldVersion, event.newVersion, transaction.mode);
        });
        log.push(await nameOf(() => open('versions', 1)), db.version, await own());
        db.onversionchange = () => { log.push('asked'); setTimeout(() => db.close(), 50) };
        const next = await open('versions', 3, (db) => { db.deleteObjectStore('old'); db.createObjectStore('new').put(1, 1) }, log);
        log.push([...next.objectStoreNames], next.version, await nameOf(() => next.transaction('old')));
        next.close();
        // What an upgrade did that fails is not there.
        log.push(await nameOf(() => open('versions', 4, (db, transaction) => { db.createObjectStore('never'); transaction.objectStore('new').clear(); transaction.abort() })));
        db = await open('versions');
        log.push(db.version, [...db.objectStoreNames], await of(db.transaction('new').objectStore('new').get(1)));
        db.close();
        log.push(await nameOf(() => db.transaction('new')));
        const gone = await new Promise((done) => (indexedDB.deleteDatabase('versions').onsuccess = done));
        log.push(gone.oldVersion, gone.newVersion, await own(), await nameOf(() => open('versions', 0)));
        return log;";
    in_both(|carry_out| {
        let [seen] = &values_of(carry_out, &[script])[..] else { panic!() };
        let expected = json!([
            0,
            2,
            "versionchange",
            "VersionError",
            2,
            [2],
            "asked",
            "blocked",
            ["new"],
            3,
            "NotFoundError",
            "AbortError",
            3,
            ["new"],
            1,
            "InvalidStateError",
            3,
            null,
            [],
            "TypeError"
        ]);
        assert_eq!(seen, &expected);
    });
}

const WORKER: &str = "
    const worker = new Worker('worker.js');
    const told = [];
    const ask = (task) => new Promise((done) => {
        worker.onmessage = ({ data }) => (data.done ? done() : told.push(data));
        worker.postMessage(task);
    });";

#[test]
fn a_page_and_its_worker_have_the_same_databases_and_take_turns() {
    let counted = format!(
        "{WORKER}
        const db = await counters('counted');
        await Promise.all([count(db, 40), ask({{task: 'count', name: 'counted', times: 40}})]);
        return of(db.transaction('numbers').objectStore('numbers').get('n'));"
    );
    let wanted = format!(
        "{WORKER}
        const log = [];
        (await open('wanted', 1)).close();
        await ask({{task: 'hold', name: 'wanted', gives: true}});
        (await open('wanted', 2, () => {{}}, log)).close();
        await ask({{task: 'hold', name: 'wanted', gives: false}});
        const third = open('wanted', 3, () => {{}}, log);
        while (!log.length) await new Promise((done) => setTimeout(done, 5));
        await ask({{task: 'let'}});
        return [(await third).version, log, told];"
    );
    let died = format!(
        "{WORKER}
        const db = await counters('died');
        await count(db, 1);
        worker.onmessage = () => worker.terminate();
        worker.postMessage({{task: 'die', name: 'died'}});
        await new Promise((done) => worker.addEventListener('message', done));
        // It had the only turn, and would have kept it.
        await count(db, 1);
        return of(db.transaction('numbers').objectStore('numbers').get('n'));"
    );
    in_both(|carry_out| {
        let seen = values_of(carry_out, &[&counted, &wanted, &died]);
        let expected =
            [json!(80), json!([3, ["blocked"], [{"wanted": [1, 2]}, {"wanted": [2, 3]}]]), json!(2)];
        assert_eq!(seen, expected);
    });
}

#[test]
fn a_channel_reaches_every_thread_of_the_page_but_not_itself() {
    let script = format!(
        "{WORKER}
        await ask({{task: 'count', name: 'begun', times: 0}});
        const log = [];
        const [one, two, other] = ['all', 'all', 'other'].map((name) => new BroadcastChannel(name));
        for (const [name, channel] of Object.entries({{one, two, other}}))
            channel.onmessage = ({{ data, origin }}) => log.push(`${{name}} ${{data.ping ?? data.pong}} ${{data.bytes?.[1] ?? ''}} ${{data.at?.getTime() ?? ''}} ${{origin === location.origin}}`);
        one.postMessage({{ping: 'a', at: new Date(7)}});
        one.postMessage({{ping: 'b'}});
        other.postMessage({{ping: 'c'}});
        while (log.length < 6) await new Promise((done) => setTimeout(done, 5));
        two.close();
        one.postMessage({{ping: 'd'}});
        while (log.length < 7) await new Promise((done) => setTimeout(done, 5));
        log.push(await nameOf(() => two.postMessage(1)), await nameOf(() => one.postMessage(() => 1)));
        return log.sort();"
    );
    in_both(|carry_out| {
        let [seen] = &values_of(carry_out, &[&script])[..] else { panic!() };
        let expected = json!([
            "DataCloneError",
            "InvalidStateError",
            "one a 2 7 true",
            "one b 2  true",
            "one d 2  true",
            "two a  7 true",
            "two a 2 7 true",
            "two b   true",
            "two b 2  true"
        ]);
        assert_eq!(seen, &expected);
    });
}
