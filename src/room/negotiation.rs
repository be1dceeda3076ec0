//! Perfect negotiation (W3C WebRTC, 10.7): who yields when two offers cross.
//!
//! Both pages may offer at the same moment, each having just heard of the other: *glare*. The one with
//! the smaller id is *polite*: it takes the other's offer, which rolls its own back. The other one
//! ignores the offer it gets, and the candidates that belong to it, and waits for its answer.
//! Candidates that come before the description they belong to are kept until it is set.

use super::limits;
use super::signaling::{Candidate, DescriptionKind};

/// What to do with an RTCPeerConnection.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// `createOffer` and `setLocalDescription`; then report the description.
    Offer,
    /// `setRemoteDescription`; for an offer, answer it and report the answer.
    Accept { kind: DescriptionKind, sdp: String },
    /// `addIceCandidate`.
    Add(Candidate),
}

/// The negotiation of one connection, seen from our side.
#[derive(Debug)]
pub struct Negotiation {
    polite: bool,
    offering: bool,
    ignoring: bool,
    remote_known: bool,
    early: Vec<Candidate>,
}

impl Negotiation {
    /// A negotiation that has not begun.
    pub fn new(polite: bool) -> Self {
        Self { polite, offering: false, ignoring: false, remote_known: false, early: Vec::new() }
    }

    /// We make an offer.
    pub fn offer(&mut self) -> Step {
        self.offering = true;
        Step::Offer
    }

    /// The other side sent a description. Returns what follows from it, in order.
    pub fn description(&mut self, kind: DescriptionKind, sdp: String) -> Vec<Step> {
        match kind {
            DescriptionKind::Offer if self.offering && !self.polite => {
                self.ignoring = true;
                return Vec::new();
            }
            // An answer to an offer that was rolled back, or to none.
            DescriptionKind::Answer if !self.offering => return Vec::new(),
            _ => {}
        }
        self.offering = false;
        self.ignoring = false;
        self.remote_known = true;
        let candidates = self.early.drain(..).map(Step::Add);
        std::iter::once(Step::Accept { kind, sdp }).chain(candidates).collect()
    }

    /// The other side sent a candidate.
    pub fn candidate(&mut self, candidate: Candidate) -> Option<Step> {
        if self.ignoring {
            return None;
        }
        if self.remote_known {
            return Some(Step::Add(candidate));
        }
        if self.early.len() < limits::EARLY_CANDIDATES {
            self.early.push(candidate);
        }
        None
    }

    /// Whether a local description of this kind may still be sent: an offer of ours that finished
    /// after we had yielded to theirs must not be.
    pub fn sends(&self, kind: DescriptionKind) -> bool {
        kind == DescriptionKind::Answer || self.offering
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use DescriptionKind::{Answer, Offer};

    fn candidate(text: &str) -> Candidate {
        Candidate { candidate: text.into(), sdp_mid: None, sdp_m_line_index: None }
    }

    #[test]
    fn one_offer_one_answer() {
        let (mut a, mut b) = (Negotiation::new(true), Negotiation::new(false));
        assert_eq!(a.offer(), Step::Offer);
        assert_eq!(b.description(Offer, "o".into()), [Step::Accept { kind: Offer, sdp: "o".into() }]);
        assert_eq!(a.description(Answer, "a".into()), [Step::Accept { kind: Answer, sdp: "a".into() }]);
    }

    #[test]
    fn on_glare_the_polite_one_yields() {
        let (mut polite, mut other) = (Negotiation::new(true), Negotiation::new(false));
        polite.offer();
        other.offer();
        assert_eq!(other.description(Offer, "p".into()), []);
        assert_eq!(other.candidate(candidate("of the ignored offer")), None);
        assert_eq!(polite.description(Offer, "o".into()), [Step::Accept { kind: Offer, sdp: "o".into() }]);
        assert!(!polite.sends(Offer) && polite.sends(Answer));
        assert_eq!(other.description(Answer, "a".into()), [Step::Accept { kind: Answer, sdp: "a".into() }]);
        assert_eq!(other.candidate(candidate("c")), Some(Step::Add(candidate("c"))));
    }

    #[test]
    fn early_candidates_wait_for_the_description() {
        let mut a = Negotiation::new(true);
        assert_eq!(a.candidate(candidate("1")), None);
        let steps = a.description(Offer, "o".into());
        assert_eq!(steps, [Step::Accept { kind: Offer, sdp: "o".into() }, Step::Add(candidate("1"))]);
    }

    #[test]
    fn an_answer_that_nobody_asked_for_is_dropped() {
        assert_eq!(Negotiation::new(true).description(Answer, "a".into()), []);
    }
}
