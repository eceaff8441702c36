//! What is seen of an input, and what holds for it however it was cut.

use h1_core::{
    Awaiting, Error, ErrorKind, Fields, Limits, RecvBuf, RequestHead, ResponseHead, Version,
};

/// Field lines, names as they were sent.
pub(crate) type Lines = Vec<(String, Vec<u8>)>;

/// An event with all that it lent. Content is joined, as where it is cut says nothing. Offsets
/// count from the first byte of the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Head {
        line: String,
        fields: Lines,
        raw: Vec<u8>,
        end: usize,
    },
    Data(Vec<u8>),
    EndOfMessage {
        trailers: Lines,
        raw: Vec<u8>,
        end: usize,
    },
    Paused,
    Closed,
    Error(Error),
    Awaiting(Awaiting),
}

/// What comes after an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    Event,
    NeedData,
    Stop,
}

/// A connection of either role that reads an input and answers what it reads.
pub(crate) trait Reader {
    /// Reads one event and notes it.
    fn read(&mut self, rx: &mut RecvBuf, log: &mut Log) -> Flow;
    fn awaiting(&self, rx: &RecvBuf) -> Awaiting;
}

/// The events of one run.
pub(crate) struct Log<'i> {
    pub(crate) seen: Vec<Seen>,
    limits: Limits,
    input: &'i [u8],
    /// Bytes that the connection was given.
    received: usize,
    /// Where the present message begins.
    message: usize,
    /// The end of what the last event has lent.
    read: usize,
}

impl<'i> Log<'i> {
    /// Gives `input` in `pieces` to `reader`.
    pub(crate) fn of(
        reader: &mut impl Reader,
        limits: Limits,
        input: &'i [u8],
        pieces: &[&[u8]],
        eof: bool,
    ) -> Self {
        let mut log = Self {
            seen: Vec::new(),
            limits,
            input,
            received: 0,
            message: 0,
            read: 0,
        };
        let mut rx = RecvBuf::new(&limits);
        let whole = log.run(reader, &mut rx, pieces, eof);
        log.check_memory(&rx);
        if whole {
            let awaiting = reader.awaiting(&rx);
            if awaiting == Awaiting::Message && rx.pending().is_empty() {
                assert!(
                    capacity(&rx) <= limits.buffer.max(1),
                    "between messages: {rx:?}"
                );
            }
            log.seen.push(Seen::Awaiting(awaiting));
        }
        log
    }

    /// Returns whether it came to the end of the input.
    fn run(
        &mut self,
        reader: &mut impl Reader,
        rx: &mut RecvBuf,
        pieces: &[&[u8]],
        eof: bool,
    ) -> bool {
        for mut piece in pieces.iter().copied() {
            while !piece.is_empty() {
                let n = self.receive(rx, piece);
                piece = &piece[n..];
                if self.drain(reader, rx) == Flow::Stop {
                    return false;
                }
                assert!(n > 0, "no room and no progress");
            }
        }
        if eof {
            rx.close();
            return self.drain(reader, rx) != Flow::Stop;
        }
        true
    }

    /// In one of the two ways that there are.
    fn receive(&mut self, rx: &mut RecvBuf, piece: &[u8]) -> usize {
        let n = match self.received % 2 {
            0 => rx.receive(piece),
            _ => {
                let room = rx.unfilled();
                let n = room.len().min(piece.len());
                room[..n].copy_from_slice(&piece[..n]);
                rx.filled(n);
                n
            }
        };
        self.received += n;
        n
    }

    fn drain(&mut self, reader: &mut impl Reader, rx: &mut RecvBuf) -> Flow {
        loop {
            match reader.read(rx, self) {
                Flow::Event => {}
                flow => return flow,
            }
        }
    }

    /// The formula of [`Limits`] for input. An empty line may stand before a head.
    fn check_memory(&self, rx: &RecvBuf) {
        let Limits {
            buffer,
            head,
            trailers,
            ..
        } = self.limits;
        let most = buffer.max(head + 2).max(trailers).max(1);
        assert!(capacity(rx) <= most, "{rx:?} has more than {most}");
    }

    /// Notes a head that is lent from `rx`.
    pub(crate) fn head(&mut self, line: String, fields: Lines, raw: Vec<u8>, rx: &RecvBuf) {
        let end = self.check_raw(&raw, 0, rx);
        self.seen.push(Seen::Head {
            line,
            fields,
            raw,
            end,
        });
    }

    pub(crate) fn data(&mut self, bytes: Vec<u8>, rx: &RecvBuf) {
        assert!(!bytes.is_empty());
        self.check_data(&bytes, rx);
        match self.seen.last_mut() {
            Some(Seen::Data(content)) => content.extend(bytes),
            _ => self.seen.push(Seen::Data(bytes)),
        }
    }

    pub(crate) fn end_of_message(&mut self, trailers: Lines, raw: Vec<u8>, rx: &RecvBuf) {
        let end = self.check_raw(&raw, if raw.is_empty() { 0 } else { 2 }, rx);
        self.seen.push(Seen::EndOfMessage { trailers, raw, end });
    }

    /// Another message follows behind what has been lent.
    pub(crate) fn begin_message(&mut self, rx: &RecvBuf) {
        self.message = self.received - rx.pending().len();
    }

    pub(crate) fn error(&mut self, error: Error) {
        let at = self.message + error.at as usize;
        // Where a limit is reached, the next byte need not have come.
        let come = match is_limit(error.kind) || error.kind == ErrorKind::UnexpectedEof {
            true => at <= self.received,
            false => at < self.received,
        };
        assert!(come, "{error:?} in {} bytes", self.received);
        self.seen.push(Seen::Error(error));
    }

    /// Small chunks are lent together, without what is between them.
    fn check_data(&mut self, bytes: &[u8], rx: &RecvBuf) {
        let end = self.received - rx.pending().len();
        let mut sent = self.input[self.read..end].iter();
        let found = bytes.iter().all(|b| sent.any(|s| s == b));
        assert!(found, "{bytes:?} was not sent in this order");
        self.read = end;
    }

    /// `raw` is what stands in the input, `behind` bytes before its present end.
    fn check_raw(&mut self, raw: &[u8], behind: usize, rx: &RecvBuf) -> usize {
        let end = self.received - rx.pending().len();
        let sent = &self.input[end - behind - raw.len()..end - behind];
        let same = |(a, b): (&u8, &u8)| a == b || (*a == b' ' && matches!(b, b'\r' | b'\n'));
        assert!(
            raw.iter().zip(sent).all(same),
            "{raw:?} was sent as {sent:?}"
        );
        self.check_memory(rx);
        self.read = end;
        end
    }
}

/// Bytes that `rx` has allocated, as its `Debug` says.
fn capacity(rx: &RecvBuf) -> u32 {
    let debug = format!("{rx:?}");
    let (_, capacity) = debug.split_once("capacity: ").unwrap();
    capacity.split(',').next().unwrap().parse().unwrap()
}

/// Whether `kind` says that a message is too large, not that it is wrong.
pub(crate) fn is_limit(kind: ErrorKind) -> bool {
    use ErrorKind as K;
    matches!(
        kind,
        K::MethodTooLong
            | K::RequestLineTooLong
            | K::HeadTooLarge
            | K::TooManyFields
            | K::ChunkLineTooLong
            | K::ChunkOverhead
            | K::TrailersTooLarge
            | K::BodyTooLarge
            | K::TooManyInformational
    )
}

/// Limits refuse messages and never change what they mean: up to the refusal, `small` saw what
/// `large` saw, and what it refused is beyond the limit.
pub(crate) fn check_limits(small: &Log, large: &Log) {
    let Some((Seen::Error(error), seen)) = small.seen.split_last() else {
        assert_eq!(small.seen, large.seen);
        return;
    };
    if !is_limit(error.kind) {
        assert_eq!(small.seen, large.seen);
        return;
    }
    let common = seen.iter().zip(&large.seen);
    let equal = common.take_while(|(small, large)| small == large).count();
    let cut = match (&seen[equal..], large.seen.get(equal)) {
        ([], _) => true,
        ([Seen::Data(some)], Some(Seen::Data(all))) => all.starts_with(some),
        _ => false,
    };
    assert!(cut, "{seen:?} is {:?} with larger limits", large.seen);
    if let Some(seen) = large.seen.get(equal) {
        assert!(
            exceeds(error.kind, &small.limits, seen),
            "{error} for {seen:?}"
        );
    }
}

/// Whether `seen`, which was accepted with larger limits, is beyond the limit of `kind`.
fn exceeds(kind: ErrorKind, limits: &Limits, seen: &Seen) -> bool {
    match seen {
        Seen::Head {
            line, fields, raw, ..
        } => {
            let first = raw.iter().position(|&b| b == b'\n').unwrap() + 1;
            let method = line.find(' ').unwrap();
            match kind {
                ErrorKind::MethodTooLong => method > limits.method.into(),
                ErrorKind::RequestLineTooLong => {
                    first > limits.request_line.min(limits.head) as usize
                }
                ErrorKind::HeadTooLarge => raw.len() > limits.head as usize,
                ErrorKind::TooManyFields => fields.len() > limits.fields.into(),
                // An announced length, or the bound on informational responses.
                ErrorKind::BodyTooLarge | ErrorKind::TooManyInformational => true,
                _ => false,
            }
        }
        Seen::Data(bytes) => match kind {
            ErrorKind::BodyTooLarge => bytes.len() as u64 > limits.body,
            _ => matches!(kind, ErrorKind::ChunkLineTooLong | ErrorKind::ChunkOverhead),
        },
        Seen::EndOfMessage { trailers, raw, .. } => match kind {
            ErrorKind::TrailersTooLarge => raw.len() + 2 > limits.trailers as usize,
            ErrorKind::TooManyFields => trailers.len() > limits.fields.into(),
            _ => matches!(kind, ErrorKind::ChunkLineTooLong | ErrorKind::ChunkOverhead),
        },
        _ => true,
    }
}

/// All that a request head says.
pub(crate) fn request_line(request: &RequestHead<'_>) -> String {
    format!(
        "{} {} {} {:?} path={} query={:?} host={:?} {:?} keep-alive={} expects={} upgrade={:?}",
        request.method(),
        request.target(),
        request.version(),
        request.form(),
        request.path(),
        request.query(),
        request.host(),
        request.body(),
        request.keep_alive(),
        request.expects_continue(),
        request.upgrade(),
    )
}

/// All that a response head says.
pub(crate) fn status_line(response: &ResponseHead<'_>) -> String {
    let version = match response.version() {
        Version::Http10 => "1.0",
        Version::Http11 => "1.1",
    };
    format!(
        "{version} {} {} {:?} keep-alive={}",
        response.status(),
        response.reason().escape_ascii(),
        response.body(),
        response.keep_alive(),
    )
}

/// The field lines, which are all that `raw` holds.
pub(crate) fn lines(fields: Fields<'_>) -> Lines {
    let own = |(name, value): (&str, &[u8])| (name.to_owned(), value.to_owned());
    let lines: Lines = fields.iter().map(own).collect();
    assert_eq!(lines.len(), fields.len());
    let raw = fields.raw();
    assert!(raw.is_empty() || raw.ends_with(b"\r\n"));
    for (name, value) in &lines {
        assert!(fields.get_all(name).any(|other| other == value));
    }
    lines
}
