//! An etcd server of a test's own.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use strongroom::BarrierConfig;
use strongroom_etcd::EtcdBarrierConfig;
use tempfile::TempDir;

/// Killed when it is dropped.
pub struct Server {
    child: Child,
    directory: TempDir,
    port: u16,
    peer_port: u16,
}

impl Server {
    /// A server with nothing in it, which answers.
    pub fn start() -> Self {
        // Between looking for a free port and taking it, someone else may.
        for _ in 0..5 {
            let directory = tempfile::tempdir().unwrap();
            let (port, peer_port) = (free_port(), free_port());
            let child = spawn(&directory, port, peer_port);
            let mut server = Self { child, directory, port, peer_port };
            if server.is_up_within(Duration::from_secs(20)) {
                return server;
            }
        }
        panic!("etcd does not start");
    }

    /// Kills it.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again, with what it had on disk.
    pub fn restart(&mut self) {
        self.kill();
        self.child = spawn(&self.directory, self.port, self.peer_port);
        assert!(self.is_up_within(Duration::from_secs(20)), "etcd does not come back");
    }

    /// Configuration of a barrier over it.
    pub fn config(&self, run: &str) -> EtcdBarrierConfig {
        EtcdBarrierConfig { endpoints: vec![self.address()], run: run.into(), ..EtcdBarrierConfig::default() }
    }

    pub fn barrier(&self, run: &str) -> BarrierConfig {
        strongroom_etcd::register();
        BarrierConfig::from(&self.config(run))
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// How many keys begin with `prefix`.
    pub fn keys(&self, prefix: &str) -> usize {
        let mut end = prefix.as_bytes().to_vec();
        *end.last_mut().expect("a prefix") += 1;
        let (key, end) = (base64(prefix.as_bytes()), base64(&end));
        let body = format!(r#"{{"key":"{key}","range_end":"{end}","count_only":true}}"#);
        let answer = self.http("POST", "/v3/kv/range", &body).expect("an answer of etcd");
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        // A count of none is left out.
        answer["count"].as_str().map_or(0, |count| count.parse().unwrap())
    }

    /// Lets nobody in from now on but this user, who may do everything.
    pub fn ask_for_password(&self, user: &str, password: &str) {
        let post = |path: &str, body: serde_json::Value| {
            let answer = self.http("POST", path, &body.to_string()).expect("an answer of etcd");
            assert!(!answer.contains("error"), "{path}: {answer}");
        };
        post("/v3/auth/user/add", serde_json::json!({ "name": user, "password": password }));
        post("/v3/auth/user/grant", serde_json::json!({ "user": user, "role": "root" }));
        post("/v3/auth/enable", serde_json::json!({}));
    }

    fn is_up_within(&mut self, time: Duration) -> bool {
        let start = Instant::now();
        while start.elapsed() < time {
            if self.http("GET", "/health", "").is_some_and(|health| health.contains("true")) {
                return true;
            }
            if self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
                return false;
            }
            thread::sleep(Duration::from_millis(50));
        }
        false
    }

    fn http(&self, method: &str, path: &str, body: &str) -> Option<String> {
        let mut stream = TcpStream::connect(self.address()).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.0\r\nHost: etcd\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all((head + body).as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer.split_once("\r\n\r\n")?.1.to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(directory: &TempDir, port: u16, peer_port: u16) -> Child {
    let (client, peer) = (format!("http://127.0.0.1:{port}"), format!("http://127.0.0.1:{peer_port}"));
    let mut command = Command::new("etcd");
    command.args(["--name", "test", "--data-dir"]).arg(directory.path());
    command.args(["--listen-client-urls", &client, "--advertise-client-urls", &client]);
    command.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
    command.args(["--initial-cluster", &format!("test={peer}")]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap_or_else(|error| {
        panic!("these tests take a real etcd (on Debian: apt-get install etcd-server): {error}")
    })
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// What etcd takes for bytes in JSON.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, i| bits << 8 | usize::from(*chunk.get(i).unwrap_or(&0)));
        for i in 0..4 {
            let digit = if i <= chunk.len() { DIGITS[bits >> (18 - 6 * i) & 63] } else { b'=' };
            text.push(char::from(digit));
        }
    }
    text
}
