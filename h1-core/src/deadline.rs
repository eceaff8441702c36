//! How long a peer may take, and the deadlines that follow from it. Times are arguments.

use core::time::Duration;

/// How long a peer may take.
///
/// ```
/// let timeouts = h1_core::Timeouts::default();
/// assert_eq!(timeouts.keep_alive.as_secs(), 75);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// From the first byte of a head to its last; also from the start of a connection to the end of
    /// its first head. Answered with 408. Default 60 s.
    pub head: Duration,
    /// For content, from the end of the head, or from the last [`progress`](Deadlines::progress) at
    /// [`min_rate`](Self::min_rate): without such calls for all of the content. Answered with 408.
    /// Default 60 s.
    pub body: Duration,
    /// For output, counted like `body`; then the connection is reset. Default 60 s.
    pub send: Duration,
    /// Without a byte between two requests; then the connection is closed without a word.
    /// Default 75 s.
    pub keep_alive: Duration,
    /// How long input is still read and thrown away after the last answer, so that the peer can
    /// read that answer before the connection goes. Default 5 s.
    pub linger: Duration,
    /// Bytes per second below which a peer that sends content or reads an answer makes no
    /// progress: it uses up its `body` or `send` time although bytes trickle. 0 switches the
    /// rule off. Default 500.
    pub min_rate: u32,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(60),
            body: Duration::from_secs(60),
            send: Duration::from_secs(60),
            keep_alive: Duration::from_secs(75),
            linger: Duration::from_secs(5),
            min_rate: 500,
        }
    }
}

/// What a connection can be late with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// The next request's first byte.
    KeepAlive,
    /// The rest of a head.
    Head,
    /// More content.
    Body,
    /// Room for more output.
    Send,
    /// The end of input that nobody reads any more.
    Linger,
}

/// One optional deadline for each [`Phase`]. Times are durations since a moment that the caller
/// chooses once, such as the start of the process.
///
/// ```
/// use core::time::Duration;
/// use h1_core::{Deadlines, Phase, Timeouts};
///
/// let at = Duration::from_secs;
/// let timeouts = Timeouts { head: at(10), ..Default::default() };
/// let mut deadlines = Deadlines::default();
/// deadlines.start(Phase::Head, &timeouts, at(100));
/// deadlines.start(Phase::Head, &timeouts, at(105)); // runs already: no change
/// assert_eq!(deadlines.next(), Some(at(110)));
/// assert_eq!(deadlines.expired(at(109)), None);
/// assert_eq!(deadlines.expired(at(110)), Some(Phase::Head));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Deadlines {
    at: [Option<Duration>; Phase::ALL.len()],
}

impl Phase {
    const ALL: [Phase; 5] = [
        Self::KeepAlive,
        Self::Head,
        Self::Body,
        Self::Send,
        Self::Linger,
    ];
}

impl Timeouts {
    /// The time that `phase` may take.
    pub fn of(&self, phase: Phase) -> Duration {
        match phase {
            Phase::KeepAlive => self.keep_alive,
            Phase::Head => self.head,
            Phase::Body => self.body,
            Phase::Send => self.send,
            Phase::Linger => self.linger,
        }
    }
}

impl Deadlines {
    /// Starts the clock of `phase`, unless it runs.
    pub fn start(&mut self, phase: Phase, timeouts: &Timeouts, now: Duration) {
        self.at[phase as usize].get_or_insert(now.saturating_add(timeouts.of(phase)));
    }

    /// Stops the clock of `phase`.
    pub fn stop(&mut self, phase: Phase) {
        self.at[phase as usize] = None;
    }

    /// `bytes` went through in `phase`: its deadline moves by the time those bytes may take at
    /// [`Timeouts::min_rate`], and never further than its whole time from now. A clock that does not
    /// run is not started.
    ///
    /// ```
    /// # use core::time::Duration;
    /// # use h1_core::{Deadlines, Phase, Timeouts};
    /// # let at = Duration::from_secs;
    /// let timeouts = Timeouts { body: at(60), min_rate: 500, ..Default::default() };
    /// let mut deadlines = Deadlines::default();
    /// deadlines.start(Phase::Body, &timeouts, at(0));
    /// deadlines.progress(Phase::Body, 1000, &timeouts, at(50)); // worth two seconds
    /// assert_eq!(deadlines.next(), Some(at(62)));
    /// ```
    pub fn progress(&mut self, phase: Phase, bytes: u64, timeouts: &Timeouts, now: Duration) {
        let Some(at) = &mut self.at[phase as usize] else {
            return;
        };
        let whole = now.saturating_add(timeouts.of(phase));
        *at = match timeouts.min_rate {
            0 => whole,
            rate => {
                let worth = bytes.saturating_mul(1_000_000) / u64::from(rate);
                at.saturating_add(Duration::from_micros(worth)).min(whole)
            }
        };
    }

    /// The next deadline of all phases, if any clock runs. Whoever waits for one thing at a time, such
    /// as in a blocking write, keeps a `Deadlines` for each.
    pub fn next(&self) -> Option<Duration> {
        self.at.iter().flatten().min().copied()
    }

    /// The phase whose deadline has come, the earliest first; until its clock is stopped.
    pub fn expired(&self, now: Duration) -> Option<Phase> {
        Phase::ALL
            .into_iter()
            .filter_map(|phase| Some((self.at[phase as usize]?, phase)))
            .filter(|(at, _)| *at <= now)
            .min_by_key(|(at, _)| *at)
            .map(|(_, phase)| phase)
    }
}
