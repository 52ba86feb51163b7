//! What the command prints, line by line.

use std::fs;
use std::process::Output;

use crate::room::{Room, data, text};

/// Each is a transcript: a name, and a command line in a directory of fixtures.
const TRANSCRIPTS: &[(&str, &str)] = &[
    ("help", "--help"),
    ("help-short", "-h"),
    ("help-inspect", "inspect --help"),
    ("help-convert", "convert --help"),
    ("help-verify", "verify --help"),
    ("help-validate", "validate --help"),
    ("help-rules", "rules --help"),
    ("help-save", "save --help"),
    ("help-load", "load --help"),
    ("help-latest", "latest --help"),
    ("help-list", "list --help"),
    ("help-prune", "prune --help"),
    ("help-completions", "completions --help"),
    ("help-man", "man --help"),
    ("inspect-full", "inspect full_checkpoint.pt"),
    ("inspect-quantized", "inspect quantized.pt"),
    ("inspect-quantized-json", "inspect quantized.pt --json"),
    ("inspect-sparse", "inspect sparse_coo.pt"),
    ("inspect-sparse-json", "inspect sparse_coo.pt --json --filter hybrid*"),
    ("inspect-parameters", "inspect parameters.pt"),
    ("inspect-parameters-json", "inspect parameters.pt --json"),
    ("inspect-meta-json", "inspect meta.pt --json"),
    ("inspect-views", "inspect conj_neg.pt"),
    ("inspect-strides", "inspect noncontiguous.pt"),
    ("inspect-opaque", "inspect opaque_namespace.pt"),
    ("inspect-opaque-json", "inspect opaque_namespace.pt --json"),
    ("inspect-subclass", "inspect subclass.pt"),
    ("inspect-odd-places", "inspect odd_places.pt"),
    ("inspect-odd-places-json", "inspect odd_places.pt --json --filter *[[][#]*"),
    ("inspect-names-alike", "inspect names_alike.pt"),
    ("inspect-wrappers", "inspect wrappers.pt --filter *[!]]"),
    ("inspect-root", "inspect root_none.pt"),
    ("inspect-legacy", "inspect legacy_full_checkpoint.pt --filter {model,optimizer.param_groups[[]0]}*"),
    ("inspect-safetensors", "inspect st_metadata.safetensors"),
    ("inspect-safetensors-json", "inspect st_metadata.safetensors --json"),
    ("inspect-filter-nothing", "inspect full_checkpoint.pt --filter nothing"),
    ("inspect-directory", "inspect run/step-100 --filter model*"),
    ("inspect-directory-json", "inspect run/step-100 --filter model* --json"),
    ("inspect-control-characters", "inspect escapes.safetensors"),
    ("verify", "verify full_checkpoint.pt"),
    ("verify-without-checksums", "verify st_metadata.safetensors"),
    ("verify-directory", "verify run/step-100"),
    ("validate", "validate full_checkpoint.pt"),
    (
        "validate-many",
        "validate full_checkpoint.pt evil.pkl st_metadata.safetensors damaged.pt truncated.pt note.txt",
    ),
    ("validate-verbose", "validate evil.pkl note.txt --verbose"),
    ("validate-json", "validate full_checkpoint.pt evil.pkl note.txt --format json"),
    ("validate-deep", "validate damaged.pt nan.pt --deep --verbose"),
    ("validate-deep-json", "validate nan.pt --deep --format json"),
    ("validate-directory", "validate run"),
    ("validate-missing", "validate nothing.pt"),
    ("validate-control-characters", "validate escapes-malformed.safetensors"),
    ("validate-groups", "validate many.pkl"),
    ("validate-level", "validate many.pkl range.pkl --require weights-only --allow mylib.Only"),
    ("validate-no-code", "validate beyond.pt"),
    ("validate-fail-on", "validate truncated.pt --fail-on malformed"),
    ("validate-missing-beside", "validate quantized.pt nothing.pt --fail-on unsafe"),
    ("validate-only", "validate full_checkpoint.pt evil.pkl range.pkl truncated.pt note.txt --only failing"),
    ("validate-left-out", "validate evil.pkl note.txt --include *.pt --pass-with-no-files"),
    ("validate-foreign", "validate foreign.pkl"),
    ("validate-fail-on-json", "validate malformed.safetensors range.pkl --fail-on unsafe --json"),
    ("validate-accept", "validate evil.pkl --accept code"),
    ("validate-code", "validate train.py"),
    ("validate-accept-code", "validate train.py evil.pkl --accept code"),
    ("validate-digest", "validate evil.pkl --digest"),
    ("validate-links", "validate ./links"),
    ("error-validate-accept", "validate evil.pkl --accept anything"),
    ("error-validate-baseline", "validate evil.pkl --baseline note.txt"),
    ("error-validate-baseline-missing", "validate evil.pkl --baseline nothing.json"),
    ("error-validate-config", "validate evil.pkl --config unknown.toml"),
    ("error-validate-config-value", "validate evil.pkl --config wrong.toml"),
    ("error-validate-config-allow", "validate evil.pkl --config allow.toml"),
    ("error-validate-output", "validate quantized.pt --output sarif=quantized.pt/found.sarif"),
    ("error-validate-output-format", "validate evil.pkl --output pdf=found.pdf"),
    ("validate-config", "validate range.pkl --config strict.toml"),
    ("rules-one", "rules SR-PICKLE-FOREIGN"),
    ("rules-json", "rules sr-level-no-code --json"),
    ("error-rules", "rules SR-NOTHING"),
    ("error-validate-allow", "validate evil.pkl --allow system"),
    ("error-validate-allow-wildcard", "validate evil.pkl --allow os.*"),
    ("validate-allow-unused", "validate evil.pkl --allow os.system --allow torch.Tensor --allow net.Net"),
    ("validate-allow-unused-json", "validate evil.pkl --allow os.system --allow net.Net --json"),
    ("validate-allow-level", "validate evil.pkl --require weights-only --allow os.system"),
    ("error-validate-size", "validate evil.pkl --max-memory lots"),
    ("error-validate-nothing", "validate run --include *.zip"),
    ("latest", "latest run"),
    ("convert-leaves-out", "convert full_checkpoint.pt out.safetensors --tensors-only"),
    ("convert-loses-metadata", "convert st_metadata.safetensors out.pt"),
    ("help-command", "help latest"),
    ("help-unknown", "help bake"),
    ("inspect-several", "inspect quantized.pt nothing.pt root_none.pt"),
    ("inspect-several-json", "inspect root_none.pt note.txt --json"),
    ("inspect-uncommitted", "inspect ranks --uncommitted"),
    ("verify-several", "verify root_none.pt damaged.pt nothing.pt note.txt"),
    ("verify-several-json", "verify full_checkpoint.pt truncated.pt --json"),
    ("verify-json", "verify full_checkpoint.pt --json"),
    ("verify-uncommitted", "verify ranks --uncommitted"),
    ("convert-json", "convert parameters_with_attributes.pt out.safetensors --tensors-only --json"),
    ("convert-old-model", "convert old_model.pt old_model.pt --discard-extras"),
    ("error-extras", "convert old_model.pt old_model.pt"),
    ("convert-to", "convert st_metadata.safetensors out --to torch --json"),
    ("convert-objects", "convert opaque_nested.pt out.safetensors --tensors-only"),
    ("load-json", "load run/step-100 out.pt --json"),
    ("load-uncommitted", "load ranks out.safetensors --uncommitted --rank 1 --json"),
    ("save-json", "save full_checkpoint.pt run/step-200 --ranks 3 --json"),
    ("prune-json", "prune run --keep-last 1 --dry-run --json"),
    ("error-tensors-only-nothing", "convert root_list.pt out.safetensors --tensors-only"),
    ("error-tensors-only-no-hint", "convert root_none.pt out.safetensors"),
    ("error-attributes", "convert parameters_with_attributes.pt out.safetensors"),
    ("error-limit-memory", "inspect full_checkpoint.pt --max-memory 1M"),
    ("error-limit-output", "inspect full_checkpoint.pt --max-output 10"),
    ("validate-limit-memory", "validate full_checkpoint.pt --max-memory 1M"),
    ("validate-limit-fixed", "validate pickle_deep.pt"),
    ("error-limit-name", "inspect full_checkpoint.pt --limit bread=2"),
    ("limit-raised", "verify pickle_deep.pt --limit depth=100000"),
    ("error-ranks-files", "inspect ranks"),
    ("error-ranks-convert", "convert ranks out.pt"),
    ("error-load-uncommitted", "load ranks out.pt --uncommitted"),
    ("error-dcp", "verify dcp"),
    ("error-dcp-load", "load dcp out.pt"),
    ("error-unpacked", "inspect unpacked"),
    ("error-sharded", "inspect sharded"),
    ("error-hub", "inspect hub"),
    ("error-config-only", "verify mine"),
    ("error-no-checkpoint", "convert site out.pt"),
    ("error-checkpoints", "inspect run"),
    ("error-staged", "inspect run/step-300"),
    ("error-partial-download", "inspect model.safetensors.incomplete"),
    ("error-missing", "inspect nothing.pt"),
    ("error-glob", "inspect full_checkpoint.pt --filter [a"),
    ("error-damaged", "verify damaged.pt"),
    ("error-truncated", "verify truncated.pt"),
    ("error-malformed", "inspect malformed.safetensors"),
    ("error-limit", "inspect pickle_deep.pt"),
    ("error-control-characters", "inspect escapes-malformed.safetensors"),
    ("error-extension", "convert full_checkpoint.pt out.zip"),
    ("error-unrepresentable", "convert full_checkpoint.pt out.safetensors"),
    ("error-metadata", "convert full_checkpoint.pt out.safetensors --metadata key"),
    ("error-metadata-torch", "convert full_checkpoint.pt out.pt --metadata key=value"),
    ("error-tensors-only-torch", "convert full_checkpoint.pt out.pt --tensors-only"),
    ("error-convert-directory", "convert run/step-100 out.pt"),
    ("error-load-file", "load full_checkpoint.pt out.pt"),
    ("error-load-missing", "load nothing out.pt"),
    ("error-load-rank", "load run/step-100 out.pt --rank 2"),
    ("error-no-record", "load run/interrupted out.pt"),
    ("error-exists", "save full_checkpoint.pt run/step-100 --ranks 2"),
    ("error-ranks", "save full_checkpoint.pt run/step-200 --ranks 0"),
    ("error-no-latest", "latest run/step-100"),
    ("error-man", "man bake"),
    ("error-keep-every", "save full_checkpoint.pt run/step-200 --keep-every 100"),
    ("error-keep-in", "prune run --keep-in step-*"),
    ("prune-nothing", "prune run"),
    ("error-rank", "save full_checkpoint.pt run/step-200 --rank 2 --world-size 2"),
    ("error-no-barrier", "save full_checkpoint.pt run/step-200 --rank 0 --world-size 2"),
    ("error-barrier", "save full_checkpoint.pt run/step-200 --barrier tcp://host:1"),
    ("error-barrier-local", "save full_checkpoint.pt run/step-200 --rank 0 --world-size 2 --barrier local"),
    ("error-hook", "save full_checkpoint.pt run/step-200 --hook full_checkpoint.pt"),
    ("prune", "prune run --keep-last 1"),
];

#[test]
fn transcripts() {
    let bless = std::env::var_os("BLESS").is_some();
    let mut wrong = Vec::new();
    for (name, line) in TRANSCRIPTS {
        // Making a checkpoint directory takes long: it is synced to the disk.
        let room = if line.contains("run") { Room::with_run() } else { Room::new() };
        let found = transcript(line, &room.run(line));
        let path = data("cli").join(name).with_extension("txt");
        if bless {
            fs::create_dir_all(data("cli")).unwrap();
            fs::write(&path, &found).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        if found != expected {
            wrong.push(format!("{name}: expected\n{expected}\nfound\n{found}"));
        }
    }
    assert!(wrong.is_empty(), "{}\nBLESS=1 accepts what was found", wrong.join("\n"));
}

#[test]
fn every_transcript_belongs_to_a_case() {
    for file in fs::read_dir(data("cli")).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(TRANSCRIPTS.iter().any(|(case, _)| *case == name), "nothing writes {}", path.display());
    }
}

fn transcript(line: &str, output: &Output) -> String {
    let mut transcript = format!("$ strongroom {line}\n{}", text(&output.stdout));
    if !output.stderr.is_empty() {
        transcript.push_str(&format!("[stderr]\n{}", text(&output.stderr)));
    }
    transcript.push_str(&format!("[exit code {}]\n", output.status.code().unwrap()));
    transcript
}
