//! The engine of jupyterlite-webrtc: real-time collaboration for JupyterLite, peer to peer.
//!
//! [`room`] is the protocol as a state machine without I/O; it runs natively in tests.

#![forbid(unsafe_code)]

pub mod room;
