//! Compressed siblings of a file: `gzip_static` and `precompressed`.

use std::io;

use super::Route;
use super::flow::{Flow, Outcome};
use super::state::Phase;
use super::variables::View;
use crate::Found;
use crate::config::model::{GzipStatic, Precompressed, Settings};
use crate::files::coding::Accepted;

impl View<'_> {
    /// Decides which siblings of the file that `route.path` names are looked for, in which order.
    pub(super) fn choose_siblings(&self, route: &mut Route) {
        route.codings.clear();
        route.vary = false;
        let settings = &self.rules(route).settings;
        if settings.gzip_static == GzipStatic::Off && settings.precompressed.is_empty() {
            return;
        }
        let Some(request) = self.request.filter(|_| !route.path.is_folder()) else {
            return;
        };
        let accepted = Accepted::of(&request.fields());
        let always = settings.gzip_static == GzipStatic::Always;
        route.vary = !always || !settings.precompressed.is_empty();
        for coding in codings(settings) {
            if accepted.weight(coding).is_some() && !route.codings.contains(&coding) {
                let _ = route.codings.try_push(coding);
            }
        }
        // Equal ones stay in the order of the directive.
        route
            .codings
            .sort_by_key(|coding| std::cmp::Reverse(accepted.weight(*coding)));
        if always && !route.codings.contains(&Precompressed::Gzip) {
            let _ = route.codings.try_push(Precompressed::Gzip);
        }
    }

    /// Asks for this sibling, or goes on with the file itself.
    pub(super) fn sibling(&self, route: &mut Route, at: usize) -> Flow {
        match route.codings.get(at) {
            Some(coding) => {
                route.path.push_suffix(coding.suffix());
                route.phase = Phase::Sibling(at);
                Flow::End(Outcome::Lookup)
            }
            None => {
                route.phase = Phase::Content;
                self.look(route)
            }
        }
    }

    pub(super) fn sibling_found(
        &self,
        route: &mut Route,
        at: usize,
        found: io::Result<Found>,
    ) -> Flow {
        let coding = route.codings.get(at).copied();
        route
            .path
            .pop_suffix(coding.map_or("", Precompressed::suffix));
        match found {
            Ok(Found::File { file, index: None }) if file.is_readable() => {
                route.coding = coding;
                route.held = None;
                route.file = Some(file);
                Flow::End(Outcome::File)
            }
            _ => self.sibling(route, at + 1),
        }
    }
}

/// Those that there may be, in order of preference.
fn codings(settings: &Settings) -> impl Iterator<Item = Precompressed> {
    let listed = &settings.precompressed;
    let gzip = settings.gzip_static == GzipStatic::On && !listed.contains(&Precompressed::Gzip);
    let last = gzip.then_some(Precompressed::Gzip);
    listed.iter().copied().chain(last)
}
