//! An RTCPeerConnection and its two data channels.
//!
//! The channels are *negotiated* (RFC 8832 is not used): both sides make them with the same numbers,
//! one for each lane, so there is nothing to wait for and nothing that a peer could open. What changes
//! the connection's descriptions is done by one task in the order in which it was asked for.

use futures::StreamExt;
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use js_sys::{ArrayBuffer, Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{
    MessageEvent, RtcConfiguration, RtcDataChannel, RtcDataChannelInit, RtcDataChannelType,
    RtcIceCandidateInit, RtcOfferOptions, RtcPeerConnection, RtcPeerConnectionIceEvent,
    RtcPeerConnectionState, RtcSdpType, RtcSessionDescriptionInit,
};

use super::driver::Inbox;
use super::live::Live;
use super::member;
use super::reason;
use super::route::is_relayed;
use crate::room::Event;
use crate::room::ids::LinkId;
use crate::room::outbox::Lane;
use crate::room::signaling::{Candidate, DescriptionKind};

/// How connections find a path: the page's `iceServers` and `iceTransportPolicy`.
pub struct Ice(RtcConfiguration);

impl Ice {
    /// What these options (`IRoomOptions`) say.
    pub fn of(options: &JsValue) -> Self {
        let configuration = RtcConfiguration::new();
        for key in ["iceServers", "iceTransportPolicy"] {
            let value = member::get(options, key);
            if !value.is_null() {
                // It is a plain object. What its members may be is for the browser to say.
                Reflect::set(&configuration, &key.into(), &value).ok();
            }
        }
        Self(configuration)
    }
}

/// A connection that nobody listens to yet, with its channels.
pub struct Prepared {
    peer: Closing,
    lanes: [RtcDataChannel; 2],
}

/// Closes the connection when dropped: one that is not closed is kept by the browser for ever.
struct Closing(RtcPeerConnection, #[expect(dead_code, reason = "it is kept to be dropped")] Live);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Prepared {
    /// Fails where the browser has no WebRTC or refuses the ICE servers.
    pub fn new(ice: &Ice) -> Result<Self, JsValue> {
        let peer = RtcPeerConnection::new_with_configuration(&ice.0)?;
        let lanes = Lane::ALL.map(|lane| make_channel(&peer, lane));
        let live = Live::new(&peer);
        Ok(Self { peer: Closing(peer, live), lanes })
    }
}

/// A connection to a peer. Dropping it closes it without a report.
pub struct Connection {
    link: LinkId,
    peer: Closing,
    lanes: [RtcDataChannel; 2],
    steps: UnboundedSender<Step>,
    inbox: Inbox,
    _callbacks: Vec<Closure<dyn FnMut(JsValue)>>,
}

enum Step {
    Offer,
    Restart,
    Accept(DescriptionKind, String),
    Add(Candidate),
}

impl Connection {
    /// Begins to listen to what becomes of a connection.
    pub fn new(link: LinkId, prepared: Prepared, inbox: Inbox) -> Self {
        let Prepared { peer, lanes } = prepared;
        let (steps, to_do) = unbounded();
        spawn_local(negotiate(link, peer.0.clone(), to_do, inbox.clone()));
        let mut connection = Self { link, peer, lanes, steps, inbox, _callbacks: Vec::new() };
        connection.listen();
        connection
    }

    /// Makes an offer; the description is reported when it is set.
    pub fn offer(&self) {
        self.step(Step::Offer);
    }

    /// Makes an offer that restarts ICE: the two sides look for a path again, over the connection that
    /// they have.
    pub fn restart(&self) {
        self.step(Step::Restart);
    }

    /// Takes the peer's description, and answers an offer.
    pub fn accept(&self, kind: DescriptionKind, sdp: String) {
        self.step(Step::Accept(kind, sdp));
    }

    /// Takes one of the peer's ICE candidates.
    pub fn add_candidate(&self, candidate: Candidate) {
        self.step(Step::Add(candidate));
    }

    fn step(&self, step: Step) {
        // The task ends only with the connection.
        self.steps.unbounded_send(step).ok();
    }

    /// Sends a frame.
    pub fn send(&self, lane: Lane, frame: &[u8]) {
        if let Err(error) = self.lanes[lane as usize].send_with_u8_array(frame) {
            let (link, inbox, reason) = (self.link, self.inbox.clone(), reason(&error));
            inbox.put(Event::LinkLost { link, reason });
        }
    }

    fn listen(&mut self) {
        let (link, inbox, peer) = (self.link, self.inbox.clone(), self.peer.0.clone());
        let on_state = self.callback(move |_| match peer.connection_state() {
            RtcPeerConnectionState::Failed => {
                inbox.put(Event::LinkLost { link, reason: "no network path between the two pages".into() })
            }
            RtcPeerConnectionState::Disconnected => inbox.put(Event::LinkInterrupted(link)),
            RtcPeerConnectionState::Connected => {
                inbox.put(Event::LinkResumed(link));
                spawn_local(report_route(link, peer.clone(), inbox.clone()));
            }
            _ => {}
        });
        self.peer.0.set_onconnectionstatechange(Some(&on_state));
        let inbox = self.inbox.clone();
        let on_candidate = self.callback(move |event| {
            if let Some(candidate) = found_candidate(&event) {
                inbox.put(Event::Found { link, candidate });
            }
        });
        self.peer.0.set_onicecandidate(Some(&on_candidate));
        Lane::ALL.into_iter().for_each(|lane| self.listen_to(lane));
    }

    fn listen_to(&mut self, lane: Lane) {
        let link = self.link;
        let channel = self.lanes[lane as usize].clone();
        let inbox = self.inbox.clone();
        let on_open = self.callback(move |_| inbox.put(Event::LaneOpened { link, lane }));
        channel.set_onopen(Some(&on_open));
        let inbox = self.inbox.clone();
        let on_close = self
            .callback(move |_| inbox.put(Event::LinkLost { link, reason: "the data channel closed".into() }));
        channel.set_onclose(Some(&on_close));
        let inbox = self.inbox.clone();
        let on_message = self.callback(move |event| {
            // A text is no frame; an empty one is refused where frames are read.
            let data = event.unchecked_into::<MessageEvent>().data();
            let frame = data.dyn_into::<ArrayBuffer>().map(|buffer| Uint8Array::new(&buffer).to_vec());
            inbox.put(Event::Received { link, lane, frame: frame.unwrap_or_default() });
        });
        channel.set_onmessage(Some(&on_message));
        let (inbox, buffer) = (self.inbox.clone(), channel.clone());
        let on_low = self.callback(move |_| {
            let buffered = buffer.buffered_amount() as usize;
            inbox.put(Event::Drained { link, lane, buffered });
        });
        channel.set_onbufferedamountlow(Some(&on_low));
    }

    /// Keeps a callback for as long as the connection, and gives the function to hang in.
    fn callback(&mut self, call: impl FnMut(JsValue) + 'static) -> js_sys::Function {
        let closure = Closure::<dyn FnMut(JsValue)>::new(call);
        let function = closure.as_ref().unchecked_ref::<js_sys::Function>().clone();
        self._callbacks.push(closure);
        function
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        for channel in &self.lanes {
            channel.set_onopen(None);
            channel.set_onclose(None);
            channel.set_onmessage(None);
            channel.set_onbufferedamountlow(None);
        }
        self.peer.0.set_onconnectionstatechange(None);
        self.peer.0.set_onicecandidate(None);
    }
}

async fn report_route(link: LinkId, peer: RtcPeerConnection, inbox: Inbox) {
    if let Some(is_relayed) = is_relayed(&peer).await {
        inbox.put(Event::Routed { link, is_relayed });
    }
}

fn make_channel(peer: &RtcPeerConnection, lane: Lane) -> RtcDataChannel {
    let options = RtcDataChannelInit::new();
    options.set_negotiated(true);
    options.set_id(lane as u16);
    options.set_ordered(true);
    let channel = peer.create_data_channel_with_data_channel_dict(&format!("{lane:?}"), &options);
    channel.set_binary_type(RtcDataChannelType::Arraybuffer);
    channel.set_buffered_amount_low_threshold(lane.low_water() as u32);
    channel
}

fn found_candidate(event: &JsValue) -> Option<Candidate> {
    // Null and the empty candidate mark the end, which nobody waits for.
    let found = event.unchecked_ref::<RtcPeerConnectionIceEvent>().candidate()?;
    let candidate = found.candidate();
    (!candidate.is_empty()).then(|| Candidate {
        candidate,
        sdp_mid: found.sdp_mid(),
        sdp_m_line_index: found.sdp_m_line_index(),
    })
}

async fn negotiate(link: LinkId, peer: RtcPeerConnection, mut steps: UnboundedReceiver<Step>, inbox: Inbox) {
    while let Some(step) = steps.next().await {
        let done = match step {
            Step::Offer => describe(link, &peer, peer.create_offer(), DescriptionKind::Offer, &inbox).await,
            Step::Restart => {
                let options = RtcOfferOptions::new();
                options.set_ice_restart(true);
                let offer = peer.create_offer_with_rtc_offer_options(&options);
                describe(link, &peer, offer, DescriptionKind::Offer, &inbox).await
            }
            Step::Accept(kind, sdp) => accept(link, &peer, kind, &sdp, &inbox).await,
            Step::Add(candidate) => {
                // One that cannot be used is no reason to give up: there are others.
                add(&peer, candidate).await.ok();
                Ok(())
            }
        };
        if let Err(error) = done {
            inbox.put(Event::LinkLost { link, reason: reason(&error) });
        }
    }
}

async fn describe(
    link: LinkId,
    peer: &RtcPeerConnection,
    made: Promise,
    kind: DescriptionKind,
    inbox: &Inbox,
) -> Result<(), JsValue> {
    let made = JsFuture::from(made).await?;
    let sdp = member::text(&made, "sdp").unwrap_or_default();
    let description = made.unchecked_into::<RtcSessionDescriptionInit>();
    // Reported first: candidates are found from the moment the description is set, and must not
    // arrive before it.
    inbox.put(Event::Described { link, kind, sdp });
    JsFuture::from(peer.set_local_description(&description)).await?;
    Ok(())
}

async fn accept(
    link: LinkId,
    peer: &RtcPeerConnection,
    kind: DescriptionKind,
    sdp: &str,
    inbox: &Inbox,
) -> Result<(), JsValue> {
    let description = RtcSessionDescriptionInit::new(match kind {
        DescriptionKind::Offer => RtcSdpType::Offer,
        DescriptionKind::Answer => RtcSdpType::Answer,
    });
    description.set_sdp(sdp);
    JsFuture::from(peer.set_remote_description(&description)).await?;
    match kind {
        DescriptionKind::Offer => {
            describe(link, peer, peer.create_answer(), DescriptionKind::Answer, inbox).await
        }
        DescriptionKind::Answer => Ok(()),
    }
}

async fn add(peer: &RtcPeerConnection, candidate: Candidate) -> Result<(), JsValue> {
    let init = RtcIceCandidateInit::new(&candidate.candidate);
    init.set_sdp_mid(candidate.sdp_mid.as_deref());
    init.set_sdp_m_line_index(candidate.sdp_m_line_index);
    JsFuture::from(peer.add_ice_candidate_with_opt_rtc_ice_candidate_init(Some(&init))).await?;
    Ok(())
}
