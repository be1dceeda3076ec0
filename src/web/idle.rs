//! What is done when the browser has nothing else to do.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::Function;
use wasm_bindgen::prelude::*;

use super::member::{get, object};
use crate::room::rehearsal::Rehearsal;

/// What the browser calls, until it is taken out.
type Callback = RefCell<Option<Closure<dyn FnMut()>>>;

thread_local! {
    static HAS_REHEARSED: Cell<bool> = const { Cell::new(false) };
}

/// Has the browser compile what a join needs, once.
pub fn rehearse() {
    if HAS_REHEARSED.replace(true) {
        return;
    }
    let Ok(seed) = super::random_seed() else { return };
    let mut rehearsal = Rehearsal::new(seed, super::now());
    in_background(move || rehearsal.step(super::now()));
}

/// Does something, each time as a task of its own and after everything else, as long as it says that there
/// is more to do.
fn in_background(mut work: impl FnMut() -> bool + 'static) {
    let callback: Rc<Callback> = Rc::default();
    let again = callback.clone();
    let closure = Closure::new(move || match work() {
        true => request(&again),
        false => drop(again.take()),
    });
    callback.replace(Some(closure));
    request(&callback);
}

/// A browser that knows no such tasks does none. (Idle periods, which more of them have, are up to 50 ms
/// long, and what comes meanwhile waits.)
fn request(callback: &Callback) {
    let scheduler = get(&js_sys::global(), "scheduler");
    let post = get(&scheduler, "postTask").dyn_into::<Function>();
    if let (Ok(post), Some(callback)) = (post, &*callback.borrow()) {
        let options = object(&[("priority", "background".into())]);
        post.call2(&scheduler, callback.as_ref(), &options).ok();
    }
}
