//! Server-sent events (<https://html.spec.whatwg.org/multipage/server-sent-events.html>), as far as
//! chat completions use them.

/// Cuts bytes into the data of events. Comments, names and ids of events are left out; lines end in
/// a line feed, with or without a carriage return before it.
///
/// It works on bytes, since a character may come in two packets.
#[derive(Debug, Default)]
pub(super) struct Events {
    bytes: Vec<u8>,
    /// How many of the bytes were searched for the end of a line.
    searched: usize,
    data: Vec<u8>,
}

impl Events {
    pub(super) fn push(&mut self, piece: &[u8]) {
        self.bytes.extend_from_slice(piece);
    }

    /// How many bytes wait for the end of their event.
    pub(super) fn waiting(&self) -> usize {
        self.bytes.len() + self.data.len()
    }

    /// The data of the next whole event.
    pub(super) fn next(&mut self) -> Option<Vec<u8>> {
        while let Some(line) = self.line() {
            if line.is_empty() {
                if !self.data.is_empty() {
                    return Some(std::mem::take(&mut self.data));
                }
            } else if let Some(data) = line.strip_prefix(b"data:") {
                if !self.data.is_empty() {
                    self.data.push(b'\n');
                }
                self.data
                    .extend_from_slice(data.strip_prefix(b" ").unwrap_or(data));
            }
        }
        None
    }

    /// The next whole line without its end.
    fn line(&mut self) -> Option<Vec<u8>> {
        let fresh = self.bytes.get(self.searched..).unwrap_or_default();
        let Some(end) = fresh.iter().position(|&byte| byte == b'\n') else {
            self.searched = self.bytes.len();
            return None;
        };
        let mut line: Vec<u8> = self.bytes.drain(..=self.searched + end).collect();
        self.searched = 0;
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(stream: &str, size: usize) -> Vec<String> {
        let mut events = Events::default();
        let mut found = Vec::new();
        for piece in stream.as_bytes().chunks(size) {
            events.push(piece);
            while let Some(event) = events.next() {
                found.push(String::from_utf8(event).unwrap());
            }
        }
        found
    }

    #[test]
    fn events_are_whole_however_the_bytes_come() {
        let stream = ": ping\n\nevent: x\ndata: {\"a\": \"路\"}\nid: 1\n\ndata:two\r\n\r\n\n\
                      data: first\ndata:  second\n\ndata: half";
        for size in 1..=stream.len() {
            let found = cut(stream, size);
            assert_eq!(
                found,
                ["{\"a\": \"路\"}", "two", "first\n second"],
                "packets of {size} bytes"
            );
        }
    }

    #[test]
    fn what_waits_is_counted() {
        let mut events = Events::default();
        events.push(b"data: abc\ndata: d");
        assert_eq!(events.next(), None);
        assert_eq!(events.waiting(), 10);
    }
}
