//! The values that variables are bound to while a request is answered: groups of regular
//! expressions, and those of `set` and `map`.

use crate::config::model::Pattern;

/// `$1` to `$9`, and all of the match before them.
const GROUPS: usize = 10;

/// What is bound; the storage is used again by the next request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bindings {
    /// What the last expression with groups has matched.
    subject: Vec<u8>,
    groups: [Option<(usize, usize)>; GROUPS],
    slots: Vec<Slot>,
}

#[derive(Clone, Debug, Default)]
struct Slot {
    bound: bool,
    value: Vec<u8>,
}

impl Bindings {
    /// Nothing is bound; there are so many slots.
    pub(crate) fn reset(&mut self, slots: usize) {
        self.clear_groups();
        self.slots.resize_with(slots, Slot::default);
        for slot in &mut self.slots {
            slot.bound = false;
        }
    }

    pub(crate) fn clear_groups(&mut self) {
        self.groups = [None; GROUPS];
    }

    /// Whether `pattern` matches `subject`; if so its groups take the place of those before.
    pub(crate) fn matches(&mut self, pattern: &Pattern, subject: &[u8]) -> bool {
        if !pattern.regex.is_match(subject) {
            return false;
        }
        self.clear_groups();
        if pattern.regex.captures_len() == 1 {
            return true;
        }
        // Only here, for what matches and has groups, memory is asked for.
        let Some(found) = pattern.regex.captures(subject) else {
            return true;
        };
        self.subject.clear();
        self.subject.extend_from_slice(subject);
        for (n, group) in self.groups.iter_mut().enumerate() {
            *group = found.get(n).map(|group| (group.start(), group.end()));
        }
        for (group, slot) in &pattern.named {
            let value = found.get(*group).map_or(&b""[..], |group| group.as_bytes());
            self.bind(*slot, value);
        }
        true
    }

    /// `$n`
    pub(crate) fn group(&self, n: u8) -> Option<&[u8]> {
        let (start, end) = (*self.groups.get(usize::from(n))?)?;
        self.subject.get(start..end)
    }

    pub(crate) fn slot(&self, slot: u16) -> Option<&[u8]> {
        let slot = self.slots.get(usize::from(slot))?;
        slot.bound.then_some(&slot.value)
    }

    pub(crate) fn bind(&mut self, slot: u16, value: &[u8]) {
        if let Some(slot) = self.slots.get_mut(usize::from(slot)) {
            slot.bound = true;
            slot.value.clear();
            slot.value.extend_from_slice(value);
        }
    }
}
