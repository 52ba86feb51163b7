use std::io::Write;
use std::path::PathBuf;

use anyhow::Result;

use super::caps::Caps;
use super::target::{self, Target};
use super::{extras, part, place};
use crate::context::Context;
use crate::signals;

/// Write a checkpoint file in another format
///
/// Every checksum of the input is verified on the way. Tensors stream from file to file,
/// so a file may be larger than memory; one whose elements do not lie in order, as of a
/// transposed view, is put in order in memory first.
///
/// A PyTorch file that holds more than data, as a whole pickled model, stays one: the new file
/// names the same classes, and `torch.load` makes its objects of them only with
/// `weights_only=False`. To safetensors, --tensors-only takes the tensors of it.
///
/// A safetensors file has the names, dtypes, shapes and elements of tensors. It does not
/// say which were parameters, required grad or shared memory (a note counts them), of which
/// type keys were, or what was a dict, a list or a tuple: `layers[0].weight` is a name there.
#[derive(clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// The file to read; its bytes say the format
    #[arg(value_name = "IN")]
    input: PathBuf,

    #[command(flatten)]
    target: Target,

    /// Replace the input itself even if it holds more than values
    ///
    /// Records of an archive that belong to no value, comments, the source of classes,
    /// metadata of safetensors in a PyTorch file, elements that no tensor shows in a safetensors
    /// file, strings of Python 2 whose encoding the file does not say: the output has none of it,
    /// and a note says so. In place that is an error without this option.
    #[arg(long)]
    discard_extras: bool,

    #[command(flatten)]
    caps: Caps,
}

impl Args {
    /// Reads the one and writes the other.
    pub fn exec(self, out: &mut dyn Write) -> Result<()> {
        let mut options = self.target.options()?;
        place::expect_file(&self.input)?;
        signals::say_unfinished("nothing was written");
        self.target.refuse_streams()?;
        self.target.refuse_stream_into(&self.input)?;
        let context = Context::limited(self.caps.limits()?)?;
        let file = context.open(&self.input)?;
        target::keep_layout(&mut options, &file);
        if !self.discard_extras {
            extras::refuse_in_place(&file, self.target.path(), &options.format)?;
        }
        part::tell_of(&context, &file);
        self.target.write(out, &context, file.state(), &options)?;
        extras::tell(&file);
        extras::tell_of_undecoded(&file);
        Ok(())
    }
}

const EXAMPLES: &str = "\
Examples:
  Weights only, for a program that reads safetensors:
    strongroom convert model.pt model.safetensors

  Leave out optimizer state and whatever else safetensors cannot hold:
    strongroom convert checkpoint.pt weights.safetensors --tensors-only

  A file whose name does not say what it is to be:
    strongroom convert model.safetensors weights --to torch

  Bring a state dict from before PyTorch 1.6 to today's format, in place:
    strongroom convert old.pt old.pt

  The same of a whole pickled model, which stays one: beside it such a file has the source of
  its classes, which today's format has no place for:
    strongroom convert model.pt model.pt --discard-extras";
