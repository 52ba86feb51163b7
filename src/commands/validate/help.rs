//! The end of the help: what a verdict and an exit code mean, and examples.

/// What follows the options.
pub const AFTER: &str = "\
Verdicts, from best to worst; the worst finding decides:
  safe        all of it is accounted for, and it only builds data: at the level said
  inert       no reader of models opens it: a text, an image
  trusting    as safe, but for names that --allow has: `safe, trusting 2 names`
  unverified  a limit was reached, it is of a kind not known, or it cannot be read
  malformed   readers may disagree on it or fail: what one sees is not what all see
  unsafe      it would run or import something that is not allowed
What does not pass is in capitals: `BELOW weights-only` where it is safe and does not reach the
level required. --only failing shows nothing else.

Exit codes:
  0   all files are safe at the level required or a stricter one, or inert, or pass by
      --fail-on, --accept or --baseline
  1   a file is unsafe or malformed, or does not reach the level required
  2   no file is, but one is unverified, is not there or cannot be read
  3   the output cannot be written, or a baseline or strongroom.toml cannot be read
  4   the sandbox cannot be set up
  64  the command line, strongroom.toml or a baseline is wrong, or there was nothing to judge:
      no path is there, no file is in it, or all are left out

Examples:
  One file, before it is loaded:
    strongroom validate model.pt && python train.py model.pt

  All that was downloaded, with checksums and a count of NaN values:
    strongroom validate --deep ~/.cache/huggingface

  Only what is a model by its name, for GitHub's code scanning:
    strongroom validate . --include '*.{pt,pth,bin,ckpt,pkl,safetensors}' --format sarif > found.sarif

  What is said, for people, for code scanning and for a program in one run:
    strongroom validate . --output sarif=found.sarif --output json=found.json

  All that is there today is known, and what comes or changes is judged:
    strongroom validate models --write-baseline known.json
    strongroom validate models --baseline known.json

  Of many files, those that do not pass:
    strongroom validate . --only failing

  The names of all files that do not pass, by way of jq:
    strongroom validate models --format json | jq -r '.files[] | select(.passes | not).path'";
