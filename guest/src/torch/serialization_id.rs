use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// The 40 digits of `.data/serialization_id`: what torch 2.15 on Linux writes,
/// hash-set order of libstdc++ included.
///
/// torch's C++ keeps record names in an `unordered_set` and hashes them in the
/// set's own order, and it learns checksums by looking at its own output: every
/// write that starts like a data descriptor is taken for one. Files equal
/// torch's only if both are done the same way.
#[derive(Clone, Debug, Default)]
pub(crate) struct SerializationId {
    archive: String,
    /// Checksums so far, combined.
    checksums: u64,
    /// Hashes of names, in the order they came.
    names: Vec<u64>,
}

impl SerializationId {
    /// The id of an archive of this name.
    pub(crate) fn new(archive: &str) -> Self {
        Self { archive: archive.into(), ..Self::default() }
    }

    /// Adds the next record: its name without the archive's prefix, its length,
    /// its checksum, and its first eight bytes, least first.
    pub(crate) fn record(&mut self, name: &str, length: u64, crc32: u32, head: u64) {
        self.names.push(murmur(name.as_bytes()));
        // torch writes name and payload in one go each: either may look like a
        // descriptor. The name does for archives called `PK\x07\x08…`.
        let prefix = self.archive.bytes().chain([b'/']).chain(name.bytes());
        let name_length = (self.archive.len() + 1 + name.len()) as u64;
        let name_head = prefix.zip(0..8u32).fold(0, |head, (byte, at)| head | u64::from(byte) << (8 * at));
        self.write(name_length, name_head);
        self.write(length, head);
        if length > 0 {
            self.checksums = combine(self.checksums, crc32.into());
        }
    }

    /// The digits, over all records added.
    pub(crate) fn digits(&self) -> String {
        let names = set_order(&self.names).into_iter().fold(0, combine);
        format!("{names:020}{:020}", self.checksums)
    }

    /// A write of `length` bytes that starts with `head`.
    fn write(&mut self, length: u64, head: u64) {
        if length >= 8 && head & 0xffff_ffff == DESCRIPTOR {
            self.checksums = combine(self.checksums, head >> 32);
        }
    }
}

/// `c10::hash_combine`, Boost's formula.
fn combine(seed: u64, value: u64) -> u64 {
    let mixed = value.wrapping_add(0x9e37_79b9).wrapping_add(seed << 6).wrapping_add(seed >> 2);
    seed ^ mixed
}

/// `std::hash<std::string>`: MurmurHash64A under a fixed seed.
fn murmur(bytes: &[u8]) -> u64 {
    const SEED: u64 = 0xc70f_6907;
    const FACTOR: u64 = 0xc6a4_a793_5bd1_e995;
    let mix = |value: u64| value ^ (value >> 47);
    let (blocks, rest) = bytes.as_chunks::<8>();
    let mut hash = SEED ^ (bytes.len() as u64).wrapping_mul(FACTOR);
    for block in blocks {
        let value = u64::from_le_bytes(*block).wrapping_mul(FACTOR);
        hash = (hash ^ mix(value).wrapping_mul(FACTOR)).wrapping_mul(FACTOR);
    }
    if !rest.is_empty() {
        let value = rest.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte));
        hash = (hash ^ value).wrapping_mul(FACTOR);
    }
    mix(mix(hash).wrapping_mul(FACTOR))
}

/// The order in which libstdc++'s `unordered_set` iterates over these hashes.
fn set_order(hashes: &[u64]) -> Vec<u64> {
    let mut set = HashSet::new(hashes);
    for node in 1..=hashes.len() {
        if node > set.buckets.len() {
            set.grow(node);
        }
        set.insert(node);
    }
    set.order().into_iter().filter_map(|node| hashes.get(node.checked_sub(1)?).copied()).collect()
}

/// One linked list of all elements, and for each bucket the node *before* its
/// first. Node 0 comes before the list; node `n` holds hash `n - 1`.
struct HashSet<'a> {
    hashes: &'a [u64],
    next: Vec<usize>,
    /// `EMPTY` where a bucket has no element.
    buckets: Vec<usize>,
}

const EMPTY: usize = usize::MAX;
/// The end of the list.
const END: usize = 0;

impl<'a> HashSet<'a> {
    fn new(hashes: &'a [u64]) -> Self {
        Self { hashes, next: vec![END; hashes.len() + 1], buckets: vec![EMPTY] }
    }

    /// Into an empty bucket: at the head of the list. Else: in front of the
    /// bucket's first.
    fn insert(&mut self, node: usize) {
        let bucket = self.bucket(node);
        let before = self.buckets.get(bucket).copied().unwrap_or(EMPTY);
        if before != EMPTY {
            self.link(node, self.after(before));
            self.link(before, node);
            return;
        }
        let head = self.after(0);
        self.link(node, head);
        self.link(0, node);
        if head != END {
            let behind = self.bucket(head);
            self.set_bucket(behind, node);
        }
        self.set_bucket(bucket, 0);
    }

    /// Makes room for `count` elements: all go into a larger table, in list order.
    fn grow(&mut self, count: usize) {
        let order = self.order();
        self.buckets = vec![EMPTY; buckets_for(count)];
        self.link(0, END);
        order.into_iter().for_each(|node| self.insert(node));
    }

    fn order(&self) -> Vec<usize> {
        let nodes = core::iter::successors(Some(self.after(0)), |&node| Some(self.after(node)));
        nodes.take_while(|&node| node != END).collect()
    }

    fn bucket(&self, node: usize) -> usize {
        let hash = node.checked_sub(1).and_then(|index| self.hashes.get(index)).copied().unwrap_or(0);
        let bucket = hash.checked_rem(self.buckets.len() as u64).unwrap_or(0);
        usize::try_from(bucket).unwrap_or(0)
    }

    fn after(&self, node: usize) -> usize {
        self.next.get(node).copied().unwrap_or(END)
    }

    fn link(&mut self, node: usize, next: usize) {
        if let Some(link) = self.next.get_mut(node) {
            *link = next;
        }
    }

    fn set_bucket(&mut self, bucket: usize, before: usize) {
        if let Some(place) = self.buckets.get_mut(bucket) {
            *place = before;
        }
    }
}

/// The table size that libstdc++ has grown to when it holds `count` elements.
fn buckets_for(count: usize) -> usize {
    SIZES.into_iter().find(|&size| size >= count).unwrap_or(count)
}

/// Where libstdc++'s growth by doubling meets its list of primes, as
/// `_Prime_rehash_policy::_M_next_bkt` answers.
const SIZES: [usize; 24] = [
    13,
    29,
    59,
    127,
    257,
    541,
    1109,
    2357,
    5087,
    10273,
    20753,
    42043,
    85229,
    172_933,
    351_061,
    712_697,
    1_447_153,
    2_938_679,
    5_967_347,
    12_117_689,
    24_607_243,
    49_969_847,
    101_473_717,
    206_062_531,
];

/// `PK 07 08`
const DESCRIPTOR: u64 = 0x0807_4b50;

#[cfg(test)]
mod tests {
    use super::*;

    /// The records of `torch.save(None, "archive.pt")`.
    const NONE: [(&str, u64, u32); 5] = [
        ("data.pkl", 4, 0x7db5_d20d),
        (".format_version", 1, 0x83dc_efb7),
        (".storage_alignment", 2, 0xe971_773f),
        ("byteorder", 6, 0x19e3_3d85),
        ("version", 2, 0x5567_9ed1),
    ];

    fn of(archive: &str, records: &[(&str, u64, u32)]) -> String {
        let mut id = SerializationId::new(archive);
        records.iter().for_each(|&(name, length, crc32)| id.record(name, length, crc32, 0));
        id.digits()
    }

    #[test]
    fn the_digits_are_those_torch_writes() {
        assert_eq!(of("archive", &NONE), "0290846867776292310400082719495361317287");
    }

    #[test]
    fn an_archive_named_like_a_descriptor_is_taken_for_one() {
        // torch.save(None, "PK\x07\x08.pt") and "PK\x07\x08abcd.pt"
        assert_eq!(of("PK\x07\x08", &NONE), "0290846867776292310405410114728360717404");
        assert_eq!(of("PK\x07\x08abcd", &NONE), "0290846867776292310403811986986325656695");
    }

    #[test]
    fn a_payload_counts_as_descriptor_from_eight_bytes_on() {
        let digits = |length, head| {
            let mut id = SerializationId::new("archive");
            id.record("data/0", length, 7, head);
            id.digits()
        };
        let head = u64::from_le_bytes(*b"PK\x07\x08abcd");
        assert_eq!(digits(7, head), digits(7, 0));
        assert_ne!(digits(8, head), digits(8, 0));
    }

    #[test]
    fn names_come_in_the_sets_order_however_often_it_has_grown() {
        // The first half of the id of a list of so many tensors. torch adds five
        // names of its own: 8 tensors fill the first table, the ninth grows it.
        let cases = [
            (1, "15728199511854643026"),
            (8, "08268647735604577700"),
            (9, "01977860353369201443"),
            (24, "12647775507600111753"),
            (25, "14750728607576356699"),
            (54, "17381657268951784543"),
            (55, "07763250659416188633"),
            (122, "08650282948963040436"),
            (123, "10757249306875524792"),
            (252, "06532828694587645195"),
            (253, "13359072007816355221"),
            (1105, "08983343781592930482"),
            (5082, "07230588236697096631"),
            (20749, "14514283434516974037"),
            (70000, "10764531831167710242"),
        ];
        for (tensors, expected) in cases {
            let (first, last) = NONE.split_at(4);
            let mut id = SerializationId::new("archive");
            first.iter().for_each(|&(name, ..)| id.record(name, 0, 0, 0));
            (0..tensors).for_each(|key| id.record(&format!("data/{key}"), 0, 0, 0));
            last.iter().for_each(|&(name, ..)| id.record(name, 0, 0, 0));
            assert_eq!(id.digits(), format!("{expected}{:020}", 0), "{tensors}");
        }
    }

    #[test]
    fn names_hash_as_in_libstdcxx() {
        assert_eq!(murmur(b"data.pkl"), 4_941_642_132_189_851_806);
        assert_eq!(murmur(b".format_version"), 17_551_914_330_364_864_604);
        assert_eq!(murmur(b".storage_alignment"), 6_538_796_466_453_296_957);
        assert_eq!(murmur(b"data/0"), 476_597_642_816_643_211);
    }
}
