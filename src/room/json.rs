//! JSON (RFC 8259), walked through without being built.
//!
//! The room has two uses for it: it checks that what a peer calls JSON is JSON, and it reads a few
//! members of what a signaling server says. Both need where values begin and end, and nothing that a
//! general reader makes of them. Nesting costs a byte a level here, not a stack frame. It has a limit all
//! the same: what is deeper by far a browser's `JSON.parse` takes and its `JSON.stringify` does not, so a
//! document with it in could never be encoded again.

/// Arrays and objects in each other, and no deeper. Where browsers give up depends on how much of the
/// stack is left; it is at some thousands.
pub const DEPTH: usize = 1_000;

/// Whether `text` is one JSON value and nothing else.
pub fn is_json(text: &str) -> bool {
    let mut reader = Reader { text, at: 0 };
    reader.value().is_some() && reader.is_done()
}

/// The members of an object: their names, and their values as they are written. `None` for what is not
/// one object.
pub fn members(text: &str) -> Option<Vec<(String, &str)>> {
    let mut reader = Reader { text, at: 0 };
    let mut members = Vec::new();
    reader.expect(b'{')?;
    if reader.peek()? != b'}' {
        loop {
            members.push((string(reader.name()?)?, reader.value()?));
            if reader.peek()? != b',' {
                break;
            }
            reader.at += 1;
        }
    }
    reader.expect(b'}')?;
    reader.is_done().then_some(members)
}

/// What a string stands for, given as it is written; `None` for other values and half characters.
pub fn string(written: &str) -> Option<String> {
    let mut chars = written.strip_prefix('"')?.strip_suffix('"')?.chars();
    let mut text = String::with_capacity(written.len());
    while let Some(char) = chars.next() {
        text.push(if char == '\\' { escaped(&mut chars)? } else { char });
    }
    Some(text)
}

fn escaped(chars: &mut std::str::Chars) -> Option<char> {
    match chars.next()? {
        'b' => Some('\u{8}'),
        'f' => Some('\u{c}'),
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        'u' => by_number(chars),
        // A quotation mark or a slash of either kind: there is nothing else, or it were no string.
        char => Some(char),
    }
}

/// Characters beyond the first 65536 are written as two halves (a surrogate pair of UTF-16).
fn by_number(chars: &mut std::str::Chars) -> Option<char> {
    let first = digits(chars)?;
    if !(0xd800..0xdc00).contains(&first) {
        return char::from_u32(first);
    }
    let is_pair = chars.next() == Some('\\') && chars.next() == Some('u');
    let second = digits(chars).filter(|second| is_pair && (0xdc00..0xe000).contains(second))?;
    char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))
}

fn digits(chars: &mut std::str::Chars) -> Option<u32> {
    (0..4).try_fold(0, |number, _| Some(number * 16 + chars.next()?.to_digit(16)?))
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    /// The byte here, if there is one.
    fn here(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.here()?;
        self.at += 1;
        Some(byte)
    }

    /// The first byte that is no white space, left where it is.
    fn peek(&mut self) -> Option<u8> {
        while matches!(self.here(), Some(b' ' | b'\n' | b'\t' | b'\r')) {
            self.at += 1;
        }
        self.here()
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        let found = self.peek()? == byte;
        self.at += 1;
        found.then_some(())
    }

    fn is_done(&mut self) -> bool {
        self.peek().is_none()
    }

    /// A whole value, as it is written.
    fn value(&mut self) -> Option<&'a str> {
        self.peek()?;
        let begin = self.at;
        // How what is open will close: the innermost at the end.
        let mut open = Vec::new();
        loop {
            if self.begin(&mut open)? && self.finish(&mut open)? {
                return self.text.get(begin..self.at);
            }
        }
    }

    /// The beginning of a value; true when that was all of it.
    fn begin(&mut self, open: &mut Vec<u8>) -> Option<bool> {
        match self.peek()? {
            b'"' => self.quoted().map(|_| true),
            b'{' => self.open(b'}', open),
            b'[' => self.open(b']', open),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => self.number().map(|()| true),
        }
    }

    fn open(&mut self, close: u8, open: &mut Vec<u8>) -> Option<bool> {
        self.at += 1;
        let is_empty = self.peek()? == close;
        if is_empty {
            self.at += 1;
        } else if open.len() == DEPTH {
            return None;
        } else {
            open.push(close);
            self.name_within(close)?;
        }
        Some(is_empty)
    }

    /// What stands behind a value: false when it is another one, true when nothing is open any more.
    fn finish(&mut self, open: &mut Vec<u8>) -> Option<bool> {
        while let Some(&close) = open.last() {
            let byte = self.peek()?;
            self.at += 1;
            if byte == b',' {
                self.name_within(close)?;
                return Some(false);
            }
            if byte != close {
                return None;
            }
            open.pop();
        }
        Some(true)
    }

    /// In an object each value has a name.
    fn name_within(&mut self, close: u8) -> Option<()> {
        if close == b'}' {
            self.name()?;
        }
        Some(())
    }

    /// A member's name, as it is written, and the colon.
    fn name(&mut self) -> Option<&'a str> {
        self.peek()?;
        let name = self.quoted()?;
        self.expect(b':')?;
        Some(name)
    }

    fn word(&mut self, word: &str) -> Option<bool> {
        let found = self.text.as_bytes()[self.at..].starts_with(word.as_bytes());
        self.at += word.len();
        found.then_some(true)
    }

    /// A string, with its quotation marks.
    fn quoted(&mut self) -> Option<&'a str> {
        let begin = self.at;
        if self.next()? != b'"' {
            return None;
        }
        loop {
            match self.next()? {
                b'"' => return self.text.get(begin..self.at),
                b'\\' => self.escape()?,
                0..0x20 => return None,
                _ => {}
            }
        }
    }

    fn escape(&mut self) -> Option<()> {
        match self.next()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(()),
            b'u' => (0..4).try_for_each(|_| self.next()?.is_ascii_hexdigit().then_some(())),
            _ => None,
        }
    }

    fn number(&mut self) -> Option<()> {
        self.skip(b"-");
        let begins_with_zero = self.here()? == b'0';
        if self.digits()? > 1 && begins_with_zero {
            return None;
        }
        if self.skip(b".") {
            self.digits()?;
        }
        if self.skip(b"eE") {
            self.skip(b"+-");
            self.digits()?;
        }
        Some(())
    }

    /// Takes the byte here if it is one of these.
    fn skip(&mut self, bytes: &[u8]) -> bool {
        let found = self.here().is_some_and(|byte| bytes.contains(&byte));
        self.at += usize::from(found);
        found
    }

    /// At least one digit; returns how many there are.
    fn digits(&mut self) -> Option<usize> {
        let begin = self.at;
        while self.here().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        Some(self.at - begin).filter(|count| *count > 0)
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::de::IgnoredAny;
    use serde_json::Value;

    /// Texts that are often JSON, and often nearly.
    fn texts() -> impl Strategy<Value = String> {
        let token = prop_oneof![
            3 => r#"[\[\]{}:,"\\ ]"#,
            1 => r#""([a-zé😀/]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4}|\\ud83d\\ude00){0,4}""#,
            1 => r"-?[0-9]{1,3}(\.[0-9]{0,2})?([eE][+-]?[0-9]{0,2})?",
            1 => prop_oneof![Just("true"), Just("false"), Just("null"), Just("nul"), Just("\n\t")].prop_map(str::to_owned),
        ];
        let token = token.boxed();
        let flat = proptest::collection::vec(token.clone(), 0..8).prop_map(|tokens| tokens.concat());
        let leaf = prop_oneof![6 => token, 1 => flat];
        leaf.prop_recursive(4, 30, 4, |inner| {
            let name = r#"("[a-z]{0,2}"|"\\u0061") ?: ?"#;
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4)
                    .prop_map(|items| format!("[{}]", items.join(","))),
                proptest::collection::vec((name, inner), 0..4).prop_map(|members| {
                    let members: Vec<_> = members.into_iter().map(|(name, value)| name + &value).collect();
                    format!("{{{}}}", members.join(" , "))
                }),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn what_is_json_is_what_serde_json_takes(text in texts()) {
            prop_assert_eq!(is_json(&text), serde_json::from_str::<IgnoredAny>(&text).is_ok());
        }

        #[test]
        fn members_are_those_that_serde_json_finds(text in texts()) {
            let Ok(Value::Object(expected)) = serde_json::from_str(&text) else { return Ok(()) };
            let members = members(&text).unwrap();
            prop_assert!(expected.keys().all(|key| members.iter().any(|(name, _)| name == key)));
            for (name, written) in &members {
                let value: Value = serde_json::from_str(written).unwrap();
                prop_assert_eq!(string(written), value.as_str().map(str::to_owned));
                // Of equal names the last one counts.
                let is_last = members.iter().rfind(|(other, _)| other == name).unwrap().1 == *written;
                prop_assert!(!is_last || expected[name] == value);
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            prop_assert_eq!(is_json(&text), serde_json::from_str::<IgnoredAny>(&text).is_ok());
            prop_assert!(members(&text).is_none() || is_json(&text));
        }
    }

    #[test]
    fn what_a_browser_could_not_write_again_is_refused() {
        let deep = |depth| "[".repeat(depth) + "1" + &"]".repeat(depth);
        assert!(is_json(&deep(DEPTH)) && !is_json(&deep(DEPTH + 1)) && !is_json(&deep(1_000_000)));
        let side_by_side = format!("[{}]", vec![deep(DEPTH - 1); 3].join(","));
        assert!(is_json(&side_by_side));
    }

    #[test]
    fn half_a_character_is_json_and_no_text() {
        for half in [r#""\ud83d""#, r#""\ud83dx""#, r#""\ude00""#, r#""\ud83d\u0061""#] {
            assert!(is_json(half) && string(half).is_none(), "{half}");
        }
        assert_eq!(string(r#""\ud83d\ude00\/""#).as_deref(), Some("😀/"));
    }
}
