//! A WebSocket to one signaling server.
//!
//! Two tasks share it: one writes what is to be said, one reads until the connection ends, which is
//! then reported once, whatever the cause.

use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures::future::{self, Either};
use futures::{SinkExt, StreamExt, pin_mut};
use gloo_net::websocket::futures::WebSocket;
use gloo_net::websocket::{Message, State};
use wasm_bindgen_futures::spawn_local;

use super::driver::Inbox;
use super::live::Live;
use crate::room::Event;
use crate::room::ids::ServerId;

/// A connection that is open, or about to be. Dropping it closes it without a report.
pub struct Socket {
    say: UnboundedSender<String>,
}

impl Socket {
    /// Begins to connect, or goes on with what has been `dialled`; events tell how that went.
    pub fn open(server: ServerId, url: &str, dialled: Option<web_sys::WebSocket>, inbox: Inbox) -> Self {
        let (say, sayings) = unbounded();
        let socket = dialled.or_else(|| web_sys::WebSocket::new(url).ok());
        let live = socket.as_ref().map(|socket| Live::new(socket));
        match socket.and_then(take_over) {
            Some(socket) => spawn_local(async move {
                run(server, socket, sayings, inbox).await;
                drop(live);
            }),
            // A URL the browser refuses, or ws:// from an https:// page. As a task of its own: nobody
            // expects the report before this returns.
            None => spawn_local(async move { inbox.put(Event::ServerClosed(server)) }),
        }
        Self { say }
    }

    /// Says something, once the connection is open.
    pub fn say(&self, text: String) {
        // Where nobody listens any more, the end has been or will be reported.
        self.say.unbounded_send(text).ok();
    }
}

/// A socket that is open or about to be. One that has ended told so to nobody.
fn take_over(dialled: web_sys::WebSocket) -> Option<WebSocket> {
    let lives = dialled.ready_state() <= web_sys::WebSocket::OPEN;
    lives.then(|| WebSocket::try_from(dialled).ok()).flatten()
}

/// Whether the connection comes about. It is asked before it is split: a half is ready at any time, as it
/// has room for one message of its own.
async fn opens(socket: &mut WebSocket) -> bool {
    let ready = future::poll_fn(|context| socket.poll_ready_unpin(context)).await;
    ready.is_ok() && matches!(socket.state(), State::Open)
}

async fn run(server: ServerId, mut socket: WebSocket, sayings: UnboundedReceiver<String>, inbox: Inbox) {
    if opens(&mut socket).await {
        inbox.put(Event::ServerOpened(server));
        let (sink, stream) = socket.split();
        let writing = sayings.map(|text| Ok(Message::Text(text))).forward(sink);
        let reading = stream.for_each(|message| {
            if let Ok(Message::Text(text)) = message {
                inbox.put(Event::ServerSaid(server, text));
            }
            future::ready(())
        });
        pin_mut!(writing, reading);
        if let Either::Left((Ok(()), _)) = future::select(writing, reading).await {
            // Nothing more is to be said: the room dropped this socket itself.
            return;
        }
    }
    inbox.put(Event::ServerClosed(server));
}
