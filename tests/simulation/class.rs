//! How large a room may become: what one page of a full mesh sends and works, in numbers.
//!
//! Not a test but a measurement, as `docs/large-rooms.md` has it:
//! `cargo test --release --test simulation class -- --ignored --nocapture`. Bytes are those of frames and
//! of signaling texts, without what DTLS, SCTP and TCP add. Time is that of the engine alone, native and
//! on this machine; wasm takes about twice as long.

use std::time::Duration;

use jupyterlite_webrtc::room::Action;

use crate::network::PageId;
use crate::world::World;

const PATH: &str = "a.ipynb";
const STROKES: usize = 20;

/// What a page sent and worked since the last look.
#[derive(Clone, Copy, Default)]
pub struct Meter {
    pub frames: u64,
    pub bytes: u64,
    pub signals: u64,
    pub signal_bytes: u64,
    pub worked: Duration,
}

impl Meter {
    pub fn count(&mut self, action: &Action) {
        match action {
            Action::Send { frame, .. } => {
                self.frames += 1;
                self.bytes += frame.len() as u64;
            }
            Action::Say(_, text) => {
                self.signals += 1;
                self.signal_bytes += text.len() as u64;
            }
            _ => {}
        }
    }

    fn kilobytes(&self) -> f64 {
        self.bytes as f64 / 1_000.0
    }

    fn millis(&self) -> f64 {
        self.worked.as_secs_f64() * 1_000.0
    }
}

#[test]
#[ignore = "a measurement"]
fn class() {
    println!(
        "| pages | join: signals | KB | frames | KB | engine | keystroke: frames of the author | KB | engine | of another page | a minute without any: frames | KB | engine |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    [2, 10, 20, 30, 50, 100].into_iter().for_each(measure);
}

fn measure(count: usize) {
    let mut world = World::new(1, false);
    let mut pages = Vec::new();
    for _ in 0..count {
        pages.push(world.page(&[(PATH, "the same")]));
        world.open(pages[pages.len() - 1], PATH);
        world.pass(10_000.0 / count as f64); // all within ten seconds
    }
    pages.iter().for_each(|page| world.until_open(*page, PATH));
    pages.iter().for_each(|page| world.until_ready(*page, count - 1));
    world.pass(15_000.0);
    let joining = world.middle(&pages);
    // What takes place within a few milliseconds is the keystroke's.
    let (mut author, mut other) = (Meter::default(), Duration::ZERO);
    for _ in 0..STROKES {
        world.types_in(pages[0], PATH);
        author.frames += world.meters[&pages[0]].frames;
        author.bytes += world.meters[&pages[0]].bytes;
        author.worked += world.meters[&pages[0]].worked;
        world.pass(100.0);
        other += world.middle(&pages).worked;
    }
    world.pass(60_000.0);
    let idle = world.middle(&pages);
    let stroke = |total: f64| total / STROKES as f64;
    println!(
        "| {count} | {} | {:.1} | {} | {:.1} | {:.1} ms | {} | {:.1} | {:.2} ms | {:.2} ms | {} | {:.1} | {:.1} ms |",
        joining.signals,
        joining.signal_bytes as f64 / 1_000.0,
        joining.frames,
        joining.kilobytes(),
        joining.millis(),
        stroke(author.frames as f64),
        stroke(author.kilobytes()),
        stroke(author.millis()),
        stroke(other.as_secs_f64() * 1_000.0),
        idle.frames,
        idle.kilobytes(),
        idle.millis(),
    );
}

impl World {
    /// What the page in the middle has done since this was asked last: those between first and last to
    /// come.
    fn middle(&mut self, pages: &[PageId]) -> Meter {
        let meters = std::mem::take(&mut self.meters);
        meters.get(&pages[pages.len() / 2]).copied().unwrap_or_default()
    }

    fn types_in(&mut self, page: PageId, path: &str) {
        self.typed += 1;
        let marker = format!("[{}]", self.typed);
        let state = self.pages.get_mut(&page).expect("it is there");
        let event = state.type_marker(path, &marker, 0).expect("it is open");
        self.handle(page, event);
    }
}
