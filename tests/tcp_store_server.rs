//! What anybody may send to a `TCPStore` server: it drops them, and serves the rest.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use strongroom::TcpStoreServer;

const VALIDATE: [u8; 5] = [0, 0xce, 0xf7, 0x85, 0x3c];
const SET: u8 = 1;
const GET: u8 = 3;
const WAIT: u8 = 6;
const MULTI_SET: u8 = 11;
const PING: u8 = 13;

#[test]
fn a_client_that_does_not_say_it_is_one_is_dropped() {
    let server = server();
    let requests: [&[u8]; 6] = [
        b"GET / HTTP/1.1\r\n\r\n",
        &[PING, 1, 2, 3, 4],
        &[0, 0, 0, 0, 0],
        &[0, 0x3c, 0x85, 0xf7, 0xce],
        &[0xff; 100],
        &[SET, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    ];
    for request in requests {
        let mut stream = connect(&server);
        stream.write_all(request).unwrap();
        assert!(is_dropped(&mut stream), "{request:?}");
    }
    serves(&server);
}

#[test]
fn a_client_that_says_nothing_is_dropped_after_a_while() {
    let server = server();
    let mut silent = connect(&server);
    let mut half = connect(&server);
    half.write_all(&VALIDATE[..3]).unwrap();
    let mut patient = client(&server);
    let start = Instant::now();
    assert!(is_dropped(&mut silent) && is_dropped(&mut half));
    assert!(start.elapsed() > Duration::from_secs(5));
    ping(&mut patient);
}

#[test]
fn requests_beyond_the_caps_and_nonsense_are_dropped() {
    let server = server();
    let length = |operation: u8, length: u64| [&[operation][..], &length.to_le_bytes()].concat();
    let long_value = [&length(SET, 1)[..], b"k", &((8u64 << 20) + 1).to_le_bytes()].concat();
    let cases = [
        length(SET, 8193),
        length(GET, u64::MAX),
        length(WAIT, 131_073),
        length(MULTI_SET, u64::MAX / 2),
        long_value,
        vec![19],
        vec![255; 1000],
        VALIDATE.to_vec(),
    ];
    for case in cases {
        let mut stream = client(&server);
        // The server may be quicker than this.
        let _ = stream.write_all(&case);
        assert!(is_dropped(&mut stream), "{:?}", &case[..case.len().min(20)]);
    }
    serves(&server);
}

#[test]
fn lengths_are_not_memory() {
    let server = server();
    let before = resident();
    // Each says that megabytes follow, and sends a byte.
    let idle: Vec<TcpStream> = (0..500)
        .map(|_| {
            let mut stream = client(&server);
            let value = [&[SET][..], &1u64.to_le_bytes(), b"k", &(8u64 << 20).to_le_bytes(), b"v"].concat();
            stream.write_all(&value).unwrap();
            stream
        })
        .collect();
    serves(&server);
    let grown = resident().saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes for {} clients", idle.len());
}

#[test]
fn a_client_that_takes_no_answers_makes_nobody_wait_and_costs_little() {
    let server = server();
    let mut other = client(&server);
    let value = vec![7; 4 << 20];
    set(&mut other, b"large", &value);
    let before = resident();
    // A gigabyte of answers is asked for, and none is taken.
    let mut greedy = client(&server);
    greedy.set_nonblocking(true).unwrap();
    let get = [&[GET][..], &5u64.to_le_bytes(), b"large"].concat();
    for _ in 0..250 {
        let _ = greedy.write(&get);
    }
    for _ in 0..100 {
        ping(&mut other);
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes");
    // It gets what it asked for once it reads.
    greedy.set_nonblocking(false).unwrap();
    let mut answer = vec![0; 8 + value.len()];
    for _ in 0..20 {
        greedy.read_exact(&mut answer).unwrap();
        assert!(answer[8..] == value);
    }
}

#[test]
fn requests_come_in_any_pieces() {
    let server = server();
    let mut stream = client(&server);
    let request = [
        &[SET][..],
        &3u64.to_le_bytes(),
        b"key",
        &5u64.to_le_bytes(),
        b"value",
        &[GET],
        &3u64.to_le_bytes(),
        b"key",
    ]
    .concat();
    for byte in request {
        stream.write_all(&[byte]).unwrap();
        thread::sleep(Duration::from_millis(1));
    }
    let mut answer = [0; 13];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer[8..], b"value");
}

#[test]
fn a_thousand_clients_come_and_go_and_one_that_waits_is_answered() {
    let server = server();
    let mut waiting = client(&server);
    waiting.write_all(&[&[WAIT][..], &1u64.to_le_bytes(), &4u64.to_le_bytes(), b"last"].concat()).unwrap();
    for _ in 0..1000 {
        ping(&mut client(&server));
    }
    set(&mut client(&server), b"last", b"");
    let mut answer = [9];
    waiting.read_exact(&mut answer).unwrap();
    assert_eq!(answer, [0]);
    let start = Instant::now();
    while server.clients() > 1 {
        assert!(start.elapsed() < Duration::from_secs(10), "{} clients are left", server.clients());
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn random_bytes_break_nothing() {
    let server = server();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..300 {
        let mut stream = client(&server);
        let bytes: Vec<u8> = (0..400)
            .map(|at| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                // Mostly small numbers, so that lengths are sometimes short.
                if at % 3 == 0 { state.to_le_bytes()[0] % 20 } else { 0 }
            })
            .collect();
        let _ = stream.write_all(&bytes);
    }
    serves(&server);
}

fn server() -> TcpStoreServer {
    TcpStoreServer::bind("127.0.0.1:0").unwrap()
}

fn connect(server: &TcpStoreServer) -> TcpStream {
    let stream = TcpStream::connect(server.local_addr()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

fn client(server: &TcpStoreServer) -> TcpStream {
    let mut stream = connect(server);
    stream.write_all(&VALIDATE).unwrap();
    stream
}

fn set(stream: &mut TcpStream, key: &[u8], value: &[u8]) {
    let lengths = [key, value].map(|bytes| (bytes.len() as u64).to_le_bytes());
    stream.write_all(&[&[SET][..], &lengths[0], key, &lengths[1], value].concat()).unwrap();
    ping(stream);
}

fn ping(stream: &mut TcpStream) {
    stream.write_all(&[PING, 1, 2, 3, 4]).unwrap();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer, [1, 2, 3, 4]);
}

/// A good client is served after all that.
fn serves(server: &TcpStoreServer) {
    ping(&mut client(server));
}

fn is_dropped(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0; 100]) {
        Ok(length) => length == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

/// Bytes of memory that this process uses. Other tests run in it, and use little.
fn resident() -> usize {
    let pages = fs::read_to_string("/proc/self/statm").unwrap();
    pages.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 4096
}
