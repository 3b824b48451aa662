//! Structured fields (RFC 8941), as far as signatures are made of them: a dictionary whose members are
//! lists of texts, or bytes. Strict: what is not exactly of this form is refused, so that what is signed
//! can be written in one way only.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Longer fields are refused unread.
const LONGEST_FIELD: usize = 8 * 1024;

/// A value of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Bare {
    Integer(i64),
    String(String),
    Token(String),
    Bytes(Vec<u8>),
    Boolean(bool),
}

/// Names with their values, in order.
pub(super) type Parameters = Vec<(String, Bare)>;

/// A value with its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) value: Bare,
    pub(super) parameters: Parameters,
}

/// A member of a dictionary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Member {
    Item(Item),
    List(Vec<Item>, Parameters),
}

/// Why a field cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

type Read<T> = Result<T, Unreadable>;

/// Reads a dictionary. A name that comes twice is refused: two readers could take different ones.
pub(super) fn dictionary(text: &str) -> Read<Vec<(String, Member)>> {
    if text.len() > LONGEST_FIELD || !text.is_ascii() {
        return Err(Unreadable);
    }
    let mut reader = Reader {
        rest: text.trim_matches(' ').as_bytes(),
    };
    let mut members: Vec<(String, Member)> = Vec::new();
    while !reader.rest.is_empty() {
        let key = reader.key()?;
        if members.iter().any(|(known, _)| *known == key) {
            return Err(Unreadable);
        }
        let member = if reader.takes(b'=') {
            if reader.rest.first() == Some(&b'(') {
                reader.list()?
            } else {
                Member::Item(reader.item()?)
            }
        } else {
            let value = Bare::Boolean(true);
            let parameters = reader.parameters()?;
            Member::Item(Item { value, parameters })
        };
        members.push((key, member));
        reader.skip(b" \t");
        if reader.rest.is_empty() {
            break;
        }
        if !reader.takes(b',') {
            return Err(Unreadable);
        }
        reader.skip(b" \t");
        if reader.rest.is_empty() {
            return Err(Unreadable);
        }
    }
    Ok(members)
}

/// Writes a list in the one form it has.
pub(super) fn write_list(items: &[Item], parameters: &Parameters) -> String {
    let items: Vec<String> = items.iter().map(write_item).collect();
    format!("({}){}", items.join(" "), write_parameters(parameters))
}

/// Writes a value with its parameters.
pub(super) fn write_item(item: &Item) -> String {
    write_bare(&item.value) + &write_parameters(&item.parameters)
}

fn write_parameters(parameters: &Parameters) -> String {
    let mut text = String::new();
    for (name, value) in parameters {
        text.push(';');
        text.push_str(name);
        if *value != Bare::Boolean(true) {
            text.push('=');
            text.push_str(&write_bare(value));
        }
    }
    text
}

fn write_bare(value: &Bare) -> String {
    match value {
        Bare::Integer(number) => number.to_string(),
        Bare::String(text) => {
            let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
            format!("\"{escaped}\"")
        }
        Bare::Token(text) => text.clone(),
        Bare::Bytes(bytes) => format!(":{}:", STANDARD.encode(bytes)),
        Bare::Boolean(true) => "?1".to_owned(),
        Bare::Boolean(false) => "?0".to_owned(),
    }
}

/// Reads ASCII from the front.
struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn next(&mut self) -> Read<u8> {
        let (first, rest) = self.rest.split_first().ok_or(Unreadable)?;
        self.rest = rest;
        Ok(*first)
    }

    fn takes(&mut self, wanted: u8) -> bool {
        let is_there = self.rest.first() == Some(&wanted);
        if is_there {
            self.rest = &self.rest[1..];
        }
        is_there
    }

    fn skip(&mut self, any: &[u8]) {
        while self.rest.first().is_some_and(|byte| any.contains(byte)) {
            self.rest = &self.rest[1..];
        }
    }

    /// The longest beginning whose bytes are all wanted.
    fn while_in(&mut self, wanted: impl Fn(u8) -> bool) -> String {
        let end = self.rest.iter().position(|byte| !wanted(*byte));
        let (taken, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        taken.iter().copied().map(char::from).collect()
    }

    fn key(&mut self) -> Read<String> {
        let begins = |byte: &u8| byte.is_ascii_lowercase() || *byte == b'*';
        if !self.rest.first().is_some_and(begins) {
            return Err(Unreadable);
        }
        Ok(self.while_in(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.*".contains(&byte)
        }))
    }

    fn list(&mut self) -> Read<Member> {
        if !self.takes(b'(') {
            return Err(Unreadable);
        }
        let mut items = Vec::new();
        loop {
            self.skip(b" ");
            if self.takes(b')') {
                return Ok(Member::List(items, self.parameters()?));
            }
            items.push(self.item()?);
            if !matches!(self.rest.first(), Some(b' ' | b')')) {
                return Err(Unreadable);
            }
        }
    }

    fn item(&mut self) -> Read<Item> {
        let value = self.bare()?;
        let parameters = self.parameters()?;
        Ok(Item { value, parameters })
    }

    fn parameters(&mut self) -> Read<Parameters> {
        let mut parameters = Parameters::new();
        while self.takes(b';') {
            self.skip(b" ");
            let name = self.key()?;
            let value = if self.takes(b'=') {
                self.bare()?
            } else {
                Bare::Boolean(true)
            };
            if parameters.iter().any(|(known, _)| *known == name) {
                return Err(Unreadable);
            }
            parameters.push((name, value));
        }
        Ok(parameters)
    }

    fn bare(&mut self) -> Read<Bare> {
        match self.rest.first().ok_or(Unreadable)? {
            b'"' => self.string(),
            b':' => self.bytes(),
            b'?' => self.boolean(),
            b'-' | b'0'..=b'9' => self.integer(),
            b'a'..=b'z' | b'A'..=b'Z' | b'*' => Ok(Bare::Token(self.while_in(|byte| {
                byte.is_ascii_alphanumeric() || b":/!#$%&'*+-.^_`|~".contains(&byte)
            }))),
            _ => Err(Unreadable),
        }
    }

    fn string(&mut self) -> Read<Bare> {
        self.next()?;
        let mut text = String::new();
        loop {
            match self.next()? {
                b'"' => return Ok(Bare::String(text)),
                b'\\' => match self.next()? {
                    escaped @ (b'"' | b'\\') => text.push(char::from(escaped)),
                    _ => return Err(Unreadable),
                },
                byte @ 0x20..=0x7e => text.push(char::from(byte)),
                _ => return Err(Unreadable),
            }
        }
    }

    fn bytes(&mut self) -> Read<Bare> {
        self.next()?;
        let text = self
            .while_in(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='));
        if !self.takes(b':') {
            return Err(Unreadable);
        }
        let bytes = STANDARD.decode(text).map_err(|_| Unreadable)?;
        Ok(Bare::Bytes(bytes))
    }

    fn boolean(&mut self) -> Read<Bare> {
        self.next()?;
        match self.next()? {
            b'0' => Ok(Bare::Boolean(false)),
            b'1' => Ok(Bare::Boolean(true)),
            _ => Err(Unreadable),
        }
    }

    /// At most 15 digits. Decimal numbers have no place in a signature.
    fn integer(&mut self) -> Read<Bare> {
        let sign = if self.takes(b'-') { -1 } else { 1 };
        let digits = self.while_in(|byte| byte.is_ascii_digit());
        if digits.len() > 15 || self.rest.first() == Some(&b'.') {
            return Err(Unreadable);
        }
        let number: i64 = digits.parse().map_err(|_| Unreadable)?;
        Ok(Bare::Integer(sign * number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dictionary_is_read_and_written_back() {
        let text = r#"sig1=("@authority" "x-api-key";sf);keyid="a\"b\\c";created=1641013200;old=-7;odd;off=?0, sig2=:aGk=:, tok=a/b;x=*y"#;
        let members = dictionary(text).unwrap();
        let written: Vec<String> = members
            .iter()
            .map(|(name, member)| match member {
                Member::Item(item) => format!("{name}={}", write_item(item)),
                Member::List(items, parameters) => {
                    format!("{name}={}", write_list(items, parameters))
                }
            })
            .collect();
        assert_eq!(written.join(", "), text);
        let Member::List(items, parameters) = &members[0].1 else {
            panic!("{members:?}")
        };
        assert_eq!(items[1].parameters, [("sf".into(), Bare::Boolean(true))]);
        assert_eq!(parameters[0].1, Bare::String("a\"b\\c".into()));
        assert_eq!(parameters[2].1, Bare::Integer(-7));
        assert_eq!(dictionary("  "), Ok(Vec::new()));
        assert_eq!(dictionary("a=1,\tb").map(|d| d.len()), Ok(2));
    }

    #[test]
    fn anything_else_is_refused() {
        let long = format!("a=\"{}\"", "x".repeat(LONGEST_FIELD));
        for text in [
            "A=1",
            "a=",
            "a=1,",
            "a=1 b=2",
            "a=1,a=2",
            "a=1;b=1;b=2",
            "a=\"open",
            "a=\"\\n\"",
            "a=\"\u{7f}\"",
            "a=\"caf\u{e9}\"",
            "a=:not base64:",
            "a=:YQ:",
            "a=:YQ==",
            "a=(1 2",
            "a=(1\t2)",
            "a=(\"x\"\"y\")",
            "a=?2",
            "a=1.5",
            "a=1234567890123456",
            "a=-",
            "a=1;",
            "a=\u{1}",
            "=1",
            &long,
        ] {
            assert_eq!(dictionary(text), Err(Unreadable), "{text:?}");
        }
    }
}
