//! What goes on all the time: following the run's keys, and keeping leases alive.

use std::sync::Arc;
use std::time::Duration;

use etcd_client::{Client, Error, EventType, GetOptions, KeyValue, WatchOptions};

use super::board::{Board, Line, signs_of_life};
use super::link::{Link, PAUSE, attempt, is_final, reason};
use super::notes::{Content, Event};

/// Bytes that one answer of etcd may have: events of many ranks come together.
const LARGEST_ANSWER: usize = 256 << 20;

/// Keeps the board a copy of the keys that begin with `root`.
pub(super) async fn follow(link: Link, board: Arc<Board>, root: String) {
    loop {
        let error = watch(&link.client, &board, &root).await;
        if board.revision() == 0 && is_final(&error) {
            return board.end(&format!("etcd refuses: {}", reason(&error)));
        }
        board.lost(Line::Watch, reason(&error));
        tokio::time::sleep(PAUSE).await;
    }
}

/// Follows until it fails. It goes on where it was, so no change is missed.
async fn watch(client: &Client, board: &Board, root: &str) -> Error {
    let followed = async {
        if board.revision() == 0 {
            read_all(client, board, root).await?;
        }
        let next = board.revision().saturating_add(1);
        let options = WatchOptions::new().with_prefix().with_start_revision(next);
        let mut watcher = client.watch_client().max_decoding_message_size(LARGEST_ANSWER);
        let mut changes = attempt(watcher.watch(root, Some(options))).await?;
        loop {
            let Some(change) = changes.message().await? else { return Ok(()) };
            if change.compact_revision() > 0 {
                // etcd has thrown away what happened meanwhile.
                return read_all(client, board, root).await;
            }
            if change.canceled() {
                return Err(Error::WatchError(change.cancel_reason().into()));
            }
            board.found(Line::Watch);
            board.apply(change.events().iter().filter_map(|event| {
                let put = event.event_type() == EventType::Put;
                event.kv().map(|pair| to_event(pair, put))
            }));
        }
    };
    match followed.await {
        Ok(()) => Error::WatchError("the watch ended".into()),
        Err(error) => error,
    }
}

async fn read_all(client: &Client, board: &Board, root: &str) -> Result<(), Error> {
    let mut reader = client.kv_client().max_decoding_message_size(LARGEST_ANSWER);
    let all = attempt(reader.get(root, Some(GetOptions::new().with_prefix()))).await?;
    let revision = all.header().map_or(0, etcd_client::ResponseHeader::revision);
    board.replace(all.kvs().iter().map(|pair| to_event(pair, true)).collect(), revision);
    Ok(())
}

fn to_event(pair: &KeyValue, put: bool) -> Event {
    let content =
        || Content { value: pair.value().into(), lease: pair.lease(), created: pair.create_revision() };
    let now = put.then(content);
    Event { key: pair.key().into(), revision: pair.mod_revision(), now }
}

/// Keeps a lease of a rank alive until it has run out all the same.
pub(super) async fn keep_alive(link: Link, board: Arc<Board>, line: Line, lease: i64, ttl: Duration) {
    loop {
        match renew(&link.client, &board, line, lease, ttl).await {
            Ok(()) => return drop(board.ran_out()),
            Err(error) => board.lost(line, reason(&error)),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Gives signs of life until that fails or the lease has run out.
async fn renew(client: &Client, board: &Board, line: Line, lease: i64, ttl: Duration) -> Result<(), Error> {
    let mut leases = client.lease_client();
    let (mut keeper, mut answers) = match attempt(leases.keep_alive(lease)).await {
        // The client's words for an answer with no time to live.
        Err(Error::LeaseKeepAliveError(why)) if why == "lease not found" => return Ok(()),
        opened => opened?,
    };
    loop {
        board.found(line);
        tokio::time::sleep(signs_of_life(ttl)).await;
        attempt(keeper.keep_alive()).await?;
        match attempt(answers.message()).await? {
            Some(answer) if answer.ttl() <= 0 => return Ok(()),
            Some(_) => {}
            None => return Err(Error::LeaseKeepAliveError("the stream ended".into())),
        }
    }
}
