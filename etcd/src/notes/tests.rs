use super::steps::Step;
use super::*;
use crate::EtcdBarrierConfig;

/// A run as etcd would tell it to one rank.
struct Told {
    notes: Notes,
    keys: Keys,
    revision: i64,
    claimed: BTreeMap<String, i64>,
}

/// Rank 1 of 3, whose lease is 101.
fn rank_1() -> Told {
    rank(1)
}

fn rank(rank: usize) -> Told {
    let keys = Keys::new(&EtcdBarrierConfig::default());
    let lease = 100 + i64::try_from(rank).unwrap();
    let notes = Notes::new(keys.clone(), RankInfo::new(rank, 3).unwrap(), lease);
    Told { notes, keys, revision: 0, claimed: BTreeMap::new() }
}

impl Told {
    fn put(&mut self, key: String, value: &[u8], lease: i64) -> &mut Self {
        self.revision += 1;
        let created = *self.claimed.entry(key.clone()).or_insert(self.revision);
        let now = Some(Content { value: value.into(), lease, created });
        self.notes.apply(Event { key: key.into_bytes(), revision: self.revision, now });
        self
    }

    fn remove(&mut self, key: String) -> &mut Self {
        self.revision += 1;
        self.claimed.remove(&key);
        self.notes.apply(Event { key: key.into_bytes(), revision: self.revision, now: None });
        self
    }

    fn place(&mut self, rank: usize, lease: i64, session: Option<&str>) -> &mut Self {
        let session = session.map(String::from);
        let member = Member { world_size: 3, session, ..Member::default() };
        self.put(self.keys.place(rank), &serde_json::to_vec(&member).unwrap(), lease)
    }

    fn session(&mut self, id: &str, complete: bool) -> &mut Self {
        let session = Session { id: id.into(), complete };
        self.put(self.keys.session(), &serde_json::to_vec(&session).unwrap(), 100)
    }

    fn message(&mut self, session: &str, rank: usize, topic: &str) -> &mut Self {
        self.put(self.keys.message(session, rank, topic), b"said", 200)
    }

    /// All join the session `s`.
    fn joined(&mut self) -> &mut Self {
        self.place(0, 100, None).place(1, 101, None).place(2, 102, None).session("s", false);
        self.place(0, 100, Some("s")).place(1, 101, Some("s")).place(2, 102, Some("s"));
        self.session("s", true)
    }

    fn heard(&self, topic: &str) -> Vec<usize> {
        self.notes.messages(topic).into_iter().flat_map(BTreeMap::keys).copied().collect()
    }
}

#[test]
fn a_rank_joins_step_by_step() {
    let mut told = rank_1();
    assert_eq!(told.notes.next_step(), Step::Claim);
    told.place(1, 101, None).place(0, 100, None);
    assert_eq!(told.notes.next_step(), Step::Wait);
    assert_eq!(told.notes.not_ready(), [2]);
    told.place(2, 102, None).session("s", false);
    assert_eq!(told.notes.next_step(), Step::Ready("s".into()));
    told.place(1, 101, Some("s")).place(0, 100, Some("s"));
    assert_eq!(told.notes.next_step(), Step::Wait);
    told.place(2, 102, Some("s"));
    assert_eq!(told.notes.next_step(), Step::Wait);
    told.session("s", true);
    assert_eq!(told.notes.next_step(), Step::Joined("s".into()));
}

#[test]
fn rank_0_opens_and_completes() {
    let mut told = rank(0);
    told.place(0, 100, None).place(2, 102, None);
    assert_eq!(told.notes.next_step(), Step::Wait);
    told.place(1, 101, None);
    assert_eq!(told.notes.next_step(), Step::Open);
    told.session("s", false).place(0, 100, Some("s")).place(1, 101, Some("s"));
    assert_eq!(told.notes.next_step(), Step::Wait);
    told.place(2, 102, Some("s"));
    assert_eq!(told.notes.next_step(), Step::Complete("s".into()));
}

#[test]
fn a_place_that_is_taken_anew_takes_a_new_session() {
    let mut told = rank(0);
    told.place(0, 100, None).place(1, 101, None).place(2, 102, None).session("s", false);
    told.place(0, 100, Some("s")).place(1, 101, Some("s"));
    // Rank 2 was dead.
    told.remove(told.keys.place(2)).place(2, 302, None);
    assert_eq!(told.notes.next_step(), Step::Open);
    told.session("t", false);
    assert_eq!(told.notes.next_step(), Step::Ready("t".into()));
}

#[test]
fn a_place_of_another_is_waited_for() {
    let mut told = rank_1();
    told.place(1, 77, None);
    assert_eq!(told.notes.next_step(), Step::Wait);
    assert!(told.notes.squatter().is_some());
    told.remove(told.keys.place(1));
    assert_eq!(told.notes.next_step(), Step::Claim);
}

#[test]
fn a_session_that_was_complete_before_is_of_the_dead() {
    let mut told = rank_1();
    told.place(0, 50, Some("old")).place(2, 52, Some("old")).session("old", true).place(1, 101, None);
    assert_eq!(told.notes.next_step(), Step::Wait);
    // Nor does one count that is opened by the dead.
    let mut told = rank_1();
    told.place(0, 50, None).place(2, 52, None).session("old", false).place(1, 101, None);
    assert_eq!(told.notes.next_step(), Step::Wait);
}

#[test]
fn worlds_that_differ_are_a_conflict_for_those_who_came_first() {
    let mut told = rank_1();
    let member = serde_json::to_vec(&Member { world_size: 8, ..Member::default() }).unwrap();
    // A run that was smaller when it is started again.
    told.put(told.keys.place(2), &member, 52).place(1, 101, None);
    assert_eq!(told.notes.next_step(), Step::Wait);
    told.put(told.keys.place(0), &member, 60);
    assert_eq!(told.notes.next_step(), Step::Conflict { rank: 0, world_size: 8 });
}

#[test]
fn a_place_that_changes_is_of_a_rank_that_lives() {
    let mut told = rank_1();
    let member = serde_json::to_vec(&Member { world_size: 8, ..Member::default() }).unwrap();
    told.put(told.keys.place(0), &member, 50).place(1, 101, None);
    assert_eq!(told.notes.next_step(), Step::Wait);
    told.put(told.keys.place(0), &member, 50);
    assert_eq!(told.notes.next_step(), Step::Conflict { rank: 0, world_size: 8 });
}

#[test]
fn what_does_not_go_in_time_is_no_dead_ranks() {
    let mut told = rank_1();
    told.place(1, 77, None);
    assert_eq!(told.notes.obstacle(std::time::Duration::MAX), Step::Wait);
    assert_eq!(told.notes.obstacle(std::time::Duration::ZERO), Step::Taken);
    told.remove(told.keys.place(1)).place(1, 101, None).place(0, 50, Some("old"));
    assert_eq!(told.notes.obstacle(std::time::Duration::ZERO), Step::Wait);
    let member = serde_json::to_vec(&Member { world_size: 8, ..Member::default() }).unwrap();
    told.put(told.keys.place(2), &member, 52);
    let conflict = Step::Conflict { rank: 2, world_size: 8 };
    assert_eq!(told.notes.obstacle(std::time::Duration::ZERO), conflict);
}

#[test]
fn a_place_that_is_free_again_is_a_rank_that_is_gone() {
    let mut told = rank_1();
    told.joined();
    told.remove(told.keys.place(2));
    assert!(!told.notes.gone(2).unwrap().left);
    // Who comes next is someone else.
    told.place(2, 302, None);
    assert!(told.notes.gone(2).is_some());
    told.put(told.keys.left("other", 0), b"", 200);
    assert!(told.notes.gone(0).is_none());
    told.put(told.keys.left("s", 0), b"", 200);
    told.remove(told.keys.place(0));
    assert!(told.notes.gone(0).unwrap().left);
}

#[test]
fn a_rank_that_died_while_the_last_joined_is_gone() {
    let mut told = rank_1();
    told.place(0, 100, None).place(1, 101, None).place(2, 102, None).session("s", false);
    told.place(0, 100, Some("s")).place(2, 102, Some("s")).place(1, 101, Some("s"));
    told.remove(told.keys.place(2)).session("s", true);
    assert_eq!(told.notes.joined(), Some("s"));
    assert!(told.notes.gone(2).is_some());
}

#[test]
fn what_is_said_can_be_forgotten_by_who_lives_only() {
    let mut told = rank_1();
    told.joined().message("s", 0, "t").message("s", 2, "t").message("other", 1, "t");
    assert_eq!(told.heard("t"), [0, 2]);
    told.remove(told.keys.message("s", 0, "t"));
    assert_eq!(told.heard("t"), [2]);
    // The dead forget nothing: their lease ran out.
    told.remove(told.keys.place(2));
    told.remove(told.keys.message("s", 2, "t"));
    assert_eq!(told.heard("t"), [2]);
}

#[test]
fn a_look_at_all_keys_says_what_was_missed() {
    let mut told = rank_1();
    told.joined().message("s", 0, "a").message("s", 0, "b").message("s", 2, "b");
    let event = |key: String, revision, value: &[u8], lease| Event {
        key: key.into_bytes(),
        revision,
        now: Some(Content { value: value.into(), lease, created: 1 }),
    };
    let member = Member { world_size: 3, session: Some("s".into()), ..Member::default() };
    let member = serde_json::to_vec(&member).unwrap();
    let session = serde_json::to_vec(&Session { id: "s".into(), complete: true }).unwrap();
    let all = vec![
        event(told.keys.message("s", 0, "c"), 30, b"said", 200),
        event(told.keys.message("s", 0, "b"), 10, b"said", 200),
        event(told.keys.place(0), 5, &member, 100),
        event(told.keys.place(1), 6, &member, 101),
        event(told.keys.session(), 8, &session, 100),
    ];
    told.notes.replace(all, 40);
    assert_eq!(told.notes.revision(), 40);
    assert!(told.notes.gone(2).is_some() && told.notes.gone(0).is_none());
    let heard = ["a", "b", "c"].map(|topic| told.heard(topic));
    assert_eq!(heard, [vec![], vec![0, 2], vec![0]]);
}

#[test]
fn nonsense_is_passed_over() {
    let mut told = rank_1();
    told.put("strongroom/default/place/7/8".into(), b"", 1);
    told.put(told.keys.place(0), b"\xff", 1);
    told.put(told.keys.session(), b"{", 1);
    assert_eq!(told.notes.next_step(), Step::Claim);
    told.place(1, 101, None).place(2, 102, None);
    assert_eq!(told.notes.next_step(), Step::Wait);
}
