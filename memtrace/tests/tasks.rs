//! Code that stops and goes on: generators, coroutines, asyncio's tasks, greenlets; and who was at work.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;
use support::{Folder, on_every_python};

/// The blocks of a million bytes and more in `capture.mtr`, by size, and what their threads were called last.
fn blocks(folder: &Folder) -> HashMap<u64, (Value, String)> {
    let records = folder.report("records");
    let mut names = HashMap::new();
    for record in kit::of_type(&records, "memtrace.thread.named") {
        names.insert(record["thread"].as_u64().unwrap(), record["name"].as_str().unwrap().to_owned());
    }
    let allocations = kit::of_type(&records, "memtrace.allocation.recorded");
    let large = allocations.into_iter().filter(|record| record["size_bytes"].as_u64().unwrap() > 1_000_000);
    let block = |record: &Value| {
        let name = names.get(&record["thread"].as_u64().unwrap()).cloned().unwrap_or_default();
        (record["size_bytes"].as_u64().unwrap(), (record.clone(), name))
    };
    large.map(block).collect()
}

/// The functions of a stack and their lines, innermost first, down to the program's own first line.
fn calls(record: &Value) -> Vec<String> {
    let frames = record["stack"].as_array().unwrap().iter();
    let call = |frame: &Value| {
        let function = frame["function"].as_str().unwrap().rsplit('.').next().unwrap();
        format!("{function}:{}", frame["line"])
    };
    frames.filter(|frame| frame["file"].as_str().unwrap().ends_with("app.py")).map(call).collect()
}

#[test]
fn a_generator_and_a_coroutine_are_where_they_went_on() {
    let folder = Folder::new();
    let code = "\
def numbers():
    kept = bytearray(1_000_001)
    yield 1
    kept = bytearray(1_000_002)
    yield 2
    kept = bytearray(
        1_000_003)

def both():
    yield from numbers()
    yield bytearray(1_000_004)

class Awaited:
    def __await__(self):
        yield
        self.kept = bytearray(1_000_005)

async def inner():
    await Awaited()
    return bytearray(1_000_006)

async def outer():
    kept = await inner()
    async for kept in many():
        pass

async def many():
    yield bytearray(1_000_007)

def main():
    for _ in both():
        pass
    coroutine = outer()
    coroutine.send(None)
    try:
        coroutine.send(None)
    except StopIteration:
        pass

main()
";
    folder.write("app.py", code);
    on_every_python(|python| {
        let _ = folder.record(python, &["app.py"]).exits(0);
        let blocks = blocks(&folder);
        let stack = |size: u64| calls(&blocks[&size].0);
        assert_eq!(stack(1_000_002), ["numbers:2", "both:10", "main:31", "<module>:40"]);
        assert_eq!(stack(1_000_003), ["numbers:4", "both:10", "main:31", "<module>:40"]);
        // A call that takes several lines is on the first one.
        assert_eq!(stack(1_000_004), ["numbers:6", "both:10", "main:31", "<module>:40"]);
        assert_eq!(stack(1_000_005), ["both:11", "main:31", "<module>:40"]);
        assert_eq!(stack(1_000_006), ["__await__:16", "inner:19", "outer:23", "main:36", "<module>:40"]);
        assert_eq!(stack(1_000_007), ["inner:20", "outer:23", "main:36", "<module>:40"]);
        assert_eq!(stack(1_000_008), ["many:28", "outer:24", "main:36", "<module>:40"]);
    });
}

#[test]
fn what_gevent_runs_in_turns_is_told_apart() {
    let Ok(python) = kit::venv("greenlets") else { return };
    let folder = Folder::new();
    let code = "\
from gevent import monkey, pool, queue, sleep, spawn
monkey.patch_all()
import threading

def produce(jobs):
    for size in range(1_000_001, 1_000_004):
        kept = bytearray(size)
        jobs.put(size)
        sleep(0)
    jobs.put(None)

def consume(jobs):
    while (size := jobs.get()) is not None:
        kept = bytearray(size + 10)

jobs = queue.Queue(1)
both = [spawn(produce, jobs), spawn(consume, jobs)]
for one in both:
    one.join()
list(pool.Pool(2).imap(bytearray, [1_000_021, 1_000_022]))
thread = threading.Thread(target=bytearray, args=(1_000_031,))
thread.start(); thread.join()
";
    folder.write("app.py", code);
    for options in [&[][..], &["--native"]] {
        let ran = folder.record_with(options, &python, &["app.py"]).exits(0);
        assert_eq!(ran.stderr, "");
        let blocks = blocks(&folder);
        for size in 1_000_002..1_000_005 {
            assert_eq!(calls(&blocks[&size].0), ["produce:7"], "{size}");
            assert_eq!(calls(&blocks[&(size + 10)].0), ["consume:14"], "{size}");
        }
        assert!([1_000_022, 1_000_023, 1_000_032].iter().all(|size| calls(&blocks[size].0).is_empty()));
    }
}

const TASKS: &str = "\
import asyncio, threading

class OwnTask(asyncio.Task):
    pass

async def work(size):
    first = bytearray(size)
    await asyncio.sleep(0)
    second = bytearray(size + 1)
    future = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0.01, future.set_result, None)
    await future
    asyncio.current_task().set_name(asyncio.current_task().get_name() + '!')
    third = bytearray(size + 2)

async def main():
    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(work(1_000_000 + 10 * n), name=f'job-{n}') for n in range(1, 5)]
    tasks.append(OwnTask(work(1_000_100), loop=loop, name='größer'))
    tasks.append(loop.create_task(work(1_000_200)))
    await asyncio.gather(*tasks)
    # One after the other, each may have the memory of the one before.
    for n in range(20):
        await loop.create_task(work(1_000_300 + 10 * n), name=f'after-{n}')
    loop.call_soon(bytearray, 1_000_600)
    await asyncio.sleep(0)
    own = bytearray(1_000_700)

class Worker(threading.Thread):
    def __init__(self):
        super().__init__(name='worker of its own')
        self.more = {n: n for n in range(40)}
    def run(self):
        asyncio.run(main())

asyncio.run(main())
worker = Worker()
worker.start()
worker.join()
";

#[test]
fn a_task_is_called_by_its_name() {
    let folder = Folder::new();
    let once = TASKS.replace("worker.start()\nworker.join()\n", "");
    folder.write("app.py", &once);
    for options in [&[][..], &["--python-allocators"], &["--native"]] {
        on_every_python(|python| {
            let _ = folder.record_with(options, python, &["app.py"]).exits(0);
            let text = kit::run(folder.memtrace().args(["records", "--format", "human", "capture.mtr"]));
            hold_tasks(&text.exits(0).stdout, "MainThread", python);
            assert_eq!(folder.stats()["threads"], 1, "tasks are no threads");
        });
    }
}

#[test]
fn a_task_of_a_thread_is_called_after_both() {
    let folder = Folder::new();
    let threaded = TASKS.replace("\nasyncio.run(main())\nworker", "\nworker");
    folder.write("app.py", &threaded);
    on_every_python(|python| {
        let _ = folder.record(python, &["app.py"]).exits(0);
        let text = kit::run(folder.memtrace().args(["records", "--format", "human", "capture.mtr"]));
        hold_tasks(&text.exits(0).stdout, "worker of its own", python);
        assert_eq!(folder.stats()["threads"], 2);
    });
}

/// The blocks of `TASKS` in the lines of `memtrace records` have the names of the tasks that asked for them.
fn hold_tasks(text: &str, thread: &str, python: &Path) {
    let mut names = HashMap::new();
    let mut asked = HashMap::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["=", "thread", number, ..] => drop(names.insert(number, words[3..].join(" "))),
            ["+", _, size, "B", allocator, "thread", number, ..] if allocator != "pycalloc" => {
                asked.insert(size.parse::<u64>().unwrap(), names[number].clone());
            }
            _ => {}
        }
    }
    let of = |size: u64| asked[&(size + 1)].as_str();
    let called = |task: &str| format!("{thread} · task {task}");
    let hold = |size: u64, task: &str| {
        for (later, ending) in [(0, ""), (1, ""), (2, "!")] {
            assert_eq!(of(size + later), called(&format!("{task}{ending}")), "{}: {size}", python.display());
        }
    };
    for n in 1..5 {
        hold(1_000_000 + 10 * n, &format!("job-{n}"));
    }
    hold(1_000_100, "größer");
    for n in 0..20 {
        hold(1_000_300 + 10 * n, &format!("after-{n}"));
    }
    // asyncio only counts those that nobody gave a name.
    assert_eq!((of(1_000_200), of(1_000_201)), (thread, thread));
    assert!(of(1_000_202).starts_with(&called("Task-")) && of(1_000_202).ends_with('!'));
    // What an event loop runs besides is no task's.
    assert_eq!((of(1_000_600), of(1_000_700)), (thread, thread));
}

#[test]
fn threads_have_the_names_that_python_knows() {
    let folder = Folder::new();
    let code = "\
import threading
from concurrent.futures import ThreadPoolExecutor

class Worker(threading.Thread):
    def __init__(self, size):
        self.size = size
        self.more = {n: n for n in range(40)}
        threading.Thread.__init__(self, name='a name of more than fifteen letters, größer')
        vars(self)['attributes in a dict'] = 1
    def run(self):
        self.kept = bytearray(self.size)
        self.name = 'another name'
        for n in range(100_000):
            bytearray(1000)
        self.kept = bytearray(self.size + 1)

def work(size):
    return bytearray(size)

kept = bytearray(1_000_001)
threads = [Worker(1_000_010), threading.Thread(target=work, args=(1_000_020,), name='plain')]
for thread in threads:
    thread.start(); thread.join()
with ThreadPoolExecutor(1, thread_name_prefix='pool') as pool:
    pool.submit(work, 1_000_030).result()
";
    folder.write("app.py", code);
    on_every_python(|python| {
        let _ = folder.record(python, &["app.py"]).exits(0);
        // What each was called when it asked.
        let (mut names, mut asked) = (HashMap::new(), HashMap::new());
        for record in folder.report("records") {
            match record["type"].as_str().unwrap() {
                "memtrace.thread.named" => {
                    drop(names.insert(record["thread"].clone(), record["name"].clone()));
                }
                "memtrace.allocation.recorded" => {
                    asked
                        .insert(record["size_bytes"].as_u64().unwrap() - 1, names[&record["thread"]].clone());
                }
                _ => {}
            }
        }
        let expected = [
            (1_000_001, "MainThread"),
            (1_000_010, "a name of more than fifteen letters, größer"),
            (1_000_011, "another name"),
            (1_000_020, "plain"),
            (1_000_030, "pool_0"),
        ];
        for (size, name) in expected {
            assert_eq!(asked[&size], name, "{}: {size}", python.display());
        }
    });
}

/// Threads that get and keep memory at the same time, one of them in tasks, one without a name.
const THREADS: &str = "\
import asyncio, os, threading

def keep(kept, count):
    kept.append([bytearray(2000 + n % 500) for n in range(count)])
    for n in range(count):
        bytearray(40_000)

async def tasks(kept):
    loop = asyncio.get_running_loop()
    async def work(count):
        for _ in range(3):
            keep(kept, count)
            await asyncio.sleep(0)
    await asyncio.gather(*(loop.create_task(work(100 * n), name=f'job-{n}') for n in range(1, 4)))

kept = []
threads = [threading.Thread(target=keep, args=(kept, 500 * n), name=f'keeper-{n}') for n in range(4)]
threads.append(threading.Thread(target=lambda: asyncio.run(tasks(kept)), name='loop'))
for thread in threads: thread.start()
keep(kept, 1000)
for thread in threads: thread.join()
os._exit(0)
";

#[test]
fn threads_apart_add_up_to_all_together() {
    let folder = Folder::new();
    folder.write("app.py", THREADS);
    on_every_python(|python| {
        let _ = folder.record(python, &["app.py"]).exits(0);
        let stats = folder.stats();
        for (at, bytes, blocks) in [
            ("peak", "peak_bytes", "peak_allocations"),
            ("leaked", "leaked_bytes", "leaked_allocations"),
            ("temporary", "temporary_bytes", "temporary_allocations"),
        ] {
            let ran = kit::run(folder.memtrace().args(["records", "--at", at, "capture.mtr"])).exits(0);
            let records = kit::records("memtrace", &ran.stdout);
            let mut threads: HashMap<String, (u64, u64)> = HashMap::new();
            for site in kit::of_type(&records, "memtrace.stack.measured") {
                let name = site["thread_name"].as_str().unwrap_or_default().to_owned();
                let (bytes, blocks) = threads.entry(name).or_default();
                *bytes += site["bytes"].as_u64().unwrap();
                *blocks += site["allocations"].as_u64().unwrap();
            }
            let sums = threads.values().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
            let merged = [bytes, blocks].map(|key| stats[key].as_u64().unwrap());
            assert_eq!([sums.0, sums.1], merged, "{}: {at}", python.display());
            for name in ["MainThread", "keeper-3", "loop · task job-1", "loop · task job-3"] {
                let least = if at == "temporary" { 100 * 40_000 } else { 100 * 2000 };
                assert!(threads[name].0 >= least, "{}: {at}: {threads:?}", python.display());
            }
            // By the flame graph too, where the threads are a level of their own.
            let calls = kit::run(folder.memtrace().args(["tree", "--at", at, "capture.mtr"])).exits(0);
            let calls = kit::records("memtrace", &calls.stdout);
            let root: &Value = kit::of_type(&calls, "memtrace.call.measured")[0];
            assert_eq!(root["bytes"], merged[0], "{}: {at}", python.display());
        }
    });
}
