//! `strongroom.toml`: what a project asks of its files.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;
use std::{env, fs};

use anyhow::{Result, bail};
use clap::ValueEnum;
use globset::Glob;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use strongroom::Error;
use strongroom::validate::Level;

use super::gate::{Accept, FailOn};
use crate::commands::{duration, size};
use crate::failure::Usage;

/// What the file may say; each is what the option of this name is.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    #[serde(deserialize_with = "level")]
    pub require: Option<Level>,
    pub allow: Vec<String>,
    #[serde(deserialize_with = "accept")]
    pub accept: Vec<Accept>,
    #[serde(deserialize_with = "globs")]
    pub include: Vec<Glob>,
    #[serde(deserialize_with = "globs")]
    pub exclude: Vec<Glob>,
    #[serde(deserialize_with = "fail_on")]
    pub fail_on: Option<FailOn>,
    #[serde(deserialize_with = "memory")]
    pub max_memory: Option<usize>,
    #[serde(deserialize_with = "timeout")]
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
        match toml::from_str(&text) {
            Ok(config) => Ok(config),
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                let line = text.bytes().take(at).filter(|&byte| byte == b'\n').count() + 1;
                bail!(Usage(format!("{}, line {line}: {}", path.display(), error.message())))
            }
        }
    }
}

fn level<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Level>, D::Error> {
    parse(deserializer, Level::from_str).map(Some)
}

fn fail_on<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<FailOn>, D::Error> {
    parse(deserializer, |text| choice::<FailOn>("fail-on", text)).map(Some)
}

fn memory<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    parse(deserializer, size::parse).map(Some)
}

fn timeout<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    parse(deserializer, duration::parse).map(Some)
}

fn accept<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Accept>, D::Error> {
    parse_all(deserializer, |text| choice("accept", text))
}

fn globs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Glob>, D::Error> {
    parse_all(deserializer, Glob::new)
}

fn choice<T: ValueEnum>(key: &str, text: &str) -> Result<T, String> {
    T::from_str(text, false).map_err(|_| format!("{text:?} is nothing for {key}"))
}

fn parse<'de, D, T, E>(deserializer: D, parse: impl Fn(&str) -> Result<T, E>) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    E: Display,
{
    parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

fn parse_all<'de, D, T, E>(deserializer: D, parse: impl Fn(&str) -> Result<T, E>) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    E: Display,
{
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| parse(text).map_err(D::Error::custom)).collect()
}

const NAME: &str = "strongroom.toml";
