//! How the ranks agree on one save.

use std::io;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::CheckpointWriter;
use super::agree::{Terms, all_alike};
use crate::checkpoint::hook::HookArguments;
use crate::checkpoint::{FileRecord, contents, rank_file, rank_record};
use crate::file::protected::Sources;
use crate::payload::checksum::crc32;
use crate::ranks::barrier::{Barrier, Left, Rounds};
use crate::store::Stage;
use crate::{Error, RankInfo, Result};

/// One save of one rank.
pub(super) struct Save<'s> {
    pub(super) path: &'s Path,
    /// The name of what it makes, which `.` has, too: that of a link is of what it leads to.
    name: String,
    pub(super) arguments: &'s HookArguments,
    pub(super) rank: RankInfo,
    barrier: &'s dyn Barrier,
    timeout: Duration,
    rounds: &'s Rounds,
    pub(super) number: u64,
    /// What this rank reads what it saves from.
    pub(super) reading: Sources,
}

impl<'s> Save<'s> {
    pub(super) fn new(writer: &'s CheckpointWriter, path: &'s Path, arguments: &'s HookArguments) -> Self {
        let barrier = &*writer.barrier;
        let (timeout, rounds) = (writer.config.write_barrier_timeout, &*writer.saves);
        let place = writer.store.real(path).unwrap_or_else(|_| path.into());
        let mut save = Self {
            path,
            name: place.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            arguments,
            rank: barrier.rank_info(),
            barrier,
            timeout,
            rounds,
            number: 0,
            reading: Sources::default(),
        };
        save.number = rounds.begin_with(|number| save.left(number));
        save
    }

    /// What another rank has left of a save: rank 0, who is at each of them, or for that
    /// one the next.
    fn left(&self, number: u64) -> Left {
        let other = usize::from(self.rank.global_rank == 0);
        if other >= self.rank.global_world_size {
            return Left::Nothing;
        }
        let said = |topic: String| self.barrier.collect(&topic, &[other], Duration::ZERO).ok()?.pop();
        let Some(vote) = said(written(number)) else { return Left::Nothing };
        let vote = serde_json::from_slice::<Vote>(&vote).ok();
        let same = vote.as_ref().is_none_or(|vote| vote.name == self.name);
        let withdrawn = |vote: &Vote| matches!(vote.failure, Some(Failure::Withdrawn(_)));
        let over = match other {
            0 => said(committed(number)).is_some(),
            _ => vote.as_ref().is_some_and(withdrawn),
        };
        match (over, same) {
            (false, _) => Left::Open,
            (true, true) => Left::Over,
            (true, false) => Left::Other,
        }
    }

    /// Tells the others what this rank has written; returns what seals the files of all,
    /// when all have done well and mean the same.
    pub(super) fn together(&self, statement: Statement) -> Result<Vec<RankSeal>> {
        let topic = written(self.number);
        self.tell(&topic, Ok(Some(statement)))?;
        let votes = self.votes().inspect_err(|error| {
            // What this rank said must not count any more: the next save may be under way
            // here when the last of the others comes to this one. Rank 0 says so itself.
            if self.rank.global_rank != 0 {
                let _ = self.announce(&topic, None, Some(Failure::Withdrawn(short(error))));
            }
        })?;
        let statements = self.hear(&self.all(), votes)?;
        let statements: Vec<Statement> = statements.into_iter().flatten().collect();
        let terms = statements.iter().map(|Statement { terms, source, .. }| (terms, source.as_deref()));
        all_alike(&terms.collect::<Vec<_>>())?;
        if statements.len() != self.rank.global_world_size {
            return Err(Error::Remote("a rank did not say what it has written".into()));
        }
        Ok(statements.into_iter().map(|statement| statement.seal).collect())
    }

    /// What all ranks say of their part.
    fn votes(&self) -> Result<Vec<Vec<u8>>> {
        let votes = self.barrier.collect(&written(self.number), &self.all(), self.timeout)?;
        self.rounds.all_came_to(self.number, |past| {
            self.barrier.forget(&written(past)).and_then(|()| self.barrier.forget(&committed(past)))
        });
        Ok(votes)
    }

    /// Tells the others that this rank failed, so that nobody waits for it and all
    /// know why.
    pub(super) fn give_up<T>(&self, error: Error) -> Result<T> {
        let topic = written(self.number);
        let told = self.tell(&topic, Err(&error));
        if self.rank.global_rank == 0 && told.is_ok() {
            // What is staged is removed next: not while others still write into it.
            let _ = self.votes();
        }
        Err(error)
    }

    fn all(&self) -> Vec<usize> {
        (0..self.rank.global_world_size).collect()
    }

    /// Has rank 0 commit, and tells all how it went.
    pub(super) fn share_commit(&self, commit: impl FnOnce() -> Result<()>) -> Result<()> {
        let topic = committed(self.number);
        if self.rank.global_rank != 0 {
            let unheard = |source| Error::Unheard { path: self.path.into(), source: Box::new(source) };
            let votes = self.barrier.collect(&topic, &[0], self.timeout).map_err(unheard)?;
            return self.hear(&[0], votes).map(drop);
        }
        let done = commit();
        // A rank that does not hear of it fails; the checkpoint is what it is.
        let told = self.tell(&topic, done.as_ref().map(|()| None));
        let committed = |source| Error::Committed { path: self.path.into(), source: Box::new(source) };
        done.and(told.map_err(committed))
    }

    /// Tells those who may wait for the commit that there is none.
    pub(super) fn call_off(&self, error: &Error) {
        // Those who cannot be told find out by themselves.
        let _ = self.tell(&committed(self.number), Err(error));
    }

    fn tell(&self, topic: &str, how: std::result::Result<Option<Statement>, &Error>) -> Result<()> {
        let (statement, failure) = match how {
            Ok(statement) => (statement, None),
            Err(error @ Error::GaveUp(_)) => (None, Some(Failure::GaveUp(short(error)))),
            Err(error) => (None, Some(Failure::Failed(short(error)))),
        };
        self.announce(topic, statement, failure)
    }

    fn announce(&self, topic: &str, statement: Option<Statement>, failure: Option<Failure>) -> Result<()> {
        let vote = Vote { name: self.name.clone(), statement, failure };
        let vote = serde_json::to_vec(&vote).map_err(|error| Error::Value(error.to_string()))?;
        self.barrier.announce(topic, &vote)
    }

    fn hear(&self, from: &[usize], votes: Vec<Vec<u8>>) -> Result<Vec<Option<Statement>>> {
        let heard = from.iter().zip(votes).map(|(&rank, vote)| {
            let of_rank = |source| Error::Rank { rank, source: Box::new(source) };
            let vote: Vote = serde_json::from_slice(&vote)
                .map_err(|error| of_rank(Error::Remote(format!("it is of another version: {error}"))))?;
            match vote.failure {
                Some(Failure::Failed(reason) | Failure::Withdrawn(reason)) => {
                    Err(of_rank(Error::Remote(reason)))
                }
                Some(Failure::GaveUp(reason)) => Err(of_rank(Error::GaveUp(reason))),
                None if vote.name != self.name => Err(of_rank(Error::Remote(format!(
                    "it saves {}, and this rank {}: all ranks save the same checkpoints in the same order",
                    vote.name, self.name
                )))),
                None => Ok(vote.statement),
            }
        });
        heard.collect()
    }
}

/// What a rank tells the others of its part.
#[derive(Debug, Serialize, Deserialize)]
struct Vote {
    /// The name of the checkpoint's directory. Its path may be another on another
    /// machine.
    name: String,
    /// What it has written, if that is what it tells of.
    statement: Option<Statement>,
    failure: Option<Failure>,
}

/// What a rank says of its part.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Statement {
    /// What it saves, and how.
    pub(super) terms: Terms,
    /// The file that it reads a state dict from which all ranks share.
    pub(super) source: Option<String>,
    /// What seals its files.
    pub(super) seal: RankSeal,
}

/// What the commit record says of a rank's files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RankSeal {
    /// The checkpoint's directory as this rank sees it: its absolute path.
    pub(super) directory: String,
    /// Bytes of its file.
    pub(super) length: u64,
    /// Bytes of its record.
    pub(super) record_length: u64,
    /// CRC-32 of its record.
    pub(super) record_crc32: u32,
    /// The digest of its record, if there are digests.
    pub(super) record_digest: Option<String>,
}

impl RankSeal {
    /// What the directory is, which is not that of `own`.
    fn beside(&self, own: &Self) -> String {
        match self.directory == own.directory {
            true => "another of that path, as on another machine".into(),
            false => self.directory.clone(),
        }
    }

    /// The record that it seals, once that and the rank's file are in the stage, where rank
    /// 0 has `own`.
    pub(super) fn record(&self, stage: &dyn Stage, rank: usize, own: &Self) -> Result<FileRecord> {
        let file = stage.open(&rank_file(rank)).map_err(|error| match error {
            // It says that it has written it.
            Error::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => Error::Disagree {
                what: "the directory that they save in".into(),
                sides: vec![(own.directory.clone(), vec![0]), (self.beside(own), vec![rank])],
                shared: false,
            },
            error => error,
        })?;
        if file.length() != self.length {
            let reason = format!("expected {} bytes, found {}", self.length, file.length());
            return Err(Error::checkpoint(file.path(), reason));
        }
        let source = stage.open(&rank_record(rank))?;
        let bytes = contents(&*source)?;
        if (bytes.len() as u64, crc32(&bytes)) != (self.record_length, self.record_crc32) {
            return Err(Error::checkpoint(source.path(), "it is not the record that its rank wrote"));
        }
        FileRecord::parse(source.path(), &bytes)
    }
}

/// Why a rank's part is not there.
#[derive(Debug, Serialize, Deserialize)]
enum Failure {
    /// Its text.
    Failed(String),
    /// An earlier one.
    GaveUp(String),
    /// It did well, and then others did not come.
    Withdrawn(String),
}

/// What the other ranks are told of an error.
fn short(error: &Error) -> String {
    let text = match error {
        Error::GaveUp(reason) => reason.clone(),
        error => error.to_string(),
    };
    text.chars().take(LONGEST_REASON).collect()
}

fn written(number: u64) -> String {
    format!("save/{number}/written")
}

fn committed(number: u64) -> String {
    format!("save/{number}/committed")
}

/// Characters of an error that go to the other ranks.
const LONGEST_REASON: usize = 4096;
