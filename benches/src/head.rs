//! Request heads: from received bytes to a request with all that a server must decide about it.

use std::hint::black_box;
use std::mem::MaybeUninit;
use std::rc::Rc;

use h1_core::{Event, Limits, RecvBuf, RequestHead, ServerConnection};
use httparse::{Request, Status};

use crate::rivals::framing::{Framing, decide};
use crate::{Contest, input};

/// As many fields as h1-core takes by default.
const FIELDS: usize = 100;

/// Heads that come whole, and one that comes byte by byte.
pub fn contests() -> Vec<Contest> {
    vec![
        whole("head/browser", vec![input::browser()], 0.65),
        whole("head/1024-browsers", input::browsers(), None),
        whole("head/curl", vec![input::curl()], 1.0),
        whole("head/proxied", vec![input::proxied()], 0.7),
        dripping("head/browser-by-byte", input::browser(), 0.1),
    ]
}

/// One head in each turn, the next of them in the next.
fn whole(name: &'static str, heads: Vec<Vec<u8>>, target: impl Into<Option<f64>>) -> Contest {
    let mean = heads.iter().map(Vec::len).sum::<usize>() / heads.len();
    let mut ours = Turns::of(heads);
    let (mut bare, mut decided) = (ours.clone(), ours.clone());
    let mut reader = Reader::new();
    Contest::new(name, mean, move || {
        reader.read([black_box(ours.next())], |request| {
            black_box(request);
        });
    })
    .rival("httparse + framing", target, move || {
        framed(black_box(decided.next()), |framing| {
            black_box(framing);
        });
    })
    .rival("httparse", None, move || {
        parsed(black_box(bare.next()), |request| {
            black_box(request);
        });
    })
}

/// Heads in turn, again and again.
#[derive(Clone)]
struct Turns {
    heads: Rc<[Vec<u8>]>,
    at: usize,
}

impl Turns {
    fn of(heads: Vec<Vec<u8>>) -> Self {
        Self {
            heads: heads.into(),
            at: 0,
        }
    }

    fn next(&mut self) -> &[u8] {
        self.at = if self.at == 0 {
            self.heads.len()
        } else {
            self.at
        } - 1;
        &self.heads[self.at]
    }
}

fn dripping(name: &'static str, head: Vec<u8>, target: f64) -> Contest {
    let again = head.clone();
    let mut reader = Reader::new();
    let mut received = Vec::new();
    Contest::new(name, head.len(), move || {
        reader.read(black_box(&head).chunks(1), |request| {
            black_box(request);
        });
    })
    .rival("httparse + framing", target, move || {
        received.clear();
        for byte in black_box(&again) {
            received.push(*byte);
            framed(&received, |framing| {
                black_box(framing);
            });
        }
    })
}

/// Reads heads with h1-core.
pub struct Reader {
    limits: Limits,
    rx: RecvBuf,
}

impl Reader {
    /// A reader with an empty buffer.
    pub fn new() -> Self {
        let limits = Limits::default();
        Self {
            limits,
            rx: RecvBuf::new(&limits),
        }
    }

    /// Receives the pieces of one head on a new connection, and hands out the request. Returns
    /// whether there was one.
    pub fn read<'p>(
        &mut self,
        pieces: impl IntoIterator<Item = &'p [u8]>,
        take: impl FnOnce(&RequestHead<'_>),
    ) -> bool {
        let mut conn = ServerConnection::new(self.limits);
        self.rx.clear();
        for piece in pieces {
            self.rx.receive(piece);
            match conn.next_event(&mut self.rx) {
                Ok(Event::Request(request)) => {
                    take(&request);
                    return true;
                }
                Ok(_) => {}
                Err(_) => return false,
            }
        }
        false
    }
}

impl Default for Reader {
    fn default() -> Self {
        Self::new()
    }
}

/// Reads a head with httparse alone. Returns whether it was whole.
pub fn parsed(head: &[u8], take: impl FnOnce(&Request<'_, '_>)) -> bool {
    let mut headers = [const { MaybeUninit::uninit() }; FIELDS];
    let mut request = Request::new(&mut []);
    let status = request.parse_with_uninit_headers(head, &mut headers);
    let whole = matches!(status, Ok(Status::Complete(_)));
    if whole {
        take(&request);
    }
    whole
}

/// Reads a head with httparse and decides on it. Returns whether it was whole and accepted.
pub fn framed(head: &[u8], take: impl FnOnce(&Framing<'_>)) -> bool {
    let mut accepted = false;
    parsed(head, |request| {
        if let Some(framing) = decide(request) {
            accepted = true;
            take(&framing);
        }
    });
    accepted
}
