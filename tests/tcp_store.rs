//! Ranks that meet on a `TCPStore`: in processes that die, dawdle or lose the store.

mod common;

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process;
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::rank_process::{Ended, RankProcess, wait_for};
use strongroom::{BarrierConfig, Checkpoint, TcpStoreBarrierConfig, TcpStoreServer, latest};
use tempfile::TempDir;

#[test]
fn eight_processes_save_two_hundred_times() {
    let root = tempfile::tempdir().unwrap();
    for ended in run(&config(), 8, root.path(), 200, None) {
        ended.assert_success();
        assert_eq!(ended.saves(), 200);
    }
    assert_eq!(fs::read_dir(&root).unwrap().count(), 200, "something else is left");
    let newest = latest(&root).unwrap().unwrap();
    assert_eq!(newest.file_name().unwrap(), "step-199");
    assert_eq!(Checkpoint::open(newest).unwrap().world_size(), 8);
}

#[test]
fn a_rank_killed_before_the_barrier_is_named_and_nothing_is_committed() {
    let root = killed("die-before", 2);
    assert_eq!(steps(&root), ["step-0", "step-1"]);
}

#[test]
fn a_rank_killed_in_the_barrier_is_named_and_nothing_is_committed() {
    let root = killed("die-pre-commit", 2);
    assert_eq!(steps(&root), ["step-0", "step-1"]);
}

#[test]
fn a_rank_killed_after_the_commit_is_named_in_the_next_save() {
    let root = killed("die-post-commit", 1);
    assert_eq!(steps(&root), ["step-0", "step-1"]);
}

/// Has rank 2 of 4 die at a save; all others are to say so within ten seconds.
fn killed(trouble: &str, at: u64) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let ended = run(&config(), 4, root.path(), 5, Some((2, trouble, at)));
    assert!(!ended[2].printed.contains("error"), "{}", ended[2].printed);
    for rank in [0, 1, 3] {
        let error = ended[rank].error();
        assert!(error.contains("missing ranks: 2: no sign of life"), "rank {rank}: {error}");
        assert_eq!(ended[rank].saves(), 2);
        // Rank 0 waits for the others in turn, and for them it is the same time.
        let after = ended[rank].after.saturating_sub(ended[2].after);
        assert!(after < Duration::from_secs(10), "rank {rank} said so after {after:?}");
    }
    root
}

#[test]
fn a_rank_0_that_is_killed_is_named_and_nothing_is_committed() {
    let root = tempfile::tempdir().unwrap();
    let ended = run(&config(), 4, root.path(), 5, Some((0, "die-pre-commit", 2)));
    for rank in &ended[1..] {
        assert!(rank.error().contains("missing ranks: 0: ended"), "{}", rank.error());
        assert!(rank.after.saturating_sub(ended[0].after) < Duration::from_secs(10));
    }
    assert_eq!(steps(&root), ["step-0", "step-1"]);
}

#[test]
fn two_ranks_that_are_killed_are_both_named() {
    let root = tempfile::tempdir().unwrap();
    let barrier = BarrierConfig::tcp_store(&config());
    let start = |rank| {
        let trouble = (rank == 1 || rank == 2).then_some(("die-before", 1));
        RankProcess::start(&barrier, rank, 4, Some(root.path()), 3, trouble)
    };
    let ended = wait_for((0..4).map(start).collect());
    for rank in [0, 3] {
        assert!(ended[rank].error().contains("missing ranks: 1, 2: no sign"), "{}", ended[rank].error());
    }
}

#[test]
fn a_rank_that_is_killed_is_named_by_the_bare_barrier_too() {
    let barrier = BarrierConfig::tcp_store(&config());
    let trouble = |rank| (rank == 1).then_some(("die-before", 20));
    let start = |rank| RankProcess::start(&barrier, rank, 3, None, 40, trouble(rank));
    let ended = wait_for((0..3).map(start).collect());
    for rank in [0, 2] {
        assert!(ended[rank].error().contains("missing ranks: 1: no sign of life"), "{}", ended[rank].error());
        assert_eq!(ended[rank].saves(), 20);
    }
}

#[test]
fn a_rank_that_is_slow_but_alive_is_waited_for() {
    let root = tempfile::tempdir().unwrap();
    let config = TcpStoreBarrierConfig { liveness_timeout: Duration::from_millis(1500), ..config() };
    for ended in run(&config, 3, root.path(), 3, Some((1, "dawdle", 1))) {
        ended.assert_success();
    }
    assert_eq!(steps(&root), ["step-0", "step-1", "step-2"]);
}

#[test]
fn a_rank_that_is_too_slow_is_named_at_the_deadline() {
    let config = TcpStoreBarrierConfig { timeout: Duration::from_secs(1), ..config() };
    let barrier = BarrierConfig::tcp_store(&config);
    let trouble = |rank| (rank == 1).then_some(("dawdle", 1));
    let ended =
        wait_for((0..3).map(|rank| RankProcess::start(&barrier, rank, 3, None, 3, trouble(rank))).collect());
    for rank in [0, 2] {
        let expected = "missing ranks: 1: did not come within 1 s";
        assert!(ended[rank].error().contains(expected), "{}", ended[rank].error());
    }
}

#[test]
fn a_store_that_goes_away_is_an_error_with_its_address() {
    let root = tempfile::tempdir().unwrap();
    let server = TcpStoreServer::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().port();
    let config = TcpStoreBarrierConfig { tcpstore_port: Some(port), agent_store: Some(true), ..config() };
    let barrier = BarrierConfig::tcp_store(&config);
    let trouble = |rank| (rank == 1).then_some(("dawdle", 1));
    let ranks = (0..2).map(|rank| RankProcess::start(&barrier, rank, 2, Some(root.path()), 3, trouble(rank)));
    let ranks = ranks.collect();
    let start = Instant::now();
    while !root.path().join("step-0").exists() {
        assert!(start.elapsed() < Duration::from_secs(30), "the ranks save nothing");
        thread::sleep(Duration::from_millis(10));
    }
    thread::sleep(Duration::from_millis(500));
    drop(server);
    for ended in wait_for(ranks) {
        let expected = format!("barrier tcp-store 127.0.0.1:{port}: the store is gone");
        assert!(ended.error().contains(&expected), "{}", ended.error());
    }
    assert_eq!(steps(&root), ["step-0"]);
}

#[test]
fn a_rank_that_is_killed_while_it_joins_can_come_again() {
    for again in [0, 1] {
        let server = TcpStoreServer::bind("127.0.0.1:0").unwrap();
        let config = TcpStoreBarrierConfig {
            tcpstore_port: Some(server.local_addr().port()),
            agent_store: Some(true),
            liveness_timeout: Duration::from_millis(1500),
            ..config()
        };
        let barrier = BarrierConfig::tcp_store(&config);
        let start = |rank| RankProcess::start(&barrier, rank, 3, None, 5, None);
        let (other, killed) = (start(1 - again), start(again));
        thread::sleep(Duration::from_millis(500));
        drop(killed);
        let again = start(again);
        wait_for(vec![other, again, start(2)]).iter().for_each(Ended::assert_success);
    }
}

#[test]
fn a_run_that_was_killed_starts_again_at_once_on_the_same_store() {
    let server = TcpStoreServer::bind("127.0.0.1:0").unwrap();
    let config = TcpStoreBarrierConfig {
        tcpstore_port: Some(server.local_addr().port()),
        agent_store: Some(true),
        ..config()
    };
    let barrier = BarrierConfig::tcp_store(&config);
    for (size, killed) in [(3, true), (2, true), (4, false)] {
        let root = tempfile::tempdir().unwrap();
        let saves = if killed { 100_000 } else { 5 };
        let start = |rank| RankProcess::start(&barrier, rank, size, Some(root.path()), saves, None);
        let ranks: Vec<RankProcess> = (0..size).map(start).collect();
        if killed {
            let start = Instant::now();
            while !root.path().join("step-3").exists() {
                assert!(start.elapsed() < Duration::from_secs(30), "{size} ranks save nothing");
                thread::sleep(Duration::from_millis(10));
            }
        } else {
            wait_for(ranks).iter().for_each(Ended::assert_success);
        }
    }
}

#[test]
fn ranks_find_each_other_by_name_and_by_either_kind_of_address() {
    for host in ["localhost", "127.0.0.1", "::1"] {
        if host == "::1" && TcpListener::bind("[::1]:0").is_err() {
            continue;
        }
        let config = TcpStoreBarrierConfig { master_address: Some(host.into()), ..config() };
        let barrier = BarrierConfig::tcp_store(&config);
        // Rank 0 comes last.
        let mut ranks = vec![RankProcess::start(&barrier, 1, 2, None, 5, None)];
        thread::sleep(Duration::from_millis(300));
        ranks.push(RankProcess::start(&barrier, 0, 2, None, 5, None));
        wait_for(ranks).iter().for_each(Ended::assert_success);
    }
}

/// Runs a world; `trouble` is a rank's, and of which kind, and at which save.
fn run(
    config: &TcpStoreBarrierConfig,
    world_size: usize,
    root: &Path,
    saves: u64,
    trouble: Option<(usize, &str, u64)>,
) -> Vec<Ended> {
    let barrier = BarrierConfig::tcp_store(config);
    let start = |rank| {
        let trouble = trouble.filter(|(troubled, ..)| *troubled == rank).map(|(_, kind, at)| (kind, at));
        RankProcess::start(&barrier, rank, world_size, Some(root), saves, trouble)
    };
    wait_for((0..world_size).map(start).collect())
}

/// A store of its own for each test, served by rank 0.
fn config() -> TcpStoreBarrierConfig {
    TcpStoreBarrierConfig {
        master_address: Some("127.0.0.1".into()),
        tcpstore_port: Some(free_port()),
        timeout_barrier_init: Duration::from_secs(30),
        timeout: Duration::from_secs(60),
        ..TcpStoreBarrierConfig::default()
    }
}

/// A port that is free, and that no connection gets by itself: those begin at 32768.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(process::id() % 1000).unwrap() * 10;
    loop {
        let port = 20_000 + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// The checkpoints there are, in their order.
fn steps(root: &TempDir) -> Vec<String> {
    let names = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut steps: Vec<String> = names.filter(|name| name.starts_with("step-")).collect();
    steps.sort();
    steps
}
