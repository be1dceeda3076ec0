//! The messages, as y-webrtc defines them.
//!
//! Each is a JSON object in one WebSocket text frame, told apart by its `type`:
//!
//! | client sends | server does |
//! |---|---|
//! | `{"type":"subscribe","topics":[…]}` | adds the client to the topics |
//! | `{"type":"unsubscribe","topics":[…]}` | removes it from them |
//! | `{"type":"publish","topic":…, …}` | sends the message to every subscriber of the topic, the sender too if it is one, with `"clients"`: how many they are |
//! | `{"type":"ping"}` | answers `{"type":"pong"}` |
//!
//! A `publish` message belongs to the clients. Its other fields are kept as the very text they
//! arrived in ([`RawValue`]), so that no number is rounded and no key is reordered on the way.
//!
//! What is not understood falls into two classes. An unknown `type` is ignored, as y-webrtc's
//! server does, so that a newer client can use an older server. A message that is not a JSON object,
//! or lacks what its type needs, is a mistake in the client and is answered by closing with 1007.

use axum::extract::ws::Utf8Bytes;
use indexmap::IndexMap;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use thiserror::Error;

/// The answer to a `ping` message.
pub const PONG: Utf8Bytes = Utf8Bytes::from_static(r#"{"type":"pong"}"#);

/// Upper bound of what the server adds to a published message: `,"clients":` and the number.
pub const ENVELOPE_BYTES: usize = 32;

/// The top level of a message, its values unread. On a repeated key the last one counts, as in
/// JavaScript, so that server and clients cannot read two different topics out of one message.
type Fields<'a> = IndexMap<String, &'a RawValue>;

/// A message that cannot be read. Says nothing about its content on purpose: it may be logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("malformed message")]
pub struct Malformed;

impl From<serde_json::Error> for Malformed {
    fn from(_: serde_json::Error) -> Self {
        Self
    }
}

/// What a client asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Request {
    /// Receive what is published to these topics.
    Subscribe(Vec<String>),
    /// Receive it no longer.
    Unsubscribe(Vec<String>),
    /// Send this to a topic.
    Publish(Publication),
    /// Show that the server is there.
    Ping,
    /// Something this server does not know.
    Unknown,
}

impl Request {
    /// Reads one text frame.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let fields: Fields = serde_json::from_str(text)?;
        let Some(kind) = fields.get("type") else {
            return Ok(Self::Unknown);
        };
        // A type that is not a string is as unknown as a string never heard of.
        match serde_json::from_str::<String>(kind.get()).as_deref() {
            Ok("subscribe") => Ok(Self::Subscribe(topics(&fields)?)),
            Ok("unsubscribe") => Ok(Self::Unsubscribe(topics(&fields)?)),
            Ok("publish") => Ok(Self::Publish(Publication::new(fields)?)),
            Ok("ping") => Ok(Self::Ping),
            _ => Ok(Self::Unknown),
        }
    }
}

/// The `topics` of a message. y-webrtc allows leaving them out.
fn topics(fields: &Fields) -> Result<Vec<String>, Malformed> {
    Ok(field(fields, "topics")?.unwrap_or_default())
}

fn field<T: DeserializeOwned>(fields: &Fields, name: &str) -> Result<Option<T>, Malformed> {
    let value = fields.get(name).map(|raw| serde_json::from_str(raw.get()));
    Ok(value.transpose()?)
}

/// A message on its way to the subscribers of a topic.
#[derive(Debug, PartialEq, Eq)]
pub struct Publication {
    topic: String,
    /// The whole message except `clients` and the closing brace, so that only the number is
    /// left to write once the subscribers are counted.
    head: String,
}

impl Publication {
    fn new(mut fields: Fields) -> Result<Self, Malformed> {
        let topic = field(&fields, "topic")?.ok_or(Malformed)?;
        // The count is the server's word; a client that brings its own is not believed.
        fields.shift_remove("clients");
        let mut head = serde_json::to_string(&fields)?;
        head.pop();
        Ok(Self { topic, head })
    }

    /// Where to.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// The most bytes one copy can take.
    pub fn max_bytes(&self) -> usize {
        self.head.len() + ENVELOPE_BYTES
    }

    /// The text for the subscribers. Copies of the result share their memory.
    pub fn for_clients(&self, clients: usize) -> Utf8Bytes {
        let head = &self.head;
        Utf8Bytes::from(format!("{head},\"clients\":{clients}}}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivered(text: &str) -> String {
        let Ok(Request::Publish(publication)) = Request::parse(text) else {
            panic!("not a publish message: {text}");
        };
        publication.for_clients(2).to_string()
    }

    #[test]
    fn reads_each_type() {
        let topics = vec!["a".to_owned(), "b".to_owned()];
        let parse = |text| Request::parse(text).unwrap();
        assert_eq!(parse(r#"{"type":"subscribe","topics":["a","b"]}"#), Request::Subscribe(topics.clone()));
        assert_eq!(parse(r#"{"topics":["a","b"],"type":"unsubscribe"}"#), Request::Unsubscribe(topics));
        assert_eq!(parse(r#"{"type":"subscribe"}"#), Request::Subscribe(Vec::new()));
        assert_eq!(parse(r#" {"type":"ping"} "#), Request::Ping);
    }

    #[test]
    fn ignores_what_it_does_not_know() {
        for text in [r#"{"type":"dance"}"#, r#"{"type":7}"#, "{}", r#"{"a":1}"#] {
            assert_eq!(Request::parse(text), Ok(Request::Unknown), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_malformed() {
        let deep = "[".repeat(60_000);
        for text in [
            "",
            "null",
            "[]",
            "7",
            "{",
            r#"{"type":"ping"} x"#,
            r#"{"type":"publish"}"#,
            r#"{"type":"publish","topic":null}"#,
            r#"{"type":"publish","topic":{}}"#,
            r#"{"type":"subscribe","topics":"a"}"#,
            r#"{"type":"subscribe","topics":[1]}"#,
            r#"{"type":"publish","topic":"\ud800"}"#,
            &deep,
        ] {
            assert_eq!(Request::parse(text), Err(Malformed));
        }
    }

    #[test]
    fn deep_nesting_neither_crashes_nor_changes() {
        let (open, close) = ("[".repeat(30_000), "]".repeat(30_000));
        let text = format!(r#"{{"type":"publish","topic":"t","data":{open}{close}"#);
        assert_eq!(delivered(&format!("{text}}}")), format!(r#"{text},"clients":2}}"#));
    }

    #[test]
    fn other_fields_arrive_untouched() {
        let text = r#"{"type":"publish","z":1e400,"topic":"t","a":12345678901234567890123, "b":"\u00e9ü"}"#;
        assert_eq!(
            delivered(text),
            r#"{"type":"publish","z":1e400,"topic":"t","a":12345678901234567890123,"b":"\u00e9ü","clients":2}"#
        );
    }

    #[test]
    fn a_count_from_a_client_is_not_believed() {
        assert_eq!(
            delivered(r#"{"clients":9,"type":"publish","topic":"t","clients":8}"#),
            r#"{"type":"publish","topic":"t","clients":2}"#
        );
    }

    #[test]
    fn of_a_repeated_key_the_last_counts() {
        let text = r#"{"type":"publish","topic":"a","topic":"b"}"#;
        assert_eq!(delivered(text), r#"{"type":"publish","topic":"b","clients":2}"#);
    }

    #[test]
    fn the_size_is_known_before_the_count() {
        let text = r#"{"type":"publish","topic":"t"}"#;
        let Ok(Request::Publish(publication)) = Request::parse(text) else {
            panic!("not a publish message");
        };
        assert!(publication.for_clients(usize::MAX).len() <= publication.max_bytes());
    }
}
