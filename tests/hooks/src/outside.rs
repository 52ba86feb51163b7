//! Reaching beyond the checkpoint.

use std::fs;
use std::io::Read;
use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};

use wasip2::filesystem::preopens::get_directories;
use wasip2::filesystem::types::{DescriptorFlags, OpenFlags, PathFlags};

use super::Outcome;

pub fn misdeed(name: &str, port: u16) -> Option<Outcome> {
    if let Some(path) = name.strip_prefix("read at the host ") {
        return Some(read_at_the_host(path));
    }
    if let Some(path) = name.strip_prefix("read ") {
        return Some(fs::read(path).map(drop).map_err(|error| error.to_string()));
    }
    let local = ("127.0.0.1", port);
    let done = match name {
        "connect" => TcpStream::connect(local).map(drop),
        "listen" => TcpListener::bind("127.0.0.1:0").map(drop),
        "send" => UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.send_to(b"mine", local)).map(drop),
        "resolve" => ("localhost", port).to_socket_addrs().map(drop),
        "look around" => return Some(look_around()),
        _ => return None,
    };
    Some(done.map_err(|error| error.to_string()))
}

/// The host is asked as it stands: the standard library would look at the path.
fn read_at_the_host(path: &str) -> Outcome {
    let directories = get_directories();
    let (checkpoint, _) = directories.first().ok_or("no directory at all")?;
    let follow = PathFlags::SYMLINK_FOLLOW;
    let opened = checkpoint.open_at(follow, path, OpenFlags::empty(), DescriptorFlags::READ);
    let file = opened.map_err(|code| code.name().to_owned())?;
    file.read(100, 0).map(drop).map_err(|code| code.name().to_owned())
}

/// Says what it finds of the process it runs in: all there is, or nothing.
fn look_around() -> Outcome {
    let mut input = Vec::new();
    let read = std::io::stdin().read_to_end(&mut input).map_err(|error| error.to_string())?;
    let (variables, arguments) = (std::env::vars().count(), std::env::args().count());
    let directories: Vec<String> = get_directories().into_iter().map(|(_, path)| path).collect();
    Err(format!("{variables} variables, {arguments} arguments, {read} bytes of input, {directories:?}"))
}
