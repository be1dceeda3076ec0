//! Members of JavaScript objects, by their names. Of objects that came from outside each is looked at, and
//! whatever it is, nothing breaks.
//!
//! Serde would do the same and say more about what is wrong, in nearly 20 KB of compressed WebAssembly: its
//! messages can tell of every value that JavaScript has, floating point numbers too.

use js_sys::{Array, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};

/// A member; undefined where there is none.
pub fn get(object: &JsValue, name: &str) -> JsValue {
    Reflect::get(object, &name.into()).unwrap_or_default()
}

/// A member that is a text.
pub fn text(object: &JsValue, name: &str) -> Option<String> {
    get(object, name).as_string()
}

/// A member that is a list of texts.
pub fn texts(object: &JsValue, name: &str) -> Option<Vec<String>> {
    get(object, name).dyn_ref::<Array>()?.iter().map(|text| text.as_string()).collect()
}

/// Whether a member is there and true.
pub fn is_true(object: &JsValue, name: &str) -> bool {
    get(object, name).is_truthy()
}

/// Sets a member of an object that was made here.
pub fn set(object: &JsValue, name: &str, value: &JsValue) {
    // A plain object takes everything.
    Reflect::set(object, &name.into(), value).ok();
}

/// A new object.
pub fn object(members: &[(&str, JsValue)]) -> JsValue {
    let object = Object::new().into();
    members.iter().for_each(|(name, value)| set(&object, name, value));
    object
}

/// A new list.
pub fn list(elements: impl Iterator<Item = JsValue>) -> JsValue {
    elements.collect::<Array>().into()
}
