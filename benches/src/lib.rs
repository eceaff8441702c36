//! h1-core side by side with rivals: the same work, done by both, in one process.
//!
//! A [`Contest`] is a piece of work and those who do it, h1-core first. The same contests are measured
//! by criterion (`times`) and in turns (`ratios`, [`measure`]), counted in instructions
//! (`callgrind.sh`), and checked to be the same work (`tests/`).

pub mod body;
pub mod cgi;
pub mod drivers;
pub mod exchange;
pub mod head;
pub mod input;
pub mod matching;
pub mod measure;
pub mod rivals;
pub mod serialize;

/// A piece of work, and those who do it.
pub struct Contest {
    /// `group/work`.
    pub name: &'static str,
    /// The bytes that are read or written.
    pub bytes: usize,
    /// Does it with h1-core.
    pub ours: Work,
    /// Those who do it otherwise.
    pub rivals: Vec<Rival>,
}

/// Does the work once.
pub type Work = Box<dyn FnMut()>;

/// Somebody else who does the work.
pub struct Rival {
    /// Who that is.
    pub name: &'static str,
    /// The most that h1-core's time may be, as a part of this one's.
    pub target: Option<f64>,
    /// Does it.
    pub work: Work,
}

impl Contest {
    /// A contest without rivals so far.
    pub fn new(name: &'static str, bytes: usize, ours: impl FnMut() + 'static) -> Self {
        Self {
            name,
            bytes,
            ours: Box::new(ours),
            rivals: Vec::new(),
        }
    }

    /// Adds a rival, with the ratio that h1-core must reach, if it must.
    pub fn rival(
        mut self,
        name: &'static str,
        target: impl Into<Option<f64>>,
        work: impl FnMut() + 'static,
    ) -> Self {
        self.rivals.push(Rival {
            name,
            target: target.into(),
            work: Box::new(work),
        });
        self
    }

    /// All who do the work, h1-core first.
    pub fn contenders(&mut self) -> impl Iterator<Item = (&'static str, &mut Work)> {
        let rivals = self.rivals.iter_mut();
        let rivals = rivals.map(|rival| (rival.name, &mut rival.work));
        std::iter::once(("h1-core", &mut self.ours)).chain(rivals)
    }
}

/// All contests.
pub fn contests() -> Vec<Contest> {
    [
        head::contests(),
        exchange::contests(),
        body::contests(),
        serialize::contests(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
