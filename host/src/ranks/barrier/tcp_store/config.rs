use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs};
use std::time::Duration;
use std::{env, vec};

use serde::{Deserialize, Serialize};

use crate::ranks::barrier::DEFAULT_TIMEOUT;
use crate::{Error, Result};

/// Configuration of a barrier over PyTorch's `TCPStore`.
///
/// In JSON the fields have the names of PyTorch's `TCPStoreBarrier`: durations are
/// numbers of seconds, and end in `_secs`.
///
/// ```
/// use strongroom::{BarrierConfig, TcpStoreBarrierConfig};
///
/// let config = TcpStoreBarrierConfig {
///     master_address: Some("node-0".into()),
///     tcpstore_port: Some(29501),
///     ..TcpStoreBarrierConfig::default()
/// };
/// let json = serde_json::to_value(BarrierConfig::tcp_store(&config)).unwrap();
/// assert_eq!(json["barrier_args"]["timeout_secs"], 600.0);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TcpStoreBarrierConfig {
    /// Ranks with the same prefix meet. PyTorch's barrier puts a number behind it,
    /// so of two prefixes in use on one store, one must not be the other and digits.
    pub barrier_prefix: String,
    /// The machine of rank 0, as a name or an IP address. None is `MASTER_ADDR` of
    /// the environment.
    pub master_address: Option<String>,
    /// Where rank 0 serves. None is `MASTER_PORT` of the environment.
    pub tcpstore_port: Option<u16>,
    /// How long ranks try to join. A host's name that stays unknown is an error after
    /// ten seconds.
    #[serde(rename = "timeout_barrier_init_secs", with = "crate::seconds")]
    pub timeout_barrier_init: Duration,
    /// How long [`execute_barrier`](crate::Barrier::execute_barrier) waits.
    #[serde(rename = "timeout_secs", with = "crate::seconds")]
    pub timeout: Duration,
    /// After how long without a sign of life a rank, or the store, is taken for
    /// dead. The same on all ranks, and at least 0.1 s: each gives six signs in it.
    #[serde(rename = "liveness_timeout_secs", with = "crate::seconds")]
    pub liveness_timeout: Duration,
    /// Whether the store is there already and no rank serves. None is what torchrun
    /// says: `TORCHELASTIC_USE_AGENT_STORE`, if the address is that of its agent. All
    /// ranks of a barrier on such a store are of this library.
    pub agent_store: Option<bool>,
}

impl Default for TcpStoreBarrierConfig {
    /// The prefix `checkpoint`, at what the environment says; 300 s to join, 600 s
    /// to wait, 6 s for a sign of life.
    fn default() -> Self {
        Self {
            barrier_prefix: "checkpoint".into(),
            master_address: None,
            tcpstore_port: None,
            timeout_barrier_init: Duration::from_secs(300),
            timeout: DEFAULT_TIMEOUT,
            liveness_timeout: Duration::from_secs(6),
            agent_store: None,
        }
    }
}

impl TcpStoreBarrierConfig {
    /// The default, with the address and the kind of store that the launcher of this
    /// process says. An error if it says no address.
    pub fn from_env() -> Result<Self> {
        Self::from_vars(|name| env::var(name).ok())
    }

    /// The same from variables of one's own.
    pub fn from_vars(var: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let Meeting { place, agent, .. } = Self::default().meeting(var)?;
        Ok(Self {
            master_address: Some(place.host),
            tcpstore_port: Some(place.port),
            agent_store: Some(agent),
            ..Self::default()
        })
    }

    /// Where to meet, with what is not configured taken from the environment.
    pub(super) fn meeting(&self, var: impl Fn(&str) -> Option<String>) -> Result<Meeting> {
        let lacks = |field: &str, name: &str| {
            Error::Value(format!("the barrier tcp_store needs {field}, or {name} in the environment"))
        };
        let master_port = match var("MASTER_PORT") {
            None => None,
            Some(port) => Some(port.trim().parse::<u16>().map_err(|_| {
                Error::Value(format!("the environment's MASTER_PORT should be a port, and is {port:?}"))
            })?),
        };
        let master_address = var("MASTER_ADDR");
        let host = self.master_address.as_ref().or(master_address.as_ref());
        let host = host.ok_or_else(|| lacks("master_address", "MASTER_ADDR"))?;
        let port = self.tcpstore_port.or(master_port).ok_or_else(|| lacks("tcpstore_port", "MASTER_PORT"))?;
        if port == 0 {
            return Err(Error::Value("the barrier tcp_store needs a port that all ranks know, not 0".into()));
        }
        if self.liveness_timeout < Duration::from_millis(100) {
            let secs = self.liveness_timeout.as_secs_f64();
            return Err(Error::Value(format!("liveness_timeout_secs should be at least 0.1, and is {secs}")));
        }
        let agents = var("TORCHELASTIC_USE_AGENT_STORE").is_some_and(|uses| uses == "True")
            && Some(host) == master_address.as_ref()
            && Some(port) == master_port;
        let agent = self.agent_store.unwrap_or(agents);
        let mut prefix = self.barrier_prefix.clone();
        if agent {
            // The agent's store outlives the ranks: those it starts again must not
            // take what the dead left for their own.
            for name in ["TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT"] {
                prefix.extend(var(name).map(|value| format!("/{value}")));
            }
            prefix.push('/');
        }
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Meeting { place: Place { host, port }, prefix, agent })
    }
}

/// Where, and as what, ranks meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Meeting {
    pub(super) place: Place,
    pub(super) prefix: String,
    /// Whether the store is there already.
    pub(super) agent: bool,
}

/// Where a store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) host: String,
    pub(super) port: u16,
}

impl Place {
    /// What its name stands for.
    pub(super) fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        Ok((self.host.as_str(), self.port).to_socket_addrs()?.collect())
    }

    /// Listens here, as the rank that all others connect to.
    ///
    /// What this machine calls its own name need not be what others reach it by, so
    /// all its addresses listen. But what only this machine can reach need not be
    /// open to others.
    pub(super) fn listen(&self) -> io::Result<TcpListener> {
        let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        let any = [IpAddr::V6(Ipv6Addr::UNSPECIFIED), IpAddr::V4(Ipv4Addr::UNSPECIFIED)];
        let addresses = match self.host.parse::<IpAddr>() {
            Ok(address) if address.is_loopback() => vec![address],
            Err(_) if self.host == "localhost" => loopback.to_vec(),
            _ => any.to_vec(),
        };
        let mut addresses: vec::IntoIter<IpAddr> = addresses.into_iter();
        let mut listener = Err(io::ErrorKind::AddrNotAvailable.into());
        for address in &mut addresses {
            listener = TcpListener::bind((address, self.port));
            // A machine without one of the two kinds of address; else it is taken.
            if !matches!(&listener, Err(error) if error.kind() != io::ErrorKind::AddrInUse) {
                break;
            }
        }
        listener
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TORCHRUN: [(&str, &str); 5] = [
        ("MASTER_ADDR", "node-0"),
        ("MASTER_PORT", "29500"),
        ("TORCHELASTIC_USE_AGENT_STORE", "True"),
        ("TORCHELASTIC_RUN_ID", "run"),
        ("TORCHELASTIC_RESTART_COUNT", "2"),
    ];

    fn meeting(config: &TcpStoreBarrierConfig, vars: &[(&str, &str)]) -> Result<Meeting> {
        config.meeting(|name| {
            vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn torchruns_store_is_used_and_restarts_are_kept_apart() {
        let found = meeting(&TcpStoreBarrierConfig::default(), &TORCHRUN).unwrap();
        assert_eq!(found.place.to_string(), "node-0:29500");
        assert_eq!((found.prefix.as_str(), found.agent), ("checkpoint/run/2/", true));
    }

    #[test]
    fn a_store_elsewhere_is_served_by_rank_0_also_under_torchrun() {
        let elsewhere = TcpStoreBarrierConfig { tcpstore_port: Some(29501), ..Default::default() };
        let found = meeting(&elsewhere, &TORCHRUN).unwrap();
        assert_eq!((found.prefix.as_str(), found.agent), ("checkpoint", false));
        let without = [TORCHRUN[0], TORCHRUN[1], ("TORCHELASTIC_USE_AGENT_STORE", "False")];
        assert!(!meeting(&TcpStoreBarrierConfig::default(), &without).unwrap().agent);
        let told = TcpStoreBarrierConfig { agent_store: Some(false), ..Default::default() };
        assert!(!meeting(&told, &TORCHRUN).unwrap().agent);
    }

    #[test]
    fn what_the_environment_says_is_a_configuration() {
        let config = TcpStoreBarrierConfig::from_vars(|name| {
            TORCHRUN.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        });
        let config = config.unwrap();
        assert_eq!(config.master_address.as_deref(), Some("node-0"));
        assert_eq!((config.tcpstore_port, config.agent_store), (Some(29500), Some(true)));
    }

    #[test]
    fn what_is_missing_or_wrong_is_an_error_that_names_it() {
        let message = |config: &TcpStoreBarrierConfig, vars: &[(&str, &str)]| {
            meeting(config, vars).unwrap_err().to_string()
        };
        let config = TcpStoreBarrierConfig::default();
        assert_eq!(
            message(&config, &[]),
            "the barrier tcp_store needs master_address, or MASTER_ADDR in the environment"
        );
        assert_eq!(
            message(&config, &[("MASTER_ADDR", "a"), ("MASTER_PORT", "70000")]),
            "the environment's MASTER_PORT should be a port, and is \"70000\""
        );
        let config = TcpStoreBarrierConfig { tcpstore_port: Some(0), ..config };
        assert_eq!(
            message(&config, &[("MASTER_ADDR", "a")]),
            "the barrier tcp_store needs a port that all ranks know, not 0"
        );
        let hasty = TcpStoreBarrierConfig { liveness_timeout: Duration::ZERO, ..Default::default() };
        assert_eq!(message(&hasty, &TORCHRUN), "liveness_timeout_secs should be at least 0.1, and is 0");
    }

    #[test]
    fn pytorchs_arguments_are_understood() {
        let config: TcpStoreBarrierConfig = serde_json::from_str(
            r#"{"barrier_prefix": "p", "timeout_barrier_init_secs": 30, "tcpstore_port": 12345,
                "master_address": "::1", "timeout_secs": 60}"#,
        )
        .unwrap();
        assert_eq!(config.timeout_barrier_init, Duration::from_secs(30));
        assert_eq!(config.timeout, Duration::from_secs(60));
        assert_eq!(meeting(&config, &[]).unwrap().place.to_string(), "[::1]:12345");
    }

    #[test]
    fn what_only_this_machine_reaches_is_open_to_it_alone() {
        for (host, loopback) in [("localhost", true), ("127.0.0.1", true), ("node-0", false)] {
            let listener = Place { host: host.into(), port: 0 }.listen().unwrap();
            assert_eq!(listener.local_addr().unwrap().ip().is_loopback(), loopback, "{host}");
        }
    }
}
