//! Ctrl-C and its like: what is under way is taken along.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;
use signal_hook::iterator::Signals;
use strongroom::store::Local;

use crate::output::{Printable, note};

static CAUGHT: AtomicBool = AtomicBool::new(false);

/// What is to be known when a signal ends this process.
static LAST_WORDS: Mutex<Option<Words>> = Mutex::new(None);

type Words = Box<dyn FnOnce() -> Vec<String> + Send>;

/// What is true of a command's work when a signal ends it before that has come to its place.
static UNFINISHED: Mutex<Option<String>> = Mutex::new(None);

/// From now on a signal that ends this process has it remove first what it has not
/// finished. The exit code is then that of shells: 128 and the signal's number.
pub fn watch() -> io::Result<()> {
    // A file beyond what the user allows is an error like that of a full disk.
    flag::register(SIGXFSZ, Arc::default())?;
    let ignored = ignored();
    let heard: Vec<i32> = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| !ignored(*signal)).collect();
    for &signal in &heard {
        // Who asks twice does not wait. The order counts: the first sets the flag for the
        // second.
        let again = Arc::new(AtomicBool::new(false));
        flag::register_conditional_shutdown(signal, code(signal), again.clone())?;
        flag::register(signal, again)?;
    }
    let mut signals = Signals::new(&heard)?;
    let wait = move || {
        if let Some(signal) = signals.forever().next() {
            CAUGHT.store(true, Ordering::SeqCst);
            let nothing = Local::abandon();
            let words = LAST_WORDS.lock().ok().and_then(|mut words| words.take());
            let words = words.into_iter().flat_map(|words| words()).collect();
            let unfinished = UNFINISHED.lock().ok().and_then(|mut unfinished| unfinished.take());
            say(words, unfinished.filter(|_| nothing));
            process::exit(code(signal));
        }
    };
    thread::Builder::new().name("strongroom-signals".into()).spawn(wait)?;
    Ok(())
}

/// Has a signal that ends this process say something first, which is asked for when all is removed
/// that this process has not finished.
pub fn say_first(words: impl FnOnce() -> Vec<String> + Send + 'static) {
    if let Ok(mut said) = LAST_WORDS.lock() {
        *said = Some(Box::new(words));
    }
}

/// Has a signal that ends this process say what has become of its work, if nothing of that has
/// come to its place.
pub fn say_unfinished(what: impl Into<String>) {
    if let Ok(mut said) = UNFINISHED.lock() {
        *said = Some(what.into());
    }
}

/// The last words of this process. Where nobody takes them, as from a pipe that is full, it ends
/// without them.
fn say(words: Vec<String>, unfinished: Option<String>) {
    let (done, said) = mpsc::channel();
    let say = move || {
        let mut errors = io::stderr();
        // Behind the `^C`, or the bar.
        let line = if errors.is_terminal() { "\n" } else { "" };
        let unfinished = unfinished.map(|what| format!("; {}", Printable(&what))).unwrap_or_default();
        let _ = errors.write_all(format!("{line}strongroom: interrupted{unfinished}\n").as_bytes());
        words.iter().for_each(|words| note(words));
        let _ = done.send(());
    };
    if thread::Builder::new().name("strongroom-last-words".into()).spawn(say).is_ok() {
        let _ = said.recv_timeout(PATIENCE);
    }
}

/// Returns if no signal came. Else the process ends by that, whatever came of its work.
pub fn unless_caught() {
    while CAUGHT.load(Ordering::SeqCst) {
        thread::park();
    }
}

fn code(signal: i32) -> i32 {
    128 + signal
}

/// Which signals this process was started to ignore, as `nohup` has it do, and shells for
/// what they run in the background.
fn ignored() -> impl Fn(i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    move |signal| mask & (1 << (signal - 1)) != 0
}

/// How long who reads stderr may take.
const PATIENCE: Duration = Duration::from_secs(1);
