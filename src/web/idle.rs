//! What is done when the browser has nothing else to do.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use wasm_bindgen::prelude::*;
use web_sys::IdleDeadline;

use crate::room::rehearsal::Rehearsal;

/// What is left of an idle period when the next step begins, in milliseconds.
const MARGIN: f64 = 2.0;

/// What the browser calls, until it is taken out.
type Callback = RefCell<Option<Closure<dyn FnMut(IdleDeadline)>>>;

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
    when_idle(move |deadline| {
        while deadline.time_remaining() > MARGIN {
            if !rehearsal.step(super::now()) {
                return false;
            }
        }
        true
    });
}

/// Does something in idle periods, as long as it says that there is more to do.
fn when_idle(mut work: impl FnMut(&IdleDeadline) -> bool + 'static) {
    let callback: Rc<Callback> = Rc::default();
    let again = callback.clone();
    let closure = Closure::new(move |deadline: IdleDeadline| match work(&deadline) {
        true => request(&again),
        false => drop(again.take()),
    });
    callback.replace(Some(closure));
    request(&callback);
}

/// Safari has no idle periods: there nothing is done.
fn request(callback: &Callback) {
    if let (Some(window), Some(callback)) = (web_sys::window(), &*callback.borrow()) {
        window.request_idle_callback(callback.as_ref().unchecked_ref()).ok();
    }
}
