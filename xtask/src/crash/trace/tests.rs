use std::path::Path;

use super::log::parse;
use super::point::trigger;
use super::*;

const LOG: &str = r#"10  mkdir("/cache", 0777) = -1 EEXIST (File exists)
10  clone3({flags=CLONE_VM|CLONE_THREAD, exit_signal=0} <unfinished ...>
11  openat(AT_FDCWD</cwd>, "/run/.step-1.10-0.staging/.a = b.pt.10-7.partial", O_WRONLY|O_CREAT, 0666 <unfinished ...>
10  <... clone3 resumed> => {parent_tid=[11]}, 88) = 11
10  mkdir("/run/.step-1.10-0.staging", 0777) = 0
11  <... openat resumed>)             = 3</run/.step-1.10-0.staging/.a = b.pt.10-7.partial>
11  pwrite64(3</run/.step-1.10-0.staging/.a = b.pt.10-7.partial>, ""..., 9, 0) = 9
11  pwrite64(3</run/.step-1.10-0.staging/.a = b.pt.10-7.partial>, ""..., 9, 9) = -1 EIO (Input/output error) (INJECTED)
10  clone3({flags=CLONE_VM|CLONE_VFORK, exit_signal=SIGCHLD}, 88) = 12
12  pwrite64(1<pipe:[7]>, ""..., 1)         = 1
12  unlinkat(5</run/.step-0.ff00a7c309177745.removed>, "a.pt", 0) = 0
10  --- SIGSTOP {si_signo=SIGSTOP, si_code=SI_KERNEL} ---
10  --- stopped by SIGSTOP ---
10  openat(AT_FDCWD</cwd>, "/run", O_RDONLY|O_CLOEXEC) = 5</run>
10  fsync(5</run>)                    = ?
11  +++ killed by SIGKILL +++
"#;

fn points() -> Vec<(Call, Point)> {
    let calls = parse(LOG);
    let points = super::points(&calls, Path::new("/run"));
    points.into_iter().map(|(call, point)| (call.clone(), point)).collect()
}

#[test]
fn a_call_is_one_whether_or_not_another_came_between() {
    let calls = parse(LOG);
    let results: Vec<_> =
        calls.iter().filter(|call| call.name == "openat").map(|call| &*call.result).collect();
    assert_eq!(results, ["3</run/.step-1.10-0.staging/.a = b.pt.10-7.partial>", "5</run>"]);
    assert!(calls.iter().all(|call| !call.arguments.ends_with(')') && call.name != "+++"), "{calls:?}");
}

#[test]
fn a_point_says_what_it_does_in_the_same_words_each_time() {
    let whats: Vec<_> = points().into_iter().map(|(_, point)| point.what).collect();
    let expected = [
        "openat .step-1.*.staging/.a = b.pt.*.partial",
        "mkdir .step-1.*.staging",
        "pwrite64 .step-1.*.staging/.a = b.pt.*.partial",
        "pwrite64 .step-1.*.staging/.a = b.pt.*.partial (no. 2)",
        "unlinkat .step-0.*.removed/a.pt",
        "openat .",
        "fsync .",
    ];
    assert_eq!(whats, expected);
    let (_, second) = &points()[3];
    assert_eq!((second.name(), second.count()), ("pwrite64", 2));
    let (_, first) = &points()[1];
    assert_eq!((first.path(), first.count()), (".step-1.*.staging", 1));
}

#[test]
fn threads_are_of_the_process_that_started_them() {
    let processes: Vec<_> = points().into_iter().map(|(call, _)| (call.thread, call.process)).collect();
    assert_eq!(processes, [(11, 10), (10, 10), (11, 10), (11, 10), (12, 12), (10, 10), (10, 10)]);
}

#[test]
fn what_happened_to_a_call_is_in_its_result() {
    let points = points();
    let injected = points.iter().filter(|(call, _)| call.is_injected()).map(|(_, point)| point.count());
    assert_eq!(injected.collect::<Vec<_>>(), [2]);
    let last: Vec<_> =
        points.iter().filter(|(call, _)| call.is_last()).map(|(_, point)| &*point.what).collect();
    assert_eq!(last, ["fsync ."]);
    let changing = points.iter().filter(|(call, _)| call.changes()).count();
    assert_eq!(changing, points.len() - 1, "an open file that is read is not changed");
}

#[test]
fn a_trigger_is_the_number_of_a_call_in_its_thread() {
    let call = |thread, name: &str, ordinal| Call {
        thread,
        process: 1,
        name: name.into(),
        arguments: "\"/run/a\"".into(),
        result: "0".into(),
        ordinal,
    };
    let calls = [
        call(1, "write", 1),
        call(2, "fsync", 1),
        call(2, "write", 1),
        call(1, "write", 2),
        call(3, "write", 1),
    ];
    let trigger = |index| {
        let trigger = trigger(&calls, index, "/run");
        trigger.map(|trigger| (trigger.name, trigger.ordinal, trigger.before))
    };
    assert_eq!(trigger(3), Some(("write".into(), 2, None)));
    // Thread 1 comes first to its own: the one before it is taken.
    assert_eq!(trigger(2), Some(("fsync".into(), 1, Some("fsync a".into()))));
    // And of a thread's first call there is none before.
    assert_eq!(trigger(4), None);
}

#[test]
fn a_point_may_be_one_of_the_directories_above() {
    let log = r#"10  fsync(5</a/b/run>) = 0
10  fsync(5</a/b>) = 0
10  fsync(5</a>) = 0
10  fsync(5</>) = 0
10  fsync(5</a/b/runs>) = 0
"#;
    let (calls, root) = (parse(log), Path::new("/a/b/run"));
    let points = super::points(&calls, root);
    let whats: Vec<_> = points.iter().map(|(_, point)| &*point.what).collect();
    assert_eq!(whats, ["fsync .", "fsync ..", "fsync ../.."]);
    let paths: Vec<_> = points.iter().map(|(_, point)| point.path_from(root)).collect();
    assert_eq!(paths, [root, Path::new("/a/b"), Path::new("/a")]);
}
