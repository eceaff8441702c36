//! A thread for each connection.

use std::io::{self, Read};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use super::answer::Outgoing;
use super::{Answer, Requests};

/// Serves until the process ends; with `close`, one request on each connection.
///
/// # Errors
///
/// When accepting fails.
pub fn serve(listener: &TcpListener, answer: Answer, close: bool) -> io::Result<()> {
    let answer = Arc::new(answer);
    loop {
        let (socket, _) = listener.accept()?;
        let answer = answer.clone();
        thread::Builder::new()
            .stack_size(64 * 1024)
            // A peer that has gone is not worth a word.
            .spawn(move || drop(connection(&socket, &answer, close)))?;
    }
}

fn connection(mut socket: &TcpStream, answer: &Answer, close: bool) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let mut buffer = [0; 16 * 1024];
    let (mut requests, mut outgoing) = (Requests::default(), Outgoing::default());
    loop {
        let count = match socket.read(&mut buffer)? {
            0 => return Ok(()),
            n => requests.end_in(&buffer[..n]),
        };
        outgoing.push(answer, count);
        outgoing.send(answer, socket)?;
        if close && count > 0 {
            return Ok(());
        }
    }
}
