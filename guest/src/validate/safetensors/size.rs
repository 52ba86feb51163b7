use alloc::format;
use alloc::string::String;

use crate::safetensors::element;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;
use crate::{DType, show};

/// Offsets that contradict the dtype and shape.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-SAFETENSORS-SIZE",
    "a tensor whose bytes do not match its dtype and shape",
    "The reference refuses the file. A reader that trusts the shape reads beyond the tensor; one \
     that trusts the offsets reads something else.",
);

/// Elements that torch cannot take apart.
pub(super) static ODD: Rule = Rule::warning(
    "SR-SAFETENSORS-ODD",
    "a tensor of F4 with an odd last dimension",
    "torch holds two such numbers in one element, so its load_file fails, and `strongroom inspect` \
     with it. Other readers may take it.",
);

/// How many elements a tensor has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// None if they are more than can be counted.
    elements: Option<u64>,
    /// The largest dimension.
    largest: u64,
    /// The last dimension, if there is one.
    last: Option<u64>,
    /// How many there are.
    dimensions: u64,
}

impl Shape {
    /// No dimension: a single element.
    pub(super) const SCALAR: Self = Self { elements: Some(1), largest: 1, last: None, dimensions: 0 };

    /// Multiplies from the left like the reference, which refuses `[2^63, 4, 0]`.
    pub(super) fn push(&mut self, size: u64) {
        self.elements = self.elements.and_then(|elements| elements.checked_mul(size));
        self.largest = self.largest.max(size);
        self.last = Some(size);
        self.dimensions = self.dimensions.saturating_add(1);
    }

    /// Bytes of so many elements.
    fn bytes(self, dtype: DType) -> Result<u64, &'static str> {
        let bits = self.elements.and_then(|elements| elements.checked_mul(element::bits(dtype)));
        let bits = bits.ok_or("its shape asks for more than 2^64 bits")?;
        // Beside a 0 such a dimension is not too many elements, yet torch fails.
        if i64::try_from(self.largest).is_err() {
            return Err("a dimension is 2^63 or more");
        }
        if self.dimensions > DIMENSIONS {
            return Err("it has more than 64 dimensions, which numpy and most operations refuse");
        }
        if bits.is_multiple_of(8) { Ok(bits / 8) } else { Err("its elements do not fill whole bytes") }
    }
}

/// Checks a tensor that lies in these bytes.
pub(super) fn check(
    name: &str,
    (dtype, shape, data): (DType, Shape, (u64, u64)),
    at: usize,
    header: &Part,
    scope: &mut Scope<'_>,
) {
    let (first, end) = data;
    let what = match (shape.bytes(dtype), end.checked_sub(first)) {
        (_, None) => format!("data_offsets [{first}, {end}] end before they start"),
        (Err(what), _) => String::from(what),
        (Ok(asked), Some(given)) if asked != given => {
            format!("its dtype and shape ask for {asked} bytes, its data_offsets for {given}")
        }
        _ => {
            let odd = shape.last.is_none_or(|last| !last.is_multiple_of(2));
            if dtype == DType::Float4E2M1FNx2 && odd {
                let last =
                    shape.last.map_or("no dimension".into(), |last| format!("a last dimension of {last}"));
                let message = format!("tensor {} has {last}", show::name(name));
                scope.find(&ODD, header, at as u64, message);
            }
            return;
        }
    };
    scope.find(&RULE, header, at as u64, format!("tensor {}: {what}", show::name(name)));
}

/// The most dimensions that numpy and the operations of torch take.
const DIMENSIONS: u64 = 64;
