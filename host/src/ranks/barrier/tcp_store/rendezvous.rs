//! Joining a barrier on a store that outlives its ranks.
//!
//! On such a store lies what ranks left that died, gave up, or are from a run before.
//! None of it may count, so ranks meet in a session that never was. Rank 0 offers one;
//! the others answer by taking their places in it; when all have, rank 0 calls them, and
//! seals it when all say that they are here: a place may be that of a rank that died
//! since. Nobody is in it before. Who is late, or comes again, waits for the next offer.
//! Keys of one session are under its name, so none is ever taken for one of another.

use std::thread;
use std::time::{Duration, Instant};

use super::client::Client;
use super::join::{Joined, Joining};
use super::keys::Keys;
use super::liveness::{Beat, Vigil, interval, signs};
use super::session::{Member, Session, is_id};
use crate::Result;
use crate::ranks::barrier::{Waiting, Watch, worlds_differ};

/// Sessions on a store of which what is left is kept: somebody slow may have yet to read it.
const KEPT: usize = 4;

/// Between two looks at an offer that is of no use.
const PAUSE: Duration = Duration::from_millis(100);

/// An offer that a rank has taken a place in.
enum Answered {
    Sealed,
    /// Nobody will come to it any more.
    Void,
}

impl Joining {
    /// Meets the other ranks on a store that is there already.
    pub(super) fn meet(&self) -> Result<Joined> {
        let answering = Waiting { ranks: vec![], place: self.store.address.clone(), server: true };
        let watch = self.on_wait.watch(answering);
        let client = self.connect()?;
        drop(watch);
        let others = self.others();
        let watch = self.on_wait.watch(Waiting {
            ranks: if self.rank_info.global_rank == 0 { others } else { vec![0] },
            place: self.store.address.clone(),
            server: false,
        });
        if self.rank_info.global_rank == 0 { self.lead(client, &watch) } else { self.follow(client, &watch) }
    }

    fn others(&self) -> Vec<usize> {
        (1..self.rank_info.global_world_size).collect()
    }

    /// Meets the others as rank 0.
    fn lead(&self, mut client: Client, watch: &Watch) -> Result<Joined> {
        let session = Session::new(self.rank_info);
        let keys = Keys::among_others(&self.meeting.prefix, &session.id);
        let lost = |error| self.lost(&error);
        self.sweep(&mut client, &session.id)?;
        client.set(&keys.member(0), self.member.as_bytes()).map_err(lost)?;
        let beat = self.beat(&keys)?;
        let sealed = self.offer(&mut client, &session).and_then(|()| self.gather(&mut client, &keys, watch));
        let sealed = sealed.and_then(|()| {
            let current = Keys::current(&self.meeting.prefix);
            client.set(&current, session.to_text().as_bytes()).map_err(lost)?;
            client.set(&keys.sealed(), b"").map_err(lost)
        });
        // Else the next to come would take it for one that is open.
        let withdrawn = self.withdraw(&mut client, &session);
        if let Err(error) = sealed.and(withdrawn) {
            self.take_back(&mut client, &keys, beat);
            return Err(error);
        }
        Ok(Joined { session: session.id, began: true, keys, client, beat })
    }

    /// Makes the offer, when there is none of another rank 0 that lives.
    fn offer(&self, client: &mut Client, session: &Session) -> Result<()> {
        let lost = |error| self.lost(&error);
        let (key, own) = (Keys::offer(&self.meeting.prefix), session.to_text());
        loop {
            let held = client.set_first(&key, own.as_bytes()).map_err(lost)?;
            if held == own.as_bytes() {
                return Ok(());
            }
            let other = Session::parse(&held).map_err(lost)?;
            let keys = Keys::among_others(&self.meeting.prefix, &other.id);
            if self.lives(client, &keys, 0).map_err(lost)? {
                let member = client.look(&keys.member(0)).map_err(lost)?.unwrap_or_default();
                return Err(self.conflict(client, &keys, Member::is_here_already(0, &member, &self.member)));
            }
            if client.replace(&key, &held, own.as_bytes()).map_err(lost)? == own.as_bytes() {
                return Ok(());
            }
        }
    }

    /// Takes the offer back, or what it was when all have come.
    fn withdraw(&self, client: &mut Client, session: &Session) -> Result<()> {
        let key = Keys::offer(&self.meeting.prefix);
        let held = client.look(&key).map_err(|error| self.lost(&error))?;
        if held.as_deref() != Some(session.to_text().as_bytes()) {
            return Ok(());
        }
        client.delete(&[key]).map_err(|error| self.lost(&error))
    }

    /// Waits until all others have answered, and live.
    fn gather(&self, client: &mut Client, keys: &Keys, watch: &Watch) -> Result<()> {
        for round in 0.. {
            self.await_answers(client, keys, watch)?;
            if self.call(client, keys, round, watch)? {
                break;
            }
        }
        Ok(())
    }

    /// Waits until all others have taken their places.
    fn await_answers(&self, client: &mut Client, keys: &Keys, watch: &Watch) -> Result<()> {
        let lost = |error| self.lost(&error);
        let others = self.others();
        let answers: Vec<String> = others.iter().map(|&rank| keys.member(rank)).collect();
        let mut former = Former::default();
        while !answers.is_empty() {
            let left = self.until.saturating_duration_since(Instant::now());
            let came = client.wait(&answers, left.min(self.interval())).map_err(lost)?;
            self.expect_no_conflict(client, keys)?;
            if came {
                break;
            }
            former.look(self, client)?;
            let missing = absent(&others, &client.check_each(&answers).map_err(lost)?);
            watch.missing(&missing);
            if left.is_zero() && !missing.is_empty() {
                return Err(self.late(missing));
            }
        }
        Ok(())
    }

    /// Calls all others, and waits until each says that it is here. False if one that had
    /// a place gave it up, or died after it said so.
    fn call(&self, client: &mut Client, keys: &Keys, round: u64, watch: &Watch) -> Result<bool> {
        let lost = |error| self.lost(&error);
        let others = self.others();
        if others.is_empty() {
            return Ok(true);
        }
        let members: Vec<String> = others.iter().map(|&rank| keys.member(rank)).collect();
        let here: Vec<String> = others.iter().map(|&rank| keys.here(round, rank)).collect();
        client.set(&keys.call(round), b"").map_err(lost)?;
        let mut vigil = Vigil::new(self.config.liveness_timeout);
        loop {
            let left = self.until.saturating_duration_since(Instant::now());
            let all_here = client.wait(&here, left.min(self.interval())).map_err(lost)?;
            self.expect_no_conflict(client, keys)?;
            if all_here {
                return Ok(true);
            }
            if !absent(&others, &client.check_each(&members).map_err(lost)?).is_empty() {
                return Ok(false);
            }
            let there = client.check_each(&here).map_err(lost)?;
            let missing = absent(&others, &there);
            watch.missing(&missing);
            if left.is_zero() && !missing.is_empty() {
                return Err(self.late(missing));
            }
            // Who died before it said so is only waited for: it may come again.
            let said_so = others.iter().zip(there).filter(|(_, there)| *there).map(|(&rank, _)| rank);
            vigil.look(signs(client, keys, said_so.collect()).map_err(lost)?, Instant::now());
            if !vigil.silent().is_empty() {
                return Ok(false);
            }
        }
    }

    /// Meets the others as a rank that rank 0 waits for.
    fn follow(&self, mut client: Client, watch: &Watch) -> Result<Joined> {
        let lost = |error| self.lost(&error);
        let key = Keys::offer(&self.meeting.prefix);
        let (mut former, mut void) = (Former::default(), None);
        loop {
            let left = self.until.saturating_duration_since(Instant::now());
            watch.missing(&[0]);
            let offered = client.wait(std::slice::from_ref(&key), left.min(self.interval())).map_err(lost)?;
            if left.is_zero() {
                return Err(self.late(vec![0]));
            }
            let offer = if offered { client.look(&key).map_err(lost)? } else { None };
            let Some(offer) = offer else {
                former.look(self, &mut client)?;
                continue;
            };
            if void.as_ref() == Some(&offer) {
                thread::sleep(PAUSE.min(left));
                continue;
            }
            let session = Session::parse(&offer).map_err(lost)?;
            let keys = Keys::among_others(&self.meeting.prefix, &session.id);
            self.expect_same_world(&mut client, &keys, &session)?;
            let beat = self.answer(&mut client, &keys)?;
            let answered = self.await_seal(&mut client, &keys, &offer, watch);
            if let Ok(Answered::Sealed) = answered {
                return Ok(Joined { session: session.id, began: false, keys, client, beat });
            }
            self.take_back(&mut client, &keys, beat);
            answered?;
            void = Some(offer);
        }
    }

    /// Takes this rank's place in an offered session.
    fn answer(&self, client: &mut Client, keys: &Keys) -> Result<Beat> {
        let (rank, own) = (self.rank_info.global_rank, self.member.as_bytes());
        let lost = |error| self.lost(&error);
        let mut held = client.set_first(&keys.member(rank), own).map_err(lost)?;
        while held != own {
            if self.lives(client, keys, rank).map_err(lost)? {
                return Err(self.conflict(client, keys, Member::is_here_already(rank, &held, &self.member)));
            }
            // It died while it waited.
            held = match client.replace(&keys.member(rank), &held, own).map_err(lost)? {
                now if now == held => client.set_first(&keys.member(rank), own).map_err(lost)?,
                now => now,
            };
        }
        self.beat(keys)
    }

    /// Waits until all have answered an offer, or it is none any more.
    fn await_seal(&self, client: &mut Client, keys: &Keys, offer: &[u8], watch: &Watch) -> Result<Answered> {
        let lost = |error| self.lost(&error);
        let (rank, sealed) = (self.rank_info.global_rank, [keys.sealed()]);
        // Each rank looks for all others, so not too often.
        let (start, mut look) = (Instant::now(), Duration::from_secs(2));
        let mut calls = 0;
        loop {
            let left = self.until.saturating_duration_since(Instant::now());
            let awaited = if calls == 0 { [keys.call(0)] } else { sealed.clone() };
            let came = client.wait(&awaited, left.min(self.interval())).map_err(lost)?;
            self.expect_no_conflict(client, keys)?;
            let heard = calls;
            while client.has_any(&[keys.call(calls)]).map_err(lost)? {
                client.set(&keys.here(calls, rank), b"").map_err(lost)?;
                calls += 1;
            }
            if came && heard > 0 {
                let held = client.look(&keys.member(rank)).map_err(lost)?.unwrap_or_default();
                if held == self.member.as_bytes() {
                    return Ok(Answered::Sealed);
                }
                return Err(self.store.conflict(Member::is_here_already(rank, &held, &self.member)));
            }
            let open =
                client.look(&Keys::offer(&self.meeting.prefix)).map_err(lost)?.as_deref() == Some(offer);
            if !open && !client.has_any(&sealed).map_err(lost)? {
                self.expect_no_conflict(client, keys)?;
                return Ok(Answered::Void);
            }
            if start.elapsed() >= look || left.is_zero() {
                look *= 2;
                let others = self.others();
                let answers: Vec<String> = others.iter().map(|&rank| keys.member(rank)).collect();
                let mut missing = absent(&others, &client.check_each(&answers).map_err(lost)?);
                if missing.is_empty() {
                    missing.push(0);
                }
                watch.missing(&missing);
                if left.is_zero() {
                    return Err(self.late(missing));
                }
            }
        }
    }

    /// Gives this rank's place up: nobody is to count on it.
    fn take_back(&self, client: &mut Client, keys: &Keys, beat: Beat) {
        drop(beat);
        let rank = self.rank_info.global_rank;
        // What stays is in nobody's way.
        let _ = client.delete(&[keys.member(rank), keys.beat(rank)]);
    }

    fn expect_no_conflict(&self, client: &mut Client, keys: &Keys) -> Result<()> {
        let conflict = client.look(&keys.conflict()).map_err(|error| self.lost(&error))?;
        conflict.map_or(Ok(()), |reason| Err(self.store.conflict_of(&reason)))
    }

    fn interval(&self) -> Duration {
        interval(self.config.liveness_timeout).min(Duration::from_secs(1))
    }

    /// Removes what sessions have left that are long past.
    fn sweep(&self, client: &mut Client, session: &str) -> Result<()> {
        let lost = |error| self.lost(&error);
        let key = Keys::past(&self.meeting.prefix);
        let past = client.look(&key).map_err(lost)?.unwrap_or_default();
        let past = String::from_utf8(past).unwrap_or_default();
        let mut past: Vec<&str> = past.split(',').filter(|id| is_id(id)).collect();
        past.push(session);
        let long_past = past.len().saturating_sub(KEPT);
        let long_past: Vec<Keys> =
            past.drain(..long_past).map(|id| Keys::among_others(&self.meeting.prefix, id)).collect();
        if !long_past.is_empty() {
            let listed = client.list_keys().map_err(lost)?;
            let listed = listed.into_iter().filter_map(|key| String::from_utf8(key).ok());
            let listed = listed.filter_map(|key| Some(key.strip_prefix('/')?.to_owned()));
            let left: Vec<String> =
                listed.filter(|key| long_past.iter().any(|keys| keys.have(key))).collect();
            client.delete(&left).map_err(lost)?;
        }
        client.set(&key, past.join(",").as_bytes()).map_err(lost)
    }
}

/// Those of some ranks that are not there.
fn absent(ranks: &[usize], there: &[bool]) -> Vec<usize> {
    ranks.iter().zip(there).filter(|(_, there)| !**there).map(|(&rank, _)| rank).collect()
}

/// What a rank that waits sees of the ranks that met last. If they live, it is one too
/// many, or told of another world.
#[derive(Default)]
struct Former {
    session: Option<Session>,
    beats: [Option<Vec<u8>>; 2],
    /// How often rank 0, and the one that is this rank too, were seen to live.
    seen: [u32; 2],
}

/// Signs of life of ranks that do not end, as they would at the end of their run.
const STAYS: u32 = 5;

impl Former {
    fn look(&mut self, joining: &Joining, client: &mut Client) -> Result<()> {
        let lost = |error| joining.lost(&error);
        let prefix = &joining.meeting.prefix;
        let Some(text) = client.look(&Keys::current(prefix)).map_err(lost)? else { return Ok(()) };
        let session = Session::parse(&text).map_err(lost)?;
        if self.session.as_ref() != Some(&session) {
            *self = Self { session: Some(session.clone()), ..Self::default() };
        }
        let (keys, rank) = (Keys::among_others(prefix, &session.id), joining.rank_info.global_rank);
        for (at, of) in [0, rank].into_iter().enumerate() {
            let lives = !client.has_any(&[keys.gone(of), keys.gone(0)]).map_err(lost)?;
            let beat = client.look(&keys.beat(of)).map_err(lost)?.filter(|_| lives);
            if self.beats[at].is_some() && beat.is_some() && self.beats[at] != beat {
                self.seen[at] += 1;
            }
            self.beats[at] = beat;
        }
        let [leader, own] = self.seen;
        if own > 1 {
            let member = client.look(&keys.member(rank)).map_err(lost)?.unwrap_or_default();
            return Err(joining.store.conflict(Member::is_here_already(rank, &member, &joining.member)));
        }
        if leader >= STAYS && session.by.global_world_size != joining.rank_info.global_world_size {
            return Err(joining.store.conflict(worlds_differ(session.by, joining.rank_info)));
        }
        Ok(())
    }
}
