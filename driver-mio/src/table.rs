//! The connections of a worker.

use mio::Token;
use slab::Slab;

/// The lower half of a token is an index, the upper half tells who has it from who had it before.
const HALF: u32 = usize::BITS / 2;

/// Values by token. The token of a value that has gone leads to nothing, also when its place has been
/// taken again.
pub(crate) struct Table<T> {
    slots: Slab<(usize, T)>,
    generation: usize,
}

impl<T> Table<T> {
    pub(crate) fn new() -> Self {
        Self {
            slots: Slab::new(),
            generation: 0,
        }
    }

    /// Tokens from here on are never given to a value.
    pub(crate) const RESERVED: usize = usize::MAX << HALF;

    pub(crate) fn insert(&mut self, value: T) -> Token {
        // The highest ones are reserved.
        self.generation = (self.generation + 1) % ((1 << HALF) - 1);
        let index = self.slots.insert((self.generation, value));
        Token(self.generation << HALF | index)
    }

    pub(crate) fn get(&mut self, token: Token) -> Option<&mut T> {
        let (index, generation) = parts(token);
        let slot = self.slots.get_mut(index);
        slot.filter(|slot| slot.0 == generation)
            .map(|slot| &mut slot.1)
    }

    pub(crate) fn remove(&mut self, token: Token) -> Option<T> {
        self.get(token)?;
        self.slots.try_remove(parts(token).0).map(|slot| slot.1)
    }

    pub(crate) fn tokens(&self) -> impl Iterator<Item = Token> {
        let token = |(index, slot): (usize, &(usize, T))| Token(slot.0 << HALF | index);
        self.slots.iter().map(token)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }
}

/// Index and generation.
fn parts(token: Token) -> (usize, usize) {
    (token.0 & ((1 << HALF) - 1), token.0 >> HALF)
}

#[cfg(test)]
mod tests;
