//! The log of `strace -f -y -xx`, line by line.

use std::collections::HashMap;

use anyhow::{Context, Result, bail, ensure};

/// What happened, in the order it was complete.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    Call(Call),
    Exit { process: u32, code: i32 },
}

/// A system call that succeeded.
#[derive(Debug, PartialEq, Eq)]
pub struct Call {
    pub process: u32,
    pub name: String,
    /// As they are printed.
    pub arguments: Vec<String>,
    pub result: String,
    /// How many events were complete when it began.
    pub began: usize,
}

/// All calls that succeeded and all exits.
pub fn parse(log: &str) -> Result<Vec<Event>> {
    let mut events = Vec::new();
    let mut unfinished: HashMap<u32, (String, usize)> = HashMap::new();
    for line in log.lines() {
        let (process, text) = line.split_once(' ').context("a line without a process")?;
        let (process, text) = (process.parse()?, text.trim_start());
        if let Some(exit) = text.strip_prefix("+++ exited with ") {
            let code = exit.trim_end_matches(" +++").parse()?;
            events.push(Event::Exit { process, code });
        } else if text.starts_with("+++") || text.starts_with("---") {
            continue;
        } else if let Some(head) = text.strip_suffix(" <unfinished ...>") {
            unfinished.insert(process, (head.into(), events.len()));
        } else if text.starts_with("<... ") {
            let (_, tail) = text.split_once(" resumed>").context("a call that resumes without its name")?;
            let (head, began) = unfinished.remove(&process).context("a call that resumes but never began")?;
            events.extend(call(process, &(head + tail), began)?.map(Event::Call));
        } else {
            events.extend(call(process, text, events.len())?.map(Event::Call));
        }
    }
    Ok(events)
}

impl Call {
    pub fn argument(&self, index: usize) -> Result<&str> {
        let argument = self.arguments.get(index).map(String::as_str);
        argument.with_context(|| format!("{} without argument {index}", self.name))
    }

    pub fn number(&self, index: usize) -> Result<usize> {
        let argument = self.argument(index)?;
        argument.parse().with_context(|| format!("{argument} in {} is no number", self.name))
    }

    /// Bytes that the call did write, and the like.
    pub fn returned(&self) -> Result<usize> {
        self.result.parse().with_context(|| format!("{} is no number", self.result))
    }

    pub fn text(&self, index: usize) -> Result<String> {
        Ok(String::from_utf8(self.bytes(index)?)?)
    }

    /// The bytes of a string in quotes, each as `\x2f`.
    pub fn bytes(&self, index: usize) -> Result<Vec<u8>> {
        let argument = self.argument(index)?;
        let quoted = argument.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        bytes(quoted.with_context(|| format!("{} in {} is no whole string", start(argument), self.name))?)
    }

    /// The path of a file descriptor, `None` of one whose file has no name any more.
    pub fn path(&self, index: usize) -> Result<Option<String>> {
        let descriptor = self.argument(index)?;
        let (_, path) =
            descriptor.split_once('<').with_context(|| format!("{descriptor} is without its path"))?;
        path.strip_suffix('>').map(|path| Ok(String::from_utf8(bytes(path)?)?)).transpose()
    }
}

fn call(process: u32, text: &str, began: usize) -> Result<Option<Call>> {
    let (head, result) = text.rsplit_once(" = ").with_context(|| format!("no result in {}", start(text)))?;
    if result.starts_with('-') || result.starts_with('?') {
        return Ok(None);
    }
    let (name, arguments) = head.split_once('(').with_context(|| format!("no call in {}", start(text)))?;
    let arguments = arguments.trim_end().strip_suffix(')').context("a call without an end")?;
    let (name, result) = (name.into(), result.into());
    Ok(Some(Call { process, name, arguments: split(arguments), result, began }))
}

/// At the commas outside of brackets. Strings hold none: each of their bytes is in hex.
fn split(arguments: &str) -> Vec<String> {
    let (mut parts, mut depth) = (vec![String::new()], 0);
    for character in arguments.chars() {
        match character {
            '[' | '{' => depth += 1,
            ']' | '}' => depth -= 1,
            _ => {}
        }
        match parts.last_mut() {
            _ if character == ',' && depth == 0 => parts.push(String::new()),
            Some(part) => part.push(character),
            None => {}
        }
    }
    parts.iter().map(|part| part.trim().to_owned()).collect()
}

fn bytes(hex: &str) -> Result<Vec<u8>> {
    let digits = hex.as_bytes().chunks(4).map(|byte| match byte {
        [b'\\', b'x', high, low] => Ok(digit(*high)? << 4 | digit(*low)?),
        _ => bail!("{} is not in hex", start(hex)),
    });
    digits.collect()
}

fn digit(digit: u8) -> Result<u8> {
    ensure!(digit.is_ascii_hexdigit(), "{digit} is no digit of hex");
    Ok(if digit.is_ascii_digit() { digit - b'0' } else { digit.to_ascii_lowercase() - b'a' + 10 })
}

/// Enough to recognise it.
fn start(text: &str) -> String {
    text.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_in_the_order_they_completed_and_know_when_they_began() {
        let log = r#"7 mkdir("\x2f\x61", 0777) = 0
8 fsync(5<\x2f\x61> <unfinished ...>
7 pwrite64(6<\x2f\x62>, "\x00\xff", 2, 10) = 2
7 mkdir("\x2f\x61", 0777) = -1 EEXIST (File exists)
8 <... fsync resumed>)              = 0
7 --- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED} ---
7 openat(AT_FDCWD<\x2f>, "\x2f\x63", O_WRONLY|O_CREAT, 0666) = 3<\x2f\x63>
7 +++ exited with 0 +++
"#;
        let events = parse(log).unwrap();
        let [Event::Call(mkdir), Event::Call(write), Event::Call(fsync), Event::Call(open), exit] =
            &events[..]
        else {
            panic!("{events:?}")
        };
        assert_eq!((mkdir.text(0).unwrap(), mkdir.began), ("/a".into(), 0));
        assert_eq!(write.bytes(1).unwrap(), [0, 255]);
        assert_eq!((write.returned().unwrap(), write.number(3).unwrap()), (2, 10));
        assert_eq!((fsync.path(0).unwrap(), fsync.began, fsync.process), (Some("/a".into()), 1, 8));
        assert_eq!((open.text(1).unwrap(), &*open.result), ("/c".into(), r"3<\x2f\x63>"));
        assert_eq!(*exit, Event::Exit { process: 7, code: 0 });
    }

    #[test]
    fn a_string_that_was_cut_is_an_error() {
        let log = r#"7 pwrite64(6<\x2f\x62>, "\x00"..., 2, 10) = 2"#;
        let Event::Call(write) = &parse(log).unwrap()[0] else { panic!() };
        assert!(write.bytes(1).unwrap_err().to_string().contains("is no whole string"));
    }
}
