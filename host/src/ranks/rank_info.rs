use std::env;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Which of the ranks of a run this one is.
///
/// ```
/// use strongroom::RankInfo;
///
/// # fn main() -> strongroom::Result<()> {
/// let second_of_four = RankInfo::new(1, 4)?;
/// assert_eq!(second_of_four.global_rank, 1);
/// assert!(RankInfo::new(4, 4).is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RankInfo {
    /// This rank, from 0.
    pub global_rank: usize,
    /// How many ranks there are, at least 1.
    pub global_world_size: usize,
}

/// What launchers call the rank, the world size, and what must be there besides
/// for the two to be meant for this process.
///
/// Slurm sets the first two in a batch script as well, which is one process
/// whatever they say: only `srun` sets a step.
const LAUNCHERS: [(&str, &str, Option<&str>); 4] = [
    ("RANK", "WORLD_SIZE", None),
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", None),
    ("PMI_RANK", "PMI_SIZE", None),
    ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS", Some("SLURM_STEP_ID")),
];

impl RankInfo {
    /// More ranks than any run has, and as many as a checkpoint may be of. A size beyond that
    /// is a mistake, of which nothing is made.
    pub const MOST: usize = 1 << 20;

    /// A rank of a world. An error if the world does not have it, or is too large.
    pub fn new(global_rank: usize, global_world_size: usize) -> Result<Self> {
        let rank_info = Self { global_rank, global_world_size };
        rank_info.check().map(|()| rank_info)
    }

    /// An error if the world does not have this rank, or is too large: the fields may have
    /// been set to anything.
    pub fn check(self) -> Result<()> {
        let Self { global_rank, global_world_size } = self;
        if global_world_size > Self::MOST {
            let most = Self::MOST;
            return Err(Error::Value(format!(
                "a world has at most {most} ranks, and not {global_world_size}"
            )));
        }
        if global_rank < global_world_size {
            return Ok(());
        }
        Err(Error::Value(format!(
            "rank {global_rank} does not exist in a world of {global_world_size}: ranks count from 0"
        )))
    }

    /// The one rank of a world of one.
    pub fn single() -> Self {
        Self { global_rank: 0, global_world_size: 1 }
    }

    /// What the launcher of this process says: torchrun (`RANK`, `WORLD_SIZE`),
    /// Open MPI (`OMPI_COMM_WORLD_RANK`, `_SIZE`), PMI, as in MPICH (`PMI_RANK`,
    /// `PMI_SIZE`), or Slurm's `srun` (`SLURM_PROCID`, `SLURM_STEP_NUM_TASKS`), in
    /// this order. Without any of them, a world of one.
    ///
    /// An error if a launcher's rank is set without its world size, or the other
    /// way round, or if they are no numbers that fit together.
    pub fn from_env() -> Result<Self> {
        Self::from_vars(|name| env::var(name).ok())
    }

    /// The same from variables of one's own.
    pub fn from_vars(var: impl Fn(&str) -> Option<String>) -> Result<Self> {
        for (rank_name, size_name, required) in LAUNCHERS {
            if required.is_some_and(|name| var(name).is_none()) {
                continue;
            }
            let number = |name: &str, value: String| {
                value.trim().parse::<usize>().map_err(|_| {
                    Error::Value(format!("the environment's {name} should be a number, and is {value:?}"))
                })
            };
            let missing = |there: &str, missing: &str| {
                Err(Error::Value(format!(
                    "the environment has {there} but no {missing}: both or none are set"
                )))
            };
            match (var(rank_name), var(size_name)) {
                (None, None) => {}
                (Some(_), None) => return missing(rank_name, size_name),
                (None, Some(_)) => return missing(size_name, rank_name),
                (Some(rank), Some(size)) => {
                    return Self::new(number(rank_name, rank)?, number(size_name, size)?);
                }
            }
        }
        Ok(Self::single())
    }
}

impl Default for RankInfo {
    fn default() -> Self {
        Self::single()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(vars: &[(&str, &str)]) -> Result<RankInfo> {
        RankInfo::from_vars(|name| {
            vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn each_launcher_is_understood() {
        for (rank, size, required) in LAUNCHERS {
            let mut vars = vec![(rank, "2"), (size, "8")];
            vars.extend(required.map(|name| (name, "0")));
            assert_eq!(of(&vars).unwrap(), RankInfo { global_rank: 2, global_world_size: 8 }, "{rank}");
        }
    }

    #[test]
    fn torchrun_wins_over_the_launcher_that_launched_it() {
        let vars = [
            ("SLURM_PROCID", "0"),
            ("SLURM_STEP_NUM_TASKS", "2"),
            ("SLURM_STEP_ID", "1"),
            ("RANK", "5"),
            ("WORLD_SIZE", "16"),
        ];
        assert_eq!(of(&vars).unwrap().global_rank, 5);
    }

    #[test]
    fn a_batch_script_of_slurm_is_a_world_of_one() {
        assert_eq!(of(&[("SLURM_PROCID", "0"), ("SLURM_NTASKS", "4")]).unwrap(), RankInfo::single());
        assert_eq!(of(&[]).unwrap(), RankInfo::single());
    }

    #[test]
    fn half_a_pair_and_nonsense_are_errors() {
        let message = |vars: &[(&str, &str)]| of(vars).unwrap_err().to_string();
        assert_eq!(
            message(&[("RANK", "1")]),
            "the environment has RANK but no WORLD_SIZE: both or none are set"
        );
        assert_eq!(
            message(&[("RANK", "one"), ("WORLD_SIZE", "2")]),
            "the environment's RANK should be a number, and is \"one\""
        );
        assert_eq!(
            message(&[("RANK", "2"), ("WORLD_SIZE", "2")]),
            "rank 2 does not exist in a world of 2: ranks count from 0"
        );
        assert_eq!(
            message(&[("RANK", "0"), ("WORLD_SIZE", "18446744073709551615")]),
            "a world has at most 1048576 ranks, and not 18446744073709551615"
        );
        assert!(of(&[("RANK", "0"), ("WORLD_SIZE", "1048576")]).is_ok());
    }
}
