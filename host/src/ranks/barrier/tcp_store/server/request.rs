//! What a client asks for, out of bytes that anybody may have sent.

use super::super::wire;

/// One request. Keys and values lie in the bytes it was read from.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Request<'r> {
    Validate(u32),
    Set(&'r [u8], &'r [u8]),
    CompareSet { key: &'r [u8], expected: &'r [u8], desired: &'r [u8] },
    Get(&'r [u8]),
    Add(&'r [u8], i64),
    Check(Vec<&'r [u8]>),
    Wait(Vec<&'r [u8]>),
    CountKeys,
    Delete(&'r [u8]),
    Append(&'r [u8], &'r [u8]),
    MultiGet(Vec<&'r [u8]>),
    MultiSet(Vec<(&'r [u8], &'r [u8])>),
    CancelWait,
    Ping(&'r [u8]),
    QueuePush(&'r [u8], &'r [u8]),
    QueuePop(&'r [u8]),
    QueueLength(&'r [u8]),
    ListKeys,
    Barrier { key: &'r [u8], world_size: i64 },
}

/// Why there is no request yet.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Halt {
    /// It needs at least so many bytes in all.
    More(usize),
    /// It is none, or too large: whoever sent it is no client to keep.
    Refused,
}

/// The bytes of all keys of one request.
const LONGEST_KEYS: usize = wire::LONGEST_VALUE;
/// The bytes of one request.
const LONGEST_REQUEST: usize = 8 * wire::LONGEST_VALUE;

/// How much of a request with a list has been looked at: what comes in small pieces is not read
/// again from its start for each of them.
#[derive(Debug, Default)]
pub(super) struct Looked {
    at: usize,
    /// Keys and values that are still to come; None before their number is known.
    left: Option<usize>,
}

impl Looked {
    /// [`parse`], with what is known from looks at the start of the same request. After it was
    /// read, the next one starts with new knowledge.
    pub(super) fn parse<'r>(&mut self, bytes: &'r [u8]) -> Result<(Request<'r>, usize), Halt> {
        let fields = match bytes.first() {
            Some(&(wire::CHECK | wire::WAIT | wire::MULTI_GET)) => 1,
            Some(&wire::MULTI_SET) => 2,
            _ => return parse(bytes),
        };
        let mut input = Input { bytes, at: self.at.max(1) };
        let mut left = match self.left {
            Some(left) => left,
            None => input.length(wire::MOST_KEYS)? * fields,
        };
        let most = if fields == 1 { wire::LONGEST_KEY } else { wire::LONGEST_VALUE };
        (self.at, self.left) = (input.at, Some(left));
        while left > 0 {
            let length = input.length(most)?;
            input.take(length)?;
            left -= 1;
            (self.at, self.left) = (input.at, Some(left));
        }
        *self = Self::default();
        parse(bytes)
    }
}

/// Reads the request at the start of `bytes`; answers it and its length. Lengths
/// are held against the caps before anybody waits for so many bytes.
pub(super) fn parse(bytes: &[u8]) -> Result<(Request<'_>, usize), Halt> {
    let mut input = Input { bytes, at: 0 };
    let request = match input.byte()? {
        wire::VALIDATE => Request::Validate(u32::from_le_bytes(input.array()?)),
        wire::SET => Request::Set(input.key()?, input.value()?),
        wire::COMPARE_SET => {
            Request::CompareSet { key: input.key()?, expected: input.value()?, desired: input.value()? }
        }
        wire::GET => Request::Get(input.key()?),
        wire::ADD => Request::Add(input.key()?, i64::from_le_bytes(input.array()?)),
        wire::CHECK => Request::Check(input.keys()?),
        wire::WAIT => Request::Wait(input.keys()?),
        wire::COUNT_KEYS => Request::CountKeys,
        wire::DELETE => Request::Delete(input.key()?),
        wire::APPEND => Request::Append(input.key()?, input.value()?),
        wire::MULTI_GET => Request::MultiGet(input.keys()?),
        wire::MULTI_SET => {
            let count = input.length(wire::MOST_KEYS)?;
            Request::MultiSet(
                (0..count).map(|_| Ok((input.key()?, input.value()?))).collect::<Result<_, _>>()?,
            )
        }
        wire::CANCEL_WAIT => Request::CancelWait,
        wire::PING => Request::Ping(input.take(4)?),
        wire::QUEUE_PUSH => Request::QueuePush(input.key()?, input.value()?),
        wire::QUEUE_POP => Request::QueuePop(input.key()?),
        wire::QUEUE_LENGTH => Request::QueueLength(input.key()?),
        wire::LIST_KEYS => Request::ListKeys,
        wire::BARRIER => {
            Request::Barrier { key: input.key()?, world_size: i64::from_le_bytes(input.array()?) }
        }
        _ => return Err(Halt::Refused),
    };
    Ok((request, input.at))
}

struct Input<'r> {
    bytes: &'r [u8],
    at: usize,
}

impl<'r> Input<'r> {
    fn take(&mut self, length: usize) -> Result<&'r [u8], Halt> {
        let end = self.at.checked_add(length).filter(|&end| end <= LONGEST_REQUEST).ok_or(Halt::Refused)?;
        let taken = self.bytes.get(self.at..end).ok_or(Halt::More(end))?;
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Halt> {
        self.take(N)?.try_into().map_err(|_| Halt::Refused)
    }

    fn byte(&mut self) -> Result<u8, Halt> {
        self.array().map(|[byte]| byte)
    }

    fn length(&mut self, most: usize) -> Result<usize, Halt> {
        let length = u64::from_le_bytes(self.array()?);
        usize::try_from(length).ok().filter(|&length| length <= most).ok_or(Halt::Refused)
    }

    fn key(&mut self) -> Result<&'r [u8], Halt> {
        let length = self.length(wire::LONGEST_KEY)?;
        self.take(length)
    }

    fn value(&mut self) -> Result<&'r [u8], Halt> {
        let length = self.length(wire::LONGEST_VALUE)?;
        self.take(length)
    }

    fn keys(&mut self) -> Result<Vec<&'r [u8]>, Halt> {
        let count = self.length(wire::MOST_KEYS)?;
        let mut keys = Vec::new();
        let start = self.at;
        for _ in 0..count {
            keys.push(self.key()?);
            if self.at - start > LONGEST_KEYS {
                return Err(Halt::Refused);
            }
        }
        Ok(keys)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::wire::Requests;
    use super::*;

    #[test]
    fn a_request_is_read_when_its_last_byte_is_there() {
        let bytes = Requests::new().compare_set("key", b"", b"desired");
        let bytes = bytes.as_bytes();
        for length in 0..bytes.len() {
            let Err(Halt::More(needed)) = parse(&bytes[..length]) else { panic!("{length} bytes suffice") };
            assert!(needed > length && needed <= bytes.len());
        }
        let (request, length) = parse(bytes).unwrap();
        assert_eq!(request, Request::CompareSet { key: b"/key", expected: b"", desired: b"desired" });
        assert_eq!(length, bytes.len());
    }

    #[test]
    fn lengths_beyond_the_caps_are_refused_before_the_bytes_come() {
        let announced = |operation: u8, length: u64| {
            let mut bytes = vec![operation];
            bytes.extend(length.to_le_bytes());
            parse(&bytes).map(drop)
        };
        for operation in [wire::SET, wire::GET, wire::ADD, wire::QUEUE_PUSH, wire::BARRIER] {
            assert_eq!(announced(operation, 8192), Err(Halt::More(9 + 8192)), "{operation}");
            assert_eq!(announced(operation, 8193), Err(Halt::Refused), "{operation}");
            assert_eq!(announced(operation, u64::MAX), Err(Halt::Refused), "{operation}");
        }
        for operation in [wire::CHECK, wire::WAIT, wire::MULTI_GET, wire::MULTI_SET] {
            assert_eq!(announced(operation, 131_072), Err(Halt::More(17)), "{operation}");
            assert_eq!(announced(operation, 131_073), Err(Halt::Refused), "{operation}");
        }
        let mut value = Requests::new().set("k", b"").as_bytes().to_vec();
        value.truncate(value.len() - 8);
        let mut largest = value.clone();
        largest.extend((8u64 << 20).to_le_bytes());
        assert!(matches!(parse(&largest), Err(Halt::More(_))));
        value.extend(((8u64 << 20) + 1).to_le_bytes());
        assert_eq!(parse(&value), Err(Halt::Refused));
    }

    #[test]
    fn a_list_that_comes_in_pieces_is_looked_at_once() {
        let keys: Vec<String> = (0..20_000).map(|number| number.to_string()).collect();
        let values: Vec<(String, Vec<u8>)> =
            keys.iter().map(|key| (key.clone(), key.clone().into_bytes())).collect();
        for bytes in [Requests::new().wait(&keys).as_bytes(), multi_set(&values).as_slice()] {
            let (mut looked, mut steps) = (Looked::default(), 0);
            let mut length = 0;
            let whole = loop {
                match looked.parse(&bytes[..length]) {
                    Ok((request, whole)) => {
                        assert_eq!(Ok((request, whole)), parse(bytes));
                        break whole;
                    }
                    Err(Halt::More(needed)) => {
                        assert!(needed > length && needed <= bytes.len(), "{length} {needed}");
                        // It goes on where it was.
                        assert!(looked.at + 9 > length || length < 10, "{} {length}", looked.at);
                        length = needed;
                        steps += 1;
                    }
                    Err(Halt::Refused) => panic!("refused at {length}"),
                }
            };
            assert_eq!(whole, bytes.len());
            assert!(steps >= 20_000);
        }
    }

    fn multi_set(entries: &[(String, Vec<u8>)]) -> Vec<u8> {
        let mut bytes = vec![wire::MULTI_SET];
        let mut put = |part: &[u8]| {
            bytes.extend((part.len() as u64).to_le_bytes());
            bytes.extend_from_slice(part);
        };
        let count = entries.len() as u64;
        let fields = entries.iter().flat_map(|(key, value)| [key.as_bytes(), value.as_slice()]);
        fields.for_each(&mut put);
        let mut whole = bytes[..1].to_vec();
        whole.extend(count.to_le_bytes());
        whole.extend_from_slice(&bytes[1..]);
        whole
    }

    #[test]
    fn no_operation_is_refused() {
        for operation in 19..=255 {
            assert_eq!(parse(&[operation]), Err(Halt::Refused));
        }
    }

    #[test]
    fn many_keys_are_capped_in_all() {
        let key = "k".repeat(8000);
        let keys: Vec<String> = (0..1100).map(|_| key.clone()).collect();
        let requests = Requests::new().wait(&keys);
        assert_eq!(parse(requests.as_bytes()), Err(Halt::Refused));
        let requests = Requests::new().wait(&keys[..1000]);
        assert!(parse(requests.as_bytes()).is_ok());
    }
}
