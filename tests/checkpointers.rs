//! Saving as a trainer sees it: at once or in the background, and when things go
//! wrong there.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use strongroom::{
    AsyncCheckpointer, BarrierConfig, Checkpoint, CheckpointWriter, CheckpointWriterConfig, Checkpointer,
    CheckpointerConfig, Error, HookArguments, HookContext, HookError, LocalBarrier, LocalBarrierConfig,
    RankInfo, StateDict, Tensor, Value, WriterHook, make_async_checkpointer, make_sync_checkpointer,
};

#[test]
fn both_kinds_save_and_load_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let mut checkpointers: [Box<dyn Checkpointer>; 2] = [
        Box::new(make_sync_checkpointer(&quick(), RankInfo::single(), &[]).unwrap()),
        Box::new(make_async_checkpointer(&quick(), RankInfo::single(), &[]).unwrap()),
    ];
    let mut files = Vec::new();
    for (index, checkpointer) in checkpointers.iter_mut().enumerate() {
        let path = directory.path().join(format!("kind-{index}"));
        let saving = checkpointer.save(&path, &state(3.0), &none()).unwrap();
        saving.staged.wait().unwrap();
        saving.wait().unwrap();
        assert!(saving.written.is_done());
        assert_eq!(weight(&checkpointer.load(&path).unwrap()), [3.0; 4]);
        files.push(fs::read(path.join("checkpoint_0.pt")).unwrap());
        checkpointer.close().unwrap();
    }
    assert!(files[0] == files[1]);
}

#[test]
fn what_is_saved_is_what_was_there_when_save_was_called() {
    let directory = tempfile::tempdir().unwrap();
    let mut checkpointer = make_async_checkpointer(&quick(), RankInfo::single(), &[]).unwrap();
    let mut weights = vec![0.0f32; 1 << 20];
    for step in 0..4u16 {
        weights.fill(f32::from(step));
        let saving = {
            let mut state = StateDict::new();
            state.insert("weight", Tensor::from_slice(&weights, &[1 << 20]).unwrap());
            checkpointer.save(&step_of(directory.path(), step), &state, &none()).unwrap()
        };
        assert!(saving.staged.is_done());
        // The trainer goes on at once.
        weights.fill(-1.0);
    }
    checkpointer.close().unwrap();
    for step in 0..4u16 {
        let loaded = checkpointer.load(&step_of(directory.path(), step)).unwrap();
        assert!(weight(&loaded).iter().all(|&value| value == f32::from(step)));
    }
}

#[test]
fn a_state_dict_that_is_given_away_is_copied_in_the_background() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("step-0");
    let mut checkpointer = make_async_checkpointer(&quick(), RankInfo::single(), &[]).unwrap();
    let saving = checkpointer.save_owned(&path, state(5.0), &none()).unwrap();
    saving.staged.wait().unwrap();
    saving.written.wait().unwrap();
    assert_eq!(weight(&checkpointer.load(&path).unwrap()), [5.0; 4]);
}

#[test]
fn a_write_that_hangs_can_be_waited_for_in_any_way_and_the_next_save_waits_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let (hook, release) = Gate::shut();
    let mut checkpointer = make_async_checkpointer(&quick(), RankInfo::single(), &[hook]).unwrap();
    let path = directory.path().join("step-0");
    let first = checkpointer.save(&path, &state(0.0), &none()).unwrap();
    assert!(first.staged.is_done() && !first.written.is_done());
    assert!(first.written.wait_timeout(Duration::from_millis(50)).is_none());
    assert!(!path.exists());

    let later = thread::spawn({
        let release = release.clone();
        move || {
            thread::sleep(Duration::from_millis(200));
            release.send(()).unwrap();
        }
    });
    let start = Instant::now();
    let second = checkpointer.save(&directory.path().join("step-1"), &state(1.0), &none()).unwrap();
    assert!(start.elapsed() >= Duration::from_millis(150));
    assert!(first.written.is_done() && path.exists());
    later.join().unwrap();
    release.send(()).unwrap();
    block_on(second.written).unwrap();
    checkpointer.close().unwrap();
}

#[test]
fn a_failed_write_is_told_by_its_handle_by_the_next_save_and_by_close() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("step-0");
    let mut checkpointer = make_async_checkpointer(&quick(), RankInfo::single(), &[]).unwrap();
    checkpointer.save(&path, &state(0.0), &none()).unwrap().wait().unwrap();

    // It is there already.
    let failed = checkpointer.save(&path, &state(1.0), &none()).unwrap();
    let error = failed.wait().unwrap_err();
    assert!(
        matches!(&error, Error::Save { source, .. } if matches!(**source, Error::Exists { .. })),
        "{error}"
    );
    let next = step_of(directory.path(), 1);
    let told = checkpointer.save(&next, &state(1.0), &none()).unwrap_err();
    assert_eq!(told.to_string(), error.to_string());
    assert!(!next.exists());

    // It was told: now it works again.
    checkpointer.save(&next, &state(1.0), &none()).unwrap().wait().unwrap();
    let _ = checkpointer.save(&next, &state(2.0), &none()).unwrap();
    let told = checkpointer.close().unwrap_err();
    assert!(told.to_string().ends_with("step-1: something is here already"), "{told}");
    assert_eq!(weight(&checkpointer.load(&next).unwrap()), [1.0; 4]);
    let closed = checkpointer.save(&step_of(directory.path(), 2), &state(1.0), &none()).unwrap_err();
    assert_eq!(closed.to_string(), "the checkpointer is closed");
}

#[test]
fn a_writer_that_panics_is_an_error_not_a_wait_for_ever() {
    #[derive(Debug)]
    struct Panics;
    impl WriterHook for Panics {
        fn name(&self) -> &str {
            "panics"
        }
        fn pre_commit(&self, _: &HookContext<'_>) -> Result<(), HookError> {
            panic!("the hook has a bug")
        }
        fn post_commit(&self, _: &HookContext<'_>) -> Result<(), HookError> {
            Ok(())
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let mut checkpointer =
        make_async_checkpointer(&quick(), RankInfo::single(), &[Arc::new(Panics)]).unwrap();
    let saving = checkpointer.save(&directory.path().join("step-0"), &state(0.0), &none()).unwrap();
    saving.wait().unwrap_err();
    checkpointer.save(&directory.path().join("step-1"), &state(0.0), &none()).unwrap_err();
    assert!(fs::read_dir(&directory).unwrap().all(|entry| entry.unwrap().file_name() != "step-0"));
}

#[test]
fn what_fails_after_the_commit_stops_no_save_and_is_told_by_close() {
    let directory = tempfile::tempdir().unwrap();
    let outcomes = three_ranks("after", |checkpointer| {
        let first = save(checkpointer, directory.path(), 0, &state(0.0));
        let second = save(checkpointer, directory.path(), 1, &state(1.0));
        [first, second, checkpointer.close().err().map(|error| error.to_string())]
    });
    for (rank, [first, second, closed]) in outcomes.iter().enumerate() {
        let told =
            |error: &Option<String>| error.as_deref().is_some_and(|error| error.contains("the log is full"));
        assert_eq!((told(first), told(closed)), (rank == 1, rank == 1), "{first:?} {closed:?}");
        assert_eq!(second, &None);
    }
    assert_eq!(Checkpoint::open(directory.path().join("step-1")).unwrap().world_size(), 3);
}

#[test]
fn a_failure_of_one_rank_is_that_of_all_and_after_it_was_told_all_go_on() {
    let directory = tempfile::tempdir().unwrap();
    let outcomes = three_ranks("before", |checkpointer| {
        [0, 1, 2].map(|step| save(checkpointer, directory.path(), step, &state(0.0)))
    });
    for [first, second, third] in &outcomes {
        let [first, second] = [first, second].map(|error| error.as_deref().unwrap());
        assert!(first.contains("rank 1: ") && first.contains("the quota is used up"), "{first}");
        assert_eq!(first, second);
        assert_eq!(third, &None);
    }
    assert!(!directory.path().join("step-0").exists() && !directory.path().join("step-1").exists());
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 1, "something is left over");
}

/// The rank that would commit removes what is staged when it has heard of all: whoever made it anew
/// after that would leave it.
#[test]
fn a_rank_that_refuses_a_save_makes_nothing_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let [_first, second] = LocalBarrier::world(2).try_into().unwrap();
    let writer = CheckpointWriter::new(CheckpointWriterConfig::default(), Arc::new(second)).unwrap();
    let reason = Error::Remote("the quota is used up".into());
    assert!(writer.refuse(directory.path().join("step-0"), reason).is_err());
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 0, "something was staged");
}

/// What cannot be staged fails before there is anything to wait for.
#[test]
fn a_rank_that_cannot_stage_keeps_nobody_waiting_and_its_failure_does_not_echo_for_ever() {
    let directory = tempfile::tempdir().unwrap();
    let damaged = directory.path().join("damaged.pt");
    strongroom::save(&damaged, &state(7.0)).unwrap();
    let mut bytes = fs::read(&damaged).unwrap();
    let payload = 7.0f32.to_le_bytes().repeat(4);
    let at = bytes.windows(16).position(|window| window == payload).unwrap();
    bytes[at] ^= 1;
    fs::write(&damaged, bytes).unwrap();
    let damaged = strongroom::File::open(&damaged).unwrap().state().clone();

    let root = directory.path().join("run");
    let start = Instant::now();
    let outcomes = three_ranks("stage", |checkpointer| {
        let first = match checkpointer.rank {
            1 => save(checkpointer, &root, 0, &damaged),
            _ => save(checkpointer, &root, 0, &state(0.0)),
        };
        let others = [1, 2, 3].map(|step| save(checkpointer, &root, step, &state(0.0)));
        (first, others)
    });
    assert!(start.elapsed() < Duration::from_secs(60), "somebody was waited for");
    for (first, [second, third, fourth]) in &outcomes {
        assert!(first.as_deref().unwrap().contains("have checksum"), "{first:?}");
        // Those who heard of it say so at their next save, which then fails on all.
        assert!(second.as_deref().unwrap().contains("have checksum"), "{second:?}");
        assert_eq!((third, fourth), (&None, &None));
    }
    assert_eq!(fs::read_dir(&root).unwrap().count(), 2, "something is left over");
}

/// A checkpointer of one of three ranks, with a hook that fails when the test's name
/// says so.
struct Ranked {
    rank: usize,
    checkpointer: AsyncCheckpointer,
}

impl std::ops::Deref for Ranked {
    type Target = AsyncCheckpointer;

    fn deref(&self) -> &AsyncCheckpointer {
        &self.checkpointer
    }
}

impl std::ops::DerefMut for Ranked {
    fn deref_mut(&mut self) -> &mut AsyncCheckpointer {
        &mut self.checkpointer
    }
}

/// Runs three ranks as threads; answers what each says.
fn three_ranks<T: Send>(name: &'static str, work: impl Fn(&mut Ranked) -> T + Sync) -> Vec<T> {
    let rank = |rank: usize| {
        let config = CheckpointerConfig { barrier_config: group(name), ..quick() };
        let hooks: [Arc<dyn WriterHook>; 1] = [Arc::new(FailsOnce(name))];
        let rank_info = RankInfo::new(rank, 3).unwrap();
        let checkpointer = make_async_checkpointer(&config, rank_info, &hooks).unwrap();
        work(&mut Ranked { rank, checkpointer })
    };
    thread::scope(|scope| {
        let ranks: Vec<_> = (0..3)
            .map(|index| {
                scope.spawn({
                    let rank = &rank;
                    move || rank(index)
                })
            })
            .collect();
        ranks.into_iter().map(|rank| rank.join().unwrap()).collect()
    })
}

/// Saves and waits; answers the error, if there is one.
fn save(checkpointer: &mut Ranked, root: &Path, step: u16, state: &StateDict<'_>) -> Option<String> {
    let saving = checkpointer.save(&step_of(root, step), state, &none());
    saving.and_then(|saving| saving.wait()).err().map(|error| error.to_string())
}

/// Fails at the first save of rank 1, before the commit or after it.
#[derive(Debug)]
struct FailsOnce(&'static str);

impl WriterHook for FailsOnce {
    fn name(&self) -> &str {
        "fails-once"
    }

    fn pre_commit(&self, checkpoint: &HookContext<'_>) -> Result<(), HookError> {
        let now = self.0 == "before" && first_of_rank_1(checkpoint);
        if now { Err("the quota is used up".into()) } else { Ok(()) }
    }

    fn post_commit(&self, checkpoint: &HookContext<'_>) -> Result<(), HookError> {
        let now = self.0 == "after" && first_of_rank_1(checkpoint);
        if now { Err("the log is full".into()) } else { Ok(()) }
    }
}

fn first_of_rank_1(checkpoint: &HookContext<'_>) -> bool {
    checkpoint.path.ends_with("step-0") && checkpoint.rank_info.global_rank == 1
}

#[test]
fn eight_threads_save_two_hundred_checkpoints() {
    let directory = tempfile::tempdir().unwrap();
    let one_more = AtomicU64::new(0);
    thread::scope(|scope| {
        for rank in 0..8 {
            let (root, one_more) = (directory.path(), &one_more);
            scope.spawn(move || {
                let config = CheckpointerConfig { barrier_config: group("eight"), ..quick() };
                let rank_info = RankInfo::new(rank, 8).unwrap();
                let mut checkpointer = make_sync_checkpointer(&config, rank_info, &[]).unwrap();
                for step in 0..200 {
                    let path = step_of(root, step);
                    let _ = checkpointer.save(&path, &state(f32::from(step)), &none()).unwrap();
                    // Whoever is back from a save sees it committed.
                    assert!(path.join("strongroom.json").exists());
                }
                one_more.fetch_add(1, Ordering::SeqCst);
                checkpointer.close().unwrap();
            });
        }
    });
    assert_eq!(one_more.into_inner(), 8);
    assert_eq!(strongroom::list(&directory).unwrap().checkpoints.len(), 200);
    Checkpoint::open(step_of(directory.path(), 199)).unwrap().verify().unwrap();
}

#[test]
fn ranks_of_a_group_save_together_through_a_config_in_json() {
    let directory = tempfile::tempdir().unwrap();
    let config: CheckpointerConfig = serde_json::from_value(serde_json::json!({
        "writer_config": { "durable": false, "write_barrier_timeout_secs": 60 },
        "barrier_config": { "barrier_type": "local", "barrier_args": { "group": "json", "timeout_secs": 60 } },
    }))
    .unwrap();
    let path = directory.path().join("step-0");
    thread::scope(|scope| {
        for rank in 0..4 {
            let (config, path) = (&config, &path);
            scope.spawn(move || {
                let rank_info = RankInfo::new(rank, 4).unwrap();
                let mut checkpointer = make_sync_checkpointer(config, rank_info, &[]).unwrap();
                let own = state(f32::from(u16::try_from(rank).unwrap()));
                checkpointer.save(path, &own, &none()).unwrap().wait().unwrap();
                assert_eq!(weight(&checkpointer.load(path).unwrap()), weight(&own));
                checkpointer.close().unwrap();
            });
        }
    });
    assert_eq!(Checkpoint::open(&path).unwrap().world_size(), 4);
}

/// A hook that lets a commit happen when it is told to.
#[derive(Debug)]
struct Gate {
    open: Mutex<Receiver<()>>,
    passed: AtomicU64,
}

impl Gate {
    fn shut() -> (Arc<dyn WriterHook>, Sender<()>) {
        let (release, open) = channel();
        (Arc::new(Self { open: Mutex::new(open), passed: AtomicU64::new(0) }), release)
    }
}

impl WriterHook for Gate {
    fn name(&self) -> &str {
        "gate"
    }

    fn pre_commit(&self, _: &HookContext<'_>) -> Result<(), HookError> {
        self.open.lock().unwrap().recv()?;
        self.passed.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn post_commit(&self, _: &HookContext<'_>) -> Result<(), HookError> {
        Ok(())
    }
}

/// Waits for a future, as an executor would.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let mut future = std::pin::pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// Not synced to the disk, for speed.
fn quick() -> CheckpointerConfig {
    let write_barrier_timeout = Duration::from_secs(60);
    let writer_config =
        CheckpointWriterConfig { durable: false, write_barrier_timeout, ..CheckpointWriterConfig::default() };
    CheckpointerConfig { writer_config, ..CheckpointerConfig::default() }
}

fn group(name: &str) -> BarrierConfig {
    BarrierConfig::local(&LocalBarrierConfig { group: name.into(), ..LocalBarrierConfig::default() })
}

fn state(value: f32) -> StateDict<'static> {
    let mut state = StateDict::new();
    state.insert("weight", Tensor::from_vec(vec![value; 4], &[2, 2]).unwrap());
    state.insert("optimizer", Value::dict([("lr", 0.1)]));
    state
}

fn weight(state: &StateDict<'_>) -> Vec<f32> {
    state.tensor("weight").unwrap().as_slice::<f32>().unwrap().to_vec()
}

fn none() -> HookArguments {
    HookArguments::new()
}

fn step_of(root: &Path, step: u16) -> std::path::PathBuf {
    root.join(format!("step-{step}"))
}
