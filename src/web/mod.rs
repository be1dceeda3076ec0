//! The browser: what the room's actions do and where its events come from.
//!
//! Nothing is decided here. Callbacks of the browser and of the page put an event into the driver's
//! inbox; the [`driver`] hands it to the room and does what the room says: through a [`socket`] to a
//! signaling server, through a [`connection`] to a peer, or through the listener to the [`page`].

mod connection;
pub mod driver;
pub mod idle;
pub mod indexed_db;
mod keeper;
pub mod last_words;
pub mod live;
pub mod member;
pub mod page;
mod route;
mod socket;
mod tabs;

pub use connection::Ice;

use js_sys::wasm_bindgen::JsCast;
use wasm_bindgen::JsValue;
use web_sys::Performance;

use crate::room::limits::Millis;

thread_local! {
    /// Looked up once, as the clock is read with every frame; with the moment it counts from.
    static CLOCK: Option<(Performance, Millis)> = {
        let performance = web_sys::window().and_then(|window| window.performance());
        performance.map(|performance| { let origin = performance.time_origin(); (performance, origin) })
    };
}

/// Milliseconds since the Unix epoch. Unlike `Date.now()` it does not jump when the clock is set.
pub fn now() -> Millis {
    CLOCK.with(|clock| match clock {
        Some((performance, origin)) => origin + performance.now(),
        None => js_sys::Date::now(),
    })
}

/// 32 bytes from the operating system; an error where the browser has none to give.
pub fn random_seed() -> Result<[u8; 32], JsValue> {
    let window = web_sys::window().ok_or_else(|| JsValue::from_str("no window"))?;
    let mut seed = [0; 32];
    window.crypto()?.get_random_values_with_u8_array(&mut seed)?;
    Ok(seed)
}

/// What a JavaScript exception says.
fn reason(error: &JsValue) -> String {
    let message = error.dyn_ref::<js_sys::Error>().map(|error| String::from(error.message()));
    message.or_else(|| error.as_string()).unwrap_or_else(|| format!("{error:?}"))
}
