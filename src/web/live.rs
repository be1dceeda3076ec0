//! What is open in the browser, so that it can be closed when the engine breaks.
//!
//! A wasm trap does not unwind: nothing is dropped, and what was open would stay so, a page that others
//! still see and that never answers. So connections, sockets and the database are noted here, and closed
//! by the panic hook, which is the last thing that runs.

use std::cell::RefCell;

use js_sys::{Function, Reflect};
use wasm_bindgen::{JsCast, JsValue};

thread_local! {
    static OPEN: RefCell<Vec<JsValue>> = const { RefCell::new(Vec::new()) };
}

/// Something that has a method `close`, for as long as this is kept.
pub struct Live(JsValue);

impl Live {
    /// Notes that it is open.
    pub fn new(thing: &JsValue) -> Self {
        OPEN.with_borrow_mut(|open| open.push(thing.clone()));
        Self(thing.clone())
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        OPEN.with_borrow_mut(|open| {
            if let Some(at) = open.iter().position(|thing| *thing == self.0) {
                open.swap_remove(at);
            }
        });
    }
}

/// Closes all that is open.
pub fn close_all() {
    for thing in OPEN.take() {
        let close = Reflect::get(&thing, &"close".into()).ok().and_then(|it| it.dyn_into::<Function>().ok());
        close.map(|close| close.call0(&thing));
    }
}
