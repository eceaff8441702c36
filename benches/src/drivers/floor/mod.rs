//! The least that a server can do: reads, counts requests by the empty line that ends each, writes an
//! answer that is the same for all. No rule of HTTP, no deadline, no limit.

mod answer;
mod blocking;
mod epoll;

pub use answer::Answer;
pub use blocking::serve as blocking;
pub use epoll::serve as epoll;

use memchr::memmem;

/// Counts the requests in bytes as they come in.
#[derive(Default)]
struct Requests {
    /// The last bytes seen: an end may be cut.
    tail: Vec<u8>,
}

const END: &[u8] = b"\r\n\r\n";

impl Requests {
    /// The number of requests that end in `input`, which goes on where the last ended.
    fn end_in(&mut self, input: &[u8]) -> usize {
        if self.tail.is_empty() && input.ends_with(END) {
            return memmem::find_iter(input, END).count();
        }
        self.tail.extend_from_slice(input);
        let count = memmem::find_iter(&self.tail, END).count();
        let kept = match self.tail.ends_with(END) {
            true => 0,
            false => self.tail.len().min(END.len() - 1),
        };
        self.tail.drain(..self.tail.len() - kept);
        count
    }
}

#[cfg(test)]
mod tests;
