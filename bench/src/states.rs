//! The state dicts that are saved. `peers.py` makes the same.

use anyhow::Result;
use strongroom::{StateDict, Tensor, Value};

/// `mebibytes` in 64 float32 tensors, as a large model has them.
pub fn large(mebibytes: usize) -> Result<StateDict<'static>> {
    let elements = mebibytes * (1 << 20) / 64 / 4;
    let mut state = Vec::new();
    for index in 0..64u16 {
        let values = vec![f32::from(index) + 0.5; elements];
        state.push((format!("layers.{index}.weight"), Tensor::from_vec(values, &[elements as u64])?));
    }
    Ok(StateDict::from_value(Value::dict(state)))
}

/// `tensors` of 16 elements, where all costs are per tensor.
pub fn tiny(tensors: u32) -> Result<StateDict<'static>> {
    let mut state = Vec::new();
    for index in 0..tensors {
        let value = u16::try_from(index % 1000).map_or(0.0, f32::from);
        let values = vec![value; 16];
        state.push((format!("layers.{index}.weight"), Tensor::from_vec(values, &[16])?));
    }
    Ok(StateDict::from_value(Value::dict(state)))
}
