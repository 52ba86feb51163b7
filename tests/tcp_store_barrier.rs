//! Ranks that meet on a `TCPStore`, in threads: what one sees of the others.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use strongroom::{Absence, Barrier, Error, RankInfo, TcpStoreBarrier, TcpStoreBarrierConfig, TcpStoreServer};

/// One test counts the threads and descriptors of all.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

const LONG: Duration = Duration::from_secs(30);
/// The prefix of a barrier that waits for 0.2 s, not for long.
const HASTY: &str = "hasty";

#[test]
fn no_rank_passes_before_all_have_come() {
    let _alone = alone();
    let server = server();
    let arrived = AtomicUsize::new(0);
    world(&server, "p", 4, |barrier| {
        for round in 1..=100 {
            arrived.fetch_add(1, Ordering::SeqCst);
            barrier.execute_barrier().unwrap();
            assert!(arrived.load(Ordering::SeqCst) >= 4 * round);
        }
    });
}

#[test]
fn prefixes_side_by_side_do_not_mix() {
    let _alone = alone();
    let server = server();
    let arrived = [AtomicUsize::new(0), AtomicUsize::new(0)];
    thread::scope(|scope| {
        for (prefix, arrived) in ["a", "a/b"].into_iter().zip(&arrived) {
            let server = &server;
            scope.spawn(move || {
                world(server, prefix, 3, |barrier| {
                    for round in 1..=50 {
                        arrived.fetch_add(1, Ordering::SeqCst);
                        barrier.execute_barrier().unwrap();
                        assert!(arrived.load(Ordering::SeqCst) >= 3 * round);
                        let topic = round.to_string();
                        barrier.announce(&topic, prefix.as_bytes()).unwrap();
                        let heard = barrier.collect(&topic, &[0, 1, 2], LONG).unwrap();
                        assert!(heard.iter().all(|heard| heard == prefix.as_bytes()));
                    }
                });
            });
        }
    });
}

#[test]
fn a_rank_that_is_ahead_does_not_mix_with_one_that_is_behind() {
    let _alone = alone();
    let server = server();
    world(&server, "p", 2, |barrier| {
        for number in 0..20u8 {
            if barrier.rank_info().global_rank == 1 {
                thread::sleep(Duration::from_millis(5));
                assert_eq!(barrier.collect(&format!("save/{number}"), &[0], LONG).unwrap(), [[number]]);
            } else {
                barrier.announce(&format!("save/{number}"), &[number]).unwrap();
            }
        }
    });
}

#[test]
fn those_who_meet_again_on_the_same_store_are_apart_from_those_before() {
    let _alone = alone();
    let server = server();
    let sessions = Mutex::new(vec![]);
    for _ in 0..3 {
        let arrived = AtomicUsize::new(0);
        world(&server, "p", 2, |barrier| {
            sessions.lock().unwrap().push(barrier.session().to_owned());
            arrived.fetch_add(1, Ordering::SeqCst);
            barrier.execute_barrier().unwrap();
            assert_eq!(arrived.load(Ordering::SeqCst), 2);
            barrier.announce("topic", b"message").unwrap();
            barrier.collect("topic", &[0, 1], LONG).unwrap();
        });
        // Had they died, they had not tidied up.
        set(&server, "/p/0/num_members", "2");
        set(&server, "/p/0/last_member", "<val_ignored>");
    }
    let mut sessions = sessions.into_inner().unwrap();
    sessions.sort();
    sessions.dedup();
    assert_eq!(sessions.len(), 3);
    // Which sessions there were, in which round each rank was, and what was put there.
    assert_eq!(keys(&server), 1 + 2 + 2);
}

#[test]
fn a_rank_that_left_is_named_at_once_and_its_messages_stay() {
    let _alone = alone();
    let server = server();
    world(&server, "p", 3, |barrier| {
        if barrier.rank_info().global_rank == 2 {
            barrier.announce("before", b"here").unwrap();
            barrier.close().unwrap();
            barrier.close().unwrap();
            let error = barrier.announce("after", b"").unwrap_err();
            assert_eq!(error.to_string(), "rank 2 has left the barrier");
            return;
        }
        assert_eq!(barrier.collect("before", &[2], LONG).unwrap(), [b"here"]);
        // Both wait to the end: one that left first would be missing too.
        let error = barrier.collect("after", &[2], LONG).unwrap_err();
        barrier.announce("done", b"").unwrap();
        barrier.collect("done", &[0, 1], LONG).unwrap();
        let Error::Missing { ranks, absence, .. } = error else { panic!("{error}") };
        assert_eq!((ranks, absence), (vec![2], Absence::Ended));
    });
}

#[test]
fn all_who_do_not_come_are_named_at_the_deadline() {
    let _alone = alone();
    let server = server();
    world(&server, "p", 4, |barrier| {
        let rank = barrier.rank_info().global_rank;
        if rank == 0 {
            let timeout = Duration::from_millis(300);
            let error = barrier.collect("topic", &[1, 2, 3], timeout).unwrap_err();
            assert_eq!(
                error.to_string().split_once(": missing").unwrap().1,
                " ranks: 1, 3: did not come within 0.3 s"
            );
        } else if rank == 2 {
            barrier.announce("topic", b"").unwrap();
        }
        barrier.execute_barrier().unwrap();
    });
}

#[test]
fn a_round_that_failed_can_be_tried_again() {
    let _alone = alone();
    let server = server();
    let failed = AtomicUsize::new(0);
    world(&server, HASTY, 2, |barrier| {
        if barrier.rank_info().global_rank == 1 {
            while failed.load(Ordering::SeqCst) < 2 {
                thread::sleep(Duration::from_millis(5));
            }
        }
        while let Err(error) = barrier.execute_barrier() {
            assert!(error.to_string().contains("missing ranks: 1: did not come"), "{error}");
            failed.fetch_add(1, Ordering::SeqCst);
        }
    });
}

#[test]
fn rank_0_serves_until_the_others_have_left() {
    let _alone = alone();
    let port = TcpStoreServer::bind("127.0.0.1:0").unwrap().local_addr().port();
    let config = TcpStoreBarrierConfig { agent_store: Some(false), ..config(port, "p") };
    thread::scope(|scope| {
        for rank in 0..2 {
            let config = config.clone();
            scope.spawn(move || {
                let barrier = TcpStoreBarrier::join(config, RankInfo::new(rank, 2).unwrap()).unwrap();
                if rank == 0 {
                    // It does not wait for who never came.
                    barrier.collect("first", &[1], LONG).unwrap();
                    let start = Instant::now();
                    barrier.announce("last", b"words").unwrap();
                    barrier.close().unwrap();
                    assert!(start.elapsed() >= Duration::from_millis(500));
                    assert!(start.elapsed() < Duration::from_secs(20));
                } else {
                    barrier.announce("first", b"words").unwrap();
                    thread::sleep(Duration::from_millis(600));
                    assert_eq!(barrier.collect("last", &[0], LONG).unwrap(), [b"words"]);
                }
            });
        }
    });
}

/// Rank 1 of the next run comes while rank 0 of the last one still serves rank 2.
#[test]
fn a_store_that_is_about_to_go_is_not_the_next_runs() {
    let _alone = alone();
    let port = TcpStoreServer::bind("127.0.0.1:0").unwrap().local_addr().port();
    let config = TcpStoreBarrierConfig { agent_store: Some(false), ..config(port, "p") };
    let join = |rank| TcpStoreBarrier::join(config.clone(), RankInfo::new(rank, 3).unwrap()).unwrap();
    let (rank_0, rank_1, rank_2) = (join(0), join(1), join(2));
    let last = rank_0.session().to_owned();
    thread::scope(|scope| {
        scope.spawn(move || {
            drop(rank_0);
            join(0).execute_barrier().unwrap();
        });
        rank_1.close().unwrap();
        let again = scope.spawn(|| {
            let barrier = join(1);
            assert_ne!(barrier.session(), last);
            barrier.execute_barrier().unwrap();
        });
        thread::sleep(Duration::from_millis(500));
        assert!(!again.is_finished());
        drop(rank_2);
        join(2).execute_barrier().unwrap();
    });
}

#[test]
fn those_who_do_not_join_are_named() {
    let _alone = alone();
    let port = TcpStoreServer::bind("127.0.0.1:0").unwrap().local_addr().port();
    let config = TcpStoreBarrierConfig {
        agent_store: Some(false),
        timeout_barrier_init: Duration::from_millis(500),
        timeout: Duration::from_millis(500),
        ..config(port, "p")
    };
    let error = TcpStoreBarrier::join(config.clone(), RankInfo::new(1, 3).unwrap()).unwrap_err().to_string();
    let expected = format!(
        "barrier tcp-store 127.0.0.1:{port}: rank 0, who serves it, could not be reached within 0.5 s: "
    );
    assert!(error.starts_with(&expected), "{error}");
    // Rank 0 waits for them where they are needed.
    let barrier = TcpStoreBarrier::join(config, RankInfo::new(0, 3).unwrap()).unwrap();
    assert_eq!(
        barrier.execute_barrier().unwrap_err().to_string(),
        format!("barrier tcp-store 127.0.0.1:{port}: missing ranks: 1, 2: did not come within 0.5 s")
    );
}

/// A rank that waits alone, gives up, and leaves; in the next run all come.
#[test]
fn a_rank_that_waited_in_vain_is_nobody_in_the_next_run() {
    let _alone = alone();
    let server = server();
    for alone in [0, 1, 1, 0, 0] {
        let error = join(&server, alone, 2, Duration::from_millis(300)).unwrap_err();
        let Error::Missing { ranks, .. } = error else { panic!("{error}") };
        assert_eq!(ranks, [1 - alone]);
        world(&server, "p", 2, |barrier| {
            barrier.announce("vote", b"new").unwrap();
            assert_eq!(barrier.collect("vote", &[0, 1], LONG).unwrap(), [b"new"; 2]);
        });
    }
    assert!(keys(&server) <= 5, "{} keys", keys(&server));
}

/// What ranks leave on the store that are killed in a save, or while they join.
#[test]
fn ranks_that_died_are_nobody_in_the_next_run() {
    let _alone = alone();
    let server = server();
    world(&server, "p", 2, |barrier| {
        barrier.announce("vote", b"old").unwrap();
        barrier.collect("vote", &[0, 1], LONG).unwrap();
        // As if it ended here: nothing is taken back.
        for (key, value) in [("offer", "dead/0/2"), ("dead/member/1", "{}"), ("current", "dead/0/2")] {
            set(&server, &format!("/strongroom/1:p/{key}"), value);
        }
    });
    world(&server, "p", 2, |barrier| {
        assert!(barrier.collect("vote", &[0, 1], Duration::ZERO).is_err());
        barrier.announce("vote", b"new").unwrap();
        assert_eq!(barrier.collect("vote", &[0, 1], LONG).unwrap(), [b"new"; 2]);
    });
}

#[test]
fn worlds_of_different_sizes_are_an_error_that_names_both() {
    let _alone = alone();
    for [(first, first_size), (second, second_size)] in [[(0, 2), (1, 3)], [(1, 3), (0, 2)], [(2, 3), (0, 2)]]
    {
        let server = server();
        thread::scope(|scope| {
            let first = scope.spawn(|| join(&server, first, first_size, LONG));
            thread::sleep(Duration::from_millis(100));
            let second = scope.spawn(|| join(&server, second, second_size, LONG));
            for rank in [first, second] {
                let start = Instant::now();
                let error = rank.join().unwrap().unwrap_err();
                assert!(start.elapsed() < Duration::from_secs(5));
                assert!(matches!(error, Error::Conflict { .. }), "{error}");
                let error = error.to_string();
                assert!(error.contains("a world of 2 ranks") && error.contains("one of 3"), "{error}");
            }
        });
    }
}

#[test]
fn two_that_are_one_rank_are_an_error_that_names_both() {
    let _alone = alone();
    for twice in [0, 1] {
        let server = server();
        thread::scope(|scope| {
            // Rank 2 does not come.
            let ranks = [0, 1, twice].map(|rank| {
                let server = &server;
                scope.spawn(move || join(server, rank, 3, LONG))
            });
            for rank in ranks {
                let error = rank.join().unwrap().unwrap_err().to_string();
                let expected = format!("rank {twice} is here already: process {} on ", std::process::id());
                assert!(error.contains(&expected) && error.ends_with(" claims to be it too"), "{error}");
            }
        });
    }
}

/// One too many does not disturb those who all met.
#[test]
fn who_comes_late_and_does_not_belong_is_sent_away_alone() {
    let _alone = alone();
    let server = server();
    world(&server, "p", 2, |barrier| {
        if barrier.rank_info().global_rank == 0 {
            for (rank, size, expected) in [(1, 2, "rank 1 is here already"), (2, 3, "rank 2 in one of 3")] {
                let error = join(&server, rank, size, LONG).unwrap_err().to_string();
                assert!(error.contains(expected), "{error}");
            }
        }
        barrier.execute_barrier().unwrap();
    });
}

#[test]
fn a_name_that_is_not_known_is_an_error_soon() {
    let _alone = alone();
    let config = TcpStoreBarrierConfig { master_address: Some("node0.invalid".into()), ..config(1, "p") };
    let start = Instant::now();
    let error = TcpStoreBarrier::join(config, RankInfo::new(1, 2).unwrap()).unwrap_err().to_string();
    assert!(error.contains("the name \"node0.invalid\" is not known"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(25), "{:?}", start.elapsed());
}

fn join(
    server: &TcpStoreServer,
    rank: usize,
    size: usize,
    timeout: Duration,
) -> Result<TcpStoreBarrier, Error> {
    let config = TcpStoreBarrierConfig {
        timeout_barrier_init: timeout,
        liveness_timeout: Duration::from_secs(2),
        ..config(server.local_addr().port(), "p")
    };
    TcpStoreBarrier::join(config, RankInfo::new(rank, size).unwrap())
}

#[test]
fn a_thousand_rounds_leave_nothing_behind() {
    let _alone = alone();
    let server = server();
    let after_some = Mutex::new(None);
    world(&server, "p", 2, |barrier| {
        let first = barrier.rank_info().global_rank == 0;
        for round in 0..1000 {
            barrier.execute_barrier().unwrap();
            let topic = |round: usize| format!("save/{round}");
            barrier.announce(&topic(round), b"message").unwrap();
            barrier.collect(&topic(round), &[0, 1], LONG).unwrap();
            if round > 0 {
                barrier.forget(&topic(round - 1)).unwrap();
            }
            if first && round == 10 {
                *after_some.lock().unwrap() = Some(used(&server));
            }
        }
        if first {
            let (before, after) = (after_some.lock().unwrap().unwrap(), used(&server));
            // Keys and threads that are on their way may be there or not.
            for (what, before, after) in [
                ("descriptors", before.0, after.0),
                ("threads", before.1, after.1),
                ("keys", before.2, after.2),
            ] {
                assert!(after <= before + 6, "{what}: {before} after 10 rounds, {after} after 1000");
            }
        }
        barrier.execute_barrier().unwrap();
    });
}

/// Open descriptors and threads of this process, and keys of a store.
fn used(server: &TcpStoreServer) -> (usize, usize, usize) {
    let count = |directory| fs::read_dir(directory).unwrap().count();
    (count("/proc/self/fd"), count("/proc/self/task"), keys(server))
}

/// How many keys a store has, asked as any client of PyTorch would.
fn keys(server: &TcpStoreServer) -> usize {
    let mut stream = TcpStream::connect(server.local_addr()).unwrap();
    stream.write_all(&[0, 0xce, 0xf7, 0x85, 0x3c, 7]).unwrap();
    let mut count = [0; 8];
    stream.read_exact(&mut count).unwrap();
    usize::try_from(u64::from_le_bytes(count)).unwrap()
}

fn set(server: &TcpStoreServer, key: &str, value: &str) {
    let mut request = vec![0, 0xce, 0xf7, 0x85, 0x3c, 1];
    for text in [key, value] {
        request.extend((text.len() as u64).to_le_bytes());
        request.extend(text.as_bytes());
    }
    // The answer to a ping: it is stored.
    request.extend([13, 0, 0, 0, 0]);
    let mut stream = TcpStream::connect(server.local_addr()).unwrap();
    stream.write_all(&request).unwrap();
    stream.read_exact(&mut [0; 4]).unwrap();
}

fn server() -> TcpStoreServer {
    TcpStoreServer::bind("127.0.0.1:0").unwrap()
}

fn config(port: u16, prefix: &str) -> TcpStoreBarrierConfig {
    TcpStoreBarrierConfig {
        barrier_prefix: prefix.into(),
        master_address: Some("127.0.0.1".into()),
        tcpstore_port: Some(port),
        agent_store: Some(true),
        timeout: Duration::from_millis(if prefix == HASTY { 200 } else { 30_000 }),
        ..TcpStoreBarrierConfig::default()
    }
}

/// Does the same as each rank of a world, in a thread each.
fn world(server: &TcpStoreServer, prefix: &str, size: usize, work: impl Fn(&TcpStoreBarrier) + Sync) {
    let config = config(server.local_addr().port(), prefix);
    thread::scope(|scope| {
        for rank in 0..size {
            let (config, work) = (config.clone(), &work);
            scope.spawn(move || {
                work(&TcpStoreBarrier::join(config, RankInfo::new(rank, size).unwrap()).unwrap());
            });
        }
    });
}
