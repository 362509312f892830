//! `--lock`: what a run got is what later ones get.

use super::{HELLO, World};

/// `hashlib.sha256(b"changed\n").hexdigest()`
const CHANGED: &str = "5c6fd7dd45d80f2ec0de7ed5e1f91a1ff18ef5d70b2b0c7e6d3cb4fd5ce0e3ad";

fn lock(world: &World) -> String {
    std::fs::read_to_string(world.path("data.lock")).unwrap()
}

#[test]
fn what_was_got_is_pinned_and_a_changed_file_is_refused() {
    let world = World::new();
    world.server.file("/x", "hello\n");
    let url = world.server.url("/x");
    let get = ["get", "--lock", "data.lock", &url];
    assert_eq!(world.records(&get, 0)[0]["pinned"], false);
    assert_eq!(lock(&world), format!("x sha256:{HELLO} {url}\n"));
    let again = &world.records(&get, 0)[0];
    assert_eq!((&again["status"], &again["pinned"]), (&"cached".into(), &true.into()));
    assert_eq!(world.requests(), 1);

    world.server.file("/x", "changed\n");
    let elsewhere = ["get", "--cache", "new", "--lock", "data.lock", &url];
    std::fs::remove_dir_all(world.path("cache")).unwrap();
    assert_eq!(world.records(&elsewhere, 1)[0]["code"], "hash_mismatch");
    assert!(!world.path("new/x").exists());
    // The registry that it is does the same.
    assert_eq!(world.records(&["get", "-r", "data.lock"], 1)[0]["code"], "hash_mismatch");
    assert_eq!(lock(&world), format!("x sha256:{HELLO} {url}\n"));
}

#[test]
fn a_refresh_pins_anew() {
    let world = World::new();
    world.server.file("/x", "hello\n");
    let url = world.server.url("/x");
    let refresh = ["get", "--cache", "d", "--lock", "data.lock", "--refresh", &url];
    world.records(&refresh, 0);
    assert_eq!(world.records(&refresh, 0)[0]["status"], "not_modified");
    world.server.file("/x", "changed\n");
    let updated = &world.records(&refresh, 0)[0];
    assert_eq!(updated["status"], "updated");
    assert_eq!(lock(&world), format!("x {} {url}\n", updated["digest"].as_str().unwrap()));
    assert_ne!(updated["digest"], format!("sha256:{HELLO}"));
}

#[test]
fn locked_gets_nothing_that_is_not_in_the_lock() {
    let world = World::new();
    world.server.file("/x", "hello\n").file("/y", "hello\n");
    let (x, y) = (world.server.url("/x"), world.server.url("/y"));
    world.records(&["get", "--lock", "data.lock", &x], 0);
    let before = (world.requests(), lock(&world));
    let locked = ["get", "--cache", "new", "--lock", "data.lock", "--locked"];
    for more in [&[x.as_str(), &y][..], &[&x, "--hash", CHANGED], &[&world.server.url("/other/x")]] {
        let failed = world.records(&[&locked[..], more].concat(), 2);
        assert_eq!(failed[0]["type"], "fetch.run.failed", "{more:?}");
    }
    // What comes in a stream is refused one by one.
    let input = format!("{{\"url\":\"{x}\"}}\n{{\"url\":\"{y}\"}}\n");
    let records = world.records_of_input(&[&locked[..], &["-"]].concat(), &input, 2);
    let failed: Vec<_> = records.iter().filter(|record| record["code"] == "not_locked").collect();
    assert_eq!((records.len(), failed.len()), (2, 1));
    assert_eq!((world.requests(), lock(&world)), before);
    kit::run(&mut world.fetch(&["get", "--lock", "none.lock", "--locked", &x])).exits(2);
}

#[test]
fn what_people_wrote_into_it_stays() {
    let world = World::new();
    world.server.file("/a", "hello\n").file("/c", "hello\n");
    let b = format!("# top\n\n# about b\nb {HELLO} http://127.0.0.1:9/b\n# end\n");
    world.write("data.lock", &b);
    world.records(&["get", "--lock", "data.lock", &world.server.url("/a"), &world.server.url("/c")], 0);
    let line = |name: &str| format!("{name} sha256:{HELLO} {}\n", world.server.url(&format!("/{name}")));
    let wanted =
        b.replace("b 58", &format!("{}b 58", line("a"))).replace("# end", &format!("{}# end", line("c")));
    assert_eq!(lock(&world), wanted);
}

#[test]
fn a_digest_by_another_algorithm_and_that_of_the_lock_must_both_be_right() {
    let world = World::new();
    world.server.file("/x", "hello\n");
    let url = world.server.url("/x");
    let md5 = "md5:b1946ac92492d2347c6235b4d2611184";
    world.write("data.lock", &format!("x {CHANGED} {url}\n"));
    assert_eq!(
        world.records(&["get", "--lock", "data.lock", "--hash", md5, &url], 1)[0]["code"],
        "hash_mismatch"
    );
    world.write("data.lock", &format!("x {HELLO} {url}\n"));
    world.records(&["get", "--lock", "data.lock", "--locked", "--hash", md5, &url], 0);
    // Without --locked the request has the last word.
    world.write("data.lock", &format!("x {CHANGED} {url}\n"));
    world.records(&["get", "--lock", "data.lock", "--hash", HELLO, &url], 0);
    assert_eq!(lock(&world), format!("x sha256:{HELLO} {url}\n"));
}

#[test]
fn two_files_of_one_name_are_not_locked_as_one() {
    let world = World::new();
    world.server.file("/a/x", "hello\n").file("/b/x", "other\n");
    let urls = [world.server.url("/a/x"), world.server.url("/b/x")];
    let records = world.records(&["get", "-j1", "--lock", "data.lock", &urls[0], &urls[1]], 2);
    assert_eq!(records[1]["code"], "name_conflict");
}

#[test]
fn processes_add_to_one_lock_file_without_loss_and_secrets_stay_out() {
    let world = World::new();
    let names: Vec<String> = (0..8).map(|number| format!("f{number}")).collect();
    for name in &names {
        world.server.file(&format!("/{name}?token=s3cret"), "hello\n");
    }
    std::thread::scope(|scope| {
        for name in &names {
            let url = world.server.url(&format!("/{name}?token=s3cret"));
            let world = &world;
            scope.spawn(move || world.records(&["get", "--lock", "data.lock", &url], 0));
        }
    });
    let lock = lock(&world);
    let found: Vec<&str> = lock.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(found, names);
    assert!(!lock.contains("s3cret"), "{lock}");
    let left = std::fs::read_dir(world.folder.path()).unwrap().flatten().map(|entry| entry.file_name());
    let mut left: Vec<_> = left.collect();
    left.sort();
    assert_eq!(left, ["cache", "data.lock"]);
}
