//! Which rank a command is, and where it meets the others.

use std::env;
use std::time::Duration;

use anyhow::{Result, bail};
use strongroom::{BarrierConfig, RankInfo, TcpStoreBarrierConfig};
#[cfg(feature = "etcd")]
use strongroom_etcd::EtcdBarrierConfig;

use crate::failure::Usage;
use crate::waits;

/// The options that say so.
#[derive(clap::Args)]
pub struct World {
    /// With --world-size: which rank this command is, from 0; else the environment says
    ///
    /// torchrun, Slurm's srun, Open MPI and MPICH set it. Without any of them there is
    /// one rank.
    #[arg(long, value_name = "R", requires = "world_size")]
    rank: Option<usize>,

    /// With --rank: how many ranks there are
    #[arg(long, value_name = "W", requires = "rank")]
    world_size: Option<usize>,

    /// Where the ranks meet: tcp-store://HOST:PORT, or etcd://HOST:PORT[,HOST:PORT…]
    ///
    /// tcp-store is PyTorch's own TCPStore: rank 0 serves it at that address, unless
    /// torchrun's agent does. Under such an agent it is the default.
    #[arg(long, value_name = "WHERE")]
    barrier: Option<Meeting>,

    /// How long a rank that is done waits for the others
    ///
    /// After three seconds it says for whom.
    #[arg(long, value_name = "SECONDS", default_value = "600", value_parser = seconds)]
    barrier_timeout: Duration,
}

/// A place where ranks meet.
#[derive(Clone)]
enum Meeting {
    TcpStore {
        host: String,
        port: u16,
    },
    #[cfg(feature = "etcd")]
    Etcd {
        endpoints: Vec<String>,
    },
}

impl World {
    /// Which rank this is.
    pub fn rank_info(&self) -> Result<RankInfo> {
        let rank_info = match (self.rank, self.world_size) {
            (Some(rank), Some(size)) => RankInfo::new(rank, size),
            _ => RankInfo::from_env(),
        };
        rank_info.or_else(|error| bail!(Usage(error.to_string())))
    }

    /// How long to wait.
    pub fn timeout(&self) -> Duration {
        self.barrier_timeout
    }

    /// Where to wait.
    pub fn barrier(&self, rank_info: RankInfo) -> Result<BarrierConfig> {
        let timeout = self.barrier_timeout;
        let tcp_store = |place: Option<(&String, u16)>| {
            BarrierConfig::tcp_store(&TcpStoreBarrierConfig {
                master_address: place.map(|(host, _)| host.clone()),
                tcpstore_port: place.map(|(_, port)| port),
                timeout_barrier_init: timeout,
                timeout,
                ..TcpStoreBarrierConfig::default()
            })
        };
        let config = match &self.barrier {
            // One rank has nobody to meet.
            _ if rank_info.global_world_size == 1 => BarrierConfig::default(),
            Some(Meeting::TcpStore { host, port }) => tcp_store(Some((host, *port))),
            #[cfg(feature = "etcd")]
            Some(Meeting::Etcd { endpoints }) => BarrierConfig::from(&EtcdBarrierConfig {
                endpoints: endpoints.clone(),
                init_timeout: timeout,
                timeout,
                ..EtcdBarrierConfig::from_env()
            }),
            None if agent_serves() => tcp_store(None),
            None => bail!(Usage(format!(
                "{} ranks need to meet: --barrier tcp-store://HOST:PORT or etcd://HOST:PORT says where",
                rank_info.global_world_size
            ))),
        };
        Ok(BarrierConfig { on_wait: waits::on_stderr(), ..config })
    }
}

/// Whether torchrun's agent serves a store.
fn agent_serves() -> bool {
    env::var("TORCHELASTIC_USE_AGENT_STORE").is_ok_and(|value| value == "True")
}

impl std::str::FromStr for Meeting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once("://") {
            Some(("tcp-store", address)) => {
                let (host, port) = host_and_port(address)?;
                Ok(Self::TcpStore { host, port })
            }
            #[cfg(not(feature = "etcd"))]
            Some(("etcd", _)) => {
                Err("this strongroom was built without the barrier over etcd: build it with \
                                      the cargo feature: `--features etcd` (which takes `protoc`)"
                    .into())
            }
            #[cfg(feature = "etcd")]
            Some(("etcd", addresses)) => {
                let endpoints =
                    addresses.split(',').map(|address| host_and_port(address).map(|_| address.into()));
                Ok(Self::Etcd { endpoints: endpoints.collect::<Result<_, _>>()? })
            }
            _ => Err("expected tcp-store://HOST:PORT or etcd://HOST:PORT[,HOST:PORT…]".into()),
        }
    }
}

/// `node0:29500`, `10.0.0.1:29500` or `[::1]:29500`.
fn host_and_port(address: &str) -> Result<(String, u16), String> {
    let malformed = || format!("expected HOST:PORT, found {address:?}");
    let (host, port) = address.rsplit_once(':').ok_or_else(malformed)?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let plain = bare.len() != host.len() || !host.contains(':');
    if bare.is_empty() || !plain {
        return Err(malformed());
    }
    Ok((bare.into(), port.parse().map_err(|_| malformed())?))
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "expected a number of seconds".to_owned())?;
    let duration = Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())?;
    // No rank is reached in no time, not even one by itself.
    if duration.is_zero() { Err("expected more than 0 seconds".into()) } else { Ok(duration) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_time_is_no_timeout() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for wrong in ["0", "0.0", "-1", "soon"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn hosts_have_names_or_numbers_of_either_kind() {
        let parsed = |text: &str| host_and_port(text).ok();
        assert_eq!(parsed("node0:29500"), Some(("node0".into(), 29500)));
        assert_eq!(parsed("10.0.0.1:1"), Some(("10.0.0.1".into(), 1)));
        assert_eq!(parsed("[fe80::1]:2"), Some(("fe80::1".into(), 2)));
        for malformed in ["node0", ":1", "node0:", "node0:70000", "::1:5", "[]:5", ""] {
            assert_eq!(parsed(malformed), None, "{malformed}");
        }
    }
}
