//! Conditions that ask for files: `if (-f ...)`.

use super::Route;
use super::rewrite::{Instruction, Kind};
use super::variables::View;
use crate::config::model::{Condition, FileTest};
use crate::os::Root;
use crate::{Found, Links, Lookup};

impl<'v> View<'v> {
    /// What `route.path` is below.
    pub(super) fn folder(&self, route: &Route) -> &'v Root {
        match self.instruction(route).map(|it| &it.kind) {
            Some(Kind::If {
                folder: Some(folder),
                ..
            }) if route.elsewhere => folder,
            _ => &self.rules(route).files.root,
        }
    }

    /// Sets `route.path` to what a condition asks for; `None` if nothing can be there.
    pub(super) fn file_asked_for(
        &self,
        route: &mut Route,
        instruction: &Instruction,
    ) -> Option<()> {
        let Kind::If {
            condition: Condition::File { path, .. },
            folder: Some(folder),
            ..
        } = &instruction.kind
        else {
            return None;
        };
        let mut text = route.take_scratch();
        self.expand(route, path, &mut text);
        // The deeper one: links are followed up to there.
        let of_rules = below(&text, &self.rules(route).files.root);
        let of_path = below(&text, folder);
        let lens = [of_rules, of_path].map(|it| it.map_or(usize::MAX, <[u8]>::len));
        route.elsewhere = lens[1] < lens[0];
        let below = if route.elsewhere { of_path } else { of_rules };
        let set = below.map(|below| route.path.set(&[below]));
        route.give_scratch(text);
        set?.ok()
    }
}

/// Whether what was found is what a condition asks for.
/// One that is there, but refused, exists; unless that may be for its links.
pub(super) fn passes(
    instruction: &Instruction,
    found: &std::io::Result<Found>,
    links: Links<'_>,
) -> bool {
    let checks_links = matches!(links, Links::None(_) | Links::SameOwner(_));
    let Kind::If {
        condition: Condition::File { kind, .. },
        ..
    } = &instruction.kind
    else {
        return false;
    };
    match (kind, found) {
        (FileTest::File, Ok(Found::File { .. })) => true,
        (FileTest::Executable, Ok(Found::File { file, .. })) => file.is_executable(),
        (FileTest::Folder | FileTest::Executable, Ok(Found::Folder)) => true,
        (FileTest::Any, Ok(_)) => true,
        (FileTest::Any, Err(error)) if !checks_links => {
            error.kind() == std::io::ErrorKind::PermissionDenied
        }
        _ => false,
    }
}

/// What follows the path of `root`, if `path` is below it.
fn below<'p>(path: &'p [u8], root: &Root) -> Option<&'p [u8]> {
    let root = root.path().as_os_str().as_encoded_bytes();
    let below = path.strip_prefix(root.strip_suffix(b"/").unwrap_or(root))?;
    matches!(below, [] | [b'/', ..]).then_some(below)
}

/// What a condition looks for.
pub(super) fn lookup<'l, 'v: 'l>(view: &View<'v>, route: &'l Route) -> Lookup<'l> {
    Lookup {
        root: view.folder(route),
        path: &route.path,
        index: &[],
        listing: false,
        links: view.links(route),
        caching: view.caching(view.rules(route)),
        path_info: false,
        programs: false,
    }
}
