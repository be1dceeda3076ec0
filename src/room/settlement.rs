//! "Is anybody else here?", answered once, when a page joins.
//!
//! The answer decides whether a document is taken from others or begun from one's own drive, so it
//! must not come from a clock alone. Signaling says how many listen; peers, once connected, say what
//! they know. Time only bounds the silence of both.

use super::limits::Millis;

/// How the question was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// Signaling says that nobody else is here.
    Alone,
    /// Everybody who is here has told us the index.
    Together,
    /// No server could be reached, or who is here did not answer in time.
    Unanswered,
}

/// A server that has not been reached after this is not waited for, if another one has.
const DIALING: Millis = 3_000.0;
/// Who heard our announcement and has not begun to connect after this is not there.
const SILENCE: Millis = 4_000.0;
/// Who has begun to connect and is not ready after this is not waited for.
const CONNECTING: Millis = 15_000.0;

/// What is known about one server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ServerView {
    /// Not reached yet.
    Dialing,
    /// It could not be reached, or was lost.
    Closed,
    /// Reached; it has not returned our announcement.
    Open,
    /// It returned our announcement at this time and said how many listen, if it does such things.
    Echoed { clients: Option<u32>, at: Millis },
}

/// What is known when the question is put.
pub struct View<'a> {
    /// When the page joined.
    pub began: Millis,
    pub servers: &'a [ServerView],
    /// Peers we have heard of that have not told us the index.
    pub connecting: usize,
    /// Peers that have.
    pub informed: usize,
}

impl View<'_> {
    /// The answer, if there is one at `now`.
    pub fn settle(&self, now: Millis) -> Option<Settlement> {
        if self.connecting > 0 && now < self.began + CONNECTING {
            return None;
        }
        if self.is_dialing(now) {
            return None;
        }
        match (self.others_expected(), self.informed) {
            (Some(others), informed) if informed > 0 && informed >= others => Some(Settlement::Together),
            (Some(0), 0) => Some(Settlement::Alone),
            (None, 0) if self.nobody_reached() => Some(Settlement::Unanswered),
            (_, informed) if self.silent(now) && informed > 0 => Some(Settlement::Together),
            (_, _) if self.silent(now) => Some(Settlement::Unanswered),
            _ => None,
        }
    }

    /// When to put the question again if nothing happens before.
    pub fn ask_again(&self, now: Millis) -> Millis {
        let moments = [self.began + DIALING, self.silence_ends(), self.began + CONNECTING];
        moments.into_iter().filter(|moment| *moment > now).fold(now + CONNECTING, Millis::min)
    }

    fn is_dialing(&self, now: Millis) -> bool {
        let dialing = |server: &ServerView| matches!(server, ServerView::Dialing);
        now < self.began + DIALING && self.servers.iter().any(dialing)
    }

    fn nobody_reached(&self) -> bool {
        self.servers.iter().all(|server| matches!(server, ServerView::Closed | ServerView::Dialing))
    }

    /// How many others listen: the most that any server says. `None` while one is silent about it.
    fn others_expected(&self) -> Option<usize> {
        let open = self
            .servers
            .iter()
            .filter(|server| matches!(server, ServerView::Open | ServerView::Echoed { .. }));
        open.map(|server| match server {
            ServerView::Echoed { clients: Some(clients), .. } => Some(clients.saturating_sub(1) as usize),
            _ => None,
        })
        .collect::<Option<Vec<_>>>()?
        .into_iter()
        .max()
    }

    fn silent(&self, now: Millis) -> bool {
        now >= self.silence_ends()
    }

    /// Counted from the last announcement that came back: only then could others have heard it.
    fn silence_ends(&self) -> Millis {
        let echoes = self.servers.iter().map(|server| match server {
            ServerView::Echoed { at, .. } => *at,
            _ => self.began,
        });
        echoes.fold(self.began, Millis::max) + SILENCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ServerView::*;
    use Settlement::*;

    fn settle(servers: &[ServerView], connecting: usize, informed: usize, now: Millis) -> Option<Settlement> {
        View { began: 0.0, servers, connecting, informed }.settle(now)
    }

    fn echoed(clients: u32) -> ServerView {
        Echoed { clients: Some(clients), at: 100.0 }
    }

    #[test]
    fn the_server_says_alone() {
        assert_eq!(settle(&[Dialing], 0, 0, 50.0), None);
        assert_eq!(settle(&[Open], 0, 0, 50.0), None);
        assert_eq!(settle(&[echoed(1)], 0, 0, 100.0), Some(Alone));
        assert_eq!(settle(&[echoed(1), Closed], 0, 0, 100.0), Some(Alone));
    }

    #[test]
    fn others_are_waited_for() {
        assert_eq!(settle(&[echoed(2)], 0, 0, 100.0), None);
        assert_eq!(settle(&[echoed(3)], 1, 1, 200.0), None);
        assert_eq!(settle(&[echoed(3)], 0, 1, 200.0), None, "one has not been heard of");
        assert_eq!(settle(&[echoed(3)], 0, 2, 200.0), Some(Together));
        assert_eq!(settle(&[echoed(1)], 1, 0, 200.0), None, "somebody came after the count");
        assert_eq!(settle(&[echoed(1), echoed(2)], 0, 0, 200.0), None);
    }

    #[test]
    fn silence_ends() {
        assert_eq!(settle(&[echoed(2)], 0, 0, 4_099.0), None);
        assert_eq!(settle(&[echoed(2)], 0, 0, 4_100.0), Some(Unanswered));
        assert_eq!(settle(&[echoed(3)], 0, 1, 4_100.0), Some(Together));
        assert_eq!(settle(&[echoed(2)], 1, 0, 14_999.0), None);
        assert_eq!(settle(&[echoed(2)], 1, 0, 15_000.0), Some(Unanswered));
        assert_eq!(settle(&[echoed(1), Dialing], 0, 0, 2_999.0), None);
        assert_eq!(settle(&[echoed(1), Dialing], 0, 0, 3_000.0), Some(Alone));
    }

    #[test]
    fn nobody_reached_is_unanswered_at_once() {
        assert_eq!(settle(&[], 0, 0, 0.0), Some(Unanswered));
        assert_eq!(settle(&[Closed, Closed], 0, 0, 10.0), Some(Unanswered));
        assert_eq!(settle(&[Closed, Dialing], 0, 0, 10.0), None);
    }
}
