//! Who is subscribed to what, and the delivery of what is published.
//!
//! Everything is behind one lock, held for the short time it takes to put a message into the
//! queues. That gives two promises the clients build on:
//!
//! - all subscribers of a topic see its messages in the same order;
//! - `clients` in a message is the number of clients that get this very message. A client that
//!   announces itself and reads `"clients":1` in the echo knows that it is alone. Therefore a dead
//!   client has to leave its topics at once, whatever else is still to be done for its connection:
//!   dropping its [`Membership`] does that, also when its task is cancelled or panics.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::ending::Ending;
use crate::limits::Limits;
use crate::outbox::Outbox;
use crate::protocol::Publication;

type ClientId = u64;

/// All topics of the server.
#[derive(Debug, Default)]
pub struct Topics {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    next_id: ClientId,
    members: HashMap<ClientId, Member>,
    /// Never holds an empty set: a topic exists as long as it has a subscriber.
    subscribers: HashMap<Arc<str>, HashSet<ClientId>>,
}

#[derive(Debug)]
struct Member {
    outbox: Outbox,
    topics: HashSet<Arc<str>>,
}

impl Topics {
    /// Lets a client take part, until the result is dropped.
    pub fn join(self: &Arc<Self>, outbox: Outbox) -> Membership {
        let mut state = self.lock();
        let id = state.next_id;
        state.next_id += 1;
        let topics = HashSet::new();
        state.members.insert(id, Member { outbox, topics });
        drop(state);
        Membership { registry: Arc::clone(self), id }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic while the lock was held is no reason to end all other connections.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A client's part in the topics. Dropping it takes the client out of all of them.
#[derive(Debug)]
pub struct Membership {
    registry: Arc<Topics>,
    id: ClientId,
}

impl Membership {
    /// Subscribes to topics. After an error the connection has to end.
    pub fn subscribe(&self, topics: &[String], limits: &Limits) -> Result<(), Ending> {
        let longest = limits.max_topic_bytes as usize;
        if topics.iter().any(|topic| topic.len() > longest) {
            return Err(Ending::TopicTooLong);
        }
        let mut state = self.registry.lock();
        for topic in topics {
            state.subscribe(self.id, topic, limits.max_topics as usize)?;
        }
        Ok(())
    }

    /// Ends subscriptions; topics that are not subscribed to are none.
    pub fn unsubscribe(&self, topics: &[String]) {
        let mut state = self.registry.lock();
        for topic in topics {
            if let Some(member) = state.members.get_mut(&self.id) {
                member.topics.remove(topic.as_str());
            }
            state.forget_subscriber(self.id, topic);
        }
    }

    /// Delivers a message to all subscribers of its topic. The ones that have no place for it are
    /// not counted, leave all their topics and are told to go.
    pub fn publish(&self, publication: &Publication) {
        self.registry.lock().publish(publication);
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.registry.lock().remove(self.id);
    }
}

impl State {
    fn subscribe(&mut self, id: ClientId, topic: &str, most: usize) -> Result<(), Ending> {
        let Some(member) = self.members.get_mut(&id) else {
            // Dropped as too slow a moment ago; its connection is about to learn that.
            return Ok(());
        };
        if member.topics.contains(topic) {
            return Ok(());
        }
        if member.topics.len() >= most {
            return Err(Ending::TooManyTopics);
        }
        let known = self.subscribers.get_key_value(topic);
        let name = known.map_or_else(|| Arc::from(topic), |(name, _)| Arc::clone(name));
        member.topics.insert(Arc::clone(&name));
        self.subscribers.entry(name).or_default().insert(id);
        Ok(())
    }

    fn publish(&mut self, publication: &Publication) {
        let Some(ids) = self.subscribers.get(publication.topic()) else {
            return;
        };
        let size = publication.max_bytes();
        let mut places = Vec::with_capacity(ids.len());
        let mut too_slow = Vec::new();
        for id in ids {
            match self.members.get(id).map(|member| member.outbox.reserve(size)) {
                Some(Some(place)) => places.push(place),
                Some(None) | None => too_slow.push(*id),
            }
        }
        let text = publication.for_clients(places.len());
        for place in places {
            place.fill(text.clone());
        }
        for id in too_slow {
            if let Some(member) = self.remove(id) {
                member.outbox.evict();
            }
        }
    }

    fn remove(&mut self, id: ClientId) -> Option<Member> {
        let member = self.members.remove(&id)?;
        for topic in &member.topics {
            self.forget_subscriber(id, topic);
        }
        Some(member)
    }

    fn forget_subscriber(&mut self, id: ClientId, topic: &str) {
        if let Some(ids) = self.subscribers.get_mut(topic) {
            ids.remove(&id);
            if ids.is_empty() {
                self.subscribers.remove(topic);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;
    use crate::outbox::{Inbox, queue};
    use crate::protocol::Request;
    use clap::Parser;

    struct Client {
        membership: Membership,
        inbox: Inbox,
    }

    fn limits() -> Limits {
        let flags = ["--queue-messages", "2", "--max-topics", "2"];
        let more = ["--max-topic-bytes", "8"];
        Options::parse_from(["signaling"].into_iter().chain(flags).chain(more)).limits
    }

    fn client(topics: &Arc<Topics>) -> Client {
        let (outbox, inbox) = queue(&limits());
        let membership = topics.join(outbox);
        Client { membership, inbox }
    }

    impl Client {
        fn subscribe(&self, topics: &[&str]) -> Result<(), Ending> {
            let topics: Vec<_> = topics.iter().map(ToString::to_string).collect();
            self.membership.subscribe(&topics, &limits())
        }

        fn publish(&self, topic: &str) {
            let text = format!(r#"{{"type":"publish","topic":"{topic}"}}"#);
            let Ok(Request::Publish(publication)) = Request::parse(&text) else {
                panic!("not a publish message");
            };
            self.membership.publish(&publication);
        }

        /// The `clients` of the next message.
        async fn count(&mut self) -> u64 {
            let message = self.inbox.next().await.unwrap();
            let value: serde_json::Value = serde_json::from_str(&message.text).unwrap();
            value["clients"].as_u64().unwrap()
        }
    }

    #[tokio::test]
    async fn all_subscribers_receive_with_their_number() {
        let topics = Arc::default();
        let (mut a, mut b, c) = (client(&topics), client(&topics), client(&topics));
        a.subscribe(&["t"]).unwrap();
        b.subscribe(&["t", "t"]).unwrap();
        c.subscribe(&["other"]).unwrap();
        c.publish("t");
        assert_eq!((a.count().await, b.count().await), (2, 2));
    }

    #[tokio::test]
    async fn who_left_is_not_counted_and_empty_topics_are_forgotten() {
        let topics: Arc<Topics> = Arc::default();
        let (mut a, b) = (client(&topics), client(&topics));
        a.subscribe(&["t"]).unwrap();
        b.subscribe(&["t", "u"]).unwrap();
        drop(b);
        a.publish("t");
        assert_eq!(a.count().await, 1);
        assert!(!topics.lock().subscribers.contains_key("u"));
        a.membership.unsubscribe(&["t".into(), "never".into()]);
        assert!(topics.lock().subscribers.is_empty());
    }

    #[tokio::test]
    async fn who_is_too_slow_is_evicted_and_not_counted() {
        let topics: Arc<Topics> = Arc::default();
        let (mut a, slow) = (client(&topics), client(&topics));
        a.subscribe(&["t"]).unwrap();
        slow.subscribe(&["t", "u"]).unwrap();
        let mut counts = Vec::new();
        for _ in 0..3 {
            a.publish("t");
            counts.push(a.count().await);
        }
        assert_eq!(counts, [2, 2, 1]);
        assert!(!topics.lock().subscribers.contains_key("u"));
        // It may still speak until its connection has ended; that changes nothing.
        slow.subscribe(&["t"]).unwrap();
        a.publish("t");
        assert_eq!(a.count().await, 1);
    }

    #[test]
    fn topics_are_limited_in_number_and_length() {
        let topics = Arc::default();
        let a = client(&topics);
        assert_eq!(a.subscribe(&["123456789"]), Err(Ending::TopicTooLong));
        assert_eq!(a.subscribe(&["1", "2", "2", "1"]), Ok(()));
        assert_eq!(a.subscribe(&["3"]), Err(Ending::TooManyTopics));
        a.membership.unsubscribe(&["1".into()]);
        assert_eq!(a.subscribe(&["3"]), Ok(()));
    }
}
