//! Ranks that are processes, and meet over a real etcd server: what they do when all
//! is well, when a rank dies, and when the server goes away.

#![cfg(feature = "etcd")]

mod ranks;
mod server;

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use ranks::{Rank, World};
use server::Server;
use strongroom::{Barrier, BarrierConfig, Checkpoint, Error, RankInfo, create_barrier_from_config};
use strongroom_etcd::{EtcdBarrier, EtcdBarrierConfig};

/// How soon all must know of a rank that died.
const NOTICE: Duration = Duration::from_secs(10);

const SILENT: &str = "no sign of life for";

#[test]
fn eight_ranks_save_two_hundred_checkpoints() {
    let server = Server::start();
    let root = tempfile::tempdir().unwrap();
    let barrier = server.barrier("many");
    let world = World { barrier: &barrier, size: 8, root: Some(root.path()), saves: 200, trouble: &[] };
    world.start().into_iter().for_each(Rank::succeeds);
    for number in 0..200 {
        assert_eq!(open(root.path(), number).unwrap().world_size(), 8);
    }
    open(root.path(), 199).unwrap().verify().unwrap();
}

#[test]
fn a_rank_that_dies_before_the_barrier_is_named_by_all() {
    for trouble in ["die-before", "die-pre-commit"] {
        let server = Server::start();
        let root = tempfile::tempdir().unwrap();
        let barrier = server.barrier("before");
        let trouble = [(2, trouble, 1)];
        let world =
            World { barrier: &barrier, size: 4, root: Some(root.path()), saves: 3, trouble: &trouble };
        let mut ranks = world.start();
        let dead = ranks.remove(2);
        ranks.iter_mut().for_each(|rank| drop(rank.says("done 0")));
        all_name(ranks, "missing ranks: 2:");
        drop(dead);
        assert!(open(root.path(), 0).is_ok());
        assert_nothing_of(root.path(), 1);
    }
}

#[test]
fn all_that_died_are_named_together() {
    let server = Server::start();
    let barrier = server.barrier("several");
    let trouble = [(0, "dawdle", 1)];
    let world = World { barrier: &barrier, size: 6, root: None, saves: 100_000, trouble: &trouble };
    let mut ranks = world.start();
    let session = ranks[2].says("joined ");
    // Both have come to one round and to no other.
    for rank in [1, 4] {
        await_keys(&server, &format!("strongroom/several/message/{session}/{rank}/barrier/1"), 1);
    }
    // Apart in their signs of life.
    ranks[4].kill();
    thread::sleep(Duration::from_millis(200));
    ranks[1].kill();
    ranks.remove(4);
    ranks.remove(1);
    all_name(ranks, "missing ranks: 1, 4:");
}

#[test]
fn a_rank_that_dies_in_the_barrier_has_voted() {
    let server = Server::start();
    let root = tempfile::tempdir().unwrap();
    // Its lease runs out while the slow rank has yet to read its vote.
    let barrier = BarrierConfig::from(&impatient(&server, "in"));
    let trouble = [(1, "dawdle", 1)];
    let world = World { barrier: &barrier, size: 4, root: Some(root.path()), saves: 5, trouble: &trouble };
    let mut ranks = world.start();
    let session = ranks[2].says("joined ");
    await_vote(&server, "in", &session, 2);
    ranks[2].kill();
    ranks.remove(2);
    ranks.iter_mut().for_each(|rank| drop(rank.says("done 1")));
    all_name(ranks, "missing ranks: 2:");
    open(root.path(), 1).unwrap().verify().unwrap();
    assert_nothing_of(root.path(), 2);
}

#[test]
fn rank_0_that_dies_in_the_barrier_commits_nothing() {
    let server = Server::start();
    let root = tempfile::tempdir().unwrap();
    let barrier = BarrierConfig::from(&impatient(&server, "zero"));
    let trouble = [(1, "dawdle", 1)];
    let world = World { barrier: &barrier, size: 3, root: Some(root.path()), saves: 5, trouble: &trouble };
    let mut ranks = world.start();
    let session = ranks[0].says("joined ");
    await_vote(&server, "zero", &session, 0);
    ranks.remove(0).kill();
    all_name(ranks, "missing ranks: 0:");
    assert!(open(root.path(), 1).is_err());
}

#[test]
fn a_rank_that_dies_after_the_commit_is_missing_in_the_next() {
    let server = Server::start();
    let root = tempfile::tempdir().unwrap();
    let barrier = server.barrier("after");
    let trouble = [(1, "die-post-commit", 1)];
    let world = World { barrier: &barrier, size: 3, root: Some(root.path()), saves: 5, trouble: &trouble };
    let mut ranks = world.start();
    let dead = ranks.remove(1);
    ranks.iter_mut().for_each(|rank| drop(rank.says("done 1")));
    all_name(ranks, "missing ranks: 1:");
    drop(dead);
    open(root.path(), 1).unwrap().verify().unwrap();
    assert_nothing_of(root.path(), 2);
}

#[test]
fn a_rank_that_takes_leave_is_named_and_what_it_said_stays() {
    let server = Server::start();
    let config = server.config("leave");
    let [first, second] = two(&config);
    second.announce("before", b"here").unwrap();
    second.close().unwrap();
    assert_eq!(first.collect("before", &[1], NOTICE).unwrap(), [b"here"]);
    let start = Instant::now();
    let error = first.collect("after", &[0, 1], Duration::from_secs(60)).unwrap_err();
    assert!(matches!(error, Error::Missing { .. }), "{error}");
    assert!(error.to_string().ends_with("missing ranks: 1: ended"), "{error}");
    assert!(start.elapsed() < NOTICE);
    assert!(second.announce("later", b"").is_err());
}

#[test]
fn a_slow_rank_is_waited_for() {
    let server = Server::start();
    // It sleeps longer than its lease lives.
    let barrier = BarrierConfig::from(&impatient(&server, "slow"));
    let trouble = [(1, "dawdle", 2)];
    World { barrier: &barrier, size: 3, root: None, saves: 5, trouble: &trouble }
        .start()
        .into_iter()
        .for_each(Rank::succeeds);
}

#[test]
fn a_rank_that_does_not_come_in_time_is_late() {
    let server = Server::start();
    let [first, _second] = two(&server.config("late"));
    let error = first.collect("topic", &[0, 1], Duration::from_millis(100)).unwrap_err().to_string();
    assert!(error.ends_with("missing ranks: 0, 1: did not come within 0.1 s"), "{error}");
}

#[test]
fn a_server_that_restarts_fails_no_save() {
    let mut server = Server::start();
    let root = tempfile::tempdir().unwrap();
    let barrier = server.barrier("restart");
    let world = World { barrier: &barrier, size: 4, root: Some(root.path()), saves: 300, trouble: &[] };
    let mut ranks = world.start();
    for number in [10, 100] {
        ranks[0].says(&format!("done {number}"));
        server.kill();
        thread::sleep(Duration::from_secs(3));
        server.restart();
    }
    ranks.into_iter().for_each(Rank::succeeds);
    assert_eq!(open(root.path(), 299).unwrap().world_size(), 4);
}

#[test]
fn a_server_that_stays_away_is_named_by_all() {
    let mut server = Server::start();
    let root = tempfile::tempdir().unwrap();
    let reconnect_timeout = Duration::from_secs(2);
    let config = EtcdBarrierConfig { reconnect_timeout, ..server.config("gone") };
    let barrier = BarrierConfig::from(&config);
    // One rank is asleep, so that the others are waiting for it.
    let trouble = [(2, "dawdle", 5)];
    let world = World { barrier: &barrier, size: 3, root: Some(root.path()), saves: 100, trouble: &trouble };
    let mut ranks = world.start();
    ranks[0].says("done 4");
    thread::sleep(Duration::from_secs(1));
    server.kill();
    let killed = Instant::now();
    for rank in ranks {
        let error = rank.fails();
        assert!(error.contains(&format!("barrier etcd://{}/strongroom/gone: ", server.address())), "{error}");
        assert!(error.contains("etcd has been away for") || error.contains("no answer for"), "{error}");
    }
    assert!(killed.elapsed() < 2 * NOTICE, "{:?}", killed.elapsed());
    assert_nothing_of(root.path(), 5);
}

#[test]
fn a_server_that_is_not_there_is_an_error_that_names_it() {
    let mut server = Server::start();
    server.kill();
    let config = EtcdBarrierConfig { init_timeout: Duration::from_secs(1), ..server.config("none") };
    let error = EtcdBarrier::join(config, RankInfo::single()).unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    assert!(error.to_string().starts_with(&format!("barrier etcd://{}/", server.address())), "{error}");
}

#[test]
fn a_rank_that_was_taken_for_dead_says_nothing_more() {
    let server = Server::start();
    let barrier = BarrierConfig::from(&impatient(&server, "stopped"));
    let world = World { barrier: &barrier, size: 2, root: None, saves: 1_000_000, trouble: &[] };
    let mut ranks = world.start();
    ranks.iter_mut().for_each(|rank| drop(rank.says("done 10")));
    let stopped = ranks.pop().unwrap();
    stopped.signal("STOP");
    all_name(ranks, "missing ranks: 1:");
    let session = stopped.said("joined ");
    let said = || server.keys(&format!("strongroom/stopped/message/{session}/1/"));
    let before = said();
    stopped.signal("CONT");
    let error = stopped.fails();
    assert!(error.contains("this rank gave etcd no sign of life for 2 s"), "{error}");
    assert!(said() <= before);
}

#[test]
fn a_cluster_that_asks_who_is_there_is_told() {
    let mut server = Server::start();
    server.ask_for_password("root", "secret");
    let files = tempfile::tempdir().unwrap();
    let with = |password: &str| {
        let file = files.path().join(password);
        std::fs::write(&file, format!("{password}\n")).unwrap();
        let (user, password_file) = (Some("root".into()), Some(file));
        EtcdBarrierConfig { user, password_file, ..server.config("secret") }
    };
    for config in [server.config("secret"), with("guess")] {
        let error = EtcdBarrier::join(config, RankInfo::single()).unwrap_err().to_string();
        assert!(error.contains("etcd refuses: "), "{error}");
    }
    let barrier = EtcdBarrier::join(with("secret"), RankInfo::single()).unwrap();
    barrier.execute_barrier().unwrap();
    // It knows nobody any more.
    server.restart();
    barrier.execute_barrier().unwrap();
}

#[test]
fn runs_and_prefixes_side_by_side_do_not_mix() {
    let server = Server::start();
    let elsewhere = EtcdBarrierConfig { prefix: "elsewhere".into(), ..server.config("one") };
    let barriers = [server.barrier("one"), server.barrier("two"), BarrierConfig::from(&elsewhere)];
    let mut ranks = Vec::new();
    let mut roots = Vec::new();
    for (barrier, size) in barriers.iter().zip([2, 3, 4]) {
        let root = tempfile::tempdir().unwrap();
        let world = World { barrier, size, root: Some(root.path()), saves: 30, trouble: &[] };
        ranks.extend(world.start());
        roots.push((root, size));
    }
    ranks.into_iter().for_each(Rank::succeeds);
    for (root, size) in roots {
        assert_eq!(open(root.path(), 29).unwrap().world_size(), size);
    }
}

#[test]
fn a_run_that_was_killed_starts_again_at_once() {
    let server = Server::start();
    let root = tempfile::tempdir().unwrap();
    let barrier = server.barrier("again");
    let endless = World { barrier: &barrier, size: 3, root: None, saves: 1_000_000, trouble: &[] };
    let mut killed = endless.start();
    let old = killed[0].says("joined ");
    killed.iter_mut().for_each(|rank| drop(rank.says("done 20")));
    killed.iter_mut().for_each(Rank::kill);
    // Two of a run that is killed while they wait for the third.
    let mut ranks: Vec<Rank> = (0..2).map(|rank| endless.start_one(rank)).collect();
    thread::sleep(Duration::from_secs(7));
    assert!(ranks.iter_mut().all(|rank| rank.is_silent(Duration::ZERO)));
    ranks.iter_mut().for_each(Rank::kill);
    let world = World { root: Some(root.path()), saves: 10, ..endless };
    let mut ranks = world.start();
    let new = ranks[0].says("joined ");
    assert_ne!(old, new);
    for mut rank in ranks.drain(1..) {
        assert_eq!(rank.says("joined "), new);
        rank.succeeds();
    }
    ranks.into_iter().for_each(Rank::succeeds);
    assert_eq!(open(root.path(), 9).unwrap().world_size(), 3);
}

#[test]
fn a_rank_that_is_killed_while_it_joins_can_come_again() {
    for again in [0, 1] {
        let server = Server::start();
        let barrier = BarrierConfig::from(&impatient(&server, "rejoin"));
        let world = World { barrier: &barrier, size: 3, root: None, saves: 5, trouble: &[] };
        let other = world.start_one(1 - again);
        let mut first = world.start_one(again);
        await_keys(&server, "strongroom/rejoin/place/", 2);
        thread::sleep(Duration::from_millis(500));
        first.kill();
        let ranks = [other, world.start_one(again), world.start_one(2)];
        ranks.into_iter().for_each(Rank::succeeds);
    }
}

#[test]
fn ranks_that_never_join_are_named() {
    let server = Server::start();
    let config = EtcdBarrierConfig { init_timeout: Duration::from_secs(3), ..server.config("few") };
    let barrier = BarrierConfig::from(&config);
    let world = World { barrier: &barrier, size: 4, root: None, saves: 1, trouble: &[] };
    for rank in [world.start_one(0), world.start_one(2)] {
        let error = rank.fails();
        assert!(error.ends_with("missing ranks: 1, 3: did not come within 3 s"), "{error}");
    }
}

#[test]
fn a_rank_that_is_there_already_is_an_error() {
    let server = Server::start();
    let config = EtcdBarrierConfig { init_timeout: Duration::from_secs(3), ..server.config("twice") };
    let [_first, _second] = two(&config);
    let error = EtcdBarrier::join(config, RankInfo::new(1, 2).unwrap()).unwrap_err().to_string();
    assert!(
        error.contains(&format!("rank 1 is here already: process {} on ", std::process::id())),
        "{error}"
    );
}

/// Long before the time to join is up.
#[test]
fn worlds_of_different_sizes_are_an_error_that_names_both() {
    let server = Server::start();
    for (run, [first, second]) in [("up", [(0, 2), (1, 3)]), ("down", [(1, 3), (0, 2)])] {
        let config = server.config(run);
        let join = |(rank, size)| EtcdBarrier::join(config.clone(), RankInfo::new(rank, size).unwrap());
        let start = Instant::now();
        thread::scope(|scope| {
            let first = scope.spawn(|| join(first));
            await_keys(&server, &format!("strongroom/{run}/place/"), 1);
            let second = scope.spawn(|| join(second));
            for rank in [first, second] {
                let error = rank.join().unwrap().unwrap_err();
                assert!(matches!(error, Error::Conflict { .. }), "{error}");
                let error = error.to_string();
                assert!(error.contains("a world of 2 ranks") || error.contains("one of 2"), "{error}");
                assert!(error.contains("a world of 3 ranks") || error.contains("one of 3"), "{error}");
            }
        });
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    }
}

/// Who lives gives signs of life for longer than what is left of the dead stays.
#[test]
fn who_does_not_belong_is_sent_away_long_before_the_deadline() {
    let server = Server::start();
    let config = EtcdBarrierConfig { init_timeout: Duration::from_secs(60), ..impatient(&server, "full") };
    let [first, second] = two(&config);
    for (rank, size, expected) in [(1, 2, "rank 1 is here already"), (2, 3, "one of 3")] {
        let start = Instant::now();
        let error = EtcdBarrier::join(config.clone(), RankInfo::new(rank, size).unwrap()).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
    }
    // Nobody else was disturbed.
    second.announce("topic", b"").unwrap();
    first.collect("topic", &[1], Duration::from_secs(10)).unwrap();
}

#[test]
fn a_name_that_is_not_known_is_an_error_soon() {
    let config = EtcdBarrierConfig {
        endpoints: vec!["etcd0.invalid:2379".into()],
        init_timeout: Duration::from_secs(60),
        ..EtcdBarrierConfig::default()
    };
    let start = Instant::now();
    let error = EtcdBarrier::join(config, RankInfo::single()).unwrap_err().to_string();
    assert!(error.contains("the name of \"etcd0.invalid:2379\" is not known"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(25), "{:?}", start.elapsed());
}

#[test]
fn a_thousand_rounds_leave_nothing_behind() {
    let server = Server::start();
    let barrier = server.barrier("rounds");
    let world = World { barrier: &barrier, size: 2, root: None, saves: 1000, trouble: &[(1, "dawdle", 999)] };
    let mut ranks = world.start();
    ranks[0].says("done 100");
    let before = ranks[0].resources();
    ranks[0].says("done 998");
    // While rank 1 sleeps, rank 0 waits.
    thread::sleep(Duration::from_secs(1));
    assert_eq!(ranks[0].resources(), before);
    // Places, the session, and what the last rounds may still need.
    let keys = server.keys("strongroom/");
    assert!(keys <= 3 + 2 * 4, "{keys} keys");
    ranks.into_iter().for_each(Rank::succeeds);
    assert_eq!(server.keys("strongroom/rounds/place/"), 0);
}

#[test]
fn a_world_of_one_is_no_special_path() {
    let server = Server::start();
    let barrier = create_barrier_from_config(&server.barrier("one"), RankInfo::single()).unwrap();
    for _ in 0..3 {
        barrier.execute_barrier().unwrap();
    }
    let session = barrier.session().to_owned();
    assert!(session.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{session}");
    barrier.close().unwrap();
    // A rank that took leave can come again at once.
    let start = Instant::now();
    let barrier = create_barrier_from_config(&server.barrier("one"), RankInfo::single()).unwrap();
    assert_ne!(barrier.session(), session);
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
}

/// Leases as short as etcd gives them: 2 s.
fn impatient(server: &Server, run: &str) -> EtcdBarrierConfig {
    EtcdBarrierConfig { lease_ttl: Duration::from_secs(1), ..server.config(run) }
}

/// Two ranks in this process.
fn two(config: &EtcdBarrierConfig) -> [EtcdBarrier; 2] {
    thread::scope(|scope| {
        let join = |rank| EtcdBarrier::join(config.clone(), RankInfo::new(rank, 2).unwrap()).unwrap();
        let ranks = [0, 1].map(|rank| scope.spawn(move || join(rank)));
        ranks.map(|rank| rank.join().unwrap())
    })
}

/// All fail in time, and say this.
fn all_name(ranks: Vec<Rank>, what: &str) {
    let start = Instant::now();
    for rank in ranks {
        let error = rank.fails();
        assert!(error.contains(what) && error.contains(SILENT), "{error}");
    }
    assert!(start.elapsed() < NOTICE, "{:?}", start.elapsed());
}

/// Waits until a rank has told the others of save 1 that it did well.
fn await_vote(server: &Server, run: &str, session: &str, rank: usize) {
    await_keys(server, &format!("strongroom/{run}/message/{session}/{rank}/save/1/written"), 1);
}

fn await_keys(server: &Server, prefix: &str, count: usize) {
    let start = Instant::now();
    while server.keys(prefix) < count {
        assert!(start.elapsed() < Duration::from_secs(30), "{count} keys {prefix} do not come");
        thread::sleep(Duration::from_millis(20));
    }
}

fn open(root: &Path, number: u64) -> strongroom::Result<Checkpoint> {
    Checkpoint::open(root.join(format!("step-{number}")))
}

/// Neither a checkpoint nor what was to become one.
fn assert_nothing_of(root: &Path, number: u64) {
    let names = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().file_name());
    let names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    assert!(!names.iter().any(|name| name.contains(&format!("step-{number}"))), "{names:?}");
}
