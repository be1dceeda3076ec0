//! Tabs of one browser: one of them has connections to the others, whatever happens to it.

use jupyterlite_webrtc::room::Event;
use jupyterlite_webrtc::room::Route;

use crate::network::PageId;
use crate::run;
use crate::world::World;

const PATH: &str = "a.ipynb";

/// So many people, of whom two in three are tabs of two browsers, in one document.
fn meet(world: &mut World, people: usize) -> Vec<PageId> {
    world.faults.tabs = true;
    let pages: Vec<_> = (0..people).map(|_| world.page(&[(PATH, "the same")])).collect();
    pages.iter().for_each(|page| world.open(*page, PATH));
    pages.iter().for_each(|page| world.until_open(*page, PATH));
    world.pass(10_000.0);
    pages
}

fn routes(world: &World, page: PageId) -> Vec<Option<Route>> {
    world.pages[&page].room.status().peers.iter().map(|peer| peer.route).collect()
}

/// How many connections outside its browser a page has.
fn connections(world: &World, page: PageId) -> usize {
    routes(world, page).iter().filter(|route| **route != Some(Route::Tab)).count()
}

#[test]
fn only_one_tab_of_a_browser_is_connected_to_others() {
    run("only_one_tab_of_a_browser_is_connected_to_others", |world| {
        let pages = meet(world, 9);
        // Three are by themselves, and two browsers have three tabs each.
        let connected = pages.iter().filter(|page| connections(world, **page) > 0).count();
        assert_eq!(connected, 5);
        for page in &pages {
            let status = world.pages[page].room.status();
            assert!([0, 4].contains(&connections(world, *page)), "{status:?}");
        }
        world.type_for_a_while(40);
        world.expect_no_copies();
    });
}

#[test]
fn another_tab_takes_over() {
    run("another_tab_takes_over", |world| {
        let pages = meet(world, 6);
        for _ in 0..4 {
            world.type_for_a_while(10);
            let browser = world.below(2);
            let Some(leader) = world.browsers.leader(browser) else { break };
            let crashes = world.below(2) == 0;
            world.is_gone(leader, crashes);
        }
        world.type_for_a_while(10);
        assert!(world.pages.len() < pages.len());
    });
}

#[test]
fn a_leader_that_is_frozen_is_deposed_and_follows_when_it_wakes() {
    run("a_leader_that_is_frozen_is_deposed_and_follows_when_it_wakes", |world| {
        meet(world, 6);
        let leader = world.browsers.leader(1).expect("somebody leads");
        world.asleep.insert(leader, Vec::new());
        world.type_for_a_while(20);
        world.pass(60_000.0);
        let next = world.browsers.leader(1).expect("somebody leads");
        assert!(next != leader && connections(world, next) >= 3, "{:?}", routes(world, next));
        let missed = world.asleep.remove(&leader).unwrap_or_default();
        missed.into_iter().for_each(|event| world.handle(leader, event));
        world.handle(leader, Event::Wake);
        world.pass(60_000.0);
        assert_eq!(routes(world, leader), [Some(Route::Tab)]);
        world.type_for_a_while(20);
    });
}

/// What a page was told of presence is of a page that is there, or of none.
#[test]
fn presence_goes_over_the_leader_and_ends_with_its_page() {
    run("presence_goes_over_the_leader_and_ends_with_its_page", |world| {
        let pages = meet(world, 6);
        for page in &pages {
            world.handle(
                *page,
                Event::Presence { channel: None, update: vec![1, *page as u8, 1, 2, b'{', b'}'] },
            );
        }
        world.pass(1_000.0);
        for page in &pages {
            assert_eq!(world.pages[page].room.status().pages, pages.len(), "page {page}");
            assert_eq!(world.pages[page].present.len(), pages.len() - 1, "page {page}");
        }
        let leader = world.browsers.leader(0).expect("somebody leads");
        let follower = *pages.iter().find(|page| connections(world, **page) == 0).expect("somebody follows");
        for gone in [follower, leader] {
            world.is_gone(gone, false);
            world.pass(10_000.0);
        }
        for page in world.pages.values() {
            assert_eq!(page.room.status().pages, pages.len() - 2);
            let gone = [&(follower as u64), &(leader as u64)];
            assert!(gone.iter().all(|gone| !page.present.contains(gone)), "{:?}", page.present);
            assert_eq!(page.present.len(), pages.len() - 3);
        }
    });
}
