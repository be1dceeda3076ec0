//! The route that a connection takes: straight to the other page, or through a TURN server.
//!
//! Only the statistics tell (W3C WebRTC Statistics, 8.11): the transport names the pair of candidates in
//! use. Firefox has no transport there, and marks the pair itself.

use js_sys::Map;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::RtcPeerConnection;

use super::member::{is_true, text};

/// Whether one of the two ends is a relay; `None` where the browser does not say.
pub async fn is_relayed(peer: &RtcPeerConnection) -> Option<bool> {
    // A report is like a map, and not one.
    let report = JsFuture::from(peer.get_stats()).await.ok()?.unchecked_into::<Map>();
    let entries: Vec<JsValue> = report.values().into_iter().filter_map(Result::ok).collect();
    let of_type =
        |name: &'static str| entries.iter().filter(move |entry| text(entry, "type").as_deref() == Some(name));
    let chosen = of_type("transport").find_map(|transport| text(transport, "selectedCandidatePairId"));
    let pair = match chosen {
        Some(id) => report.get(&id.into()),
        None => of_type("candidate-pair").find(|pair| is_true(pair, "selected"))?.clone(),
    };
    let ends = ["localCandidateId", "remoteCandidateId"].map(|end| text(&pair, end));
    let kinds = ends.into_iter().flatten().map(|id| text(&report.get(&id.into()), "candidateType"));
    let kinds: Vec<_> = kinds.collect::<Option<_>>()?;
    (!kinds.is_empty()).then(|| kinds.iter().any(|kind| kind == "relay"))
}
