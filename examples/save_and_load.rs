//! Saves a state dict as PyTorch would, and loads it back.

use strongroom::{StateDict, Tensor, Value};

fn main() -> strongroom::Result<()> {
    let weight = [1.0f32, 2.0, 3.0, 4.0];
    let mut state = StateDict::new();
    state.insert("weight", Tensor::from_slice(&weight, &[2, 2])?);
    state.insert("optimizer", Value::dict([("lr", 0.1), ("momentum", 0.9)]));
    strongroom::save("model.pt", &state)?;

    let loaded = strongroom::load("model.pt")?; // by all cores, checksums verified
    for (path, tensor) in loaded.tensors() {
        println!("{path}: {} {:?} {:?}", tensor.dtype(), tensor.shape(), tensor.as_slice::<f32>()?);
    }
    Ok(())
}
