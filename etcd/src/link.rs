//! Calls to etcd, repeated while it is away.

use std::fmt;
use std::fs;
use std::future::Future;
use std::net::ToSocketAddrs;
use std::time::{Duration, Instant};

use etcd_client::{Client, ConnectOptions};

use super::EtcdBarrierConfig;
use strongroom::barrier::NAMELESS;
use strongroom::{Error, Result};

/// How long one attempt may take, and the pause before the next. Together less than
/// the time to live of a lease, which one lost packet must not cost.
pub(super) const ATTEMPT: Duration = Duration::from_secs(3);
pub(super) const PAUSE: Duration = Duration::from_millis(200);

/// etcd takes pings every 5 s for an attack.
const PING: Duration = Duration::from_secs(6);

/// What etcd answers.
pub(super) type Answer<T> = std::result::Result<T, etcd_client::Error>;

/// A connection to any of the servers, made again when it breaks.
#[derive(Clone)]
pub(super) struct Link {
    pub(super) client: Client,
    /// What errors call the barrier.
    pub(super) name: String,
}

impl Link {
    /// Does not wait for a server, unless there is a user to log in.
    pub(super) async fn new(config: &EtcdBarrierConfig) -> Result<Self> {
        let name = name_of(config);
        let mut options = ConnectOptions::new()
            .with_connect_timeout(ATTEMPT)
            .with_keep_alive(PING, ATTEMPT)
            .with_keep_alive_while_idle(true)
            // A server that was cut off from the others knows of nobody's end.
            .with_require_leader(true);
        if let Some(user) = &config.user {
            options = options.with_user(user, password(config)?).with_auto_token_refresh(true);
        }
        let client = again(&name, config.init_timeout, || {
            Client::connect(config.endpoints.clone(), Some(options.clone()))
        });
        let client = client.await?;
        Ok(Self { client, name })
    }

    /// Calls until there is an answer, or for so long.
    pub(super) async fn call<T, F>(
        &self,
        timeout: Duration,
        mut operation: impl FnMut(Client) -> F,
    ) -> Result<T>
    where
        F: Future<Output = Answer<T>>,
    {
        again(&self.name, timeout, || operation(self.client.clone())).await
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What errors call the barrier.
pub(super) fn name_of(config: &EtcdBarrierConfig) -> String {
    format!("etcd://{}/{}/{}", config.endpoints.join(","), config.prefix, config.run)
}

/// An error if no server has a name that is known, which asking again does not mend.
pub(super) fn expect_known(config: &EtcdBarrierConfig) -> Result<()> {
    let start = Instant::now();
    loop {
        let mut unknown = None;
        for endpoint in &config.endpoints {
            let address = endpoint.rsplit_once("://").map_or(endpoint.as_str(), |(_, address)| address);
            match address.trim_end_matches('/').to_socket_addrs() {
                Err(error) => unknown = Some((endpoint, error)),
                Ok(_) => return Ok(()),
            }
        }
        let Some((endpoint, error)) = unknown else { return Ok(()) };
        if start.elapsed() + PAUSE >= NAMELESS.min(config.init_timeout) {
            let reason = format!("the name of {endpoint:?} is not known: {error}");
            return Err(Error::Unreachable { barrier: name_of(config), reason });
        }
        std::thread::sleep(PAUSE);
    }
}

fn password(config: &EtcdBarrierConfig) -> Result<String> {
    let Some(path) = &config.password_file else {
        return Err(Error::Value("the etcd barrier has a user, and no password_file".into()));
    };
    let text = fs::read_to_string(path).map_err(|source| Error::io(path, "read the password", source))?;
    Ok(text.trim_end().into())
}

async fn again<T, F>(name: &str, timeout: Duration, mut operation: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Answer<T>>,
{
    let start = Instant::now();
    let unreachable = |reason| Error::Unreachable { barrier: name.into(), reason };
    loop {
        let why = match attempt(operation()).await {
            Ok(answer) => return Ok(answer),
            Err(error) if is_final(&error) => {
                return Err(unreachable(format!("etcd refuses: {}", reason(&error))));
            }
            Err(error) => reason(&error),
        };
        if start.elapsed() >= timeout {
            return Err(unreachable(format!("no answer for {:.0} s: {why}", start.elapsed().as_secs_f64())));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// One call, which does not wait for long.
pub(super) async fn attempt<T>(operation: impl Future<Output = Answer<T>>) -> Answer<T> {
    match tokio::time::timeout(ATTEMPT, operation).await {
        Ok(answer) => answer,
        Err(_) => Err(etcd_client::Error::EndpointError(format!("no answer within {} s", ATTEMPT.as_secs()))),
    }
}

/// Whether the same call will fail the same way.
pub(super) fn is_final(error: &etcd_client::Error) -> bool {
    // Of gRPC's codes: invalid argument, not found (a lease), permission denied,
    // failed precondition, unimplemented, unauthenticated.
    const FINAL: [i32; 6] = [3, 5, 7, 9, 12, 16];
    match error {
        etcd_client::Error::InvalidArgs(_) | etcd_client::Error::InvalidUri(_) => true,
        etcd_client::Error::GRpcStatus(status) => FINAL.contains(&(status.code() as i32)),
        _ => false,
    }
}

pub(super) fn reason(error: &etcd_client::Error) -> String {
    match error {
        etcd_client::Error::GRpcStatus(status) => status.message().to_owned(),
        other => other.to_string(),
    }
}
