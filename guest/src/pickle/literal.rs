use super::flaw::Flaw;
use super::integer::{self, Integer};
use super::opcode as op;
use super::{Object, Value, text};

/// What an instruction puts on the stack all by itself.
#[derive(Debug)]
pub(super) enum Literal {
    /// A value without identity.
    Value(Value),
    /// A new object.
    Object(Object),
}

/// The literal of an instruction that has one. `operand` is as wide as the table
/// of opcodes says.
pub(super) fn literal(code: u8, operand: &[u8]) -> Result<Literal, Flaw> {
    let object = match code {
        op::NONE => return Ok(Literal::Value(Value::None)),
        op::NEWTRUE => return Ok(Literal::Value(Value::Bool(true))),
        op::NEWFALSE => return Ok(Literal::Value(Value::Bool(false))),
        op::INT => return int(operand),
        op::BININT => return Ok(small(i32::from_le_bytes(fixed(operand)).into())),
        op::BININT1 | op::BININT2 => return Ok(small(op::unsigned(operand).cast_signed())),
        op::LONG => return integer::long(operand).map(Literal::from),
        op::LONG1 | op::LONG4 => return Ok(integer::from_bytes(operand).into()),
        op::FLOAT => return Ok(Literal::Value(Value::Float(text::float(operand)?))),
        op::BINFLOAT => return Ok(Literal::Value(Value::Float(u64::from_be_bytes(fixed(operand))))),
        op::STRING => text::python2_string(text::quoted(operand)?),
        op::BINSTRING | op::SHORT_BINSTRING => text::python2_string(operand.to_vec()),
        op::UNICODE => text::raw_unicode_escape(operand)?,
        op::BINUNICODE | op::SHORT_BINUNICODE | op::BINUNICODE8 => text::string(operand)?,
        op::BINBYTES | op::SHORT_BINBYTES | op::BINBYTES8 => Object::Bytes(operand.to_vec()),
        op::BYTEARRAY8 => Object::ByteArray(operand.to_vec()),
        // NEXT_BUFFER and READONLY_BUFFER are all that is left: no checkpoint file
        // has a place for buffers beside the pickle.
        _ => return Err(Flaw::unsupported("all data inside the pickle", "an out-of-band buffer")),
    };
    Ok(Literal::Object(object))
}

impl From<Integer> for Literal {
    fn from(integer: Integer) -> Self {
        match integer {
            Integer::Small(number) => small(number),
            Integer::Big(bytes) => Self::Object(Object::BigInt(bytes)),
        }
    }
}

fn small(number: i64) -> Literal {
    Literal::Value(Value::Int(number))
}

/// INT also holds bools: as two characters, by convention `00` and `01`.
fn int(line: &[u8]) -> Result<Literal, Flaw> {
    let integer = integer::int(line)?;
    let two = matches!(line, [_, last] if last.is_ascii_digit());
    Ok(match integer {
        Integer::Small(number @ 0..=1) if two => Literal::Value(Value::Bool(number == 1)),
        integer => integer.into(),
    })
}

fn fixed<const N: usize>(operand: &[u8]) -> [u8; N] {
    operand.first_chunk().copied().unwrap_or([0; N])
}
