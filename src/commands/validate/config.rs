//! `strongroom.toml`: what a project asks of its files.

use std::fmt::Display;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;
use std::{env, fs};

use anyhow::Result;
use clap::ValueEnum;
use globset::Glob;
use strongroom::validate::Level;
use strongroom::{Error, ValidateOptions};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::gate::{Accept, FailOn};
use crate::commands::{duration, size};
use crate::failure::Usage;

/// What the file may say; each is what the option of this name is.
#[derive(Default)]
pub struct Config {
    pub require: Option<Level>,
    pub allow: Vec<String>,
    pub accept: Vec<Accept>,
    pub include: Vec<Glob>,
    pub exclude: Vec<Glob>,
    pub fail_on: Option<FailOn>,
    pub baseline: Option<PathBuf>,
    pub max_memory: Option<usize>,
    pub timeout: Option<Duration>,
}

/// The file that is nearest: in the working directory, or above.
pub fn find() -> Result<Option<PathBuf>> {
    let start = env::current_dir()?;
    Ok(start.ancestors().map(|directory| directory.join(NAME)).find(|path| path.is_file()))
}

impl Config {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(|source| Error::Io {
            path: path.into(),
            action: "read".into(),
            source,
        })?;
        Self::parse(&text).map_err(|Wrong { at, what }| {
            let line = text.bytes().take(at).filter(|&byte| byte == b'\n').count() + 1;
            Usage(format!("{}, line {line}: {what}", path.display())).into()
        })
    }

    fn parse(text: &str) -> Result<Self, Wrong> {
        let table = DeTable::parse(text).map_err(|error| {
            let at = error.span().unwrap_or_default().start;
            Wrong { at, what: error.message().into() }
        })?;
        let mut config = Self::default();
        for (key, value) in table.get_ref() {
            let name = key.get_ref().as_ref();
            let named = |wrong: Wrong| Wrong { what: format!("{name}: {}", wrong.what), ..wrong };
            match name {
                "require" => config.require = Some(one(value, Level::from_str).map_err(named)?),
                "allow" => config.allow = all(value, allow).map_err(named)?,
                "accept" => config.accept = all(value, choice).map_err(named)?,
                "include" => config.include = all(value, Glob::new).map_err(named)?,
                "exclude" => config.exclude = all(value, Glob::new).map_err(named)?,
                "fail-on" => config.fail_on = Some(one(value, choice).map_err(named)?),
                "baseline" => config.baseline = Some(one(value, PathBuf::from_str).map_err(named)?),
                "max-memory" => config.max_memory = Some(one(value, size::parse).map_err(named)?),
                "timeout" => config.timeout = Some(one(value, duration::parse).map_err(named)?),
                _ => {
                    let what = format!("{name:?} is no key: there are {}", KEYS.join(", "));
                    return Err(Wrong { at: key.span().start, what });
                }
            }
        }
        Ok(config)
    }
}

/// What is wrong, and at which byte.
struct Wrong {
    at: usize,
    what: String,
}

impl Wrong {
    fn new(span: Range<usize>, what: impl Display) -> Self {
        Self { at: span.start, what: what.to_string() }
    }
}

type Value<'v> = Spanned<DeValue<'v>>;

/// The value of a key that has one.
fn one<T, E: Display>(value: &Value<'_>, parse: impl Fn(&str) -> Result<T, E>) -> Result<T, Wrong> {
    let found = value.get_ref();
    let text = found.as_str().ok_or_else(|| {
        let what = format!("expected a text in quotes, found one of the type {}", found.type_str());
        Wrong::new(value.span(), what)
    })?;
    parse(text).map_err(|error| Wrong::new(value.span(), error))
}

/// The values of a key that has a list.
fn all<T, E: Display>(value: &Value<'_>, parse: impl Fn(&str) -> Result<T, E>) -> Result<Vec<T>, Wrong> {
    let found = value.get_ref();
    let values = found.as_array().ok_or_else(|| {
        let what = format!("expected a list, as [\"…\"], found one of the type {}", found.type_str());
        Wrong::new(value.span(), what)
    })?;
    values.iter().map(|value| one(value, &parse)).collect()
}

fn allow(name: &str) -> Result<String, Error> {
    let options = ValidateOptions { allow: vec![name.into()], ..ValidateOptions::default() };
    options.check().map(|()| name.into())
}

fn choice<T: ValueEnum>(text: &str) -> Result<T, String> {
    T::from_str(text, false).map_err(|_| {
        let values = T::value_variants().iter().filter_map(T::to_possible_value);
        let names: Vec<String> = values.map(|value| value.get_name().into()).collect();
        format!("{text:?} is none of {}", names.join(", "))
    })
}

const NAME: &str = "strongroom.toml";

const KEYS: [&str; 9] =
    ["require", "allow", "accept", "include", "exclude", "fail-on", "baseline", "max-memory", "timeout"];
