//! strace's command line.

use std::path::Path;
use std::process::Command;

use super::CALLS;
use super::point::Trigger;

/// What strace does to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disturbance {
    /// The process is killed before the call has an effect.
    Kill,
    /// The call does nothing and answers an error, such as `ENOSPC`.
    Error(&'static str),
    /// This call and all later ones of its name, in each thread.
    Errors(&'static str),
    /// The process is stopped when the call is done.
    Stop,
    /// The thread is held before the call, for half a second.
    Hold,
}

/// The command under strace, which writes to `log`.
pub fn traced(command: &Command, log: &Path, disturbed: Option<(&Trigger, Disturbance)>) -> Command {
    let mut strace = strace(log, disturbed);
    for (name, value) in command.get_envs() {
        // For the program, not for strace itself.
        let [name, value] = [Some(name), value].map(|text| text.unwrap_or_default().to_string_lossy());
        strace.arg("-E").arg(format!("{name}={value}"));
    }
    strace.arg("--").arg(command.get_program()).args(command.get_args());
    strace
}

/// strace on a process that runs already.
pub fn attached(process: u32, log: &Path, disturbed: Option<(&Trigger, Disturbance)>) -> Command {
    let mut strace = strace(log, disturbed);
    strace.args(["-p", &process.to_string()]);
    strace
}

fn strace(log: &Path, disturbed: Option<(&Trigger, Disturbance)>) -> Command {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-y", "-s", "0", "-o"]).arg(log).arg("-e").arg(format!("trace={}", CALLS.join(",")));
    if let Some((Trigger { name, ordinal, .. }, disturbance)) = disturbed {
        let stays = matches!(disturbance, Disturbance::Errors(_));
        let disturbance = match disturbance {
            Disturbance::Kill => "signal=KILL".into(),
            Disturbance::Stop => "signal=STOP".into(),
            Disturbance::Hold => "delay_enter=500000".into(),
            Disturbance::Error(error) | Disturbance::Errors(error) => format!("error={error}"),
        };
        let on = if stays { "+" } else { "" };
        strace.arg("-e").arg(format!("inject={name}:{disturbance}:when={ordinal}{on}"));
    }
    strace
}
