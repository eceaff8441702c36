//! The states of both sides of a connection. Neither knows a byte, and both roles share the table.

/// Where one side of a connection stands in the present exchange.
///
/// The client goes `Idle → SendBody → Done`, the server
/// `Idle → SendResponse → SendBody → Done`; what follows `Done` is decided by both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Nothing of this exchange has been sent. A server that has not even seen a request.
    Idle,
    /// The server owes the response to the request that it has seen.
    SendResponse,
    /// A head has been sent; content may follow.
    SendBody,
    /// A whole message has been sent, and another exchange may follow.
    Done,
    /// A whole message has been sent, and nothing may follow but the end.
    MustClose,
    /// This side has ended its stream.
    Closed,
    /// The client has asked for another protocol and waits for the answer.
    MightSwitch,
    /// The stream belongs to another protocol now.
    Switched,
    /// This side broke the protocol, or could not finish its message.
    Error,
}

/// One of the two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

/// What one side sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    Request,
    Informational,
    /// `101`, or a 2xx to CONNECT.
    Switch,
    Response,
    Data,
    EndOfMessage,
    Close,
}

/// The state of `side` after it sends `input` in `state`; `None` where it may not.
pub(crate) const fn advance(side: Side, state: State, input: Input) -> Option<State> {
    use {Input as I, State as S};
    match (side, state, input) {
        (Side::Client, S::Idle, I::Request) => Some(S::SendBody),
        // A server may refuse what it could not even parse as a request.
        (Side::Server, S::Idle | S::SendResponse, I::Response) => Some(S::SendBody),
        (Side::Server, S::SendResponse, I::Informational) => Some(S::SendResponse),
        (Side::Server, S::SendResponse, I::Switch) => Some(S::Switched),
        (_, S::SendBody, I::Data) => Some(S::SendBody),
        (_, S::SendBody, I::EndOfMessage) => Some(S::Done),
        (_, S::Idle | S::Done | S::MustClose | S::Closed, I::Close) => Some(S::Closed),
        _ => None,
    }
}

/// Both sides, and what decides their common fate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exchange {
    pub(crate) client: State,
    pub(crate) server: State,
    /// Whether another exchange may follow this one.
    pub(crate) keep_alive: bool,
    /// Whether the client asks for another protocol and has no answer yet.
    pub(crate) switch_proposed: bool,
}

impl Exchange {
    pub(crate) const fn new() -> Self {
        Self {
            client: State::Idle,
            server: State::Idle,
            keep_alive: true,
            switch_proposed: false,
        }
    }

    /// `side` sends `input`: its own step, then what follows from it for both. `Err` holds the
    /// state in which this is not allowed.
    pub(crate) fn step(&mut self, side: Side, input: Input) -> Result<(), State> {
        let state = match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        };
        *state = advance(side, *state, input).ok_or(*state)?;
        match input {
            Input::Data => return Ok(()),
            Input::Request => {
                self.server = State::SendResponse;
                return Ok(());
            }
            Input::Response => self.switch_proposed = false,
            _ => {}
        }
        self.settle();
        Ok(())
    }

    /// `side` broke off.
    pub(crate) fn fail(&mut self, side: Side) {
        match side {
            Side::Client => self.client = State::Error,
            Side::Server => self.server = State::Error,
        }
        self.settle();
    }

    /// Applies the rules that look at both sides until none does.
    pub(crate) fn settle(&mut self) {
        use State as S;
        loop {
            match (self.client, self.server) {
                (S::MightSwitch, S::Switched) => self.client = S::Switched,
                (S::MightSwitch, _) if !self.switch_proposed => self.client = S::Done,
                (S::Done, _) if self.switch_proposed => self.client = S::MightSwitch,
                (S::Done, _) if !self.keep_alive => self.client = S::MustClose,
                (_, S::Done) if !self.keep_alive => self.server = S::MustClose,
                // A server that speaks before it was asked has no use for a request any more.
                (S::Idle, S::SendBody | S::Done | S::MustClose | S::Error) => {
                    self.client = S::MustClose;
                }
                (S::Closed, S::Idle | S::Done) | (S::Error, S::Done) => {
                    self.server = S::MustClose;
                }
                (S::Idle | S::Done, S::Closed) | (S::Done, S::Error) => {
                    self.client = S::MustClose;
                }
                _ => return,
            }
        }
    }

    /// Both sides are done: back to the start, with the decisions of the next exchange open.
    pub(crate) fn next_cycle(&mut self) -> Result<(), State> {
        match (self.client, self.server) {
            (State::Done, State::Done) => {
                *self = Self::new();
                Ok(())
            }
            (State::Done, server) => Err(server),
            (client, _) => Err(client),
        }
    }
}

#[cfg(test)]
mod tests;
