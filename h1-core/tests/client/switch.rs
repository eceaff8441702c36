//! CONNECT and Upgrade: the connection becomes another protocol's, or stays.

use h1_core::{Body, SendError, State};

use crate::{CONTINUE, Client, HOST, OK};

#[test]
fn connect_opens_a_tunnel_or_is_refused() {
    // RFC 9110, section 9.3.6: a length means nothing here.
    for fields in [
        "",
        "Content-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\n",
    ] {
        let mut client = Client::asked("CONNECT", Body::None);
        assert_eq!(client.states(), (State::MightSwitch, State::SendResponse));
        let log = client.receive(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n\x16\x03rest"));
        assert_eq!(log, "200 paused");
        assert_eq!(client.states(), (State::Switched, State::Switched));
        assert_eq!(client.rx.pending(), b"\x16\x03rest");
        assert!(!client.conn.wants_close());
    }
    let mut client = Client::asked("CONNECT", Body::None);
    let log = client.receive("HTTP/1.1 407 No\r\nContent-Length: 2\r\n\r\nno");
    assert_eq!(log, "407 'no' end");
    client.goes_on();
}

#[test]
fn an_upgrade_hands_the_rest_over_or_is_refused() {
    let asked = || Client::asked_with("GET", &[HOST, ("Upgrade", "echo")], Body::None);
    let switch = "HTTP/1.1 101 X\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\n";

    let mut client = asked();
    assert_eq!(client.receive(&format!("{switch}\x01rest")), "101 paused");
    assert_eq!(client.states(), (State::Switched, State::Switched));
    assert_eq!(client.rx.pending(), b"\x01rest");
    let http = client.ask("GET", &[HOST], Body::None);
    assert_eq!(http, Err(SendError::WrongState(State::Switched)));

    let mut client = asked();
    assert_eq!(client.receive(&format!("{CONTINUE}{switch}")), "100 101");
    assert_eq!(client.states(), (State::Switched, State::Switched));
    // How the other protocol ends is not for this one to say.
    assert_eq!(client.receive_last(""), "");
    assert_eq!(client.states(), (State::Switched, State::Switched));

    let mut client = asked();
    assert_eq!(client.receive(OK), "200 'hi' end");
    client.goes_on();

    for method in ["GET", "CONNECT"] {
        let mut client = Client::asked(method, Body::None);
        assert_eq!(client.receive(switch), "UnsolicitedSwitch", "{method}");
        assert!(client.conn.wants_close());
    }
}

#[test]
fn a_switch_before_the_request_is_whole_waits_for_its_end() {
    let fields = [HOST, ("Upgrade", "echo")];
    let mut client = Client::asked_with("POST", &fields, Body::Length(2));
    assert_eq!(
        client.receive("HTTP/1.1 101 X\r\nUpgrade: echo\r\n\r\n"),
        "101"
    );
    assert_eq!(client.states(), (State::SendBody, State::Switched));
    client.data("hi").unwrap();
    assert_eq!(client.states(), (State::Switched, State::Switched));
}
