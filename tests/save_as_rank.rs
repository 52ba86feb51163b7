//! `strongroom save` as one rank of several, each a process of its own.

mod common;

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::component;
use common::process::built;
use strongroom::{
    BarrierConfig, Checkpoint, LocalBarrierConfig, RankInfo, StateDict, TcpStoreServer, Tensor, Value,
    create_barrier_from_config, list,
};
use tempfile::TempDir;

const README: &str = include_str!("../README.md");

/// The commands are the README's, in as many terminals.
#[test]
fn four_commands_in_four_terminals_make_one_checkpoint() {
    let room = Room::new();
    let (_, rest) = README.split_once("```sh\n# four terminals").expect("the block");
    let block = rest.split_once("```").expect("its end").0;
    let port = free_port();
    let commands: Vec<String> = block
        .lines()
        .filter(|line| line.starts_with("strongroom "))
        .map(|line| line.replace("localhost:29500", &format!("localhost:{port}")))
        .collect();
    assert_eq!(commands.len(), 4);
    let ranks: Vec<Child> = commands.iter().map(|line| room.start(line, &[])).collect();
    ranks.into_iter().for_each(succeed);
    let checkpoint = Checkpoint::open(room.path("run/step-200")).unwrap();
    assert_eq!(checkpoint.world_size(), 4);
    assert_eq!(room.names("run"), ["step-200"]);
    fs::create_dir(room.path("again")).unwrap();
    succeed(room.start("strongroom load run/step-200 again/model.pt", &[]));
    assert!(fs::read(room.path("again/model.pt")).unwrap() == fs::read(room.path("model.pt")).unwrap());
}

#[test]
fn a_launcher_says_the_rank_and_each_rank_saves_a_file_of_its_own() {
    let room = Room::new();
    let barrier = format!("tcp-store://127.0.0.1:{}", free_port());
    let ranks: Vec<Child> = (0..3)
        .map(|rank| {
            let own = format!("part{rank}.pt");
            strongroom::save(room.path(&own), &model(f32::from(u16::try_from(rank).unwrap()))).unwrap();
            let line = format!("strongroom save {own} run/step-1 --barrier {barrier} --barrier-timeout 60");
            room.start(&line, &[("OMPI_COMM_WORLD_RANK", &rank.to_string()), ("OMPI_COMM_WORLD_SIZE", "3")])
        })
        .collect();
    ranks.into_iter().for_each(succeed);
    for rank in 0..3u16 {
        let state =
            Checkpoint::open(room.path("run/step-1")).unwrap().file(rank.into()).unwrap().load().unwrap();
        assert_eq!(state.tensor("weight").unwrap().as_slice::<f32>().unwrap()[0], f32::from(rank));
    }
}

#[test]
fn ranks_that_do_not_come_are_named_and_nothing_is_committed() {
    let room = Room::new();
    let barrier = format!("tcp-store://127.0.0.1:{}", free_port());
    let start = |rank: usize, source: &str| {
        let line = format!(
            "strongroom save {source} run/step-1 --rank {rank} --world-size 4 --barrier {barrier} --barrier-timeout 3"
        );
        room.start(&line, &[])
    };
    for rank in [start(0, "model.pt"), start(1, "model.pt"), start(2, "model.pt")] {
        let output = rank.wait_with_output().unwrap();
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(5), "{errors}");
        assert!(errors.contains("error: barrier ") && errors.contains("missing ranks: 3"), "{errors}");
    }
    assert!(!room.path("run/step-1").exists());
}

#[test]
fn a_rank_that_fails_says_why_and_the_others_say_who() {
    let room = Room::new();
    fs::write(room.path("damaged.pt"), damaged(&room.path("model.pt"))).unwrap();
    let barrier = format!("tcp-store://127.0.0.1:{}", free_port());
    let start = |rank: usize, source: &str| {
        let line =
            format!("strongroom save {source} run/step-1 --rank {rank} --world-size 2 --barrier {barrier}");
        room.start(&line, &[])
    };
    let (good, bad) = (start(0, "model.pt"), start(1, "damaged.pt"));
    let (good, bad) = (good.wait_with_output().unwrap(), bad.wait_with_output().unwrap());
    assert_eq!((good.status.code(), bad.status.code()), (Some(5), Some(1)));
    for output in [&good, &bad] {
        let errors = text(&output.stderr);
        assert!(errors.starts_with("error: rank 1: ") && errors.contains("have checksum"), "{errors}");
    }
    assert_eq!(room.names("run"), [""; 0]);
}

/// A size is but a number of an environment.
#[test]
fn a_world_that_nobody_has_is_refused_before_anything_is_made() {
    let room = Room::new();
    let before = room.names("");
    let barrier = format!("tcp-store://127.0.0.1:{}", free_port());
    for size in ["1048577", "2000000", "200000000", "99999999999", "18446744073709551615"] {
        let line = format!("strongroom save model.pt b/step-1 --barrier {barrier} --barrier-timeout 1");
        let asked = room.start(&format!("{line} --rank 0 --world-size {size}"), &[]);
        let told = room.start(&line, &[("RANK", "0"), ("WORLD_SIZE", size)]);
        for output in [asked, told].map(|child| child.wait_with_output().unwrap()) {
            let errors = text(&output.stderr);
            assert_eq!(output.status.code(), Some(64), "{errors}");
            assert!(errors.contains(&format!("at most 1048576 ranks, and not {size}")), "{errors}");
        }
        assert_eq!(room.names(""), before);
        let size = size.parse().unwrap();
        let rank_info = RankInfo { global_rank: 0, global_world_size: size };
        assert!(RankInfo::new(0, size).is_err());
        assert!(
            create_barrier_from_config(&BarrierConfig::local(&LocalBarrierConfig::default()), rank_info)
                .is_err()
        );
    }
}

/// Whichever of them has made them.
#[test]
fn directories_that_ranks_made_go_with_what_failed() {
    let room = Room::new();
    fs::write(room.path("damaged.pt"), damaged(&room.path("model.pt"))).unwrap();
    for (number, sources) in
        [["model.pt", "damaged.pt"], ["damaged.pt", "model.pt"]].iter().cycle().take(6).enumerate()
    {
        let barrier = format!("tcp-store://127.0.0.1:{}", free_port());
        let start = |rank: usize| {
            let source = sources[rank];
            let line = format!(
                "strongroom save {source} a{number}/b/step-1 --rank {rank} --world-size 2 --barrier {barrier}"
            );
            room.start(&line, &[])
        };
        for rank in [start(0), start(1)] {
            assert!(!rank.wait_with_output().unwrap().status.success());
        }
        assert!(!room.path(&format!("a{number}")).exists());
    }
}

/// Each has its own working directory, or its own idea of where the run is.
#[test]
fn ranks_that_save_in_different_directories_are_told_so() {
    let room = Room::new();
    let barrier = format!("tcp-store://127.0.0.1:{}", free_port());
    let start = |rank: usize, root: &str| {
        let line = format!(
            "strongroom save model.pt {root}/step-1 --rank {rank} --world-size 2 --barrier {barrier} --barrier-timeout 60"
        );
        room.start(&line, &[])
    };
    let root = room.directory.path().canonicalize().unwrap();
    for output in [start(0, "x"), start(1, "y")].map(|child| child.wait_with_output().unwrap()) {
        let errors = text(&output.stderr);
        assert!(!output.status.success());
        let [x, y] = ["x", "y"].map(|name| root.join(name).join("step-1").display().to_string());
        let said = format!("disagree on the directory that they save in: rank 0 has {x}, rank 1 has {y}");
        assert!(errors.contains(&said), "{errors}");
    }
    assert!(!room.path("x").exists() && !room.path("y").exists());
}

#[cfg(feature = "etcd")]
#[test]
fn without_a_cluster_there_is_an_error_that_names_its_place() {
    let room = Room::new();
    let place = format!("127.0.0.1:{}", free_port());
    let line = format!(
        "strongroom save model.pt run/step-1 --rank 0 --world-size 2 --barrier etcd://{place} --barrier-timeout 2"
    );
    let output = room.start(&line, &[]).wait_with_output().unwrap();
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(5), "{errors}");
    assert!(errors.contains(&place), "{errors}");
    let line = line.replace("--barrier-timeout 2", "--barrier-timeout 5");
    let errors = text(&room.start(&line, &[]).wait_with_output().unwrap().stderr);
    assert!(errors.starts_with(&format!("waiting for etcd://{place}/")), "{errors}");
}

#[test]
fn it_says_for_whom_it_waits() {
    let room = Room::new();
    let place = format!("tcp-store://127.0.0.1:{}", free_port());
    let nowhere = format!("tcp-store://127.0.0.1:{}", free_port());
    let start = |rank: usize, world_size: usize, place: &str| {
        let line = format!(
            "strongroom save model.pt run/step-1 --rank {rank} --world-size {world_size} --barrier {place} \
             --barrier-timeout 5"
        );
        room.start(&line, &[])
    };
    for (waiting, expected) in [
        (start(1, 2, &nowhere), format!("waiting for rank 0 to serve {nowhere}")),
        (start(0, 3, &place), format!("waiting for ranks 1, 2 at {place}")),
    ] {
        let errors = text(&waiting.wait_with_output().unwrap().stderr);
        let (said, error) = errors.split_once('\n').unwrap();
        assert_eq!(said, expected);
        assert!(error.starts_with("error: ") && error.lines().count() == 1, "{error}");
    }
}

/// What a run leaves on a store that outlives it is of no effect on the next.
#[test]
fn a_save_to_which_a_rank_did_not_come_is_the_only_one_that_fails() {
    let room = Room::new();
    let store = TcpStoreServer::bind("127.0.0.1:0").unwrap();
    let port = store.local_addr().port().to_string();
    let agent =
        [("TORCHELASTIC_USE_AGENT_STORE", "True"), ("MASTER_ADDR", "127.0.0.1"), ("MASTER_PORT", &port)];
    let start = |step: usize, rank: usize, timeout: u64| {
        let line = format!(
            "strongroom save model.pt run/step-{step} --rank {rank} --world-size 2 --barrier-timeout {timeout}"
        );
        room.start(&line, &agent)
    };
    for (step, ranks) in [(1, vec![0]), (2, vec![0, 1]), (3, vec![1]), (4, vec![1, 0]), (5, vec![0, 1])] {
        let timeout = if ranks.len() == 1 { 1 } else { 60 };
        let started: Vec<Child> = ranks.iter().map(|&rank| start(step, rank, timeout)).collect();
        for rank in started {
            let output = rank.wait_with_output().unwrap();
            let errors = text(&output.stderr);
            match ranks.as_slice() {
                [alone] => assert!(errors.contains(&format!("missing ranks: {}", 1 - alone)), "{errors}"),
                _ => assert!(output.status.success(), "{step}: {errors}"),
            }
        }
    }
    assert_eq!(room.names("run"), ["step-2", "step-4", "step-5"]);
}

#[test]
fn ranks_of_worlds_that_differ_are_all_told_so_and_nothing_is_committed() {
    for [first, second] in [[(1, 3), (0, 2)], [(0, 3), (1, 2)]] {
        let room = Room::new();
        let barrier = format!("tcp-store://127.0.0.1:{}", free_port());
        let start = |(rank, world_size): (usize, usize)| {
            let line = format!(
                "strongroom save model.pt run/step-1 --share --rank {rank} --world-size {world_size} --barrier {barrier}"
            );
            room.start(&line, &[])
        };
        let began = Instant::now();
        for rank in [start(first), start(second)] {
            let output = rank.wait_with_output().unwrap();
            let errors = text(&output.stderr);
            assert_eq!(output.status.code(), Some(5), "{errors}");
            assert!(
                ["a world of ", "2", "3", "one of "].iter().all(|part| errors.contains(part)),
                "{errors}"
            );
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
        assert!(!room.path("run/step-1").exists());
    }
}

#[test]
fn in_the_background_it_says_how_long_it_took() {
    let room = Room::new();
    for (name, option) in [("thread", "--async"), ("process", "--process")] {
        let line = format!("strongroom save model.pt run/{name} {option}");
        let output = room.start(&line, &[]).wait_with_output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        let printed = text(&output.stdout);
        assert!(printed.starts_with("staged ") && printed.contains(" committed after "), "{printed}");
        Checkpoint::open(room.path("run").join(name)).unwrap().verify().unwrap();
    }
    let file = |name: &str| fs::read(room.path("run").join(name).join("checkpoint_0.pt")).unwrap();
    assert!(file("thread") == file("process"));
}

#[test]
fn old_checkpoints_go_as_new_ones_come() {
    let room = Room::new();
    for step in 1..=5 {
        succeed(
            room.start(
                &format!("strongroom save model.pt run/step-{step} --keep-last 2 --keep-every 2"),
                &[],
            ),
        );
    }
    assert_eq!(room.names("run"), ["step-2", "step-4", "step-5"]);
    assert_eq!(list(room.path("run")).unwrap().checkpoints.len(), 3);
}

#[test]
fn a_hook_may_refuse_a_checkpoint_and_say_what_it_saw() {
    let room = Room::new();
    fs::write(room.path("size.wasm"), component::build("strongroom-example-hook")).unwrap();
    for option in ["", " --async", " --process"] {
        let line = format!(
            "strongroom save model.pt run/small --overwrite --hook size.wasm --hook-argument max_bytes=10{option}"
        );
        let output = room.start(&line, &[]).wait_with_output().unwrap();
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{option}: {errors}");
        assert!(errors.contains("the hook `size` failed before the commit"), "{option}: {errors}");
        assert!(!room.path("run/small").exists());
    }
    let line = "strongroom save model.pt run/step-1 --hook size.wasm --hook-argument max_bytes=1000000";
    let output = room.start(line, &[]).wait_with_output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stderr).starts_with("run/step-1: "), "{}", text(&output.stderr));
}

/// A directory with a file to save.
struct Room {
    directory: TempDir,
}

impl Room {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        strongroom::save(directory.path().join("model.pt"), &model(1.0)).unwrap();
        Self { directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Starts a command line of ours, as a rank of whatever the variables say.
    fn start(&self, line: &str, variables: &[(&str, &str)]) -> Child {
        let mut words = line.split_whitespace();
        assert_eq!(words.next(), Some("strongroom"));
        let mut command = Command::new(built("strongroom"));
        command.args(words).current_dir(&self.directory).stdout(Stdio::piped()).stderr(Stdio::piped());
        // What the tests themselves may have been launched by.
        for name in ["RANK", "WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_STEP_ID"] {
            command.env_remove(name);
        }
        command.envs(variables.iter().copied()).spawn().unwrap()
    }

    fn names(&self, directory: &str) -> Vec<String> {
        // A save that fails takes the directory along that it has made.
        let entries = fs::read_dir(self.path(directory)).into_iter().flatten();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn model(value: f32) -> StateDict<'static> {
    let mut state = StateDict::new();
    for name in ["weight", "bias"] {
        state.insert(name, Tensor::from_vec(vec![value; 64], &[8, 8]).unwrap());
    }
    state.insert("optimizer", Value::dict([("lr", 0.1)]));
    state
}

/// A file with one bit of a payload flipped.
fn damaged(path: &Path) -> Vec<u8> {
    let mut bytes = fs::read(path).unwrap();
    let payload = 1.0f32.to_le_bytes().repeat(64);
    let at = bytes.windows(payload.len()).position(|window| window == payload).unwrap();
    bytes[at] ^= 1;
    bytes
}

fn succeed(child: Child) {
    let Output { status, stderr, .. } = child.wait_with_output().unwrap();
    assert!(status.success(), "{}", text(&stderr));
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
