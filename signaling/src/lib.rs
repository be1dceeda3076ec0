//! A signaling server for WebRTC, speaking the protocol of y-webrtc.
//!
//! Two browsers that want to talk directly must first exchange a few hundred bytes by some other
//! way: what they can receive, and at which addresses they may be reached. This server is that
//! other way, and nothing more. A browser *subscribes* to a topic (the room), *publishes* messages
//! to it, and whoever else is subscribed receives them. Documents never pass through here, and what
//! does pass is encrypted by the clients.
//!
//! The life of a connection, one module for each step:
//!
//! 1. [`server`] accepts the TCP connection and, at the end, closes everything in an orderly way;
//! 2. [`admission`] counts connections and turns away what is above the limits;
//! 3. [`http`] decides whether a request is signaling or a file of the [`site`];
//! 4. [`connection`] is one client's life: read, answer, ping, say goodbye;
//! 5. [`protocol`] reads and writes the JSON messages;
//! 6. [`topics`] knows who is subscribed to what, and delivers;
//! 7. [`outbox`] is the bounded queue between a publisher and a slow reader;
//! 8. [`ending`] names every reason for which a connection may end.
//!
//! [`options`] and [`limits`] hold what the person running the server can set.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod admission;
pub mod connection;
pub mod ending;
pub mod http;
pub mod limits;
pub mod options;
pub mod outbox;
pub mod protocol;
pub mod server;
pub mod site;
pub mod topics;
