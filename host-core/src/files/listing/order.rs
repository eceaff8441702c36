//! In which order a listing shows its entries: `?C=M&O=D`, as Apache has it.

use std::cmp::Reverse;

use crate::step::Entry;

/// What the entries are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Column {
    #[default]
    Name,
    Size,
    Changed,
}

/// The columns of a page with their titles.
pub(super) const COLUMNS: [(Column, &str); 3] = [
    (Column::Name, "Name"),
    (Column::Size, "Size"),
    (Column::Changed, "Changed (UTC)"),
];

/// An order of entries; folders always come first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Order {
    column: Column,
    descending: bool,
}

impl Order {
    /// What a query asks for; what it does not say is ascending, and by name.
    pub(crate) fn of(query: &[u8]) -> Self {
        let mut order = Self::default();
        for parameter in query.split(|b| matches!(b, b'&' | b';')) {
            match parameter {
                b"C=N" => order.column = Column::Name,
                b"C=S" => order.column = Column::Size,
                b"C=M" => order.column = Column::Changed,
                b"O=A" => order.descending = false,
                b"O=D" => order.descending = true,
                _ => {}
            }
        }
        order
    }

    /// The query that sorts by `column`; the other way round where that is so already.
    pub(super) fn link(self, column: Column) -> &'static str {
        let again = self.column == column && !self.descending;
        match (column, again) {
            (Column::Name, false) => "?C=N&O=A",
            (Column::Name, true) => "?C=N&O=D",
            (Column::Size, false) => "?C=S&O=A",
            (Column::Size, true) => "?C=S&O=D",
            (Column::Changed, false) => "?C=M&O=A",
            (Column::Changed, true) => "?C=M&O=D",
        }
    }

    /// What a screen reader says of the column.
    pub(super) fn aria(self, column: Column) -> Option<&'static str> {
        match (self.column == column, self.descending) {
            (false, _) => None,
            (true, false) => Some("ascending"),
            (true, true) => Some("descending"),
        }
    }

    pub(super) fn arrow(self, column: Column) -> &'static str {
        match self.aria(column) {
            None => "",
            Some("ascending") => " \u{2191}",
            Some(_) => " \u{2193}",
        }
    }

    pub(super) fn sort(self, entries: &mut [Entry]) {
        entries.sort_by_cached_key(|Entry { name, folder, .. }| {
            // The spelling decides between names that differ in case alone.
            let lower = String::from_utf8_lossy(name).to_lowercase();
            (!folder, lower, name.clone())
        });
        // Equal ones stay in the order of their names.
        match (self.column, self.descending) {
            (Column::Name, false) => {}
            (Column::Name, true) => {
                let folders = entries.partition_point(|entry| entry.folder);
                let (folders, files) = entries.split_at_mut(folders);
                folders.reverse();
                files.reverse();
            }
            (Column::Size, false) => entries.sort_by_key(|it| (!it.folder, it.len)),
            (Column::Size, true) => entries.sort_by_key(|it| (!it.folder, Reverse(it.len))),
            (Column::Changed, false) => entries.sort_by_key(|it| (!it.folder, it.modified)),
            (Column::Changed, true) => {
                entries.sort_by_key(|it| (!it.folder, Reverse(it.modified)));
            }
        }
    }
}
