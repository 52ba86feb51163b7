use std::env;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use strongroom::BarrierConfig;
use strongroom::barrier::DEFAULT_TIMEOUT;

use crate::EtcdBarrier;

/// Configuration of the barrier over [etcd](https://etcd.io).
///
/// ```
/// use strongroom::BarrierConfig;
/// use strongroom_etcd::EtcdBarrierConfig;
///
/// let config = EtcdBarrierConfig {
///     endpoints: vec!["node-1:2379".into(), "node-2:2379".into()],
///     ..EtcdBarrierConfig::from_vars(|name| (name == "SLURM_JOB_ID").then(|| "4711".into()))
/// };
/// assert_eq!(config.run, "4711");
/// let config = BarrierConfig::from(&config);
/// assert_eq!(config.barrier_type.as_deref(), Some("etcd"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EtcdBarrierConfig {
    /// The servers of one etcd cluster: `host:port` or `http://host:port`, without TLS.
    /// Any of them will do.
    pub endpoints: Vec<String>,
    /// What all keys begin with.
    pub prefix: String,
    /// What tells this run from others with the same prefix. The same for all ranks.
    pub run: String,
    /// How long [`execute_barrier`](strongroom::Barrier::execute_barrier) waits.
    #[serde(rename = "timeout_secs", with = "strongroom::seconds")]
    pub timeout: Duration,
    /// How long joining waits: for the server, for the keys of ranks of this run
    /// that died moments ago to expire, and for all ranks to come.
    #[serde(rename = "init_timeout_secs", with = "strongroom::seconds")]
    pub init_timeout: Duration,
    /// How long a server that does not answer is asked again.
    #[serde(rename = "reconnect_timeout_secs", with = "strongroom::seconds")]
    pub reconnect_timeout: Duration,
    /// How long a rank may give no sign of life until it is taken for dead. etcd
    /// counts in whole seconds and has a least one, 2 as it is installed.
    #[serde(rename = "lease_ttl_secs", with = "strongroom::seconds")]
    pub lease_ttl: Duration,
    /// Who to log in as, if the cluster asks for it.
    pub user: Option<String>,
    /// The file with the password of `user`. The password itself is no part of
    /// a configuration, which gets printed and kept.
    pub password_file: Option<PathBuf>,
}

impl EtcdBarrierConfig {
    /// As by default, for the run that the launcher of this process names:
    /// torchrun (`TORCHELASTIC_RUN_ID`) or Slurm (`SLURM_JOB_ID`, with
    /// `SLURM_STEP_ID` if there is one).
    pub fn from_env() -> Self {
        Self::from_vars(|name| env::var(name).ok())
    }

    /// The same from variables of one's own.
    pub fn from_vars(var: impl Fn(&str) -> Option<String>) -> Self {
        let slurm = || {
            let job = var("SLURM_JOB_ID")?;
            // Steps of one job run side by side.
            Some(var("SLURM_STEP_ID").map_or(job.clone(), |step| format!("{job}.{step}")))
        };
        let default = Self::default();
        Self { run: var("TORCHELASTIC_RUN_ID").or_else(slurm).unwrap_or(default.run), ..default }
    }
}

/// For [`register`](crate::register) to have been called before.
impl From<&EtcdBarrierConfig> for BarrierConfig {
    fn from(config: &EtcdBarrierConfig) -> Self {
        Self::new(EtcdBarrier::TYPE, config)
    }
}

impl Default for EtcdBarrierConfig {
    /// A server on this machine, the run `default`; 600 s for a barrier, 30 s to
    /// join and for a server to come back, 5 s for a sign of life.
    fn default() -> Self {
        Self {
            endpoints: vec!["127.0.0.1:2379".into()],
            prefix: "strongroom".into(),
            run: "default".into(),
            timeout: DEFAULT_TIMEOUT,
            init_timeout: Duration::from_secs(30),
            reconnect_timeout: Duration::from_secs(30),
            lease_ttl: Duration::from_secs(5),
            user: None,
            password_file: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(vars: &[(&str, &str)]) -> String {
        let var =
            |name: &str| vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).into());
        EtcdBarrierConfig::from_vars(var).run
    }

    #[test]
    fn the_run_is_the_one_the_launcher_names() {
        assert_eq!(run(&[]), "default");
        assert_eq!(run(&[("SLURM_JOB_ID", "7")]), "7");
        assert_eq!(run(&[("SLURM_JOB_ID", "7"), ("SLURM_STEP_ID", "0")]), "7.0");
        assert_eq!(run(&[("SLURM_JOB_ID", "7"), ("TORCHELASTIC_RUN_ID", "llm")]), "llm");
    }

    #[test]
    fn what_is_left_out_is_as_by_default() {
        let config: EtcdBarrierConfig = serde_json::from_str(r#"{"lease_ttl_secs": 9}"#).unwrap();
        assert_eq!(config, EtcdBarrierConfig { lease_ttl: Duration::from_secs(9), ..Default::default() });
        assert!(serde_json::from_str::<EtcdBarrierConfig>(r#"{"password": "x"}"#).is_err());
    }
}
