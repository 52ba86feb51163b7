//! The checkpoint is committed, and the place where the ranks meet goes before they hear
//! of it.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use strongroom::{
    Barrier, Checkpoint, CheckpointWriter, CheckpointWriterConfig, Error, HookArguments, LocalBarrier,
    RankInfo, Result, StateDict,
};

#[test]
fn each_rank_says_what_it_knows_of_the_checkpoint() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("step-1");
    let [rank_0, rank_1] = &save(&path)[..] else { panic!("two ranks") };
    assert!(rank_0.is_committed());
    assert!(rank_0.to_string().ends_with("it is gone (the checkpoint is there)"), "{rank_0}");
    assert!(!rank_1.is_committed());
    assert!(rank_1.to_string().ends_with(" (the checkpoint may be there)"), "{rank_1}");
    Checkpoint::open(path).unwrap().verify().unwrap();
}

/// How both ranks fail.
fn save(path: &Path) -> Vec<Error> {
    let config = CheckpointWriterConfig::default();
    thread::scope(|scope| {
        let ranks: Vec<_> = LocalBarrier::world(2)
            .into_iter()
            .map(|barrier| {
                let writer = CheckpointWriter::new(config.clone(), Arc::new(Mute(barrier))).unwrap();
                scope.spawn(move || writer.write(path, &StateDict::new(), &HookArguments::new()).unwrap_err())
            })
            .collect();
        ranks.into_iter().map(|rank| rank.join().unwrap()).collect()
    })
}

/// A barrier that tells nobody of a commit.
#[derive(Debug)]
struct Mute(LocalBarrier);

impl Barrier for Mute {
    fn rank_info(&self) -> RankInfo {
        self.0.rank_info()
    }

    fn session(&self) -> &str {
        self.0.session()
    }

    fn announce(&self, topic: &str, message: &[u8]) -> Result<()> {
        if topic.ends_with("committed") {
            return Err(Error::Unreachable { barrier: "mute".into(), reason: "it is gone".into() });
        }
        self.0.announce(topic, message)
    }

    fn collect(&self, topic: &str, from: &[usize], timeout: Duration) -> Result<Vec<Vec<u8>>> {
        self.0.collect(topic, from, timeout)
    }

    fn forget(&self, topic: &str) -> Result<()> {
        self.0.forget(topic)
    }

    fn execute_barrier(&self) -> Result<()> {
        self.0.execute_barrier()
    }

    fn close(&self) -> Result<()> {
        self.0.close()
    }
}
