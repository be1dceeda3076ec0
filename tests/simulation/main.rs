//! Rooms of several pages in a simulated world: signaling servers, connections that are slow or cut,
//! pages that type, leave, crash and come back, all from one seed.
//!
//! What must hold once the world has calmed down, whatever happened before:
//!
//! - all pages have the same index, and the same content of every document that is open;
//! - every marker that was typed is there exactly once: in the document that stands at its path or,
//!   where two different files had met, in a copy in its owner's drive. Only what a page typed and
//!   had not yet sent when it crashed may be missing, and even that is never there twice;
//! - no document is empty that ever had content.
//!
//! `SEEDS=5000 cargo test --release --test simulation` runs more of them, with `FIRST=5000` others;
//! `SEED=17 …` runs one, and tells what happens.

#![cfg(not(target_arch = "wasm32"))]

mod browsers;
mod check;
mod class;
mod disk;
mod healing;
mod network;
mod page;
mod people;
mod tabs;
mod world;

use world::{Faults, World};

fn run(name: &str, scenario: impl Fn(&mut World)) {
    run_seeds(150, name, scenario);
}

fn run_seeds(seeds: u64, name: &str, scenario: impl Fn(&mut World)) {
    let number = |name| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let one = number("SEED");
    let first = one.or(number("FIRST")).unwrap_or(0);
    let range = first..first + one.map_or(number("SEEDS").unwrap_or(seeds), |_| 1);
    for seed in range {
        // The line that runs it again comes out whether the invariant or the program breaks.
        let again = Again(format!("SEED={seed} cargo test --test simulation {name} -- --nocapture"));
        let mut world = World::new(seed, one.is_some());
        scenario(&mut world);
        world.calm_down();
        world.check();
        std::mem::forget(again);
    }
}

struct Again(String);

impl Drop for Again {
    fn drop(&mut self) {
        eprintln!("\nTo run this again: {}\n", self.0);
    }
}

#[test]
fn two_open_the_same_file_at_the_same_instant() {
    run("two_open_the_same_file_at_the_same_instant", |world| {
        let pages: Vec<_> = (0..2).map(|_| world.page(&[("a.ipynb", "the same")])).collect();
        pages.iter().for_each(|page| world.open(*page, "a.ipynb"));
        world.type_for_a_while(40);
        world.expect_no_copies();
    });
}

#[test]
fn thirty_open_the_same_file_within_a_second() {
    run("thirty_open_the_same_file_within_a_second", |world| {
        if world.seed % 15 != 0 {
            return; // thirty pages are dear
        }
        for _ in 0..30 {
            let page = world.page(&[("a.ipynb", "the same")]);
            world.open(page, "a.ipynb");
            world.pass(30.0);
        }
        world.type_for_a_while(60);
        world.expect_no_copies();
    });
}

#[test]
fn a_guest_without_the_file_gets_it() {
    run("a_guest_without_the_file_gets_it", |world| {
        let author = world.page(&[("a.ipynb", "only the author has this")]);
        world.open(author, "a.ipynb");
        world.type_for_a_while(5);
        world.until_open(author, "a.ipynb");
        let guest = world.page(&[]);
        world.open(guest, "a.ipynb");
        world.until_open(guest, "a.ipynb");
        world.type_for_a_while(20);
        world.expect_no_copies();
    });
}

#[test]
fn different_files_at_one_path_are_both_kept() {
    run("different_files_at_one_path_are_both_kept", |world| {
        for content in ["one", "two", "three"] {
            let page = world.page(&[("a.ipynb", content)]);
            world.open(page, "a.ipynb");
            let wait = world.below(400);
            world.pass(wait as f64);
        }
        world.type_for_a_while(40);
    });
}

#[test]
fn of_many_files_at_one_path_one_stands_and_all_are_kept() {
    run("of_many_files_at_one_path_one_stands_and_all_are_kept", |world| {
        for _ in 0..world.between(3, 7) {
            let content = ["one", "two", "three"][world.below(3)];
            let page = world.page(&[("a.ipynb", content)]);
            world.open(page, "a.ipynb");
            let wait = world.below(60);
            world.pass(wait as f64);
        }
        world.type_for_a_while(20);
    });
}

#[test]
fn signaling_is_down_and_comes_back() {
    run("signaling_is_down_and_comes_back", |world| {
        world.signaling(false);
        for _ in 0..3 {
            let page = world.page(&[("a.ipynb", "the same"), ("b.txt", "also the same")]);
            world.open(page, "a.ipynb");
            world.open(page, "b.txt");
        }
        world.type_for_a_while(30);
        world.signaling(true);
        world.type_for_a_while(30);
        world.expect_no_copies();
    });
}

#[test]
fn a_large_document_arrives_while_others_type() {
    run("a_large_document_arrives_while_others_type", |world| {
        if world.seed % 10 != 0 {
            return; // a megabyte takes its time
        }
        let large: String = (0..60_000).map(|i| format!("{i} and so on\n")).collect();
        let author = world.page(&[("a.ipynb", &large)]);
        world.open(author, "a.ipynb");
        world.until_open(author, "a.ipynb");
        for _ in 0..3 {
            let guest = world.page(&[]);
            world.open(guest, "a.ipynb");
        }
        world.type_for_a_while(60);
        world.expect_no_copies();
    });
}

const PATHS: [&str; 3] = ["a.ipynb", "b.txt", "c/d.md"];

/// Some pages with some of these files, the same or others, of which each opens two.
fn pages_with_files(world: &mut World, contents: &[&str]) {
    for _ in 0..world.between(2, 5) {
        let files: Vec<_> = PATHS.iter().map(|path| (*path, contents[world.below(contents.len())])).collect();
        let has = world.below(4);
        let page = world.page(&files[..has.min(3)]);
        for _ in 0..2 {
            let path = PATHS[world.below(3)];
            world.open(page, path);
        }
    }
}

#[test]
fn everything_at_once() {
    run_seeds(3_000, "everything_at_once", |world| {
        world.faults = Faults::all();
        pages_with_files(world, &["one", "one", "two"]);
        for _ in 0..world.between(5, 60) {
            world.something_happens(&PATHS, &[5, 50, 500, 5_000]);
        }
    });
}

/// Most of it happens before the messages about what happened last have arrived.
#[test]
fn everything_in_a_hurry() {
    run_seeds(500, "everything_in_a_hurry", |world| {
        world.faults = Faults::all();
        pages_with_files(world, &["one", "two", "three"]);
        for _ in 0..world.between(20, 150) {
            world.something_happens(&PATHS, &[5, 20, 60]);
        }
    });
}

#[test]
fn files_come_and_go() {
    run_seeds(500, "files_come_and_go", |world| {
        world.faults = Faults::all();
        let paths = ["a.ipynb", "b.txt"];
        for _ in 0..world.between(2, 5) {
            let files: Vec<_> = paths.iter().map(|path| (*path, "one")).collect();
            let has = world.below(3);
            let page = world.page(&files[..has]);
            let path = paths[world.below(2)];
            world.open(page, path);
        }
        world.pass(1_000.0);
        for _ in 0..world.between(20, 100) {
            world.files_happen(&paths);
        }
    });
}

#[test]
fn what_was_kept_survives_a_crash() {
    run("what_was_kept_survives_a_crash", |world| {
        let page = world.page(&[("a.ipynb", "the same")]);
        world.open(page, "a.ipynb");
        world.until_open(page, "a.ipynb");
        world.type_for_a_while(20);
        world.pass(1_000.0);
        world.is_gone(page, true);
        let other = world.page(&[("a.ipynb", "the same")]);
        world.open(other, "a.ipynb");
        world.type_for_a_while(20);
        world.everybody_comes_back();
        world.type_for_a_while(20);
        world.expect_no_copies();
    });
}

#[test]
fn a_day_without_network_is_merged() {
    run("a_day_without_network_is_merged", |world| {
        let pages: Vec<_> = (0..2).map(|_| world.page(&[("a.ipynb", "the same")])).collect();
        pages.iter().for_each(|page| world.open(*page, "a.ipynb"));
        pages.iter().for_each(|page| world.until_open(*page, "a.ipynb"));
        world.type_for_a_while(20);
        world.signaling(false);
        for turn in 0..4 {
            // Each of them edits, closes or crashes, and opens again: never both at once.
            world.is_gone(pages[0] + 2 * turn, world.seed % 2 == 0);
            world.is_gone(pages[1] + 2 * turn, world.seed % 3 == 0);
            world.pass(3_600_000.0);
            world.everybody_comes_back();
            world.open(pages[0] + 2 * (turn + 1), "a.ipynb");
            world.open(pages[1] + 2 * (turn + 1), "a.ipynb");
            world.type_for_a_while(20);
            world.pass(3_600_000.0);
        }
        world.signaling(true);
        world.expect_no_copies();
    });
}

#[test]
fn files_are_moved_and_deleted_while_others_write() {
    run("files_are_moved_and_deleted_while_others_write", |world| {
        let pages: Vec<_> = (0..3).map(|_| world.page(&[("a.ipynb", "the same")])).collect();
        pages.iter().for_each(|page| world.open(*page, "a.ipynb"));
        pages.iter().for_each(|page| world.until_open(*page, "a.ipynb"));
        world.type_for_a_while(10);
        world.renames(pages[0], "a.ipynb", "b.ipynb");
        match world.below(3) {
            0 => world.renames(pages[1], "a.ipynb", "c.ipynb"),
            1 => world.deletes(pages[1], "a.ipynb"),
            _ => {}
        }
        world.type_for_a_while(20);
        let guest = world.page(&[]);
        world.open(guest, "b.ipynb");
        world.type_for_a_while(20);
    });
}

#[test]
fn a_hundred_loads_are_one_client() {
    run("a_hundred_loads_are_one_client", |world| {
        if world.seed % 15 != 0 {
            return;
        }
        let other = world.page(&[("a.ipynb", "the same")]);
        world.open(other, "a.ipynb");
        world.until_open(other, "a.ipynb");
        let first = world.page(&[("a.ipynb", "the same")]);
        for page in first..first + 100 {
            world.open(page, "a.ipynb");
            world.until_open(page, "a.ipynb");
            world.type_for_a_while(2);
            world.is_gone(page, false);
            world.everybody_comes_back();
        }
        // Whoever made the file, and these two.
        assert_eq!(world.clients(other, "a.ipynb"), 3);
        world.expect_no_copies();
    });
}

/// Pages that are closed give their client ids to the next one, and pages that crash must not.
fn pages_come_and_go(world: &mut World) {
    world.faults = Faults { crashes: true, ..Faults::default() };
    for _ in 0..2 {
        let page = world.page(&[("a.ipynb", "the same")]);
        world.open(page, "a.ipynb");
    }
    for _ in 0..40 {
        let times = world.below(3);
        world.type_for_a_while(times);
        world.somebody_goes();
        // Who comes back finds the others, or thinks that it is alone.
        let up = world.below(2) == 0;
        world.signaling(up);
        world.everybody_comes_back_to("a.ipynb");
        let wait = [20, 400, 20_000][world.below(3)];
        let wait = world.below(wait);
        world.pass(wait as f64);
    }
}

#[test]
fn pages_that_come_and_go_never_share_a_client_id() {
    run_seeds(300, "pages_that_come_and_go_never_share_a_client_id", pages_come_and_go);
}

/// The simulation must be able to fail: each of these breaks one rule, and is caught.
mod planted {
    use super::*;

    #[test]
    #[should_panic(expected = "exactly once")]
    fn a_seed_that_is_not_deterministic() {
        run("planted::a_seed_that_is_not_deterministic", |world| {
            world.bugs.random_seeds = true;
            let pages: Vec<_> = (0..2).map(|_| world.page(&[("a.ipynb", "the same")])).collect();
            pages.iter().for_each(|page| world.open(*page, "a.ipynb"));
            world.type_for_a_while(20);
        });
    }

    #[test]
    #[should_panic(expected = "exactly once")]
    fn a_store_that_acknowledges_before_the_write() {
        run("planted::a_store_that_acknowledges_before_the_write", |world| {
            world.bugs.store_forgets = true;
            let page = world.page(&[("a.ipynb", "the same")]);
            world.open(page, "a.ipynb");
            world.until_open(page, "a.ipynb");
            world.type_for_a_while(20);
            world.pass(5_000.0);
            world.is_gone(page, true);
        });
    }

    #[test]
    #[should_panic(expected = "differ")]
    fn a_client_id_that_is_used_again_after_a_crash() {
        run("planted::a_client_id_that_is_used_again_after_a_crash", |world| {
            world.bugs.same_clients = true;
            let pages: Vec<_> = (0..2).map(|_| world.page(&[("a.ipynb", "the same")])).collect();
            pages.iter().for_each(|page| world.open(*page, "a.ipynb"));
            pages.iter().for_each(|page| world.until_open(*page, "a.ipynb"));
            world.type_for_a_while(20);
            world.is_gone(pages[1], true);
            world.everybody_comes_back();
            world.open(pages[1] + 1, "a.ipynb");
            world.until_open(pages[1] + 1, "a.ipynb");
            world.type_for_a_while(20);
        });
    }

    #[test]
    #[should_panic(expected = "differ")]
    fn a_store_that_lends_a_client_id_twice() {
        run("planted::a_store_that_lends_a_client_id_twice", |world| {
            world.bugs.lends_twice = true;
            pages_come_and_go(world);
        });
    }

    #[test]
    #[should_panic(expected = "exactly once")]
    fn a_store_that_does_not_take_last_words() {
        run("planted::a_store_that_does_not_take_last_words", |world| {
            world.bugs.store_is_deaf = true;
            pages_come_and_go(world);
        });
    }

    #[test]
    #[should_panic]
    fn a_network_that_drops_frames() {
        run("planted::a_network_that_drops_frames", |world| {
            world.bugs.drops_frames = true;
            let pages: Vec<_> = (0..3).map(|_| world.page(&[("a.ipynb", "the same")])).collect();
            pages.iter().for_each(|page| world.open(*page, "a.ipynb"));
            world.type_for_a_while(60);
        });
    }
}
