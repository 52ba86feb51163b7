use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::local::{LocalBarrier, LocalBarrierConfig};
use super::tcp_store::{TcpStoreBarrier, TcpStoreBarrierConfig};
use super::{Barrier, OnWait};
use crate::{Error, RankInfo, Result};

/// Which barrier to use, by the name it is registered under, and its arguments.
///
/// ```
/// use strongroom::{BarrierConfig, LocalBarrierConfig, RankInfo, create_barrier_from_config};
///
/// # fn main() -> strongroom::Result<()> {
/// let config = BarrierConfig::local(&LocalBarrierConfig::default());
/// let barrier = create_barrier_from_config(&config, RankInfo::single())?;
/// barrier.execute_barrier()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BarrierConfig {
    /// The name: `local`, `tcp_store`, or one that was registered. None is
    /// for a world of one, which has nobody to wait for.
    pub barrier_type: Option<String>,
    /// The arguments: what the configuration of this kind of barrier is in JSON.
    #[serde(default)]
    pub barrier_args: Value,
    /// Who is told of long waits, by those that are built in. It is no part of the
    /// JSON.
    #[serde(skip)]
    pub on_wait: OnWait,
}

impl BarrierConfig {
    /// A barrier of any registered kind.
    pub fn new(barrier_type: &str, arguments: &impl Serialize) -> Self {
        // A configuration is a struct of numbers and texts, which JSON can hold.
        let barrier_args = serde_json::to_value(arguments).unwrap_or(Value::Null);
        Self { barrier_type: Some(barrier_type.into()), barrier_args, on_wait: OnWait::default() }
    }

    /// Threads of one process.
    pub fn local(config: &LocalBarrierConfig) -> Self {
        Self::new(LocalBarrier::TYPE, config)
    }

    /// Processes, over PyTorch's `TCPStore`.
    pub fn tcp_store(config: &TcpStoreBarrierConfig) -> Self {
        Self::new(TcpStoreBarrier::TYPE, config)
    }
}

/// Makes a barrier of a registered kind for a rank.
type Constructor = Arc<dyn Fn(&Value, RankInfo, OnWait) -> Result<Arc<dyn Barrier>> + Send + Sync>;

/// Kinds that were registered besides those built in.
static REGISTERED: Mutex<BTreeMap<String, Constructor>> = Mutex::new(BTreeMap::new());

/// Registers a kind of barrier under a name, with the configuration it takes. A
/// kind registered before under this name, or built in, is replaced.
///
/// ```
/// use strongroom::{
///     BarrierConfig, LocalBarrier, LocalBarrierConfig, RankInfo, create_barrier_from_config, register_barrier,
/// };
///
/// # fn main() -> strongroom::Result<()> {
/// // A kind of one's own takes any configuration that serde can read.
/// #[derive(serde::Deserialize, serde::Serialize)]
/// struct Rack {
///     rack: u32,
/// }
///
/// register_barrier("rack", |config: Rack, rank_info, _on_wait| {
///     let group = format!("rack-{}", config.rack);
///     LocalBarrier::join(LocalBarrierConfig { group, ..LocalBarrierConfig::default() }, rank_info)
/// });
/// let config = BarrierConfig::new("rack", &Rack { rack: 7 });
/// create_barrier_from_config(&config, RankInfo::single())?.execute_barrier()?;
/// # Ok(())
/// # }
/// ```
pub fn register_barrier<C, B>(
    barrier_type: &str,
    constructor: impl Fn(C, RankInfo, OnWait) -> Result<B> + Send + Sync + 'static,
) where
    C: DeserializeOwned,
    B: Barrier + 'static,
{
    let mut registered = REGISTERED.lock().unwrap_or_else(PoisonError::into_inner);
    registered.insert(barrier_type.into(), typed(barrier_type, constructor));
}

/// Makes the barrier that a configuration asks for, and joins it as a rank.
///
/// [`BarrierConfig`] shows it. An error for a name nobody registered, for arguments that are not those of
/// its kind, and for no barrier at all in a world of more than one rank.
pub fn create_barrier_from_config(config: &BarrierConfig, rank_info: RankInfo) -> Result<Arc<dyn Barrier>> {
    rank_info.check()?;
    let Some(name) = &config.barrier_type else {
        if rank_info.global_world_size == 1 {
            return Ok(Arc::new(LocalBarrier::single()));
        }
        return Err(Error::Value(format!(
            "{} ranks need a barrier to wait for each other: {}",
            rank_info.global_world_size,
            names().join(", ")
        )));
    };
    let registered = REGISTERED.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
    let constructor = registered.or_else(|| built_in(name)).ok_or_else(|| {
        Error::Value(format!("there is no barrier {name:?}; there are: {}", names().join(", ")))
    })?;
    constructor(&config.barrier_args, rank_info, config.on_wait.clone())
}

/// The kinds that come with this library.
fn built_in(name: &str) -> Option<Constructor> {
    match name {
        LocalBarrier::TYPE => Some(typed(name, LocalBarrier::join_watched)),
        TcpStoreBarrier::TYPE => Some(typed(name, TcpStoreBarrier::join_watched)),
        _ => None,
    }
}

/// All names, for errors.
fn names() -> Vec<String> {
    let registered = REGISTERED.lock().unwrap_or_else(PoisonError::into_inner);
    let mut names: Vec<String> = [LocalBarrier::TYPE, TcpStoreBarrier::TYPE].map(String::from).into();
    names.extend(registered.keys().cloned());
    names.dedup();
    names
}

/// A constructor that reads its configuration from JSON.
fn typed<C, B>(
    name: &str,
    constructor: impl Fn(C, RankInfo, OnWait) -> Result<B> + Send + Sync + 'static,
) -> Constructor
where
    C: DeserializeOwned,
    B: Barrier + 'static,
{
    let name = name.to_owned();
    Arc::new(move |arguments, rank_info, on_wait| {
        let none = Value::Object(serde_json::Map::new());
        let config = C::deserialize(if arguments.is_null() { &none } else { arguments })
            .map_err(|error| Error::Value(format!("the arguments of the barrier {name:?}: {error}")))?;
        Ok(Arc::new(constructor(config, rank_info, on_wait)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_nobody_registered_is_an_error_that_lists_the_others() {
        let config = BarrierConfig { barrier_type: Some("semaphore".into()), ..BarrierConfig::default() };
        let error = create_barrier_from_config(&config, RankInfo::single()).unwrap_err().to_string();
        assert!(error.starts_with("there is no barrier \"semaphore\"; there are: local"), "{error}");
    }

    #[test]
    fn arguments_of_another_kind_are_an_error_that_names_them() {
        let config = BarrierConfig::new("local", &serde_json::json!({ "port": 1 }));
        let error = create_barrier_from_config(&config, RankInfo::single()).unwrap_err().to_string();
        assert!(error.starts_with("the arguments of the barrier \"local\": unknown field `port`"), "{error}");
    }

    #[test]
    fn several_ranks_without_a_barrier_are_an_error() {
        let ranks = RankInfo::new(0, 2).unwrap();
        let error = create_barrier_from_config(&BarrierConfig::default(), ranks).unwrap_err().to_string();
        assert!(error.starts_with("2 ranks need a barrier to wait for each other: local"), "{error}");
    }

    #[test]
    fn a_kind_of_ones_own_is_found_by_its_name() {
        register_barrier("mine", |config: LocalBarrierConfig, rank_info, _| {
            assert_eq!(config.group, "there");
            LocalBarrier::join(config, rank_info)
        });
        let config =
            BarrierConfig::new("mine", &LocalBarrierConfig { group: "there".into(), ..Default::default() });
        create_barrier_from_config(&config, RankInfo::single()).unwrap().execute_barrier().unwrap();
    }
}
